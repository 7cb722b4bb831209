//! One column of levels in two samples.

use super::super::fairness::MISSING;
use std::collections::BTreeMap;

/// More levels than this means that the column is an identifier or free text.
pub const MAXIMUM_LEVELS: usize = 1000;

/// Rows by level. Levels are compared byte for byte; an empty cell is the level `(missing)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// In byte order; every level that either sample has.
    pub levels: Vec<String>,
    /// Counts in the order of the levels.
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

impl Levels {
    /// `None` with more than [`MAXIMUM_LEVELS`] levels.
    pub fn of<S: AsRef<str>>(reference: &[S], current: &[S]) -> Option<Self> {
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (cells, is_reference) in [(reference, true), (current, false)] {
            for cell in cells {
                let cell = cell.as_ref();
                let level = counts.entry(if cell.is_empty() { MISSING } else { cell }).or_default();
                *(if is_reference { &mut level.0 } else { &mut level.1 }) += 1;
                if MAXIMUM_LEVELS < counts.len() {
                    return None;
                }
            }
        }
        Some(Self {
            levels: counts.keys().map(|level| (*level).to_owned()).collect(),
            reference: counts.values().map(|c| c.0).collect(),
            current: counts.values().map(|c| c.1).collect(),
        })
    }

    /// Levels that only the current sample has.
    pub fn new_levels(&self) -> impl Iterator<Item = &str> {
        self.named(&self.reference)
    }

    /// Levels that only the reference has.
    pub fn vanished_levels(&self) -> impl Iterator<Item = &str> {
        self.named(&self.current)
    }

    fn named<'a>(&'a self, without: &'a [u64]) -> impl Iterator<Item = &'a str> {
        let absent = self.levels.iter().zip(without).filter(|(_, count)| **count == 0);
        absent.map(|(level, _)| level.as_str())
    }
}
