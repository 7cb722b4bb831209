//! A call by hand: tensors in, tensors out, for a person who tries a version.

use super::{
    failure::{Failure, FailureKind},
    ports::PortInfo,
};
use serde::{Deserialize, Serialize};

/// What one cell takes at most while it is read and turned into a tensor.
const CELL_BYTES: u64 = 96;

/// Element types of the Open Inference Protocol v2 that cells can be given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp32,
    Fp64,
    /// Text, in this program.
    Bytes,
}

impl Datatype {
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Fp32,
        Self::Fp64,
        Self::Bytes,
    ];

    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Uint8 => "UINT8",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|datatype| datatype.name() == word)
    }

    /// Of an element type as [`PortInfo`] writes it; a sequence of maps is given as one text for each row.
    pub fn of_element(element: &str) -> Option<Self> {
        Some(match element {
            "bool" => Self::Bool,
            "uint8" => Self::Uint8,
            "uint16" => Self::Uint16,
            "uint32" => Self::Uint32,
            "uint64" => Self::Uint64,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float32" => Self::Fp32,
            "float64" => Self::Fp64,
            "string" => Self::Bytes,
            maps if maps.starts_with("sequence(map(") => Self::Bytes,
            _ => return None,
        })
    }
}

/// The elements of a tensor, row after row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elements {
    Bool(Vec<bool>),
    Signed(Vec<i64>),
    Unsigned(Vec<u64>),
    /// `None` is not a finite number, which JSON has no word for.
    Float(Vec<Option<f64>>),
    Text(Vec<String>),
}

impl Elements {
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(all) => all.len(),
            Self::Signed(all) => all.len(),
            Self::Unsigned(all) => all.len(),
            Self::Float(all) => all.len(),
            Self::Text(all) => all.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether elements of this kind can be of the type.
    fn fits(&self, datatype: Datatype) -> bool {
        use Datatype::{Bool, Bytes, Fp32, Fp64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
        match self {
            Self::Bool(_) => datatype == Bool,
            Self::Signed(_) => matches!(datatype, Int8 | Int16 | Int32 | Int64),
            Self::Unsigned(_) => matches!(datatype, Uint8 | Uint16 | Uint32 | Uint64),
            Self::Float(_) => matches!(datatype, Fp32 | Fp64),
            Self::Text(_) => datatype == Bytes,
        }
    }
}

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTensor {
    pub name: String,
    pub datatype: Datatype,
    pub shape: Vec<u64>,
    pub elements: Elements,
}

impl NamedTensor {
    /// Whether the elements are as many and of the kind that shape and type say.
    pub fn is_consistent(&self) -> bool {
        let cells = self.shape.iter().try_fold(1_u64, |cells, size| cells.checked_mul(*size));
        cells == Some(self.elements.len() as u64) && self.elements.fits(self.datatype)
    }
}

/// What is tried: nothing but loading, or one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trial {
    /// Load the model and say what it takes and gives.
    Describe,
    /// One call; without names all outputs are given.
    Call { inputs: Vec<NamedTensor>, outputs: Vec<String> },
}

impl Trial {
    /// An upper bound of what the inputs take in the child, beside the bytes of their JSON.
    pub(super) fn memory_bytes(&self, json_bytes: u64) -> u64 {
        let cells: u64 = match self {
            Self::Describe => 0,
            Self::Call { inputs, .. } => inputs.iter().map(|tensor| tensor.elements.len() as u64).sum(),
        };
        cells.saturating_mul(CELL_BYTES).saturating_add(json_bytes.saturating_mul(4))
    }
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// As the model declares them.
    pub inputs: Vec<PortInfo>,
    pub outputs: Vec<PortInfo>,
    /// Empty when nothing was called.
    pub answers: Vec<NamedTensor>,
    /// The call alone.
    pub call_ms: f64,
    /// Of the runtime.
    pub runtime: String,
}

impl Tried {
    /// The answer of a child that may have been taken over by the model: only what can be true is passed on.
    pub(super) fn distrust(self, trial: &Trial) -> Result<Self, Failure> {
        let lie = |what: &str| Err(Failure::new(FailureKind::Crashed, format!("the sandbox's answer {what}")));
        if !self.call_ms.is_finite() || self.call_ms < 0.0 {
            return lie("has a time that is none");
        }
        if !self.answers.iter().all(NamedTensor::is_consistent) {
            return lie("has a tensor whose shape is not that of its elements");
        }
        let asked_for_all = match trial {
            Trial::Describe if !self.answers.is_empty() => return lie("has tensors that nobody asked for"),
            Trial::Describe => true,
            Trial::Call { outputs, .. } => {
                outputs.is_empty() || self.answers.iter().map(|tensor| &tensor.name).eq(outputs)
            }
        };
        if asked_for_all { Ok(self) } else { lie("has other outputs than were asked for") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(datatype: Datatype, shape: &[u64], elements: Elements) -> NamedTensor {
        NamedTensor { name: "x".to_owned(), datatype, shape: shape.to_vec(), elements }
    }

    fn tried(answers: Vec<NamedTensor>) -> Tried {
        Tried { inputs: Vec::new(), outputs: Vec::new(), answers, call_ms: 1.0, runtime: String::new() }
    }

    #[test]
    fn every_type_has_one_word() {
        for datatype in Datatype::ALL {
            assert_eq!(Datatype::parse(datatype.name()), Some(datatype));
            assert_eq!(serde_json::to_value(datatype).expect("json"), datatype.name());
        }
        assert_eq!((Datatype::parse("FP16"), Datatype::of_element("float16")), (None, None));
    }

    #[test]
    fn a_tensor_is_consistent_when_shape_type_and_elements_agree() {
        let two = || Elements::Signed(vec![1, 2]);
        let overflow = [u64::MAX, 2];
        let cases = [
            (tensor(Datatype::Int64, &[1, 2], two()), true),
            (tensor(Datatype::Int64, &[3], two()), false),
            (tensor(Datatype::Int64, &overflow, two()), false),
            (tensor(Datatype::Uint8, &[2], two()), false),
            (tensor(Datatype::Fp32, &[], Elements::Float(vec![None])), true),
        ];
        for (tensor, consistent) in cases {
            assert_eq!(tensor.is_consistent(), consistent, "{tensor:?}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_true_is_a_crash() {
        let answer = tensor(Datatype::Bool, &[1], Elements::Bool(vec![true]));
        let call = |outputs: &[&str]| Trial::Call {
            inputs: Vec::new(),
            outputs: outputs.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert!(tried(vec![answer.clone()]).distrust(&call(&["x"])).is_ok());
        assert!(tried(vec![answer.clone()]).distrust(&call(&[])).is_ok());
        assert!(tried(vec![answer.clone()]).distrust(&call(&["y"])).is_err());
        assert!(tried(vec![answer.clone()]).distrust(&Trial::Describe).is_err());
        assert!(tried(vec![NamedTensor { shape: vec![2], ..answer }]).distrust(&call(&[])).is_err());
        assert!(Tried { call_ms: f64::NAN, ..tried(Vec::new()) }.distrust(&Trial::Describe).is_err());
    }
}
