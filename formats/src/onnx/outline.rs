//! What a model's file says about itself to somebody who has to set limits for it.

use super::{
    super::{Refusal, quoted},
    GivenShapes, MAX_KEPT_BYTES, Model, Size,
    graph::{self, Dimension},
    read_model, size_of,
    wire::Wire,
};
use std::{
    collections::HashSet,
    fmt,
    io::{BufRead, Seek},
};

/// Size, and what goes in and comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub size: Size,
    /// Without those that are stored weights.
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The author's text: escape it where it is shown.
    pub name: String,
    pub element: Element,
    /// `None` for a dimension of any size; absent where the file says no shape.
    pub shape: Option<Vec<Option<u64>>>,
}

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Float,
    Integer,
    Bool,
    Text,
    /// No tensor, or of a type that none of the others is.
    Other,
}

impl Element {
    /// By `TensorProto.DataType`.
    fn of(data_type: u64) -> Self {
        match data_type {
            1 | 10 | 11 | 16 => Self::Float,
            2..=7 | 12 | 13 => Self::Integer,
            8 => Self::Text,
            9 => Self::Bool,
            _ => Self::Other,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", quoted(&self.name), self.element.word())?;
        let Some(shape) = &self.shape else { return Ok(()) };
        let sizes = shape.iter().map(|size| size.map_or_else(|| "?".to_owned(), |size| size.to_string()));
        write!(f, "[{}]", sizes.collect::<Vec<_>>().join(", "))
    }
}

/// Reads a model of `size_bytes`.
///
/// # Errors
/// Where the file can't be read as a model.
pub fn outline<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<Outline, Refusal> {
    outline_of(read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?)
}

pub(super) fn outline_of(model: Model) -> Result<Outline, Refusal> {
    let size = size_of(&model, &GivenShapes::default())?;
    let graph = model.graph.unwrap_or_default();
    let stored: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.inputs.iter().filter(|port| !stored.contains(port.name.as_str())).map(port).collect();
    Ok(Outline { size, inputs, outputs: graph.outputs.iter().map(port).collect() })
}

fn port(port: &graph::Port) -> Port {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Free(_) => None,
    };
    Port {
        name: port.name.clone(),
        element: Element::of(port.element),
        shape: port.shape.as_ref().map(|shape| shape.iter().map(size).collect()),
    }
}
