//! Graphs, nodes and functions as the file has them: names and structure, no data.

use super::{
    super::Refusal,
    MAX_GRAPH_DEPTH, MAX_NAME_BYTES,
    attributes::{self, Attribute, Attributes, MAX_LIST},
    tensor::{Place, Tensor},
    trees::{self, Trees},
    wire::{Field, Wire},
};
use std::io::{BufRead, Seek};

/// What a node, an input or an initializer takes beside its texts, for the budget.
const ITEM_BYTES: u64 = 96;
/// Deeper types (a sequence of sequences of …) are nobody's.
const MAX_TYPE_DEPTH: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Graph {
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub initializers: Vec<Tensor>,
    pub nodes: Vec<Node>,
    /// Shapes that the file declares for what lies between.
    pub between: Vec<Port>,
}

/// A declared input or output.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub name: String,
    /// `TensorProto.DataType` of a tensor; 0 when it is no tensor or says nothing.
    pub element: u64,
    /// Of a tensor, when it says one.
    pub shape: Option<Vec<Dimension>>,
}

/// One dimension of a declared shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Fixed(u64),
    /// Any number, by its name; the empty name for one that has none.
    Free(String),
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub name: String,
    pub op: String,
    pub domain: String,
    pub overload: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub graphs: Vec<Graph>,
    /// The attribute `to` of a cast.
    pub to: Option<u64>,
    pub trees: Trees,
    pub attributes: Attributes,
    /// Where data of tensors in attributes are, if they are in other files.
    pub places: Vec<Place>,
}

#[derive(Debug, Default)]
pub(super) struct Function {
    pub name: String,
    pub domain: String,
    pub overload: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub nodes: Vec<Node>,
    /// What its attributes are where a call says nothing, as if they were those of one node.
    pub defaults: Node,
}

/// Domain, name and overload: by these a node names the function that it calls.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

impl Node {
    pub(super) fn key(&self) -> Key<'_> {
        (&self.domain, &self.op, &self.overload)
    }
}

impl Function {
    pub(super) fn key(&self) -> Key<'_> {
        (&self.domain, &self.name, &self.overload)
    }
}

impl<R: BufRead + Seek> Wire<R> {
    /// A `GraphProto` up to `end`, inside of `depth` others.
    pub(super) fn graph(&mut self, end: u64, depth: usize) -> Result<Graph, Refusal> {
        if MAX_GRAPH_DEPTH < depth {
            return Err(Refusal::Unsupported(format!(
                "graphs are nested more than {MAX_GRAPH_DEPTH} deep, which is the limit here"
            )));
        }
        let mut graph = Graph::default();
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => graph.nodes.push(self.node(end, depth)?),
                Field::Bytes(5, end) => {
                    self.spend(ITEM_BYTES)?;
                    graph.initializers.push(self.tensor(end)?);
                }
                Field::Bytes(11, end) => graph.inputs.push(self.port(end)?),
                Field::Bytes(12, end) => graph.outputs.push(self.port(end)?),
                Field::Bytes(13, end) => graph.between.push(self.port(end)?),
                Field::Bytes(15, end) => {
                    let tensor = self.sparse_tensor(end)?;
                    graph.initializers.push(tensor);
                }
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(graph)
    }

    /// A `FunctionProto` up to `end`.
    pub(super) fn function(&mut self, end: u64) -> Result<Function, Refusal> {
        let mut function = Function::default();
        self.spend(ITEM_BYTES)?;
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => function.name = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(4, end) => self.name_into(end, &mut function.inputs)?,
                Field::Bytes(5, end) => self.name_into(end, &mut function.outputs)?,
                Field::Bytes(7, end) => function.nodes.push(self.node(end, 0)?),
                Field::Bytes(10, end) => function.domain = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(11, end) => self.attribute(end, 0, &mut function.defaults)?,
                Field::Bytes(13, end) => function.overload = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(function)
    }

    fn node(&mut self, end: u64, depth: usize) -> Result<Node, Refusal> {
        let mut node = Node::default();
        self.spend(size_of::<Node>() as u64)?;
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => self.name_into(end, &mut node.inputs)?,
                Field::Bytes(2, end) => self.name_into(end, &mut node.outputs)?,
                Field::Bytes(3, end) => node.name = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(4, end) => node.op = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(5, end) => self.attribute(end, depth, &mut node)?,
                Field::Bytes(7, end) => node.domain = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(8, end) => node.overload = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(node)
    }

