//! Rules on the graph as a graph: every tensor has one writer, is written before it is read, and needs no other file.

use super::{
    super::{Refusal, quoted},
    Surroundings,
    graph::{Function, Graph, Node},
    is_standard,
    tensor::Place,
};
use std::collections::{HashMap, HashSet};

/// `TensorProto.DataType` of 64-bit integers and truth values.
const INT64: u64 = 7;
const BOOL: u64 = 9;

/// Names that a graph may read from the graphs around it.
struct Scope<'s, 'a> {
    outer: Option<&'s Scope<'s, 'a>>,
    names: HashMap<&'a str, Writer>,
}

/// Who writes a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// An input of the graph, a stored tensor, or both.
    Given,
    Node(usize),
}

impl Scope<'_, '_> {
    fn has(&self, name: &str) -> bool {
        self.names.contains_key(name) || self.outer.is_some_and(|outer| outer.has(name))
    }
}

pub(super) fn model(graph: &Graph, functions: &[Function], around: &Surroundings<'_>) -> Result<(), Refusal> {
    checked(graph, None, around).map(drop)?;
    for function in functions {
        let Node { places, graphs, .. } = &function.defaults;
        places.iter().try_for_each(|place| elsewhere(&function.name, place, around))?;
        if !graphs.is_empty() {
            let function = quoted(&function.name);
            return Err(Refusal::Unsupported(format!(
                "the function {function} has a graph for an attribute that a call leaves out; give it with each call"
            )));
        }
        let mut scope = Scope { outer: None, names: HashMap::new() };
        scope.names.extend(function.inputs.iter().map(|name| (name.as_str(), Writer::Given)));
        nodes(&function.nodes, &mut scope, around)?;
        if let Some(missing) = function.outputs.iter().find(|name| !scope.has(name)) {
            let (function, name) = (quoted(&function.name), quoted(missing));
            return Err(Refusal::Invalid(format!(
                "the output {name} of the function {function} is written by no node"
            )));
        }
    }
    Ok(())
}

/// Checks a graph; returns what it and its inner graphs read from outside of it.
fn checked<'a>(
    graph: &'a Graph,
    outer: Option<&Scope<'_, 'a>>,
    around: &Surroundings<'_>,
) -> Result<HashSet<&'a str>, Refusal> {
    let mut scope = Scope { outer, names: HashMap::new() };
    for input in &graph.inputs {
        if scope.names.insert(&input.name, Writer::Given).is_some() {
            return Err(Refusal::Invalid(format!("the input {} stands twice", quoted(&input.name))));
        }
    }
    let mut stored = HashSet::new();
    for tensor in &graph.initializers {
        let name = tensor.name.as_str();
        if !stored.insert(name) {
            return Err(Refusal::Invalid(format!("the stored tensor {} stands twice", quoted(name))));
        }
        // An input may have its default stored under its name.
        scope.names.insert(name, Writer::Given);
        tensor.places.iter().try_for_each(|place| elsewhere(name, place, around))?;
    }
    let reads = nodes(&graph.nodes, &mut scope, around)?;
    if let Some(missing) = graph.outputs.iter().find(|output| !scope.has(&output.name)) {
        return Err(Refusal::Invalid(format!("the output {} is written by no node", quoted(&missing.name))));
    }
    types(graph, &scope)?;
    let mut outside: HashSet<&str> = reads.into_iter().filter(|name| !scope.names.contains_key(name)).collect();
    let outputs = graph.outputs.iter().map(|output| output.name.as_str());
    outside.extend(outputs.filter(|name| !scope.names.contains_key(name)));
    Ok(outside)
}

/// Checks the nodes of a graph or function whose given names are in `scope`; returns all names that they read.
fn nodes<'a>(
    nodes: &'a [Node],
    scope: &mut Scope<'_, 'a>,
    around: &Surroundings<'_>,
) -> Result<HashSet<&'a str>, Refusal> {
    for (index, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            if scope.names.insert(output, Writer::Node(index)).is_some() {
                return Err(Refusal::Invalid(format!(
                    "the tensor {} has two writers, one of them {}",
                    quoted(output),
                    shown(node)
                )));
            }
        }
        node.places.iter().try_for_each(|place| elsewhere(&node.name, place, around))?;
        if matches!(node.op.as_str(), "TreeEnsembleClassifier" | "TreeEnsembleRegressor") {
            node.trees.check(&quoted(&node.op))?;
        }
    }
    let mut all = HashSet::new();
    let mut reads: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut names: HashSet<&str> = node.inputs.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        for graph in &node.graphs {
            names.extend(checked(graph, Some(scope), around)?);
        }
        if let Some(missing) = names.iter().filter(|name| !scope.has(name)).min() {
            return Err(Refusal::Invalid(format!(
                "{} reads the tensor {}, which nothing defines",
                shown(node),
                quoted(missing)
            )));
        }
        let writers = names.iter().filter_map(|name| match scope.names.get(name) {
            Some(Writer::Node(index)) => Some(*index),
            _ => None,
        });
        reads.push(writers.collect());
        all.extend(names);
    }
    acyclic(nodes, &reads)?;
    Ok(all)
}

