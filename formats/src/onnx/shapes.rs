//! The shapes of the tensors of a graph for one row, as far as they follow from the file.
//!
//! A dimension that is free and comes first in an input, or has the name of one that does, is the batch: one row. Other free
//! dimensions are as long as in the first row of the data, where there are data. What depends on others, on values or on
//! operators that are not known here has no shape, and nothing is guessed.

use super::{
    GivenShapes,
    graph::{Dimension, Graph, Node, Port},
    slices::{Cut, reduced},
    tensor::Tensor,
};
use std::collections::{HashMap, HashSet};

pub(super) type Shape = Vec<u64>;

/// More dimensions than any operator takes; what has more is not followed, so that no file makes shapes grow.
const MAX_RANK: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Shapes<'g> {
    known: HashMap<&'g str, Shape>,
    /// Of short lists of whole numbers: what a `Reshape` is told.
    values: HashMap<&'g str, Vec<i64>>,
    /// Names of free dimensions, and their sizes in the data: 1 for the batch.
    bound: HashMap<&'g str, u64>,
}

impl<'g> Shapes<'g> {
    /// `given` are the shapes that one row of the data has at the inputs.
    pub fn of(graph: &'g Graph, given: &GivenShapes) -> Self {
        let mut shapes = Self::default();
        let stored: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
        // Old files list their weights among the inputs.
        let inputs = || graph.inputs.iter().filter(|port| !stored.contains(port.name.as_str()));
        shapes.bound = inputs().filter_map(batch_name).map(|name| (name, 1)).collect();
        let fed = |port: &&'g Port| given.of(&port.name, port.shape.as_ref().map(Vec::len));
        for (port, shape) in inputs().filter_map(|port| Some((port, fed(&port)?))) {
            for (dimension, size) in port.shape.iter().flatten().zip(&shape) {
                if let Dimension::Free(name) = dimension
                    && !name.is_empty()
                {
                    shapes.bound.insert(name, *size);
                }
            }
            shapes.known.insert(&port.name, shape);
        }
        for tensor in &graph.initializers {
            shapes.note_tensor(&tensor.name, tensor);
        }
        for port in inputs() {
            if !shapes.known.contains_key(port.name.as_str()) {
                shapes.note_declared(port);
            }
        }
        let declared: HashMap<&str, &Port> =
            graph.between.iter().chain(&graph.outputs).map(|port| (port.name.as_str(), port)).collect();
        for node in &graph.nodes {
            shapes.note_node(node);
            for output in &node.outputs {
                if let Some(port) =
                    declared.get(output.as_str()).filter(|_| !shapes.known.contains_key(output.as_str()))
                {
                    shapes.note_declared(port);
                }
            }
        }
        shapes
    }

    pub fn get(&self, name: Option<&String>) -> Option<&Shape> {
        self.known.get(name?.as_str())
    }

    /// Rows of one call where the model fixes them.
    pub fn rows(graph: &Graph) -> u64 {
        let stored: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
        let first = graph.inputs.iter().find(|port| !stored.contains(port.name.as_str()));
        match first.and_then(|port| port.shape.as_ref()?.first()) {
            Some(Dimension::Fixed(rows)) => *rows,
            _ => 1,
        }
    }

    fn note_tensor(&mut self, name: &'g str, tensor: &'g Tensor) {
        let dims = tensor.dims.iter().map(|dim| u64::try_from(*dim).ok()).collect::<Option<Shape>>();
        self.known.extend(dims.map(|dims| (name, dims)));
        self.values.extend(tensor.integers.clone().map(|values| (name, values)));
    }

    fn note_declared(&mut self, port: &'g Port) {
        let Some(shape) = port.shape.as_ref().filter(|shape| shape.len() <= MAX_RANK) else { return };
        let of = |(place, dimension): (usize, &Dimension)| match dimension {
            Dimension::Fixed(size) => Some(*size),
            Dimension::Free(name) if name.is_empty() => (place == 0).then_some(1),
            Dimension::Free(name) => self.bound.get(name.as_str()).copied(),
        };
        if let Some(shape) = shape.iter().enumerate().map(of).collect::<Option<Shape>>() {
            self.known.insert(&port.name, shape);
        }
    }

