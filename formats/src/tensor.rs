//! Tensors as values: what arrays are read into, and what a model's inputs are made of.

use base64::{Engine, engine::general_purpose::STANDARD};
use half::f16;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::Arc;

macro_rules! elements {
    ($($(#[$doc:meta])* $name:ident($type:ty) = $word:literal,)*) => {
        /// What a tensor is made of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Element {
            $($(#[$doc])* $name,)*
        }

        /// The elements of a tensor, the last dimension fastest.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Values {
            $($name(Vec<$type>),)*
        }

        impl Element {
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// As ONNX and NumPy name it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }

        impl Values {
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$name(all) => all.len(),)*
                }
            }

            pub fn element(&self) -> Element {
                match self {
                    $(Self::$name(_) => Element::$name,)*
                }
            }

            /// The elements at these places, in this order; a place beyond the end is left out.
            pub fn pick(&self, places: impl Iterator<Item = usize>) -> Self {
                match self {
                    $(Self::$name(all) => Self::$name(places.filter_map(|at| all.get(at)).cloned().collect()),)*
                }
            }
        }
    };
}

elements! {
    Float32(f32) = "float32",
    Float64(f64) = "float64",
    Float16(f16) = "float16",
    Int8(i8) = "int8",
    Int16(i16) = "int16",
    Int32(i32) = "int32",
    Int64(i64) = "int64",
    Uint8(u8) = "uint8",
    Uint16(u16) = "uint16",
    Uint32(u32) = "uint32",
    Uint64(u64) = "uint64",
    Bool(bool) = "bool",
    Text(String) = "string",
}

impl Element {
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.name() == word)
    }

    /// Bytes of one element; a text has no fixed number.
    pub fn width(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Float16 | Self::Int16 | Self::Uint16 => 2,
            Self::Float32 | Self::Int32 | Self::Uint32 => 4,
            Self::Float64 | Self::Int64 | Self::Uint64 => 8,
            Self::Text => return None,
        })
    }
}

/// Applies `$work` to the elements, whatever numbers they are.
macro_rules! of_numbers {
    ($values:expr, $all:ident => $work:expr, bool $bools:ident => $of_bools:expr, text $texts:ident => $of_texts:expr) => {
        match $values {
            Values::Float32($all) => $work,
            Values::Float64($all) => $work,
            Values::Float16($all) => $work,
            Values::Int8($all) => $work,
            Values::Int16($all) => $work,
            Values::Int32($all) => $work,
            Values::Int64($all) => $work,
            Values::Uint8($all) => $work,
            Values::Uint16($all) => $work,
            Values::Uint32($all) => $work,
            Values::Uint64($all) => $work,
            Values::Bool($bools) => $of_bools,
            Values::Text($texts) => $of_texts,
        }
    };
}

impl Values {
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements of a type with a fixed width, as they lie in a file: little endian, a bool as one byte 0 or 1.
    ///
    /// `None` for texts, for a number of bytes that is no number of elements, and for a bool that is neither.
    pub fn of_bytes(element: Element, bytes: &[u8]) -> Option<Self> {
        macro_rules! whole {
            ($name:ident, $type:ty) => {{
                let chunks = bytes.as_chunks::<{ size_of::<$type>() }>();
                if !chunks.1.is_empty() {
                    return None;
                }
                Self::$name(chunks.0.iter().map(|chunk| <$type>::from_le_bytes(*chunk)).collect())
            }};
        }
        Some(match element {
            Element::Float32 => whole!(Float32, f32),
            Element::Float64 => whole!(Float64, f64),
            Element::Float16 => whole!(Float16, f16),
            Element::Int8 => whole!(Int8, i8),
            Element::Int16 => whole!(Int16, i16),
            Element::Int32 => whole!(Int32, i32),
            Element::Int64 => whole!(Int64, i64),
            Element::Uint8 => whole!(Uint8, u8),
            Element::Uint16 => whole!(Uint16, u16),
            Element::Uint32 => whole!(Uint32, u32),
            Element::Uint64 => whole!(Uint64, u64),
            Element::Bool => {
                let truth = |byte: &u8| match byte {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                };
                Self::Bool(bytes.iter().map(truth).collect::<Option<_>>()?)
            }
            Element::Text => return None,
        })
    }

