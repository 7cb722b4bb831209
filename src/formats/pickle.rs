//! Python pickles: programs, whatever they are called. Never read, only recognised.

use super::{Refusal, quoted};

/// Whether a file with these first and last bytes is a pickle of protocol 2 to 5.
pub(super) fn is_pickle(start: &[u8], last: Option<u8>) -> bool {
    matches!(start, [0x80, 2..=5, ..]) && last == Some(b'.')
}

/// Whether a name is one that is given to pickles.
pub(super) fn is_named(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".pkl", ".pickle", ".joblib", ".dill"].iter().any(|ending| name.ends_with(ending))
}

pub(super) fn refusal(name: &str) -> Refusal {
    Refusal::Unsafe(format!("{} is a pickle, which runs code when it is loaded; use ONNX or safetensors", quoted(name)))
}
