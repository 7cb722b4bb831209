//! What a witness remembers: the last head of each log, in one file.
//!
//! Invariant: a head is on disk before its cosignature leaves the process. A witness that
//! forgot would sign a fork.

use super::rule::Seen;
use crate::{
    audit::kept_head::replace,
    crypto::{hex, json},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, io, path::PathBuf};

const FORMAT: &str = "plimsoll-witness/v1";

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error(
        "{}: it is not the file of a witness ({why}). Restore it; a witness that starts anew might sign a fork",
        file.display()
    )]
    Malformed { file: PathBuf, why: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    /// By origin.
    logs: BTreeMap<String, StoredHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredHead {
    size: u64,
    /// Lowercase hex.
    root: String,
}

pub struct State {
    file: PathBuf,
    logs: BTreeMap<String, Seen>,
}

impl State {
    /// Reads the file; one that is not there is made at the first head.
    pub fn open(file: PathBuf) -> Result<Self, StateError> {
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self { file, logs: BTreeMap::new() }),
            Err(source) => return Err(StateError::Io { file, source }),
        };
        match parse(&text) {
            Ok(logs) => Ok(Self { file, logs }),
            Err(why) => Err(StateError::Malformed { file, why }),
        }
    }

    pub fn seen(&self, origin: &str) -> Seen {
        self.logs.get(origin).cloned().unwrap_or_default()
    }

    /// Durable when it returns; unchanged when it fails.
    pub fn remember(&mut self, origin: &str, seen: Seen) -> Result<(), StateError> {
        let mut logs = self.logs.clone();
        logs.insert(origin.to_owned(), seen);
        let stored = logs
            .iter()
            .map(|(origin, seen)| (origin.clone(), StoredHead { size: seen.size, root: hex::encode(&seen.root) }));
        let stored = Stored { format: FORMAT.to_owned(), logs: stored.collect() };
        let failed = |source| StateError::Io { file: self.file.clone(), source };
        let text = serde_json::to_string_pretty(&stored).map_err(|e| failed(e.into()))?;
        replace(&self.file, &(text + "\n")).map_err(failed)?;
        self.logs = logs;
        Ok(())
    }
}

fn parse(text: &[u8]) -> Result<BTreeMap<String, Seen>, String> {
    let stored: Stored = json::parse(text).map_err(|e| e.to_string())?;
    if stored.format != FORMAT {
        return Err(format!("its format is \"{}\"", stored.format));
    }
    let seen = |(origin, head): (String, StoredHead)| {
        let root = hex::decode(&head.root).ok_or_else(|| format!("the root of {origin} is not 64 hex digits"))?;
        Ok((origin, Seen { size: head.size, root }))
    };
    stored.logs.into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_survives_a_restart_and_a_spoilt_file_is_not_a_new_one() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("deep/witness.json");
        let mut state = State::open(file.clone()).expect("new");
        assert_eq!(state.seen("log"), Seen::default());
        for size in [1, 2] {
            state.remember("log", Seen { size, root: [7; 32] }).expect("written");
        }
        state.remember("other", Seen { size: 9, root: [8; 32] }).expect("written");
        let again = State::open(file.clone()).expect("again");
        assert_eq!((again.seen("log").size, again.seen("other").root), (2, [8; 32]));
        let good = fs::read_to_string(&file).expect("text");
        for bad in ["", "{}", &good.replace("/v1", "/v2"), &good.replace("0707", "07"), &good[..good.len() - 4]] {
            fs::write(&file, bad).expect("write");
            assert!(matches!(State::open(file.clone()), Err(StateError::Malformed { .. })), "{bad}");
        }
    }
}