/// Takes away, again and again, what waits for nothing; what is left waits for itself.
fn acyclic(nodes: &[Node], reads: &[Vec<usize>]) -> Result<(), Refusal> {
    let mut waiting: Vec<usize> = reads.iter().map(Vec::len).collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (reader, writers) in reads.iter().enumerate() {
        for writer in writers {
            if let Some(list) = readers.get_mut(*writer) {
                list.push(reader);
            }
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|index| waiting.get(*index) == Some(&0)).collect();
    while let Some(index) = ready.pop() {
        for reader in readers.get(index).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(*reader) {
                *left -= 1;
                if *left == 0 {
                    ready.push(*reader);
                }
            }
        }
    }
    match nodes.iter().zip(&waiting).find(|(_, left)| **left > 0) {
        Some((node, _)) => {
            Err(Refusal::Invalid(format!("{} waits for its own answer: the graph has a cycle", shown(node))))
        }
        None => Ok(()),
    }
}

/// Outputs whose declared type contradicts an operator that can only give another.
fn types(graph: &Graph, scope: &Scope<'_, '_>) -> Result<(), Refusal> {
    for output in &graph.outputs {
        let Some(Writer::Node(index)) = scope.names.get(output.name.as_str()) else { continue };
        let Some(node) = graph.nodes.get(*index) else { continue };
        let is_first = node.outputs.first() == Some(&output.name);
        let given = if is_first && is_standard(&node.domain) { given_type(node) } else { None };
        if let Some(given) = given.filter(|given| output.element != 0 && *given != output.element) {
            let (name, declared) = (quoted(&output.name), output.element);
            return Err(Refusal::Invalid(format!(
                "the output {name} is declared with the element type {declared}, but {} gives {given}",
                shown(node)
            )));
        }
    }
    Ok(())
}

fn given_type(node: &Node) -> Option<u64> {
    match node.op.as_str() {
        "Cast" => node.to,
        "ArgMax" | "ArgMin" | "NonZero" | "Shape" | "Size" => Some(INT64),
        "And" | "Equal" | "Greater" | "GreaterOrEqual" | "IsInf" | "IsNaN" | "Less" | "LessOrEqual" | "Not" | "Or"
        | "Xor" => Some(BOOL),
        _ => None,
    }
}

/// Data in another file: of this version, or nowhere.
fn elsewhere(owner: &str, place: &Place, around: &Surroundings<'_>) -> Result<(), Refusal> {
    let location = place.location.as_str();
    let (owner, shown) = (quoted(owner), quoted(location));
    let leaves = location.starts_with('/')
        || location.contains(['\\', ':', '\0', '*'])
        || location.split('/').any(|part| part == "..");
    if leaves {
        return Err(Refusal::Unsafe(format!("{owner} has its data at {shown}, which is outside of the version")));
    }
    let size_of = |name: &str| around.files.iter().find(|(known, _)| *known == name).map(|(_, size_bytes)| *size_bytes);
    if let Some(size_bytes) = size_of(location) {
        return within(&owner, &shown, place, size_bytes);
    }
    if let Some(plain) = location.strip_prefix("./").filter(|plain| size_of(plain).is_some()) {
        let plain = quoted(plain);
        return Err(Refusal::Unsupported(format!(
            "{owner} has its data at {shown}, a spelling under which the runtime finds no file; write it as {plain}"
        )));
    }
    Err(Refusal::Invalid(format!(
        "{owner} has its data in the file {shown}, which is not among the files of the version"
    )))
}

/// As many bytes as the tensor needs, and all of them in the file.
fn within(owner: &str, shown: &str, place: &Place, size_bytes: u64) -> Result<(), Refusal> {
    if let (Some(length), Some(needed)) = (place.length, place.needed)
        && length != needed
    {
        return Err(Refusal::Invalid(format!(
            "{owner} has {length} bytes in {shown}, but its shape and type need {needed}"
        )));
    }
    let offset = place.offset;
    let end = offset.checked_add(place.length.or(place.needed).unwrap_or(0));
    match end.filter(|end| *end <= size_bytes) {
        Some(_) => Ok(()),
        None => Err(Refusal::Invalid(format!(
            "{owner} has its data from byte {offset} of {shown} on, which ends at {size_bytes}"
        ))),
    }
}

fn shown(node: &Node) -> String {
    match node.name.as_str() {
        "" => format!("a node {}", quoted(&node.op)),
        name => format!("the node {} ({})", quoted(name), quoted(&node.op)),
    }
}