    /// The other way round; texts have no such form.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        Some(of_numbers!(self,
            all => all.iter().flat_map(|x| x.to_le_bytes()).collect(),
            bool bools => bools.iter().map(|x| u8::from(*x)).collect(),
            text _texts => return None))
    }

    /// As 64-bit floats; `None` for texts. Integers beyond 2^53 are rounded.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        if matches!(self, Self::Text(_)) {
            return None;
        }
        let mut numbers = Vec::with_capacity(self.len());
        self.each_number(|number| numbers.push(number));
        Some(numbers)
    }

    /// One after the other, without a copy of them; nothing of texts.
    pub fn each_number(&self, mut look: impl FnMut(f64)) {
        match self {
            Self::Int64(all) => all.iter().for_each(|x| look(*x as f64)),
            Self::Uint64(all) => all.iter().for_each(|x| look(*x as f64)),
            Self::Float32(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Float64(all) => all.iter().for_each(|x| look(*x)),
            Self::Float16(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Int8(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Int16(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Int32(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Uint8(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Uint16(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Uint32(all) => all.iter().for_each(|x| look(f64::from(*x))),
            Self::Bool(all) => all.iter().for_each(|x| look(f64::from(u8::from(*x)))),
            Self::Text(_) => {}
        }
    }

    /// As the cells of a table: `7`, `0.5`, `true`, or the text.
    pub fn texts(&self) -> Vec<String> {
        of_numbers!(self,
            all => all.iter().map(ToString::to_string).collect(),
            bool bools => bools.iter().map(ToString::to_string).collect(),
            text texts => texts.clone())
    }

    /// `count` times nothing: 0, false or the empty text.
    pub fn zeros(element: Element, count: usize) -> Self {
        match element {
            Element::Text => Self::Text(vec![String::new(); count]),
            _ => {
                let bytes = vec![0; count * element.width().unwrap_or(1)];
                Self::of_bytes(element, &bytes).unwrap_or(Self::Uint8(Vec::new()))
            }
        }
    }

    /// Bytes of all elements: numbers as wide as they are, texts in UTF-8.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Text(all) => all.iter().map(|text| text.len() as u64).sum(),
            other => (other.len() * other.element().width().unwrap_or(0)) as u64,
        }
    }
}

/// A tensor without its name. Cheap to clone. Invariant: it has as many elements as its shape says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Tensor {
    shape: Vec<usize>,
    values: Arc<Values>,
}

impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            shape: &'a [usize],
            values: &'a Values,
        }
        Borrowed { shape: &self.shape, values: &self.values }.serialize(serializer)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    shape: Vec<usize>,
    values: Values,
}

impl TryFrom<Written> for Tensor {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::new(written.shape, written.values).ok_or("a tensor has other elements than its shape says")
    }
}

