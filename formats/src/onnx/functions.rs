//! Functions that a model brings along: none calls itself, and writing them out ends soon.

use super::{
    super::{Refusal, quoted},
    MAX_EXPANDED_NODES,
    graph::{Function, Graph, Key, Node},
};
use std::collections::HashMap;

/// # Errors
/// `Invalid` names a function that calls itself or stands twice; `Unsupported` a model whose functions written out are more
/// nodes than can be loaded.
pub(super) fn check(graph: &Graph, functions: &[Function]) -> Result<(), Refusal> {
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    for (index, function) in functions.iter().enumerate() {
        if known.insert(function.key(), index).is_some() {
            return Err(Refusal::Invalid(format!("the function {} stands twice", quoted(&function.name))));
        }
    }
    let calls: Vec<Body> = functions.iter().map(|function| body(&function.nodes, &known)).collect();
    let sizes = expanded(functions, &calls)?;
    let main = body(&graph.nodes, &known);
    match size(&main, &sizes) {
        0..=MAX_EXPANDED_NODES => Ok(()),
        _ => Err(Refusal::Unsupported(format!(
            "its functions written out are more than {MAX_EXPANDED_NODES} nodes, which is the limit here"
        ))),
    }
}

/// Nodes of its own, and which functions it calls.
struct Body {
    own: u64,
    calls: Vec<usize>,
}

fn body<'a>(nodes: &'a [Node], known: &HashMap<Key<'a>, usize>) -> Body {
    let mut body = Body { own: 0, calls: Vec::new() };
    let mut open: Vec<&'a [Node]> = vec![nodes];
    while let Some(nodes) = open.pop() {
        for node in nodes {
            body.own += 1;
            body.calls.extend(known.get(&node.key()));
            open.extend(node.graphs.iter().map(|graph| graph.nodes.as_slice()));
        }
    }
    body
}

fn size(body: &Body, sizes: &[u64]) -> u64 {
    let called = body.calls.iter().filter_map(|index| sizes.get(*index));
    called.fold(body.own, |sum, size| sum.saturating_add(*size))
}

/// Nodes of each function written out, callees before callers.
fn expanded(functions: &[Function], calls: &[Body]) -> Result<Vec<u64>, Refusal> {
    let mut waiting: Vec<usize> = calls.iter().map(|body| body.calls.len()).collect();
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); calls.len()];
    for (caller, body) in calls.iter().enumerate() {
        for callee in &body.calls {
            if let Some(list) = callers.get_mut(*callee) {
                list.push(caller);
            }
        }
    }
    let mut sizes = vec![0; calls.len()];
    let mut ready: Vec<usize> = (0..calls.len()).filter(|index| waiting.get(*index) == Some(&0)).collect();
    let mut done = 0;
    while let Some(index) = ready.pop() {
        done += 1;
        let Some(body) = calls.get(index) else { continue };
        sizes[index] = size(body, &sizes);
        for caller in callers.get(index).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(*caller) {
                *left -= 1;
                if *left == 0 {
                    ready.push(*caller);
                }
            }
        }
    }
    if done == calls.len() {
        return Ok(sizes);
    }
    let name =
        waiting.iter().position(|left| *left > 0).and_then(|index| functions.get(index)).map(|f| f.name.as_str());
    let name = quoted(name.unwrap_or_default());
    Err(Refusal::Invalid(format!("the function {name} calls itself or a function that does; that never ends")))
}
