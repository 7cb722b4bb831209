//! I13: places are dense from 0, and time goes on.

use super::found::{Found, Invariant};
use crate::audit::leaf::Leaf;
use chrono::{DateTime, TimeDelta, Utc};

/// Transactions run beside each other: one that began earlier may be told later. None runs longer.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

#[derive(Default)]
pub(super) struct Sequence {
    next: u64,
    latest: Option<DateTime<Utc>>,
}

impl Sequence {
    pub fn check(&mut self, index: u64, leaf: &Leaf, found: &mut Found) {
        let wanted = self.next;
        found.expect(Invariant::I13, index, index == wanted, || {
            format!("record {wanted} is missing; {index} is the next")
        });
        self.next = index + 1;
        let at = DateTime::parse_from_rfc3339(&leaf.at).map(|at| at.to_utc()).ok();
        let latest = self.latest.max(at);
        let backwards = latest.zip(at).map_or(TimeDelta::zero(), |(latest, at)| latest - at);
        found.expect(Invariant::I13, index, backwards <= OVERLAP, || {
            format!("it is dated {} s before an earlier record", backwards.num_seconds())
        });
        self.latest = latest;
    }

    pub fn records(&self) -> u64 {
        self.next
    }
}