    fn note_node(&mut self, node: &'g Node) {
        let Some(output) = node.outputs.first() else { return };
        if let ("Constant", Some(tensor)) = (node.op.as_str(), &node.attributes.value) {
            self.note_tensor(output, tensor);
            return;
        }
        if let Some(values) = self.values_of(node).filter(|values| values.len() <= super::attributes::MAX_LIST) {
            self.values.insert(output, values);
        }
        if let Some(shape) = self.shape_of(node).filter(|shape| shape.len() <= MAX_RANK) {
            // Further outputs of what changes no shape (the mask of a dropout) have the same.
            self.known.insert(output, shape);
        }
    }

    fn input(&self, node: &Node, at: usize) -> Option<&Shape> {
        self.get(node.inputs.get(at).filter(|name| !name.is_empty()))
    }

    fn values_at(&self, node: &Node, at: usize) -> Option<&[i64]> {
        self.values.get(node.inputs.get(at)?.as_str()).map(Vec::as_slice)
    }

    /// Lists of whole numbers that are made from shapes.
    fn values_of(&self, node: &Node) -> Option<Vec<i64>> {
        match node.op.as_str() {
            "Shape" if node.attributes.numbers.is_empty() => {
                self.input(node, 0)?.iter().map(|size| i64::try_from(*size).ok()).collect()
            }
            "Identity" | "Cast" | "Unsqueeze" | "Squeeze" => self.values_at(node, 0).map(<[i64]>::to_vec),
            "Gather" => {
                let (from, places) = (self.values_at(node, 0)?, self.values_at(node, 1)?);
                let length = i64::try_from(from.len()).ok()?;
                let at = |place: &i64| usize::try_from(if *place < 0 { place + length } else { *place }).ok();
                places.iter().map(|place| from.get(at(place)?).copied()).collect()
            }
            "Slice" => self.cut(node)?.values(self.values_at(node, 0)?),
            "Concat" => {
                let parts = (0..node.inputs.len()).map(|at| self.values_at(node, at)).collect::<Option<Vec<_>>>()?;
                let length: usize = parts.iter().map(|part| part.len()).sum();
                (length <= super::attributes::MAX_LIST).then(|| parts.concat())
            }
            _ => None,
        }
    }

