//! ONNX models: what the file says, and every rule of the format that can be checked without running it.
//!
//! Source: `onnx.proto` and the ONNX IR specification. What only shape inference or a run can tell is left to the sandbox.

mod attributes;
mod check;
mod contents;
mod flops;
mod forward;
mod functions;
mod graph;
mod operators;
mod outline;
mod shapes;
mod slices;
mod summary;
mod tensor;
mod trees;
mod windows;
mod wire;

pub use flops::Flops;
pub use outline::{Element, Outline, Port, outline};
pub use summary::{Summary, summary};

use super::{Contents, Refusal, Source};
use forward::Forward;
use graph::{Function, Graph};
use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, Seek},
};
use wire::{Field, Wire, unreadable};

/// Longest name that is kept, in bytes.
const MAX_NAME_BYTES: u64 = 1 << 20;
/// Of what a model says about its producer.
const MAX_SAID_BYTES: u64 = 4 << 10;
/// Everything that is kept of one file, in bytes: names, nodes, trees.
const MAX_KEPT_BYTES: u64 = 256 << 20;
/// Graphs inside of graphs. ONNX Runtime 1.28 needs time that doubles with each of them.
const MAX_GRAPH_DEPTH: usize = 16;
/// Nodes after all functions are written out; a small file can have 2^30.
const MAX_EXPANDED_NODES: u64 = 1_000_000;
/// Far above the newest version of the file's form (13 in 2026); whether the runtime reads it is for the runtime to say.
const MAX_IR_VERSION: u64 = 32;
/// Far above the newest standard operator set (26 in 2026); whether the runtime has it is for the runtime to say.
const MAX_OPSET: i64 = 64;

/// What the checks need to know beside the bytes.
pub struct Surroundings<'a> {
    /// The files of the model's folder and below, as it names them, with their sizes.
    pub files: &'a [(&'a str, u64)],
}

/// The file as it was read.
#[derive(Debug, Default)]
struct Model {
    ir_version: Option<u64>,
    graph: Option<Graph>,
    functions: Vec<Function>,
    /// Domain and version.
    opsets: Vec<(String, i64)>,
    /// What it says about itself.
    said: Vec<(String, String)>,
}

/// Reads a model of `size_bytes` and checks it.
///
/// # Errors
/// The first rule that it breaks, naming the element.
pub fn inspect<R: BufRead + Seek>(from: R, size_bytes: u64, around: &Surroundings<'_>) -> Result<(), Refusal> {
    if size_bytes == 0 {
        return Err(unreadable(0, "the file is empty"));
    }
    check_model(&read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?, around)
}

/// Reads a model, checks it, and says what it is made of.
///
/// # Errors
/// The first rule that it breaks, naming the element.
pub fn read(from: &mut dyn Source, size_bytes: u64, around: &Surroundings<'_>) -> Result<Contents, Refusal> {
    if size_bytes == 0 {
        return Err(unreadable(0, "the file is empty"));
    }
    let model = read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?;
    check_model(&model, around)?;
    contents::of(model)
}

/// The same of a model inside of an archive, which is read once. Its tensors are all in it: what lies beside it there is not
/// beside it where a runtime would look.
pub(crate) fn read_member(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    if size_bytes == u64::MAX {
        return Err(Refusal::Unsupported("it is packed, so it is not looked into; send the model unpacked".to_owned()));
    }
    read(&mut Forward(from), size_bytes, &Surroundings { files: &[] })
}

fn check_model(model: &Model, around: &Surroundings<'_>) -> Result<(), Refusal> {
    let Some(graph) = &model.graph else {
        return Err(Refusal::Invalid("the model has no graph, so there is nothing to run".to_owned()));
    };
    check_versions(model)?;
    functions::check(graph, &model.functions)?;
    operators::check(graph, &model.functions)?;
    check::model(graph, &model.functions, around)?;
    locations(model).map(drop)
}

