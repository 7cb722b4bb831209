//! A stored tensor: whether its data are as many as its shape says, and where they are. The data are passed over.

use super::{
    super::{Refusal, quoted},
    MAX_NAME_BYTES,
    wire::{Field, Wire},
};
use std::io::{BufRead, Seek};

/// More dimensions than any operator takes.
const MAX_DIMENSIONS: usize = 64;
/// The longest list of whole numbers whose values are kept.
const MAX_INTEGERS: u64 = 64;

/// What is kept of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tensor {
    pub name: String,
    /// Where its data are if they are in another file.
    pub location: Option<String>,
    /// By its dimensions.
    pub elements: u64,
    pub dims: Vec<i64>,
    /// The values of a short list of whole numbers: the shape that another node is to make.
    pub integers: Option<Vec<i64>>,
}

/// What is counted while a tensor is read.
#[derive(Default)]
struct Counted {
    dims: Vec<i64>,
    data_type: u64,
    raw_bytes: Option<u64>,
    /// Elements of `float_data`, `int64_data`, `double_data` and `uint64_data` together: a tensor has one of them.
    elements: u64,
    /// Elements in lists that hold several small types.
    others: u64,
    is_external: bool,
    /// Short raw data.
    raw: Vec<u8>,
    /// Whole numbers that stand packed.
    integers: Vec<i64>,
}

impl<R: BufRead + Seek> Wire<R> {
    /// A `TensorProto` up to `end`.
    pub(super) fn tensor(&mut self, end: u64) -> Result<Tensor, Refusal> {
        let (mut tensor, mut counted) = (Tensor::default(), Counted::default());
        while let Some(field) = self.next(end)? {
            match field {
                Field::Number(1, value) => self.push(value, MAX_DIMENSIONS, &mut counted.dims)?,
                Field::Bytes(1, end) => self.packed(end, MAX_DIMENSIONS, &mut counted.dims)?,
                Field::Number(2, value) => counted.data_type = value,
                Field::Fixed(4 | 10) | Field::Number(7 | 11, _) => counted.elements += 1,
                Field::Bytes(4, end) => counted.elements += self.fixed(end, 4)?,
                Field::Bytes(10, end) => counted.elements += self.fixed(end, 8)?,
                Field::Bytes(7, end) if end - self.at() <= 10 * MAX_INTEGERS => {
                    let before = counted.integers.len();
                    self.packed(end, usize::MAX, &mut counted.integers)?;
                    counted.elements += (counted.integers.len() - before) as u64;
                }
                Field::Bytes(7 | 11, end) => counted.elements += self.count_packed(end)?,
                Field::Number(5, _) => counted.others += 1,
                Field::Bytes(5, end) => counted.others += self.count_packed(end)?,
                Field::Bytes(6, end) => {
                    counted.others += 1;
                    self.skip_to(end)?;
                }
                Field::Bytes(8, end) => tensor.name = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(9, end) => {
                    counted.raw_bytes = Some(end - self.at());
                    match end - self.at() <= 8 * MAX_INTEGERS {
                        true => counted.raw = self.bytes(end)?,
                        false => self.skip_to(end)?,
                    }
                }
                Field::Bytes(13, end) => {
                    let (key, value) = self.entry(end)?;
                    if key == "location" {
                        tensor.location = Some(value);
                    }
                }
                Field::Number(14, value) => counted.is_external = value == 1,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        tensor.elements = counted.check(&tensor)?;
        tensor.integers = counted.integers();
        tensor.dims = counted.dims;
        Ok(tensor)
    }

    /// A `StringStringEntryProto` up to `end`.
    fn entry(&mut self, end: u64) -> Result<(String, String), Refusal> {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(field) = self.next(end)? {
            match field {
                Field::Bytes(1, end) => key = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(2, end) => value = self.text(end, MAX_NAME_BYTES)?,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        Ok((key, value))
    }

    /// How many numbers of `size_bytes` stand up to `end`.
    fn fixed(&mut self, end: u64, size_bytes: u64) -> Result<u64, Refusal> {
        let length = end - self.at();
        if !length.is_multiple_of(size_bytes) {
            return Err(super::wire::unreadable(self.at(), "a list of numbers ends in the middle of one"));
        }
        self.skip_to(end)?;
        Ok(length / size_bytes)
    }
}

impl Counted {
    /// The values, where they are few whole numbers of the file itself.
    fn integers(&self) -> Option<Vec<i64>> {
        const INT32: u64 = 6;
        const INT64: u64 = 7;
        if ![INT32, INT64].contains(&self.data_type) || self.is_external {
            return None;
        }
        match self.raw_bytes {
            Some(bytes) if self.data_type == INT32 && bytes <= 4 * MAX_INTEGERS => {
                let words = self.raw.chunks_exact(4).filter_map(|word| word.try_into().ok());
                Some(words.map(i32::from_le_bytes).map(i64::from).collect())
            }
            // Those that stand packed in a field of their own are not kept.
            _ if self.data_type == INT32 => None,
            Some(bytes) if bytes <= 8 * MAX_INTEGERS => {
                let words = self.raw.chunks_exact(8).filter_map(|word| word.try_into().ok());
                Some(words.map(i64::from_le_bytes).collect())
            }
            Some(_) => None,
            None => (self.integers.len() as u64 == self.elements).then(|| self.integers.clone()),
        }
    }

    /// How many elements it has.
    fn check(&self, tensor: &Tensor) -> Result<u64, Refusal> {
        let name = quoted(&tensor.name);
        if let Some(dim) = self.dims.iter().find(|dim| **dim < 0) {
            return Err(Refusal::Invalid(format!("the tensor {name} has the negative dimension {dim}")));
        }
        let elements = self.dims.iter().try_fold(1u64, |all, dim| all.checked_mul(dim.unsigned_abs()));
        let Some(elements) = elements else {
            return Err(Refusal::Invalid(format!("the tensor {name} has more elements than can be counted")));
        };
        if self.is_external || tensor.location.is_some() {
            return match tensor.location {
                Some(_) => Ok(elements),
                None => {
                    Err(Refusal::Invalid(format!("the tensor {name} is in another file and does not say in which")))
                }
            };
        }
        let differs = |found: u64, what: &str| {
            Refusal::Invalid(format!("the tensor {name} declares {elements} elements and has {found} {what}"))
        };
        match (self.raw_bytes, bits(self.data_type)) {
            (Some(bytes), Some(bits)) => {
                let wanted = elements.checked_mul(bits).map(|all| all.div_ceil(8));
                if wanted == Some(bytes) { Ok(elements) } else { Err(differs(bytes, "bytes of data")) }
            }
            (Some(_), None) => Err(Refusal::Invalid(format!(
                "the tensor {name} has raw data of the type {}, which can't be",
                self.data_type
            ))),
            (None, _) if self.others > 0 => Ok(elements),
            // Complex numbers stand as two.
            (None, _) if self.data_type == 14 || self.data_type == 15 => Ok(elements),
            (None, _) if self.elements == elements => Ok(elements),
            (None, _) => Err(differs(self.elements, "elements of data")),
        }
    }
}

/// Bits of an element in raw data, by `TensorProto.DataType`; text has none.
fn bits(data_type: u64) -> Option<u64> {
    Some(match data_type {
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        21..=23 => 4,
        25 | 26 => 2,
        _ => return None,
    })
}