    /// An `AttributeProto` up to `end`; its name may come behind its values.
    fn attribute(&mut self, end: u64, depth: usize, node: &mut Node) -> Result<(), Refusal> {
        let (mut name, mut read, mut leaves) = (String::new(), Attribute::default(), Vec::new());
        while let Some(field) = self.next(end)? {
            // Files name an attribute before its values; lists that nobody asks for are passed over then.
            let is_short = attributes::is_list(&name);
            let is_other = !name.is_empty() && !trees::is_list(&name) && !is_short;
            let numbers = &mut read.numbers;
            match field {
                Field::Bytes(1, end) => name = self.text(end, MAX_NAME_BYTES)?,
                Field::Number(3, value) => read.number = Some(value),
                Field::Bytes(4, end) if name == "auto_pad" => read.text = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(5, end) => {
                    let tensor = self.tensor(end)?;
                    node.places.extend(tensor.places.iter().cloned());
                    read.value = Some(tensor);
                }
                Field::Bytes(10, end) => node.places.extend(self.tensor(end)?.places),
                Field::Fixed(7) => read.floats += 1,
                Field::Bytes(7, end) => {
                    read.floats += (end - self.at()) / 4;
                    self.skip_to(end)?;
                }
                Field::Number(8, _) if is_short && MAX_LIST < numbers.len() => {}
                Field::Bytes(8, end) if is_short && 10 * MAX_LIST as u64 <= end - self.at() => self.skip_to(end)?,
                Field::Bytes(6 | 11, end) => node.graphs.push(self.graph(end, depth + 1)?),
                Field::Number(8, _) if is_other => {}
                Field::Bytes(8, end) if is_other => self.skip_to(end)?,
                Field::Number(8, _) if trees::MAX_TREE_NODES <= numbers.len() => node.trees.pass(),
                Field::Bytes(8, end) if trees::MAX_TREE_NODES as u64 <= end - self.at() => {
                    node.trees.pass();
                    self.skip_to(end)?;
                }
                Field::Number(8, value) => self.push(value, usize::MAX, numbers)?,
                Field::Bytes(8, end) => self.packed(end, usize::MAX, numbers)?,
                Field::Bytes(9, end) if is_other => self.skip_to(end)?,
                Field::Bytes(9, end) => {
                    self.spend(1)?;
                    leaves.push(self.is(end, b"LEAF")?);
                }
                Field::Bytes(22 | 23, end) => node.places.extend(self.sparse_tensor(end)?.places),
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        if name == "to" {
            node.to = read.number;
        }
        node.attributes.take(&name, &mut read);
        node.trees.take(&name, read.numbers, leaves);
        Ok(())
    }

    fn sparse_tensor(&mut self, end: u64) -> Result<Tensor, Refusal> {
        let mut found = Tensor::default();
        self.spend(ITEM_BYTES)?;
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => {
                    let before = std::mem::replace(&mut found, self.tensor(end)?);
                    found.places.extend(before.places);
                }
                Field::Bytes(2, end) => {
                    let indices = self.tensor(end)?;
                    found.places.extend(indices.places);
                }
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(found)
    }

    fn port(&mut self, end: u64) -> Result<Port, Refusal> {
        let mut port = Port::default();
        self.spend(ITEM_BYTES)?;
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => port.name = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(2, end) => port.element = self.element_type(end, 0, &mut port.shape)?,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(port)
    }

    /// The element type of a `TypeProto` that is a tensor, else 0. Its inner types are walked for their form.
    fn element_type(&mut self, end: u64, depth: usize, shape: &mut Option<Vec<Dimension>>) -> Result<u64, Refusal> {
        if MAX_TYPE_DEPTH < depth {
            return Err(Refusal::Unsupported(format!("types are nested more than {MAX_TYPE_DEPTH} deep")));
        }
        let mut element = 0;
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) if depth == 0 => {
                    while let Some(field) = self.next(end)? {
                        match field {
                            Field::Number(1, value) => element = value,
                            Field::Bytes(2, end) => *shape = Some(self.shape(end)?),
                            Field::Bytes(_, end) => self.skip_to(end)?,
                            Field::Number(..) | Field::Fixed(_) => {}
                        }
                    }
                }
                Field::Bytes(4 | 5 | 9, end) => {
                    self.element_type(end, depth + 1, shape)?;
                }
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(element)
    }

    /// A `TensorShapeProto` up to `end`.
    fn shape(&mut self, end: u64) -> Result<Vec<Dimension>, Refusal> {
        let mut shape = Vec::new();
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => {
                    self.spend(ITEM_BYTES / 4)?;
                    let mut dimension = Dimension::Free(String::new());
                    while let Some(field) = self.next(end)? {
                        match field {
                            // Some writers say -1 or 0 for any number.
                            Field::Number(1, value) if 0 < value.cast_signed() => dimension = Dimension::Fixed(value),
                            Field::Bytes(2, end) => dimension = Dimension::Free(self.text(end, MAX_NAME_BYTES)?),
                            Field::Bytes(_, end) => self.skip_to(end)?,
                            Field::Number(..) | Field::Fixed(_) => {}
                        }
                    }
                    shape.push(dimension);
                }
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok(shape)
    }

    fn name_into(&mut self, end: u64, names: &mut Vec<String>) -> Result<(), Refusal> {
        self.spend(ITEM_BYTES / 4)?;
        let name = self.text(end, MAX_NAME_BYTES)?;
        names.push(name);
        Ok(())
    }
}