/// How much there is of a model, as its file has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Nodes of the graph.
    pub operators: u64,
    /// Nodes of the graphs inside of nodes: branches and bodies of loops.
    pub inner_operators: u64,
    /// Elements of all initializers, those of inner graphs among them. What stands in attributes (the trees of an
    /// ensemble, coefficients) is none.
    pub parameters: u64,
    /// Tensors whose data are in other files.
    pub external_tensors: u64,
    pub flops: Flops,
}

/// Counts the operators and parameters of a model of `size_bytes`; functions count as the one node that calls them.
///
/// # Errors
/// Where the file can't be read as a model.
pub fn size<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<Size, Refusal> {
    size_with(from, size_bytes, &GivenShapes::default())
}

/// The same, with the shapes that one row of the data has at the inputs: they say how long free dimensions are.
///
/// # Errors
/// Where the file can't be read as a model.
pub fn size_with<R: BufRead + Seek>(from: R, size_bytes: u64, given: &GivenShapes) -> Result<Size, Refusal> {
    size_of(&read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?, given)
}

/// Shapes of inputs, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenShapes(BTreeMap<String, GivenShape>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenShape {
    shape: Vec<u64>,
    rows_at: Option<usize>,
}

impl GivenShapes {
    /// `shape` is that of a call with one row; `rows_at` is the dimension that counts rows, which the model may not have.
    pub fn add(&mut self, input: &str, shape: Vec<u64>, rows_at: Option<usize>) {
        self.0.insert(input.to_owned(), GivenShape { shape, rows_at });
    }

    /// As an input of so many dimensions takes it; `None` where it takes another one.
    fn of(&self, input: &str, rank: Option<usize>) -> Option<Vec<u64>> {
        let GivenShape { shape, rows_at } = self.0.get(input)?;
        match (rank, rows_at) {
            (None, _) => Some(shape.clone()),
            (Some(rank), _) if rank == shape.len() => Some(shape.clone()),
            (Some(rank), Some(at)) if rank + 1 == shape.len() => {
                Some(shape.iter().enumerate().filter(|(place, _)| place != at).map(|(_, size)| *size).collect())
            }
            _ => None,
        }
    }
}

fn size_of(model: &Model, given: &GivenShapes) -> Result<Size, Refusal> {
    let Some(graph) = &model.graph else {
        return Err(Refusal::Invalid("the model has no graph".to_owned()));
    };
    let flops = flops::flops(graph, &model.functions, given);
    let external_tensors = locations(model)?.into_values().sum();
    let mut size = Size { operators: graph.nodes.len() as u64, external_tensors, flops, ..Size::default() };
    let mut open = vec![graph];
    while let Some(graph) = open.pop() {
        let elements = graph.initializers.iter().map(|tensor| tensor.elements);
        size.parameters = elements.fold(size.parameters, u64::saturating_add);
        let inner: Vec<&Graph> = graph.nodes.iter().flat_map(|node| &node.graphs).collect();
        size.inner_operators += inner.iter().map(|graph| graph.nodes.len() as u64).sum::<u64>();
        open.extend(inner);
    }
    Ok(size)
}

/// The most other files in which a model may keep tensors: each is opened, and all are held at once.
pub const MAX_EXTERNAL_FILES: usize = 64;

/// The other files in which a model keeps tensors, as it names them, each once and in order.
///
/// # Errors
/// Where the file can't be read as a model, and where they are more than [`MAX_EXTERNAL_FILES`].
pub fn external_files<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<Vec<String>, Refusal> {
    locations(&read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?).map(|all| all.into_keys().collect())
}

