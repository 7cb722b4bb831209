//! The records of an archive, one after the other.

use super::{
    RECORDS, SUMS,
    tape::{Reader, TapeError},
};
use crate::audit::mirror;
use std::io::Read;

const ENTRIES: &str = "tile/entries/";

#[derive(Debug, thiserror::Error)]
pub enum LeavesError {
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error("{0}: its records do not end where it does, or are no text")]
    Bundle(String),
}

/// Gives each record of an archive to `each`, in the order of the log. Says nothing about whether
/// the archive holds: verify it before.
pub fn for_each<E: From<LeavesError>>(input: impl Read, each: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut tape = Reader::of(input);
    while let Some(path) = tape.peek().map_err(LeavesError::from)?.filter(|path| *path != SUMS).map(str::to_owned) {
        let bytes = tape.take(&path, mirror::MAX_FILE_BYTES).map_err(LeavesError::from)?;
        let broken = || LeavesError::Bundle(path.clone());
        if path.starts_with(ENTRIES) {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (entry, after) = mirror::split_entry(rest).ok_or_else(broken)?;
                each(std::str::from_utf8(entry).map_err(|_| broken())?)?;
                rest = after;
            }
        } else if path.starts_with(RECORDS) && path.ends_with(".json") {
            each(std::str::from_utf8(&bytes).map_err(|_| broken())?)?;
        }
    }
    Ok(())
}
