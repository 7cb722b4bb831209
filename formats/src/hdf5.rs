//! HDF5, which old versions of Keras keep whole models in. Recognised, not read: only whether there is a model with code.

use crate::{Class, Contents, Finding, Refusal};
use std::io::BufRead;

pub(crate) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// The attribute in which Keras keeps the description of the layers; weights alone have none.
const MODEL: &[u8] = b"model_config";
const ADVICE: &str = "save the model in the .keras format, which can be looked into, or export it to ONNX";
const PIECE_BYTES: usize = 64 << 10;

/// Goes through the file once.
pub(crate) fn read(from: &mut dyn BufRead) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("HDF5 file", Class::Data);
    if let Some(at) = find(from, MODEL)? {
        contents.format = "Keras model in HDF5";
        let what = "it holds the description of a Keras model, in which a layer may be code";
        contents.find(Finding::refused("keras_hdf5", what, ADVICE).at(at));
    }
    Ok(contents)
}

/// Where a text stands first.
fn find(from: &mut dyn BufRead, wanted: &[u8]) -> Result<Option<u64>, Refusal> {
    let (mut window, mut begins_at) = (Vec::with_capacity(PIECE_BYTES * 2), 0u64);
    loop {
        let piece = crate::source::fill(from, PIECE_BYTES as u64)?;
        if piece.is_empty() {
            return Ok(None);
        }
        window.extend(piece);
        if let Some(at) = window.windows(wanted.len()).position(|part| part == wanted) {
            return Ok(Some(begins_at + at as u64));
        }
        let kept = window.len().saturating_sub(wanted.len() - 1);
        begins_at += kept as u64;
        window.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_stands() {
        for at in [0, 1, PIECE_BYTES - 5, PIECE_BYTES, 3 * PIECE_BYTES - 1] {
            let bytes = [vec![b'm'; at], MODEL.to_vec(), vec![0; 9]].concat();
            let expected = bytes.windows(MODEL.len()).position(|part| part == MODEL).expect("there") as u64;
            assert_eq!(find(&mut bytes.as_slice(), MODEL), Ok(Some(expected)));
        }
        assert_eq!(find(&mut vec![b'm'; 3 * PIECE_BYTES].as_slice(), MODEL), Ok(None));
    }
}
