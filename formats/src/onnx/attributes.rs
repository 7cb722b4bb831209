//! The attributes of a node that say how its answer's shape and its work follow from its inputs.

use super::tensor::Tensor;
use std::collections::BTreeMap;

/// The longest list that is kept; more dimensions than any operator takes.
pub(super) const MAX_LIST: usize = 64;

/// Whether an attribute is a short list that is kept.
pub(super) fn is_list(name: &str) -> bool {
    matches!(name, "strides" | "pads" | "dilations" | "kernel_shape" | "perm" | "axes" | "value_ints")
}

/// Whether an attribute is a number that changes shapes. `start` and `end` are of a part of a shape.
fn is_number(name: &str) -> bool {
    matches!(name, "group" | "axis" | "transA" | "transB" | "keepdims" | "ceil_mode" | "start" | "end" | "allowzero")
}

/// What is kept of a node's attributes, the trees of an ensemble excepted.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub lists: BTreeMap<String, Vec<i64>>,
    pub numbers: BTreeMap<String, i64>,
    /// How many 32-bit floats a list has: coefficients and support vectors.
    pub float_counts: BTreeMap<String, u64>,
    pub auto_pad: String,
    /// The tensor of a constant.
    pub value: Option<Tensor>,
}

/// One attribute as it is read; its name may come behind its values.
#[derive(Debug, Default)]
pub(super) struct Attribute {
    pub number: Option<u64>,
    pub numbers: Vec<i64>,
    pub floats: u64,
    pub text: String,
    pub value: Option<Tensor>,
}

impl Attributes {
    /// Keeps what matters here. A list that is longer than any that means a shape is left out: what needs it isn't counted.
    pub fn take(&mut self, name: &str, read: &mut Attribute) {
        if is_list(name) && read.numbers.len() <= MAX_LIST {
            self.lists.insert(name.to_owned(), std::mem::take(&mut read.numbers));
        }
        if let Some(number) = read.number.filter(|_| is_number(name)) {
            self.numbers.insert(name.to_owned(), number.cast_signed());
        }
        match name {
            "coefficients" | "support_vectors" => {
                self.float_counts.insert(name.to_owned(), read.floats);
            }
            "auto_pad" => self.auto_pad = std::mem::take(&mut read.text),
            "value" => self.value = read.value.take(),
            _ => {}
        }
    }

    pub fn list(&self, name: &str) -> &[i64] {
        self.lists.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn number(&self, name: &str, otherwise: i64) -> i64 {
        self.numbers.get(name).copied().unwrap_or(otherwise)
    }
}
