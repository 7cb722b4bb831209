//! GGUF: counts, keys with values, tensor descriptions. Source: `docs/gguf.md` of the ggml project.

use super::{Refusal, quoted};
use std::io::{BufRead, Seek};

pub(super) const MAGIC: &[u8] = b"GGUF";
/// Arrays inside of arrays.
const MAX_DEPTH: u32 = 4;
const MAX_NAME_BYTES: u64 = 64 << 10;
/// The least that a key or a tensor's description takes.
const LEAST_ENTRY_BYTES: u64 = 13;
const MAX_DIMENSIONS: u32 = 8;

struct Reader<R> {
    from: R,
    left: u64,
}

pub(super) fn inspect<R: BufRead + Seek>(from: R, size_bytes: u64) -> Result<(), Refusal> {
    let mut reader = Reader { from, left: size_bytes };
    reader.skip(MAGIC.len() as u64)?;
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(Refusal::Unsupported(format!("GGUF version {version}; 2 and 3 can be read")));
    }
    let (tensors, keys) = (reader.u64()?, reader.u64()?);
    for (what, count) in [("tensors", tensors), ("keys", keys)] {
        if reader.left / LEAST_ENTRY_BYTES < count {
            let left = reader.left;
            return Err(Refusal::Invalid(format!("it declares {count} {what} in {left} bytes")));
        }
    }
    for _ in 0..keys {
        let key = reader.text()?;
        let kind = reader.u32()?;
        reader.value(&key, kind, 0)?;
    }
    for _ in 0..tensors {
        let name = reader.text()?;
        let dimensions = reader.u32()?;
        if MAX_DIMENSIONS < dimensions {
            return Err(Refusal::Invalid(format!("the tensor {} has {dimensions} dimensions", quoted(&name))));
        }
        reader.skip(u64::from(dimensions) * 8 + 4 + 8)?;
    }
    Ok(())
}

impl<R: BufRead + Seek> Reader<R> {
    fn value(&mut self, key: &str, kind: u32, depth: u32) -> Result<(), Refusal> {
        match kind {
            0 | 1 | 7 => self.skip(1),
            2 | 3 => self.skip(2),
            4..=6 => self.skip(4),
            10..=12 => self.skip(8),
            8 => {
                let length = self.u64()?;
                self.skip(length)
            }
            9 if MAX_DEPTH <= depth => {
                Err(Refusal::Invalid(format!("the key {} nests arrays more than {MAX_DEPTH} deep", quoted(key))))
            }
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                // Every element takes a byte at least.
                if self.left < count {
                    return Err(Refusal::Invalid(format!("the key {} declares {count} elements", quoted(key))));
                }
                (0..count).try_for_each(|_| self.value(key, kind, depth + 1))
            }
            other => Err(Refusal::Invalid(format!("the key {} has the unknown type {other}", quoted(key)))),
        }
    }

    fn text(&mut self) -> Result<String, Refusal> {
        let length = self.u64()?;
        if MAX_NAME_BYTES < length {
            return Err(Refusal::Invalid(format!("a name has {length} bytes; at most {MAX_NAME_BYTES}")));
        }
        self.take(length)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.from.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        let mut bytes = [0; 4];
        self.take(4)?;
        self.from.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, Refusal> {
        let mut bytes = [0; 8];
        self.take(8)?;
        self.from.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.take(bytes)?;
        self.from.seek_relative(i64::try_from(bytes).unwrap_or(i64::MAX))?;
        Ok(())
    }

    fn take(&mut self, bytes: u64) -> Result<(), Refusal> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| Refusal::Invalid("it ends in the middle of a value".to_owned()))?;
        Ok(())
    }
}
