//! HDF5, which old versions of Keras keep whole models in. Recognised, not read: only whether there is a model with code.

use crate::{Class, Contents, Finding, Refusal};
use std::io::BufRead;

pub(crate) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// The attribute in which Keras keeps the description of the layers; weights alone have none.
const MODEL: &[u8] = b"model_config";
const ADVICE: &str = "save the model in the .keras format, which can be looked into, or export it to ONNX";
const PIECE_BYTES: usize = 64 << 10;

/// The first place behind a file's beginning where readers look for HDF5: whoever writes one may put something before it.
pub(crate) const FIRST_PLACE: u64 = 512;

/// Where one begins behind the beginning, as far as `start` shows.
pub(crate) fn place_behind(start: &[u8]) -> Option<u64> {
    let places = std::iter::successors(Some(FIRST_PLACE), |place| place.checked_mul(2));
    let there = |at: &u64| usize::try_from(*at).ok().and_then(|at| start.get(at..));
    places.take_while(|at| there(at).is_some()).find(|at| there(at).is_some_and(|rest| rest.starts_with(MAGIC)))
}

/// One that stands behind something else.
pub(crate) fn behind(at: u64) -> Contents {
    let mut contents = Contents::of("HDF5 file", Class::Code);
    let what = "an HDF5 file begins here, behind something else";
    contents.find(Finding::refused("hdf5_behind", what, "write it without a user block").at(at));
    contents
}

/// Goes through the file once.
pub(crate) fn read(from: &mut dyn BufRead) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("HDF5 file", Class::Unknown);
    let what = "what it holds is not read, and its numbers may lie in other files that it names";
    contents.find(Finding::warning("hdf5_unread", what, "keep weights as safetensors, or export the model to ONNX"));
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
