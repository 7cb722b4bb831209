//! Replaying an export of the log, with no database.

use crate::audit::{
    export::{LineError, Lines},
    leaf::{Leaf, LeafError},
    replay::{ReplayError, Tables},
};
use std::io::BufRead;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("line {line}: {source}")]
    Leaf { line: u64, source: LeafError },
    #[error("line {line} does not follow from those before: {source}")]
    Replay { line: u64, source: ReplayError },
}

/// What a log told until a time.
#[derive(Debug, Default)]
pub struct Replayed {
    pub tables: Tables,
    /// How many records were replayed.
    pub records: u64,
}

/// Replays the records of an export that was verified before, up to the last one that is not later
/// than `until` (RFC 3339 as leaves have it); all if absent. Reads the export twice for that.
pub fn replay<R: BufRead>(open: impl Fn() -> Result<R, LineError>, until: Option<&str>) -> Result<Replayed, FileError> {
    let last = match until {
        Some(until) => last_line(open()?, until)?,
        None => u64::MAX,
    };
    let mut lines = Lines::of(open()?);
    let mut replayed = Replayed::default();
    // The first line is the signed head.
    lines.next()?;
    while lines.count() < last {
        let line = lines.count() + 1;
        let Some(text) = lines.next()? else { break };
        let leaf = Leaf::parse(text).map_err(|source| FileError::Leaf { line, source })?;
        replayed.tables.apply(&leaf.changes).map_err(|source| FileError::Replay { line, source })?;
        replayed.records += 1;
    }
    Ok(replayed)
}

fn last_line(reader: impl BufRead, until: &str) -> Result<u64, FileError> {
    let mut lines = Lines::of(reader);
    lines.next()?;
    let mut last = 1;
    loop {
        let line = lines.count() + 1;
        let Some(text) = lines.next()? else { return Ok(last) };
        if *Leaf::time_of(text).map_err(|source| FileError::Leaf { line, source })? <= *until {
            last = line;
        }
    }
}