impl Tensor {
    pub fn new(shape: Vec<usize>, values: Values) -> Option<Self> {
        (count(&shape)? == values.len()).then(|| Self { shape, values: Arc::new(values) })
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn values(&self) -> &Values {
        &self.values
    }

    pub fn element(&self) -> Element {
        self.values.element()
    }

    /// The same elements with dimension `axis` in front. `None` where there is no such dimension.
    pub fn with_in_front(&self, axis: usize) -> Option<Self> {
        let rows = *self.shape.get(axis)?;
        if axis == 0 {
            return Some(self.clone());
        }
        // Elements that are there bound every product; without any the dimensions may say what they like.
        if self.values.is_empty() {
            return None;
        }
        let outer: usize = self.shape.iter().take(axis).product();
        let inner: usize = self.shape.iter().skip(axis + 1).product();
        let places = (0..rows)
            .flat_map(|row| (0..outer).map(move |before| (before * rows + row) * inner))
            .flat_map(|start| start..start + inner);
        let mut shape = self.shape.clone();
        shape.remove(axis);
        shape.insert(0, rows);
        Self::new(shape, self.values.pick(places))
    }

    /// The first `rows` of the first dimension.
    pub fn first(&self, rows: usize) -> Self {
        let mut shape = self.shape.clone();
        let Some(all) = shape.first_mut() else { return self.clone() };
        *all = rows.min(*all);
        let values = self.values.pick(0..count(&shape).unwrap_or(0));
        Self { shape, values: Arc::new(values) }
    }
}

/// Elements of a tensor of this shape; `None` when nobody could count them.
pub fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
}

/// On the wire numbers are base64 of their bytes: they arrive bit by bit as they were, NaN too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    element: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<String>>,
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = match self {
            Self::Text(texts) => Some(texts.clone()),
            _ => None,
        };
        let base64 = self.to_bytes().map(|bytes| STANDARD.encode(bytes));
        Wire { element: self.element().name().to_owned(), base64, texts }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let wrong = || de::Error::custom("the elements of a tensor are not of the type that it names");
        let element = Element::parse(&wire.element).ok_or_else(wrong)?;
        match (element, wire.base64, wire.texts) {
            (Element::Text, None, Some(texts)) => Ok(Self::Text(texts)),
            (_, Some(base64), None) => {
                let bytes = STANDARD.decode(base64).map_err(de::Error::custom)?;
                Self::of_bytes(element, &bytes).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dimension_can_be_brought_to_the_front() {
        let tensor = Tensor::new(vec![2, 3, 2], Values::Int32((0..12).collect())).expect("fits");
        let moved = tensor.with_in_front(1).expect("an axis");
        assert_eq!(moved.shape(), [3, 2, 2]);
        assert_eq!(moved.values(), &Values::Int32(vec![0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]));
        assert_eq!(tensor.with_in_front(0), Some(tensor.clone()));
        assert_eq!(tensor.with_in_front(3), None);
        assert_eq!(moved.first(1).values(), &Values::Int32(vec![0, 1, 6, 7]));
    }

    #[test]
    fn a_tensor_has_as_many_elements_as_its_shape_says() {
        assert!(Tensor::new(vec![2, 2], Values::Bool(vec![true; 3])).is_none());
        assert!(Tensor::new(vec![usize::MAX, 2], Values::Bool(Vec::new())).is_none());
        let lie = serde_json::json!({"shape": [2], "values": {"element": "string", "texts": ["a"]}});
        assert!(serde_json::from_value::<Tensor>(lie).is_err());
        assert_eq!(Values::of_bytes(Element::Bool, &[2]), None);
        assert_eq!(Values::of_bytes(Element::Int32, &[0; 5]), None);
    }

    proptest! {
        #[test]
        fn every_bit_arrives(bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
            for element in Element::ALL {
                let Some(width) = element.width() else { continue };
                let bytes = bytes.iter().map(|b| if element == Element::Bool { b & 1 } else { *b });
                let bytes = bytes.collect::<Vec<_>>().repeat(width);
                let values = Values::of_bytes(element, &bytes).expect("whole elements");
                let wire = serde_json::to_string(&values).expect("json");
                let back: Values = serde_json::from_str(&wire).expect("read");
                prop_assert_eq!(back.to_bytes(), Some(bytes));
                prop_assert_eq!(back.element(), element);
            }
        }

        #[test]
        fn texts_arrive(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let wire = serde_json::to_string(&Values::Text(texts.clone())).expect("json");
            prop_assert_eq!(serde_json::from_str::<Values>(&wire).expect("read"), Values::Text(texts));
        }
    }
}
