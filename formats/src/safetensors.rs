//! Safetensors: a length, a JSON header, data. Source: the format section of the safetensors README.
//!
//! The tensors fill the data without a hole, an overlap or a rest, so that nothing else hides in the file.

use super::{Amount, Class, Contents, Refusal, quoted, source::fill};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    io::BufRead,
};

/// The format's own limit on the header.
const MAX_HEADER_BYTES: u64 = 100_000_000;
const LENGTH_BYTES: u64 = 8;
/// Tensors and entries of the metadata: more than any model has.
const MAX_TENSORS: usize = 1_000_000;
const MAX_METADATA: usize = 10_000;
const MAX_DIMENSIONS: usize = 64;
const METADATA: &str = "__metadata__";

/// Bits of an element.
const TYPES: &[(&str, u64)] = &[
    ("F64", 64),
    ("I64", 64),
    ("U64", 64),
    ("C64", 64),
    ("F32", 32),
    ("I32", 32),
    ("U32", 32),
    ("F16", 16),
    ("BF16", 16),
    ("I16", 16),
    ("U16", 16),
    ("I8", 8),
    ("U8", 8),
    ("BOOL", 8),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E8M0", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2FNUZ", 8),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F4", 4),
];

pub(super) fn read(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    let length = fill(from, LENGTH_BYTES)?;
    let length: [u8; 8] =
        length.try_into().map_err(|_| Refusal::Invalid("it is too short for the length of its header".to_owned()))?;
    let length = u64::from_le_bytes(length);
    let left = size_bytes.saturating_sub(LENGTH_BYTES);
    if MAX_HEADER_BYTES.min(left) < length {
        return Err(Refusal::Invalid(format!("its header should have {length} bytes; {left} are there")));
    }
    let text = fill(from, length)?;
    if text.first() != Some(&b'{') {
        return Err(Refusal::Invalid("its header does not begin with an object".to_owned()));
    }
    let header: Header = serde_json::from_slice(&text)
        .map_err(|error| Refusal::Invalid(format!("its header can't be read: {error}")))?;
    let data_bytes = left - length;
    let mut places = header.places;
    places.sort_unstable();
    let mut at = 0;
    for (start, end) in places {
        match start.cmp(&at) {
            std::cmp::Ordering::Less => return Err(lies("two tensors overlap", start, end, data_bytes)),
            std::cmp::Ordering::Greater => {
                return Err(lies("no tensor has the bytes before the one", start, end, data_bytes));
            }
            std::cmp::Ordering::Equal => at = end,
        }
        if data_bytes < end {
            return Err(lies("a tensor", start, end, data_bytes));
        }
    }
    if at != data_bytes {
        let rest = data_bytes - at;
        return Err(Refusal::Invalid(format!("{rest} bytes stand behind its tensors, which are no tensor's")));
    }
    Ok(header.contents)
}

fn lies(what: &str, start: u64, end: u64, data_bytes: u64) -> Refusal {
    Refusal::Invalid(format!("{what}, which lies at {start} to {end} of {data_bytes} bytes"))
}

/// The header, of which only sums and places are kept.
struct Header {
    contents: Contents,
    /// Where each tensor begins and ends.
    places: Vec<(u64, u64)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor<'t> {
    #[serde(borrow)]
    dtype: std::borrow::Cow<'t, str>,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// How many elements there are; `None` when nobody could count them.
struct Shape(Option<u64>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Dimensions;
        impl<'de> Visitor<'de> for Dimensions {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of dimensions")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
                let (mut elements, mut dimensions) = (Some(1u64), 0);
                while let Some(dimension) = list.next_element::<u64>()? {
                    elements = elements.and_then(|all| all.checked_mul(dimension));
                    dimensions += 1;
                    if MAX_DIMENSIONS < dimensions {
                        return Err(de::Error::custom(format!("more than {MAX_DIMENSIONS} dimensions")));
                    }
                }
                Ok(Shape(elements))
            }
        }
        from.deserialize_seq(Dimensions)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Tensors)
    }
}

struct Tensors;

impl<'de> Visitor<'de> for Tensors {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header { contents: Contents::of("safetensors", Class::Data), places: Vec::new() };
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if MAX_TENSORS < names.len() {
                return Err(de::Error::custom(format!("more than {MAX_TENSORS} tensors")));
            }
            if names.contains(&name) {
                return Err(de::Error::custom(format!("the name {} stands twice", quoted(&name))));
            }
            if name == METADATA {
                for (name, value) in &map.next_value::<Metadata>()?.0 {
                    header.contents.say(name, value);
                }
            } else {
                let tensor: Tensor<'de> = map.next_value()?;
                header.add(&name, &tensor).map_err(de::Error::custom)?;
            }
            names.insert(name);
        }
        Ok(header)
    }
}

impl Header {
    fn add(&mut self, name: &str, tensor: &Tensor<'_>) -> Result<(), String> {
        let (start, end) = tensor.data_offsets;
        let refuse = |what: String| format!("the tensor {} {what}", quoted(name));
        let bytes = end.checked_sub(start).ok_or_else(|| refuse(format!("lies at {start} to {end}")))?;
        let elements = tensor.shape.0.ok_or_else(|| refuse("has more elements than can be counted".to_owned()))?;
        let Some((_, bits)) = TYPES.iter().find(|(known, _)| *known == tensor.dtype) else {
            let dtype = quoted(&tensor.dtype);
            return Err(refuse(format!(
                "has the dtype {dtype}, which is not known here, so nobody can say how many bytes it takes"
            )));
        };
        let needed = elements.checked_mul(*bits).filter(|bits| bits % 8 == 0).map(|bits| bits / 8);
        if needed != Some(bytes) {
            return Err(refuse(format!("has {bytes} bytes, which its shape and dtype do not need")));
        }
        self.places.push((start, end));
        self.contents.tensors(&tensor.dtype, Amount { tensors: 1, parameters: elements, bytes });
        Ok(())
    }
}

/// Texts by name, each name once.
struct Metadata(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if MAX_METADATA < texts.len() {
                        map.next_value::<IgnoredAny>()?;
                        return Err(de::Error::custom(format!("more than {MAX_METADATA} metadata")));
                    }
                    let value = map.next_value::<String>()?;
                    let shown = quoted(&name);
                    if texts.insert(name, value).is_some() {
                        return Err(de::Error::custom(format!("the metadata {shown} stand twice")));
                    }
                }
                Ok(Metadata(texts))
            }
        }
        from.deserialize_map(Texts)
    }
}
