//! Replaying an export of the log, lines or archive, with no database.

use crate::audit::{
    archive::leaves::{self, LeavesError},
    export::{LineError, Lines},
    leaf::{Leaf, LeafError},
    replay::{ReplayError, Tables},
};
use std::io::{self, BufRead};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("it could not be read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error(transparent)]
    Archive(#[from] LeavesError),
    #[error("record {number} of the file: {source}")]
    Leaf { number: u64, source: LeafError },
    #[error("record {number} of the file does not follow from those before: {source}")]
    Replay { number: u64, source: ReplayError },
}

/// How an export was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Lines,
    Archive,
}

/// What a log told until a time.
#[derive(Debug, Default)]
pub struct Replayed {
    pub tables: Tables,
    /// How many records were replayed.
    pub records: u64,
    /// The time of the last record in the file, replayed or not: it knows nothing of later ones.
    pub ends_at: Option<String>,
}

/// Replays the records of an export that was verified before, up to the last one that is not later
/// than `until` (RFC 3339 as leaves have it); all if absent. Reads the export twice for that.
pub fn replay<R: BufRead>(
    open: impl Fn() -> io::Result<R>,
    form: Form,
    until: Option<&str>,
) -> Result<Replayed, FileError> {
    let mut last = u64::MAX;
    if let Some(until) = until {
        last = 0;
        for_each(open()?, form, &mut |number, text| {
            if *Leaf::time_of(text).map_err(|source| FileError::Leaf { number, source })? <= *until {
                last = number;
            }
            Ok(())
        })?;
    }
    let mut replayed = Replayed::default();
    for_each(open()?, form, &mut |number, text| {
        let leaf = Leaf::parse(text).map_err(|source| FileError::Leaf { number, source })?;
        replayed.ends_at = Some(leaf.at);
        if last < number {
            return Ok(());
        }
        replayed.records = number;
        replayed.tables.apply(&leaf.changes).map_err(|source| FileError::Replay { number, source })
    })?;
    Ok(replayed)
}

/// Each record with its number in the file, from 1.
fn for_each(
    input: impl BufRead,
    form: Form,
    each: &mut dyn FnMut(u64, &str) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let mut number = 0;
    let mut counted = |text: &str| {
        number += 1;
        each(number, text)
    };
    if form == Form::Archive {
        return leaves::for_each(input, &mut counted);
    }
    let mut lines = Lines::of(input);
    // The first line is the signed head.
    lines.next()?;
    while let Some(text) = lines.next()? {
        counted(text)?;
    }
    Ok(())
}
