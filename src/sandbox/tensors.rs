//! The part of a task that is named tensors instead of columns.

use crate::formats::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Numbers of outputs that come back; bounds the answer to about 100 MB.
const MAX_WANTED: usize = 8_000_000;

/// Rows of named tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorTask {
    pub rows: usize,
    pub inputs: Vec<FedInput>,
    /// With it rows are predicted one by one, in order.
    pub state: Vec<FedState>,
    /// Rows before which the state begins anew, in order, the first among them.
    pub starts: Vec<usize>,
    /// Outputs that come back as they are.
    pub wanted: Vec<Wanted>,
    /// Whether the outputs are also read as a prediction for each row.
    pub predicts: bool,
    /// Whether all outputs come back, however many numbers they have for each row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_outputs: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedInput {
    pub input: String,
    /// Rows come first.
    pub tensor: Tensor,
    /// The dimension that counts rows in a call; `None` for what all calls get as it is.
    pub axis: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedState {
    pub input: String,
    pub output: String,
    /// What a sequence begins with; zeros where it is left out.
    pub initial: Option<Tensor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub output: String,
    /// Numbers for each row.
    pub width: usize,
}

impl TensorTask {
    /// Nothing but the first row.
    pub fn keep_first_row(&mut self) {
        self.rows = self.rows.min(1);
        self.starts.truncate(1);
        for fed in self.inputs.iter_mut().filter(|fed| fed.axis.is_some()) {
            fed.tensor = fed.tensor.first(1);
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let counted = |fed: &&FedInput| fed.axis.is_none_or(|axis| axis < fed.tensor.shape().len());
        if let Some(fed) = self.inputs.iter().find(|fed| !counted(fed)) {
            return Err(format!("the tensor of the input `{}` has no dimension of rows", fed.input));
        }
        let short = |fed: &&FedInput| fed.axis.is_some() && fed.tensor.shape().first() != Some(&self.rows);
        if let Some(fed) = self.inputs.iter().find(short) {
            return Err(format!("the tensor of the input `{}` has other rows than {}", fed.input, self.rows));
        }
        let rising = self.starts.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.starts.first() != Some(&0) || self.starts.last().is_some_and(|row| self.rows <= *row) {
            return Err("the rows at which sequences start are none".to_owned());
        }
        let wanted =
            self.wanted.iter().try_fold(0_usize, |sum, one| sum.checked_add(one.width.checked_mul(self.rows)?));
        match wanted {
            Some(numbers) if numbers <= MAX_WANTED => Ok(()),
            _ => Err(format!("more than {MAX_WANTED} numbers of outputs are wanted; use fewer rows")),
        }
    }
}
