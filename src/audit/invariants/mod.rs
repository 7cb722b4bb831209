//! What must hold in any log, whatever happened to the service: the invariants of `docs/invariants.md`.
//!
//! Invariants: pure; every rule is read from the records of the log and from the texts that their
//! digests vouch for, and none asks the code that took the decision; a rule that finds nothing to
//! look at says so by its count of 0.

mod active;
mod approved;
mod asked;
mod counted;
mod excepted;
mod found;
mod moves;
pub mod ops;
mod parties;
mod passed;
mod people;
mod places;
mod pulled;
mod refused;
mod restored;
mod sequence;
mod standing;
mod store;
mod texts;
mod told;
mod voided;
mod world;

pub use found::{Invariant, MAX_NAMED, Report, Tally, Violation};
pub use texts::Texts;

use crate::audit::leaf::Leaf;
use found::Found;
use sequence::Sequence;
use std::collections::VecDeque;
use world::{Moved, World};

/// So many records are held back, so that what one transaction wrote is looked at as one.
const WINDOW: usize = 64;

/// One record, what it did, and what there is after it.
struct Step<'a> {
    index: u64,
    leaf: &'a Leaf,
    moved: &'a [Moved],
    world: &'a World,
    texts: &'a Texts,
}

impl Step<'_> {
    /// The rows of a table that this record changed.
    fn moved<'b>(&'b self, table: &'b str) -> impl Iterator<Item = &'b Moved> {
        self.moved.iter().filter(move |moved| moved.table == table)
    }
}

type Rule = fn(&Step<'_>, &mut Found);

const RULES: &[Rule] = &[
    approved::check,
    pulled::check,
    voided::check,
    active::check,
    restored::check,
    passed::check,
    excepted::check,
    moves::check,
    told::check,
    refused::check,
    counted::check,
    standing::check,
];

/// Takes the records of a log in their order.
pub struct Checker {
    texts: Texts,
    world: World,
    sequence: Sequence,
    waiting: VecDeque<(u64, Leaf)>,
    found: Found,
}

impl Checker {
    pub fn new(texts: Texts) -> Self {
        Self {
            texts,
            world: World::default(),
            sequence: Sequence::default(),
            waiting: VecDeque::new(),
            found: Found::default(),
        }
    }

    /// The next record, with its place in the log from 0.
    pub fn take(&mut self, index: u64, leaf: Leaf) {
        self.sequence.check(index, &leaf, &mut self.found);
        if let Some(first) = continued(&leaf)
            && let Some((_, begun)) = self.waiting.iter_mut().find(|(_, waiting)| waiting.id == first)
        {
            begun.changes.extend(leaf.changes);
            return;
        }
        self.waiting.push_back((index, leaf));
        if WINDOW < self.waiting.len() {
            self.step();
        }
    }

    /// What was found in all records.
    pub fn finish(mut self) -> Report {
        while !self.waiting.is_empty() {
            self.step();
        }
        self.found.report(self.sequence.records())
    }

    fn step(&mut self) {
        let Some((index, leaf)) = self.waiting.pop_front() else { return };
        let moved = self.world.apply(index, &leaf, &mut self.found);
        let step = Step { index, leaf: &leaf, moved: &moved, world: &self.world, texts: &self.texts };
        RULES.iter().for_each(|rule| rule(&step, &mut self.found));
        self.world.remember(&leaf, &moved);
    }
}

/// The record that a record goes on from, when a transaction changed more than one can hold.
fn continued(leaf: &Leaf) -> Option<&str> {
    if leaf.detail.get("event")?.as_str()? != "changes_continued" {
        return None;
    }
    leaf.detail.get("of")?.as_str()
}
