//! `.npz`: named arrays in a zip archive, read strictly and with bounds.
//!
//! Nothing is unpacked to anywhere, no pickle is read, and no name becomes a path. A declared size is never trusted:
//! memory grows with the bytes that really come.

mod header;

use super::{
    Refusal, quoted,
    tensor::{Element, Tensor, Values, count},
};
use header::Header;
use std::{
    collections::BTreeMap,
    io::{self, Read, Seek},
};
use zip::{CompressionMethod, ZipArchive, result::ZipError};

const MAX_ENTRIES: usize = 1_000;
const MAX_NAME_BYTES: usize = 200;
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Smaller arrays may be packed as well as they like.
const FREE_BYTES: u64 = 16 << 20;
/// Unpacked over packed bytes of a larger one.
const MAX_RATIO: u64 = 200;
/// What a text takes in memory beside its characters.
const TEXT_BYTES: usize = 56;

/// The arrays by name, without `.npy`. Together they may take `most_bytes` unpacked.
///
/// # Errors
/// Names the entry that is wrong.
pub fn read(from: impl Read + Seek, most_bytes: u64) -> Result<BTreeMap<String, Tensor>, Refusal> {
    let mut archive = ZipArchive::new(from).map_err(|error| unreadable(&error))?;
    if archive.is_empty() {
        return Err(Refusal::Invalid("the archive holds no array".to_owned()));
    }
    if MAX_ENTRIES < archive.len() {
        return Err(Refusal::Unsupported(format!("the archive has {} entries; at most {MAX_ENTRIES}", archive.len())));
    }
    let mut left_bytes = most_bytes;
    // The reader keeps the last of them, and others may keep the first: one file would be two data sets.
    if archive.has_duplicate_names() {
        return Err(Refusal::Invalid("the archive has an entry twice".to_owned()));
    }
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| of_entry(&format!("number {}", index + 1), &error))?;
        let written = entry.name().map_err(|error| unreadable(&error))?.into_owned();
        let name = array_name(&written)?;
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(Refusal::Unsupported(format!("the entry {} is packed; store or deflate it", quoted(&written))));
        }
        let (packed, size) = (entry.compressed_size(), entry.size());
        if FREE_BYTES < size && packed.saturating_mul(MAX_RATIO) < size {
            let detail = format!(
                "the entry {} unpacks from {packed} to {size} bytes, more than {MAX_RATIO} times as many; store it \
                 unpacked (numpy.savez)",
                quoted(&written)
            );
            return Err(Refusal::Unsafe(detail));
        }
        let tensor = array(entry, &mut left_bytes).map_err(|why| match why {
            Why::Wrong(what) => Refusal::Invalid(format!("the array {} {what}", quoted(&name))),
            Why::TooLarge => Refusal::Unsupported(format!(
                "with the array {} the arrays take more than {most_bytes} bytes; use fewer rows",
                quoted(&name)
            )),
            Why::Broken(error) => {
                Refusal::Unreadable(format!("the entry {} can't be unpacked: {error}", quoted(&written)))
            }
        })?;
        if arrays.insert(name.clone(), tensor).is_some() {
            return Err(Refusal::Invalid(format!("the archive has the array {} twice", quoted(&name))));
        }
    }
    Ok(arrays)
}

/// `input` of `input.npy`.
fn array_name(entry: &str) -> Result<String, Refusal> {
    let name = entry.strip_suffix(".npy").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| {
        Refusal::Invalid(format!("the entry {} is no array; an .npz holds arrays (.npy) alone", quoted(entry)))
    })?;
    if MAX_NAME_BYTES < name.len() || name.contains(char::is_control) {
        return Err(Refusal::Invalid(format!(
            "the entry {} has a name of more than {MAX_NAME_BYTES} bytes, or one that can't be shown",
            quoted(entry)
        )));
    }
    Ok(name.to_owned())
}

enum Why {
    /// The end of a sentence about the array.
    Wrong(String),
    TooLarge,
    Broken(io::Error),
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Wrong("is cut off".to_owned()),
            _ => Self::Broken(error),
        }
    }
}

