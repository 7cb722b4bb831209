//! Shapes of what slides a window over its input: convolutions and pools.

use super::{graph::Node, shapes::Shape};

/// The shape of a convolution's answer.
pub(super) fn conv(node: &Node, input: &Shape, weights: &Shape) -> Option<Shape> {
    let ([rows, _, space @ ..], [channels, _, kernel @ ..]) = (input.as_slice(), weights.as_slice()) else {
        return None;
    };
    slid(node, space, kernel, (*rows, *channels))
}

/// The shape of a pool's answer.
pub(super) fn pool(node: &Node, input: &Shape) -> Option<Shape> {
    let [rows, channels, space @ ..] = input.as_slice() else { return None };
    let kernel = node.attributes.list("kernel_shape").iter().map(|size| u64::try_from(*size).ok());
    slid(node, space, &kernel.collect::<Option<Shape>>()?, (*rows, *channels))
}

/// Source of the formulas: `Conv` and `MaxPool` in the ONNX operator documents.
fn slid(node: &Node, space: &[u64], kernel: &[u64], (rows, channels): (u64, u64)) -> Option<Shape> {
    if space.len() != kernel.len() {
        return None;
    }
    let of = |name: &str, at: usize, otherwise: i64| match node.attributes.list(name) {
        [] => Some(otherwise),
        list => list.get(at).copied(),
    };
    let mut shape = vec![rows, channels];
    for (at, (size, kernel)) in space.iter().zip(kernel).enumerate() {
        let (size, kernel) = (i64::try_from(*size).ok()?, i64::try_from(*kernel).ok()?);
        let (stride, dilation) = (of("strides", at, 1)?, of("dilations", at, 1)?);
        if stride < 1 || dilation < 1 {
            return None;
        }
        let reach = kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
        let is_ceil = node.attributes.number("ceil_mode", 0) != 0;
        let steps = |room: i64| match (room < 0, is_ceil) {
            (true, _) => None,
            (false, true) => room.checked_add(stride - 1)?.checked_div(stride)?.checked_add(1),
            (false, false) => room.checked_div(stride)?.checked_add(1),
        };
        let windows = match node.attributes.auto_pad.as_str() {
            "SAME_UPPER" | "SAME_LOWER" => size.checked_add(stride - 1)?.checked_div(stride)?,
            "VALID" => steps(size.checked_sub(reach)?)?,
            _ => {
                let pads = of("pads", at, 0)?.checked_add(of("pads", at + space.len(), 0)?)?;
                steps(size.checked_add(pads)?.checked_sub(reach)?)?
            }
        };
        shape.push(u64::try_from(windows).ok()?);
    }
    Some(shape)
}