    fn shape_of(&self, node: &Node) -> Option<Shape> {
        let first = || self.input(node, 0);
        match node.op.as_str() {
            "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" | "Sum" | "Mean" | "PRelu" | "Greater" | "Less"
            | "Equal" | "GreaterOrEqual" | "LessOrEqual" | "And" | "Or" | "Xor" | "Where" | "Mod" => {
                let mut all = (0..node.inputs.len()).map(|at| self.input(node, at));
                let start = all.next()??.clone();
                all.try_fold(start, |shape, next| broadcast(&shape, next?))
            }
            "MatMul" | "MatMulInteger" | "DynamicQuantizeMatMul" => {
                product(first()?, self.input(node, 1)?).map(|p| p.shape)
            }
            "QLinearMatMul" => product(first()?, self.input(node, 3)?).map(|p| p.shape),
            "Gemm" | "FusedGemm" => gemm(node, first()?, self.input(node, 1)?).map(|p| p.shape),
            "Conv" | "FusedConv" | "ConvInteger" => super::windows::conv(node, first()?, self.input(node, 1)?),
            "QLinearConv" => super::windows::conv(node, first()?, self.input(node, 3)?),
            "ConvTranspose" => None,
            "MaxPool" | "AveragePool" | "LpPool" => super::windows::pool(node, first()?),
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
                let [rows, channels, space @ ..] = first()?.as_slice() else { return None };
                Some([*rows, *channels].into_iter().chain(space.iter().map(|_| 1)).collect())
            }
            "Flatten" => {
                let shape = first()?;
                let axis = place(node.attributes.number("axis", 1), shape.len())?;
                Some(vec![elements(shape.get(..axis)?)?, elements(shape.get(axis..)?)?])
            }
            "Reshape" if node.attributes.number("allowzero", 0) == 0 => reshape(first()?, self.values_at(node, 1)?),
            "Transpose" => {
                let (shape, perm) = (first()?, node.attributes.list("perm"));
                if perm.is_empty() {
                    return Some(shape.iter().rev().copied().collect());
                }
                perm.iter().map(|at| shape.get(usize::try_from(*at).ok()?).copied()).collect()
            }
            "Concat" => self.concat(node),
            "ConstantOfShape" => self.values_at(node, 0)?.iter().map(|size| u64::try_from(*size).ok()).collect(),
            "Expand" => {
                let wanted: Option<Shape> =
                    self.values_at(node, 1)?.iter().map(|size| u64::try_from(*size).ok()).collect();
                broadcast(first()?, &wanted?)
            }
            "Gather" => {
                let (data, places) = (first()?, self.input(node, 1)?);
                let axis = place(node.attributes.number("axis", 0), data.len())?;
                Some([data.get(..axis)?, places, data.get(axis + 1..)?].concat())
            }
            "Squeeze" => {
                let (shape, axes) = (first()?, self.axes(node)?);
                let axes = axes.iter().map(|axis| place(*axis, shape.len())).collect::<Option<HashSet<_>>>()?;
                let kept = shape.iter().enumerate().filter(|(at, _)| !axes.contains(at));
                Some(kept.map(|(_, size)| *size).collect())
            }
            "Unsqueeze" => {
                let (mut shape, axes) = (first()?.clone(), self.axes(node)?);
                let rank = shape.len() + axes.len();
                let mut places = axes.iter().map(|axis| place(*axis, rank)).collect::<Option<Vec<_>>>()?;
                places.sort_unstable();
                for at in places {
                    if shape.len() < at {
                        return None;
                    }
                    shape.insert(at, 1);
                }
                Some(shape)
            }
            "Shape" if node.attributes.numbers.is_empty() => Some(vec![first()?.len() as u64]),
            "Slice" => self.cut(node)?.shape(first()?),
            op if op.starts_with("Reduce") => {
                let axes = self.axes(node);
                // Axes that only a run can tell.
                if axes.is_none() && node.inputs.get(1).is_some_and(|name| !name.is_empty()) {
                    return None;
                }
                let is_set = |name, unless| node.attributes.number(name, unless) != 0;
                reduced(first()?, axes.as_deref(), is_set("keepdims", 1), is_set("noop_with_empty_axes", 0))
            }
            op if keeps_its_shape(op) => first().cloned(),
            _ => None,
        }
    }

    /// In attributes in older files, inputs in newer ones.
    fn cut(&self, node: &Node) -> Option<Cut> {
        if let ([_, ..], [_, ..]) = (node.attributes.list("starts"), node.attributes.list("ends")) {
            let axes = node.attributes.list("axes");
            let axes = (!axes.is_empty()).then_some(axes);
            return Cut::new(node.attributes.list("starts"), node.attributes.list("ends"), axes, None);
        }
        let given = |at: usize| node.inputs.get(at).is_some_and(|name| !name.is_empty());
        let (axes, steps) = (self.values_at(node, 3), self.values_at(node, 4));
        if given(3) != axes.is_some() || given(4) != steps.is_some() {
            return None;
        }
        Cut::new(self.values_at(node, 1)?, self.values_at(node, 2)?, axes, steps)
    }

    fn concat(&self, node: &Node) -> Option<Shape> {
        let mut parts = (0..node.inputs.len()).map(|at| self.input(node, at));
        let mut shape = parts.next()??.clone();
        let axis = place(node.attributes.numbers.get("axis").copied()?, shape.len())?;
        for part in parts {
            let size = part?.get(axis)?;
            let sum = shape.get_mut(axis)?;
            *sum = sum.checked_add(*size)?;
        }
        Some(shape)
    }

    /// In an attribute in older files, an input in newer ones.
    fn axes(&self, node: &Node) -> Option<Vec<i64>> {
        match node.attributes.list("axes") {
            [] => self.values_at(node, 1).map(<[i64]>::to_vec),
            axes => Some(axes.to_vec()),
        }
    }
}

