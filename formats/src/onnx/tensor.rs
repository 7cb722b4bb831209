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
    /// Where its data are if they are in other files: one place, and of a sparse tensor up to two.
    pub places: Vec<Place>,
    /// `TensorProto.DataType`.
    pub data_type: u64,
    /// By its dimensions.
    pub elements: u64,
    pub dims: Vec<i64>,
    /// The values of a short list of whole numbers: the shape that another node is to make.
    pub integers: Option<Vec<i64>>,
}

/// A part of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file, as the model names it.
    pub location: String,
    pub offset: u64,
    /// As the model says it.
    pub length: Option<u64>,
    /// As many as its shape and type need, where they are known.
    pub needed: Option<u64>,
}

/// What a model says of data in another file, each at most once.
#[derive(Default)]
struct Outside {
    location: Option<String>,
    offset: Option<String>,
    length: Option<String>,
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
        let (mut tensor, mut counted, mut outside) = (Tensor::default(), Counted::default(), Outside::default());
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
                    outside.take(&key, value)?;
                }
                Field::Number(14, value) => counted.is_external = value == 1,
                Field::Bytes(_, end) => self.skip_to(end)?,
                Field::Number(..) | Field::Fixed(_) => {}
            }
        }
        let is_outside = counted.is_external || outside.location.is_some();
        tensor.data_type = counted.data_type;
        tensor.elements = counted.check(&tensor, is_outside)?;
        if is_outside {
            let needed =
                bits(tensor.data_type).and_then(|bits| tensor.elements.checked_mul(bits)).map(|all| all.div_ceil(8));
            tensor.places.push(outside.place(&tensor.name, needed)?);
        }
        tensor.integers = counted.integers();
        tensor.dims = counted.dims;
        Ok(tensor)
    }

    /// A `StringStringEntryProto` up to `end`.
    pub(super) fn entry(&mut self, end: u64) -> Result<(String, String), Refusal> {
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

impl Outside {
    fn take(&mut self, key: &str, value: String) -> Result<(), Refusal> {
        let slot = match key {
            "location" => &mut self.location,
            "offset" => &mut self.offset,
            "length" => &mut self.length,
            _ => return Ok(()),
        };
        match slot.replace(value) {
            // One reader takes the first of them, another the last.
            Some(_) => Err(Refusal::Invalid(format!("a tensor in another file says its {key} twice"))),
            None => Ok(()),
        }
    }

    fn place(self, name: &str, needed: Option<u64>) -> Result<Place, Refusal> {
        let name = quoted(name);
        let Some(location) = self.location else {
            return Err(Refusal::Invalid(format!("the tensor {name} is in another file and does not say in which")));
        };
        let number = |text: Option<String>, what: &str| match text.map(|text| text.parse::<u64>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => {
                Err(Refusal::Invalid(format!("the tensor {name} in another file has an {what} that is no number")))
            }
        };
        let (offset, length) = (number(self.offset, "offset")?.unwrap_or(0), number(self.length, "extent")?);
        Ok(Place { location, offset, length, needed })
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
    fn check(&self, tensor: &Tensor, is_outside: bool) -> Result<u64, Refusal> {
        let name = quoted(&tensor.name);
        if let Some(dim) = self.dims.iter().find(|dim| **dim < 0) {
            return Err(Refusal::Invalid(format!("the tensor {name} has the negative dimension {dim}")));
        }
        let elements = self.dims.iter().try_fold(1u64, |all, dim| all.checked_mul(dim.unsigned_abs()));
        let Some(elements) = elements else {
            return Err(Refusal::Invalid(format!("the tensor {name} has more elements than can be counted")));
        };
        if is_outside {
            return Ok(elements);
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
pub(super) fn bits(data_type: u64) -> Option<u64> {
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

/// As ONNX names a type in its documents.
pub(super) fn type_name(data_type: u64) -> &'static str {
    const NAMES: [&str; 27] = [
        "undefined",
        "float32",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "float64",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
        "float8e8m0",
        "uint2",
        "int2",
    ];
    usize::try_from(data_type).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or("unknown")
}
