//! Arrays of NumPy. Source: the format description in `numpy.lib.format`.

mod literal;

use super::{Amount, Class, Contents, Finding, Refusal, quoted, source::fill};
use literal::Literal;
use std::io::BufRead;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Records of very many fields have long headers; NumPy itself warns of more than ten thousand bytes.
const MAX_HEADER_BYTES: u64 = 1 << 20;
const MAX_DIMENSIONS: usize = 64;
const ADVICE: &str = "store numbers, or text with dtype str";

/// Looks at the header; the elements are passed over.
pub(super) fn read(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    let broken = || Refusal::Invalid("the array has no readable header".to_owned());
    let start = fill(from, 8)?;
    let (length_bytes, length) = match start.strip_prefix(MAGIC).ok_or_else(broken)? {
        [1, _] => (2, fill(from, 2)?),
        [2 | 3, _] => (4, fill(from, 4)?),
        _ => return Err(broken()),
    };
    if length.len() != length_bytes {
        return Err(broken());
    }
    let length = length.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    if MAX_HEADER_BYTES < length {
        return Err(Refusal::Unsupported(format!(
            "the array has a header of {length} bytes; at most {MAX_HEADER_BYTES}"
        )));
    }
    let header = fill(from, length)?;
    if header.len() as u64 != length {
        return Err(broken());
    }
    let header = String::from_utf8_lossy(&header);
    let Some(Literal::Table(entries)) = literal::parse(&header) else { return Err(broken()) };
    let (mut kind, mut dimensions, mut order) = (None, None, None);
    for (key, value) in &entries {
        let again = match key.as_str() {
            "descr" => kind.replace(value).is_some(),
            "shape" => dimensions.replace(value).is_some(),
            "fortran_order" => order.replace(value).is_some(),
            _ => true,
        };
        if again {
            return Err(broken());
        }
    }
    let (Some(kind), Some(Literal::List(sizes)), Some(Literal::Truth(_))) = (kind, dimensions, order) else {
        return Err(broken());
    };
    let elements = shape(sizes).ok_or_else(broken)?;
    let elements =
        elements.ok_or_else(|| Refusal::Invalid("the array has more elements than can be counted".to_owned()))?;
    let data_bytes = size_bytes.saturating_sub(8 + length_bytes as u64 + length);
    let mut contents = Contents::of("NumPy array", Class::Data);
    let shown = shown(kind);
    match width(kind) {
        Width::Bytes(width) => {
            // What is unpacked says at its end alone how long it is.
            if size_bytes != u64::MAX && elements.checked_mul(width) != Some(data_bytes) {
                let kind = quoted(&shown);
                let what =
                    format!("the array declares {elements} elements of {kind} and has {data_bytes} bytes of them");
                return Err(Refusal::Invalid(what));
            }
        }
        Width::Objects => {
            let what = "the array holds Python objects, which are a pickle";
            contents.find(Finding::refused("array_objects", what, ADVICE).at(0));
        }
        Width::Unknown => {
            let what = format!("the array has the type {}, which may be one of Python objects", quoted(&shown));
            contents.find(Finding::refused("array_objects", what, ADVICE).at(0));
        }
    }
    contents.tensors(&shown, Amount { tensors: 1, parameters: elements, bytes: data_bytes });
    Ok(contents)
}

/// How many elements there are: `None` inside when nobody can count them.
fn shape(sizes: &[Literal]) -> Option<Option<u64>> {
    let mut elements = Some(1u64);
    for (at, size) in sizes.iter().enumerate() {
        let Literal::Number(size) = size else { return None };
        elements = elements.and_then(|all| all.checked_mul(*size)).filter(|_| at < MAX_DIMENSIONS);
    }
    Some(elements)
}

/// How an element lies in the file.
enum Width {
    Bytes(u64),
    Objects,
    /// NumPy has many names for a type; only those that it writes itself are known.
    Unknown,
}

/// Of a type, or of a record of fields, each with a name, a type and perhaps a shape.
fn width(kind: &Literal) -> Width {
    match kind {
        Literal::Text(code) => plain(code),
        Literal::List(fields) if fields.iter().all(|field| matches!(field, Literal::List(_))) => {
            let mut all = 0u64;
            for field in fields {
                let Literal::List(parts) = field else { return Width::Unknown };
                let (kind, sizes) = match parts.as_slice() {
                    [Literal::Text(_) | Literal::List(_), kind] => (kind, None),
                    [Literal::Text(_) | Literal::List(_), kind, sizes] => (kind, Some(sizes)),
                    _ => return Width::Unknown,
                };
                match (width(kind), times(sizes)) {
                    (Width::Bytes(one), Some(times)) => all = all.saturating_add(one.saturating_mul(times)),
                    (Width::Bytes(_), None) => return Width::Unknown,
                    (other, _) => return other,
                }
            }
            Width::Bytes(all)
        }
        // A type with a shape of its own.
        Literal::List(parts) => match parts.as_slice() {
            [kind, sizes] => match (width(kind), times(Some(sizes))) {
                (Width::Bytes(one), Some(times)) => Width::Bytes(one.saturating_mul(times)),
                (Width::Bytes(_), None) => Width::Unknown,
                (other, _) => other,
            },
            _ => Width::Unknown,
        },
        _ => Width::Unknown,
    }
}

fn times(sizes: Option<&Literal>) -> Option<u64> {
    match sizes {
        None => Some(1),
        Some(Literal::Number(times)) => Some(*times),
        Some(Literal::List(sizes)) => shape(sizes)?,
        Some(_) => None,
    }
}

/// A byte order, a letter, and a number.
fn plain(code: &str) -> Width {
    let code = code.strip_prefix(['|', '<', '>', '=']).unwrap_or(code);
    let Some((letter, rest)) = code.split_at_checked(1) else { return Width::Unknown };
    if letter == "O" {
        return Width::Objects;
    }
    // Times have their unit behind the number.
    let digits = if matches!(letter, "m" | "M") { rest.split('[').next().unwrap_or(rest) } else { rest };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let Some(count) = digits.parse::<u64>().ok().filter(|_| is_number) else { return Width::Unknown };
    match letter {
        "b" | "i" | "u" | "f" | "c" | "m" | "M" if (1..=32).contains(&count) => Width::Bytes(count),
        "S" | "a" | "V" => Width::Bytes(count),
        "U" => Width::Bytes(count.saturating_mul(4)),
        _ => Width::Unknown,
    }
}

/// For people: the type itself, or how many fields a record has.
fn shown(kind: &Literal) -> String {
    match kind {
        Literal::Text(code) => code.clone(),
        Literal::List(fields) => format!("record of {}", fields.len()),
        _ => "unknown".to_owned(),
    }
}
