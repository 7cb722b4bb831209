//! A model as any file is shown: what it takes and gives, of what it is made, how many parameters there are of which type.

use super::{
    super::{Amount, Class, Contents, Refusal},
    Model,
    graph::Graph,
    summary::summary_of,
    tensor::{bits, type_name},
};

/// More inputs or outputs are left out.
const MAX_PORTS: usize = 64;

pub(super) fn of(mut model: Model) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("ONNX model", Class::Data);
    let mut open: Vec<&Graph> = model.graph.iter().collect();
    while let Some(graph) = open.pop() {
        for tensor in &graph.initializers {
            let bytes = bits(tensor.data_type).map(|bits| tensor.elements.saturating_mul(bits).div_ceil(8));
            let amount = Amount { tensors: 1, parameters: tensor.elements, bytes: bytes.unwrap_or_default() };
            contents.tensors(type_name(tensor.data_type), amount);
        }
        open.extend(graph.nodes.iter().flat_map(|node| &node.graphs));
    }
    for (name, value) in std::mem::take(&mut model.said) {
        contents.say(name, value);
    }
    let summary = summary_of(model)?;
    contents.say("ONNX IR", summary.ir_version.to_string());
    contents.inputs = summary.outline.inputs.iter().take(MAX_PORTS).map(ToString::to_string).collect();
    contents.outputs = summary.outline.outputs.iter().take(MAX_PORTS).map(ToString::to_string).collect();
    contents.opsets = summary.opsets;
    contents.operators = summary.operators;
    Ok(contents)
}
