//! Violations, and how much was looked at.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// So many violations of an invariant are named; the others are counted.
pub const MAX_NAMED: usize = 20;

macro_rules! invariants {
    ($($variant:ident: $rule:literal),* $(,)?) => {
        /// As `docs/invariants.md` numbers them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Invariant {
            $($variant),*
        }

        impl Invariant {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub fn rule(self) -> &'static str {
                match self {
                    $(Self::$variant => $rule),*
                }
            }
        }
    };
}

invariants! {
    I6: "what is active or pulled was approved by a quorum",
    I7: "a request ends with what it rested on",
    I8: "one active release in a place",
    I9: "a rollback goes to what was active there",
    I10: "nothing passes a blocking limit without a waiver",
    I11: "states change only as their table says",
    I12: "every change is told by one record",
    I13: "records are dense, in order, and signed",
    I14: "a refusal changes nothing",
    I15: "no revision is lost or counted twice",
    I16: "one key, one effect",
    I17: "a read sees what was acknowledged",
    I18: "who lost a right has no effect any more",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub invariant: Invariant,
    /// The record's place in the log, from 0; absent where no single record shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leaf {
            Some(leaf) => write!(f, "{} at record {leaf}: {}", self.invariant, self.detail),
            None => write!(f, "{}: {}", self.invariant, self.detail),
        }
    }
}

/// What one invariant came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tally {
    pub invariant: Invariant,
    pub rule: String,
    /// How often it was asked.
    pub checked: u64,
    /// How often it did not hold; the first twenty are named.
    pub violated: u64,
    pub violations: Vec<Violation>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub records: u64,
    /// In the order of their numbers.
    pub invariants: Vec<Tally>,
}

impl Report {
    pub fn violated(&self) -> u64 {
        self.invariants.iter().map(|tally| tally.violated).sum()
    }

    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.invariants.iter().flat_map(|tally| &tally.violations)
    }

    pub fn checked(&self, invariant: Invariant) -> u64 {
        self.invariants.iter().find(|tally| tally.invariant == invariant).map_or(0, |tally| tally.checked)
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, invariant: Invariant, checked: u64, violations: Vec<Violation>) {
        let place = self.invariants.partition_point(|tally| tally.invariant < invariant);
        if self.invariants.get(place).is_none_or(|tally| tally.invariant != invariant) {
            self.invariants.insert(place, tally(invariant));
        }
        let Some(tally) = self.invariants.get_mut(place) else { return };
        tally.checked += checked;
        tally.violated += violations.len() as u64;
        tally.violations.extend(violations);
        tally.violations.truncate(MAX_NAMED);
    }
}

fn tally(invariant: Invariant) -> Tally {
    Tally { invariant, rule: invariant.rule().to_owned(), checked: 0, violated: 0, violations: Vec::new() }
}

/// What rules write to.
#[derive(Default)]
pub(super) struct Found(BTreeMap<Invariant, Tally>);

impl Found {
    /// Counts that an invariant was asked, and says why it does not hold, if it does not.
    pub fn expect(&mut self, invariant: Invariant, index: u64, holds: bool, why: impl FnOnce() -> String) {
        let tally = self.0.entry(invariant).or_insert_with(|| tally(invariant));
        tally.checked += 1;
        if holds {
            return;
        }
        tally.violated += 1;
        if tally.violations.len() < MAX_NAMED {
            tally.violations.push(Violation { invariant, leaf: Some(index), detail: why() });
        }
    }

    /// The same for a rule that says by itself what is wrong.
    pub fn settle(&mut self, invariant: Invariant, index: u64, fault: Option<String>) {
        self.expect(invariant, index, fault.is_none(), || fault.unwrap_or_default());
    }

    /// All that the log by itself can show, those that were never asked too.
    pub fn report(mut self, records: u64) -> Report {
        for invariant in Invariant::ALL {
            if !matches!(invariant, Invariant::I16 | Invariant::I17) {
                self.0.entry(*invariant).or_insert_with(|| tally(*invariant));
            }
        }
        Report { records, invariants: self.0.into_values().collect() }
    }
}
