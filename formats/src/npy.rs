//! Arrays of NumPy. Source: the format description in `numpy.lib.format`.

use super::{Amount, Class, Contents, Finding, Refusal, quoted, source::fill};
use std::io::BufRead;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Records of very many fields have long headers; NumPy itself warns of more than ten thousand bytes.
const MAX_HEADER_BYTES: u64 = 1 << 20;
const MAX_DIMENSIONS: usize = 64;

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
    let mut contents = Contents::of("NumPy array", Class::Data);
    let (_, kind) = header.split_once("'descr':").ok_or_else(broken)?;
    // The value, which for a record is a list of pairs, ends where the next key begins.
    let kind = kind.split("'fortran_order'").next().unwrap_or(kind);
    // A byte order, the letter, and in old files its size. Of a record's fields the names are looked at, too.
    let is_object = |code: &str| matches!(code.trim_start_matches(['|', '<', '>', '=']), "O" | "O4" | "O8");
    if header.split(['\'', '"']).any(is_object) {
        let what = "the array holds Python objects, which are a pickle";
        contents.find(Finding::refused("array_objects", what, "store numbers, or text with dtype str").at(0));
    }
    let elements = shape(&header).ok_or_else(broken)?;
    let elements =
        elements.ok_or_else(|| Refusal::Invalid("the array has more elements than can be counted".to_owned()))?;
    let data_bytes = size_bytes.saturating_sub(8 + length_bytes as u64 + length);
    let kind = kind.trim().trim_end_matches([',', ' ']).trim_matches('\'');
    if let Some(width) = width(kind).filter(|_| contents.findings.is_empty())
        && elements.checked_mul(width) != Some(data_bytes)
    {
        let kind = quoted(kind);
        let what = format!("the array declares {elements} elements of {kind} and has {data_bytes} bytes of them");
        return Err(Refusal::Invalid(what));
    }
    contents.tensors(kind, Amount { tensors: 1, parameters: elements, bytes: data_bytes });
    Ok(contents)
}

/// How many elements there are: `None` inside when nobody can count them.
fn shape(header: &str) -> Option<Option<u64>> {
    let (_, rest) = header.split_once("'shape':")?;
    let (inside, _) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    let mut elements = Some(1u64);
    let sizes = inside.split(',').map(str::trim).filter(|size| !size.is_empty());
    for (at, size) in sizes.enumerate() {
        let size: u64 = size.trim_end_matches('L').parse().ok()?;
        elements = elements.and_then(|all| all.checked_mul(size)).filter(|_| at < MAX_DIMENSIONS);
    }
    Some(elements)
}

/// Bytes of one element of a plain type.
fn width(kind: &str) -> Option<u64> {
    let kind = kind.trim_start_matches(['|', '<', '>', '=']);
    let (letter, digits) = kind.split_at_checked(1)?;
    let count: u64 = digits.parse().ok()?;
    match letter {
        "b" | "i" | "u" | "f" | "c" | "S" | "V" => Some(count),
        "U" => count.checked_mul(4),
        _ => None,
    }
}