impl From<String> for Why {
    fn from(what: String) -> Self {
        Self::Wrong(what)
    }
}

/// Reads one entry to its end, where its checksum is held against it.
fn array(mut from: impl Read, left_bytes: &mut u64) -> Result<Tensor, Why> {
    let header = Header::parse(&header_text(&mut from)?)?;
    let elements = count(&header.shape).ok_or(Why::TooLarge)?;
    if elements == 0 {
        return Err("has no elements".to_owned().into());
    }
    let wanted = header.data_bytes().ok_or(Why::TooLarge)?;
    let own = if header.element == Element::Text { elements.saturating_mul(TEXT_BYTES) } else { 0 };
    *left_bytes = left_bytes.checked_sub(wanted.saturating_add(own) as u64).ok_or(Why::TooLarge)?;
    let mut data = Vec::new();
    from.by_ref().take(wanted as u64).read_to_end(&mut data)?;
    if data.len() != wanted {
        return Err(format!("is cut off: {} of {wanted} bytes are there", data.len()).into());
    }
    if from.read(&mut [0; 1])? != 0 {
        return Err("has more bytes than its shape says".to_owned().into());
    }
    let values = match header.element {
        Element::Text => Values::Text(texts(&data, header.width)?),
        element => Values::of_bytes(element, &data).ok_or_else(|| "has a bool that is neither 0 nor 1".to_owned())?,
    };
    let values = if header.fortran { values.pick(places_of_fortran(&header.shape)) } else { values };
    Tensor::new(header.shape, values).ok_or_else(|| "has other elements than its shape says".to_owned().into())
}

fn header_text(from: &mut impl Read) -> Result<String, Why> {
    let unreadable = || Why::Wrong("has no readable header".to_owned());
    let mut start = [0; 8];
    from.read_exact(&mut start)?;
    let version = start.strip_prefix(super::npy::MAGIC).ok_or_else(unreadable)?;
    let length = match version {
        [1, 0] => {
            let mut length = [0; 2];
            from.read_exact(&mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        [2 | 3, 0] => {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            usize::try_from(u32::from_le_bytes(length)).map_err(|_| unreadable())?
        }
        _ => return Err(unreadable()),
    };
    if MAX_HEADER_BYTES < length {
        return Err(format!("has a header of {length} bytes; at most {MAX_HEADER_BYTES}").into());
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    String::from_utf8(text).map_err(|_| unreadable())
}

/// Texts of four bytes a character, filled up with NUL.
fn texts(data: &[u8], width: usize) -> Result<Vec<String>, String> {
    let text = |cell: &[u8]| {
        let units = cell.as_chunks::<4>().0.iter().map(|unit| u32::from_le_bytes(*unit));
        let text: Option<String> = units.map(char::from_u32).collect();
        let text = text.ok_or("has a text that is no Unicode")?;
        let text = text.trim_end_matches('\0');
        if text.contains('\0') { Err("has a text with NUL inside".to_owned()) } else { Ok(text.to_owned()) }
    };
    data.chunks_exact(width).map(text).collect()
}

/// Where the elements lie whose first dimension is the fastest, in the order in which the last one is.
fn places_of_fortran(shape: &[usize]) -> impl Iterator<Item = usize> {
    let steps: Vec<usize> = shape
        .iter()
        .scan(1_usize, |step, size| {
            let own = *step;
            *step = step.saturating_mul(*size);
            Some(own)
        })
        .collect();
    let shape = shape.to_vec();
    (0..count(&shape).unwrap_or(0)).map(move |mut at| {
        let mut place = 0;
        for (size, step) in shape.iter().zip(&steps).rev() {
            place += at % size.max(&1) * step;
            at /= size.max(&1);
        }
        place
    })
}

fn unreadable(error: &ZipError) -> Refusal {
    Refusal::Unreadable(format!("a broken archive: {error}"))
}

fn of_entry(entry: &str, error: &ZipError) -> Refusal {
    Refusal::Unreadable(format!("the entry {entry} of the archive can't be read: {error}"))
}

#[cfg(test)]
mod tests;
