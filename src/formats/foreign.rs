//! Files that are no ONNX models but may lie beside one: recognised by what they begin with, then by their name.

use super::{Refusal, archive, gguf, npy, pickle, safetensors};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// Enough for the header of an array of any sane type.
const START_BYTES: usize = 64 << 10;
const PARQUET: &[u8] = b"PAR1";

/// Looks at a file that is called `name`.
///
/// # Errors
/// What would run code or leave its folder is `Unsafe`; what breaks its own format is refused with the element.
pub fn inspect<R: BufRead + Seek>(name: &str, mut from: R, size_bytes: u64) -> Result<(), Refusal> {
    let mut start = Vec::new();
    Read::by_ref(&mut from).take(START_BYTES as u64).read_to_end(&mut start)?;
    if pickle::is_named(name) || pickle::is_pickle(&start, last_byte(&mut from, size_bytes)?) {
        return Err(pickle::refusal(name));
    }
    from.seek(SeekFrom::Start(0))?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return archive::inspect(from);
    }
    if start.starts_with(npy::MAGIC) {
        return npy::inspect(&start);
    }
    if start.starts_with(gguf::MAGIC) {
        return gguf::inspect(from, size_bytes);
    }
    if start.starts_with(PARQUET) {
        return parquet(from, size_bytes);
    }
    if name.to_ascii_lowercase().ends_with(".safetensors") {
        return safetensors::inspect(from, size_bytes);
    }
    Ok(())
}

fn last_byte<R: BufRead + Seek>(from: &mut R, size_bytes: u64) -> Result<Option<u8>, Refusal> {
    let Some(last) = size_bytes.checked_sub(1) else { return Ok(None) };
    from.seek(SeekFrom::Start(last))?;
    Ok(from.fill_buf()?.first().copied())
}

/// The footer: metadata, their length, and the magic again.
fn parquet<R: BufRead + Seek>(mut from: R, size_bytes: u64) -> Result<(), Refusal> {
    const FOOTER_BYTES: u64 = 8;
    let broken = || Refusal::Invalid("a parquet file without a whole footer: it is cut off".to_owned());
    let at = size_bytes.checked_sub(FOOTER_BYTES).filter(|at| 4 <= *at).ok_or_else(broken)?;
    from.seek(SeekFrom::Start(at))?;
    let mut footer = [0; 8];
    from.read_exact(&mut footer)?;
    let [a, b, c, d, magic @ ..] = footer;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != *PARQUET || at - 4 < length { Err(broken()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
