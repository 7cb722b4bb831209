//! What a model's file says about its graph to somebody who looks at it: of what it is made, and how much of each.

use super::{
    super::{Refusal, quoted},
    MAX_KEPT_BYTES, Model, Outline,
    graph::Node,
    is_standard,
    outline::outline_of,
    read_model,
    wire::Wire,
};
use std::{
    collections::BTreeMap,
    io::{BufRead, Seek},
};

/// The names in it are the author's text: escape them where they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub ir_version: u64,
    /// Domain and version, the standard operators as `ai.onnx`.
    pub opsets: BTreeMap<String, i64>,
    /// How many nodes there are of each operator, those of inner graphs among them, and those of the model's
    /// own functions, each once as it is written down. Of another domain than the standard
    /// one, the domain stands before the name.
    pub operators: BTreeMap<String, u64>,
    pub outline: Outline,
}

/// Reads a model of `size_bytes`.
///
/// # Errors
/// Where the file can't be read as a model.
pub fn summary<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<Summary, Refusal> {
    summary_of(read_model(&mut Wire::new(from, MAX_KEPT_BYTES), size_bytes)?)
}

pub(super) fn summary_of(model: Model) -> Result<Summary, Refusal> {
    let opsets = model.opsets.iter().map(|(domain, version)| (named(domain, ""), *version)).collect();
    let mut operators = BTreeMap::new();
    let mut open: Vec<&[Node]> = model.graph.iter().map(|graph| graph.nodes.as_slice()).collect();
    open.extend(model.functions.iter().map(|function| function.nodes.as_slice()));
    while let Some(nodes) = open.pop() {
        for node in nodes {
            *operators.entry(named(&node.domain, &node.op)).or_default() += 1;
            open.extend(node.graphs.iter().map(|graph| graph.nodes.as_slice()));
        }
    }
    let ir_version = model.ir_version.unwrap_or_default();
    Ok(Summary { ir_version, opsets, operators, outline: outline_of(model)? })
}

/// An operator with its domain, or a domain alone: short, and without what turns the reading direction.
fn named(domain: &str, op: &str) -> String {
    let name = match (is_standard(domain), op) {
        (true, "") => "ai.onnx".to_owned(),
        (true, op) => op.to_owned(),
        (false, "") => domain.to_owned(),
        (false, op) => format!("{domain}.{op}"),
    };
    quoted(&name).trim_matches('"').to_owned()
}