/// The name of the dimension that is the batch, if it has one.
fn batch_name(port: &Port) -> Option<&str> {
    match port.shape.as_ref()?.first()? {
        Dimension::Free(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// A product of matrices: its shape, and how many products are summed for each of its elements.
pub(super) struct Product {
    pub shape: Shape,
    pub depth: u64,
}

/// `MatMul`, with the rules of `numpy.matmul` for one and for more than two dimensions.
pub(super) fn product(left: &Shape, right: &Shape) -> Option<Product> {
    let (is_row, is_column) = (left.len() == 1, right.len() == 1);
    let left: Shape = if is_row { [&[1], left.as_slice()].concat() } else { left.clone() };
    let right: Shape = if is_column { [right.as_slice(), &[1]].concat() } else { right.clone() };
    let ([more_left @ .., rows, depth], [more_right @ .., inner, columns]) = (left.as_slice(), right.as_slice()) else {
        return None;
    };
    let mut shape = broadcast(&more_left.to_vec(), &more_right.to_vec()).filter(|_| depth == inner)?;
    shape.extend((!is_row).then_some(*rows));
    shape.extend((!is_column).then_some(*columns));
    Some(Product { shape, depth: *depth })
}

pub(super) fn gemm(node: &Node, left: &Shape, right: &Shape) -> Option<Product> {
    let ([a, b], [c, d]) = (left.as_slice(), right.as_slice()) else { return None };
    let is_set = |name| node.attributes.number(name, 0) != 0;
    let (rows, depth) = if is_set("transA") { (b, a) } else { (a, b) };
    let (inner, columns) = if is_set("transB") { (d, c) } else { (c, d) };
    (depth == inner).then(|| Product { shape: vec![*rows, *columns], depth: *depth })
}

pub(super) fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |all, size| all.checked_mul(*size))
}

fn broadcast(left: &Shape, right: &Shape) -> Option<Shape> {
    let rank = left.len().max(right.len());
    let size = |shape: &Shape, at: usize| (at + shape.len()).checked_sub(rank).and_then(|at| shape.get(at).copied());
    let of = |at| match (size(left, at).unwrap_or(1), size(right, at).unwrap_or(1)) {
        (1, other) | (other, 1) => Some(other),
        (one, other) => (one == other).then_some(one),
    };
    (0..rank).map(of).collect()
}

fn reshape(shape: &Shape, wanted: &[i64]) -> Option<Shape> {
    let all = elements(shape)?;
    let of = |(at, size): (usize, &i64)| match size {
        0 => shape.get(at).copied(),
        -1 => Some(1),
        size => u64::try_from(*size).ok(),
    };
    let mut made = wanted.iter().enumerate().map(of).collect::<Option<Shape>>()?;
    let others = elements(&made)?;
    if let Some(at) = wanted.iter().position(|size| *size == -1) {
        *made.get_mut(at)? = all.checked_div(others)?;
    }
    // The file may mean more rows than one, as where a batch was written down.
    (elements(&made)? == all).then_some(made)
}

/// An axis that may count from the end.
pub(super) fn place(axis: i64, rank: usize) -> Option<usize> {
    let rank_i = i64::try_from(rank).ok()?;
    let at = usize::try_from(if axis < 0 { axis + rank_i } else { axis }).ok()?;
    (at <= rank).then_some(at)
}

/// Operators whose first output is as large as their first input.
fn keeps_its_shape(op: &str) -> bool {
    matches!(
        op,
        "Abs"
            | "BatchNormalization"
            | "Binarizer"
            | "Cast"
            | "Ceil"
            | "Celu"
            | "Clip"
            | "CumSum"
            | "DequantizeLinear"
            | "Dropout"
            | "DynamicQuantizeLinear"
            | "Elu"
            | "Erf"
            | "Exp"
            | "Floor"
            | "Gelu"
            | "GroupNormalization"
            | "HardSigmoid"
            | "HardSwish"
            | "Hardmax"
            | "Identity"
            | "Imputer"
            | "InstanceNormalization"
            | "IsNaN"
            | "LRN"
            | "LayerNormalization"
            | "LeakyRelu"
            | "Log"
            | "LogSoftmax"
            | "LpNormalization"
            | "MeanVarianceNormalization"
            | "Mish"
            | "Neg"
            | "Normalizer"
            | "Not"
            | "QuantizeLinear"
            | "Reciprocal"
            | "Relu"
            | "Round"
            | "Scaler"
            | "Selu"
            | "Shrink"
            | "Sigmoid"
            | "Sign"
            | "Sin"
            | "Cos"
            | "Softmax"
            | "Softplus"
            | "Softsign"
            | "Sqrt"
            | "Swish"
            | "Tanh"
            | "ThresholdedRelu"
            | "Trilu"
    )
}