/// Where tensors are that are in other files, and how many are in each.
fn locations(model: &Model) -> Result<BTreeMap<String, u64>, Refusal> {
    let mut found = BTreeMap::new();
    let mut note = |place: &tensor::Place| {
        *found.entry(place.location.clone()).or_insert(0) += 1;
        match found.len() <= MAX_EXTERNAL_FILES {
            true => Ok(()),
            false => Err(Refusal::Unsupported(format!(
                "the model keeps its tensors in more than {MAX_EXTERNAL_FILES} other files; save them in one file"
            ))),
        }
    };
    let mut graphs: Vec<&Graph> = model.graph.iter().collect();
    let functions = model.functions.iter();
    let mut nodes: Vec<&graph::Node> =
        functions.flat_map(|function| function.nodes.iter().chain([&function.defaults])).collect();
    loop {
        if let Some(node) = nodes.pop() {
            node.places.iter().try_for_each(&mut note)?;
            graphs.extend(&node.graphs);
        } else if let Some(graph) = graphs.pop() {
            graph.initializers.iter().flat_map(|tensor| &tensor.places).try_for_each(&mut note)?;
            nodes.extend(&graph.nodes);
        } else {
            return Ok(found);
        }
    }
}

/// The names of what a model takes, those that it has a value for itself left out.
///
/// # Errors
/// Where the file can't be read as a model.
pub fn inputs<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<Vec<String>, Refusal> {
    let model = read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?;
    let Some(graph) = model.graph else {
        return Err(Refusal::Invalid("the model has no graph".to_owned()));
    };
    let with_value: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    Ok(graph.inputs.iter().map(|port| port.name.clone()).filter(|name| !with_value.contains(name.as_str())).collect())
}

fn read_model<R: BufRead + Seek>(wire: &mut Wire<R>, end: u64) -> Result<Model, Refusal> {
    let mut model = Model::default();
    while let Some(field) = wire.next(end)? {
        match field {
            Field::Number(1, value) => model.ir_version = Some(value),
            Field::Bytes(7, end) => {
                // Two graphs would be merged by one reader and the first one ignored by another.
                if model.graph.is_some() {
                    return Err(Refusal::Invalid("the model has two graphs".to_owned()));
                }
                model.graph = Some(wire.graph(end, 0)?);
            }
            Field::Bytes(8, end) => model.opsets.push(opset(wire, end)?),
            Field::Bytes(20, _) => {
                return Err(Refusal::Unsupported(
                    "the model says how it is trained (training_info), which is not looked into; export it for inference".to_owned(),
                ));
            }
            Field::Bytes(25, end) => model.functions.push(wire.function(end)?),
            Field::Bytes(number @ 2..=4, end) if end - wire.at() <= MAX_SAID_BYTES => {
                let name = ["producer", "producer version", "domain"][number as usize - 2];
                model.said.push((name.to_owned(), wire.text(end, MAX_SAID_BYTES)?));
            }
            Field::Bytes(14, end) => {
                wire.spend(64)?;
                let said = wire.entry(end)?;
                model.said.push(said);
            }
            Field::Bytes(_, end) => wire.skip_to(end)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(model)
}

fn opset<R: BufRead + Seek>(wire: &mut Wire<R>, end: u64) -> Result<(String, i64), Refusal> {
    let (mut domain, mut version) = (String::new(), 0);
    wire.spend(32)?;
    while let Some(field) = wire.next(end)? {
        match field {
            Field::Bytes(1, end) => domain = wire.text(end, MAX_NAME_BYTES)?,
            Field::Number(2, value) => version = value.cast_signed(),
            Field::Bytes(_, end) => wire.skip_to(end)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok((domain, version))
}

fn check_versions(model: &Model) -> Result<(), Refusal> {
    match model.ir_version {
        None | Some(0) => return Err(Refusal::Invalid("the model says no ir_version".to_owned())),
        Some(version) if MAX_IR_VERSION < version => {
            return Err(Refusal::Unsupported(format!(
                "ir_version {version} is newer than anything that can be run here"
            )));
        }
        Some(_) => {}
    }
    match model.opsets.iter().find(|(domain, version)| is_standard(domain) && !(1..=MAX_OPSET).contains(version)) {
        Some((_, version)) => Err(Refusal::Unsupported(format!(
            "opset {version} of the standard operators is none that the runtime implements"
        ))),
        None => Ok(()),
    }
}

/// Whether a domain is that of the standard operators.
fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

#[cfg(test)]
mod tests;
