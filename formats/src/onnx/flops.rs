//! How many floating point operations one row takes, estimated from the file.
//!
//! Counted are the nodes that multiply by weights or walk trees: a multiplication and an addition are two, a comparison
//! in a tree is one. Activations, normalisations and additions of biases are not counted. A node of these kinds whose
//! shapes the file does not tell is missing from the sum, and [`Flops`] says how many of them are in it.

use super::{
    GivenShapes,
    graph::{Function, Graph, Node},
    shapes::{Shape, Shapes, elements, gemm, product},
};
use std::collections::HashSet;

/// An estimate, and how much of the graph it speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flops {
    /// Of the counted nodes, for one row.
    pub total: f64,
    /// Nodes that are in it.
    pub counted_nodes: u64,
    /// Nodes that should be: all that multiply by weights or walk trees, those of branches, loops and functions too.
    pub bearing_nodes: u64,
}

/// Estimates for one row of the graph's inputs.
pub(super) fn flops(graph: &Graph, functions: &[Function], given: &GivenShapes) -> Flops {
    let bearing: HashSet<(&str, &str)> = functions
        .iter()
        .filter(|function| {
            function
                .nodes
                .iter()
                .any(|node| bears(node) || !node.graphs.is_empty() || !super::is_standard(&node.domain))
        })
        .map(|function| (function.domain.as_str(), function.name.as_str()))
        .collect();
    let own: HashSet<(&str, &str)> = functions.iter().map(|f| (f.domain.as_str(), f.name.as_str())).collect();
    let shapes = Shapes::of(graph, given);
    let mut all = Flops::default();
    for node in &graph.nodes {
        if own.contains(&(node.domain.as_str(), node.op.as_str())) {
            // What a function does is not followed, so it is never counted.
            all.bearing_nodes += u64::from(bearing.contains(&(node.domain.as_str(), node.op.as_str())));
        } else if bears(node) {
            all.bearing_nodes += 1;
            if let Some(work) = work(node, &shapes).filter(|work| work.is_finite()) {
                all.total += work;
                all.counted_nodes += 1;
            }
        }
        // How often a loop turns, and which branch is taken, only a run can tell.
        all.bearing_nodes += inner(node);
    }
    all.total /= Shapes::rows(graph).max(1) as f64;
    all
}

/// Nodes in the graphs inside of a node that should be counted.
fn inner(node: &Node) -> u64 {
    let mut open: Vec<&Graph> = node.graphs.iter().collect();
    let mut found = 0;
    while let Some(graph) = open.pop() {
        found += graph.nodes.iter().filter(|node| bears(node)).count() as u64;
        open.extend(graph.nodes.iter().flat_map(|node| &node.graphs));
    }
    found
}

/// Whether most of a model's work is in nodes of this kind. In doubt it is: an operator that cannot be counted is better
/// named than missed.
fn bears(node: &Node) -> bool {
    let op = node.op.as_str();
    ["MatMul", "Gemm", "Conv", "Attention", "LSTM", "GRU", "RNN", "MoE"].iter().any(|part| op.contains(part))
        || matches!(
            op,
            "Einsum"
                | "STFT"
                | "DFT"
                | "LinearClassifier"
                | "LinearRegressor"
                | "SVMClassifier"
                | "SVMRegressor"
                | "TreeEnsembleClassifier"
                | "TreeEnsembleRegressor"
                | "TreeEnsemble"
        )
}

/// Operations of one node for the rows of one call; `None` when the file does not tell.
fn work(node: &Node, shapes: &Shapes<'_>) -> Option<f64> {
    let input = |at: usize| shapes.get(node.inputs.get(at));
    let of_product = |shape: &Shape, depth: u64| Some(2.0 * elements(shape)? as f64 * depth as f64);
    let count = |name: &str| node.attributes.float_counts.get(name).map(|count| *count as f64);
    match node.op.as_str() {
        "MatMul" | "MatMulInteger" | "DynamicQuantizeMatMul" => {
            let found = product(input(0)?, input(1)?)?;
            of_product(&found.shape, found.depth)
        }
        "QLinearMatMul" => {
            let found = product(input(0)?, input(3)?)?;
            of_product(&found.shape, found.depth)
        }
        "Gemm" | "FusedGemm" => {
            let found = gemm(node, input(0)?, input(1)?)?;
            of_product(&found.shape, found.depth)
        }
        "Conv" | "FusedConv" | "ConvInteger" => convolved(node, shapes, input(1)?),
        "QLinearConv" => convolved(node, shapes, input(3)?),
        "ConvTranspose" => {
            let [rows, _, space @ ..] = input(0)?.as_slice() else { return None };
            Some(2.0 * *rows as f64 * elements(space)? as f64 * elements(input(1)?)? as f64)
        }
        "LSTM" | "GRU" | "RNN" => {
            // Steps and rows, in either layout.
            let [steps, rows, ..] = input(0)?.as_slice() else { return None };
            let weights = elements(input(1)?)?.checked_add(elements(input(2)?)?)?;
            Some(2.0 * *steps as f64 * *rows as f64 * weights as f64)
        }
        "LinearClassifier" | "LinearRegressor" => Some(2.0 * count("coefficients")? * rows(node, shapes)),
        "SVMClassifier" | "SVMRegressor" => {
            let kernel = count("support_vectors").unwrap_or(0.0) + count("coefficients")?;
            Some(2.0 * kernel * rows(node, shapes))
        }
        "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => {
            let (trees, comparisons) = node.trees.mean_depths()?;
            Some((comparisons + trees as f64) * rows(node, shapes))
        }
        _ => None,
    }
}

/// Every element of the answer takes one product for each weight of its channel.
fn convolved(node: &Node, shapes: &Shapes<'_>, weights: &Shape) -> Option<f64> {
    let answer = shapes.get(node.outputs.first())?;
    let per_element = elements(weights.get(1..)?)?;
    Some(2.0 * elements(answer)? as f64 * per_element as f64)
}

/// Rows that reach a classical node: the first dimension of its input, one where the file does not say.
fn rows(node: &Node, shapes: &Shapes<'_>) -> f64 {
    shapes.get(node.inputs.first()).and_then(|shape| shape.first()).copied().unwrap_or(1) as f64
}
