//! Any file of a version: recognised by what it begins with, then by its name.

use super::{Class, Contents, Pickles, Refusal, Source, hdf5, member, named, onnx, source::fill, tar, zip};
use std::io::{Read, SeekFrom};

/// Enough to know most things by.
const START_BYTES: u64 = 64 << 10;
const PARQUET: &[u8] = b"PAR1";
/// What models of this format end with, in any case.
const ONNX_ENDING: &str = ".onnx";

/// Reads a file that is called `name`; an ONNX model is read with what it needs to know of its surroundings.
///
/// What would run code is a finding of what is returned; [`Contents::judge`] makes a refusal of it.
///
/// # Errors
/// What leaves its folder or is understood in two ways is `Unsafe`; what breaks its own format is refused with the element.
pub fn read(
    name: &str,
    from: &mut dyn Source,
    size_bytes: u64,
    around: &onnx::Surroundings<'_>,
) -> Result<Contents, Refusal> {
    let start = fill(from, START_BYTES)?;
    from.seek(SeekFrom::Start(0))?;
    named::require_whole(&start)?;
    let read = if name.to_ascii_lowercase().ends_with(ONNX_ENDING) {
        onnx::read(from, size_bytes, around)?
    } else if zip::is_zip(&start) {
        // Its end is looked at from all sides there.
        return zip::read(from, size_bytes);
    } else {
        by_start(name, &start, from, size_bytes)?
    };
    from.seek(SeekFrom::Start(size_bytes.saturating_sub(zip::TAIL_BYTES as u64)))?;
    zip::refuse_behind(&fill(from, zip::TAIL_BYTES as u64)?)?;
    Ok(read)
}

fn by_start(name: &str, start: &[u8], from: &mut dyn Source, size_bytes: u64) -> Result<Contents, Refusal> {
    if tar::is_tar(start) {
        return tar::read(from);
    }
    if start.starts_with(b"\x1f\x8b") {
        return tar::read_gzip(name, from, size_bytes);
    }
    if let Some(packed) = member::packed(start) {
        return Err(Refusal::Unsupported(format!(
            "it is packed with {packed}, which is not looked into; send it unpacked"
        )));
    }
    if start.starts_with(PARQUET) {
        return parquet(from, size_bytes);
    }
    if let Some(known) = member::by_start(name, start, &mut (&mut *from).take(size_bytes), size_bytes)? {
        return Ok(known);
    }
    // Readers look for HDF5 at every power of two.
    let mut at = START_BYTES.next_power_of_two();
    while at < size_bytes {
        from.seek(SeekFrom::Start(at))?;
        if fill(from, hdf5::MAGIC.len() as u64)? == hdf5::MAGIC {
            return Ok(hdf5::behind(at));
        }
        at = at.saturating_mul(2);
    }
    Ok(Contents::default())
}

/// Refuses what would run code, and what can't be read as what it is.
///
/// # Errors
/// The first rule that it breaks.
pub fn refuse(
    name: &str,
    from: &mut dyn Source,
    size_bytes: u64,
    around: &onnx::Surroundings<'_>,
    pickles: Pickles,
) -> Result<Contents, Refusal> {
    let contents = read(name, from, size_bytes, around)?;
    contents.judge(pickles).map(|()| contents)
}

/// The footer: metadata, their length, and the magic again.
fn parquet(from: &mut dyn Source, size_bytes: u64) -> Result<Contents, Refusal> {
    const FOOTER_BYTES: u64 = 8;
    let broken = || Refusal::Invalid("a parquet file without a whole footer: it is cut off".to_owned());
    let at = size_bytes.checked_sub(FOOTER_BYTES).filter(|at| 4 <= *at).ok_or_else(broken)?;
    from.seek(SeekFrom::Start(at))?;
    let mut footer = [0; 8];
    from.read_exact(&mut footer)?;
    let [a, b, c, d, magic @ ..] = footer;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    match magic == *PARQUET && length <= at - 4 {
        true => Ok(Contents::of("Parquet table", Class::Data)),
        false => Err(broken()),
    }
}

#[cfg(test)]
mod tests;
