//! The programs that carry runs out: who was there lately, and why a run waits.
//!
//! Invariants: a run goes only to a worker that has the label that it requires; what is known of workers is
//! bookkeeping, which tells people what to expect and decides nothing.

pub mod api;
pub mod claims;
pub mod list_api;
mod material;
pub mod ops;
pub(crate) mod store;

use crate::core::{ids::AccountId, label::Label};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A worker that said nothing for this long is taken for gone.
pub const LIVE: TimeDelta = TimeDelta::seconds(60);
/// How often a worker says that it is there.
pub const ANNOUNCE: std::time::Duration = std::time::Duration::from_secs(15);
/// Workers that were last seen before are forgotten.
pub const MEMORY: TimeDelta = TimeDelta::days(90);

/// A worker, as far as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub labels: Vec<Label>,
    pub last_seen_at: DateTime<Utc>,
}

/// The same with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub name: String,
    /// Of a worker elsewhere; `None` for one at the database.
    pub account: Option<AccountId>,
    pub labels: Vec<Label>,
    pub last_seen_at: DateTime<Utc>,
}

/// Why a run is not under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub requires: Option<Label>,
    /// Somebody who could do it was there lately, and is at something else.
    pub live: bool,
    /// When one who could was last seen.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// It was tried in vain, and is not tried again before.
    pub not_before: Option<DateTime<Utc>>,
}

impl Waiting {
    /// What a run waits for that asks for this label, if these workers were seen.
    pub fn of(requires: Option<Label>, seen: &[Seen], free_from: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let able = |worker: &&Seen| requires.as_ref().is_none_or(|label| worker.labels.contains(label));
        let last_seen_at = seen.iter().filter(able).map(|worker| worker.last_seen_at).max();
        Self {
            live: last_seen_at.is_some_and(|at| now - at <= LIVE),
            last_seen_at,
            not_before: Some(free_from).filter(|at| now < *at),
            requires,
        }
    }

    /// "waiting for a worker with hardware=edge-cam; none seen since 2026-01-02 03:04 UTC"
    pub fn sentence(&self) -> String {
        let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let mut text = match &self.requires {
            Some(label) => format!("waiting for a worker with {label}"),
            None => "waiting for a worker".to_owned(),
        };
        match (self.live, self.last_seen_at) {
            (true, _) => {}
            (false, Some(at)) => text += &format!("; none seen since {}", minute(at)),
            (false, None) => text += "; none was ever seen",
        }
        if let Some(at) = self.not_before {
            text += &format!("; the last attempt failed, the next one is not before {}", minute(at));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn label(raw: &str) -> Label {
        Label::parse(raw).expect("a label")
    }

    #[test]
    fn what_a_run_waits_for_is_a_worker_that_could_do_it() {
        let now = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().expect("a time");
        let ago = |seconds| now - TimeDelta::seconds(seconds);
        let worker = |labels: &[&str], seconds| Seen {
            labels: labels.iter().map(|raw| label(raw)).collect(),
            last_seen_at: ago(seconds),
        };
        let cam = || Some(label("hardware=edge-cam"));
        let seen = [worker(&[], 3), worker(&["hardware=edge-cam", "site=a"], 7_200), worker(&["hardware=edge-box"], 1)];
        for (requires, seen, free_from, said) in [
            (None, &seen[..], now, "waiting for a worker"),
            (None, &[], now, "waiting for a worker; none was ever seen"),
            (
                cam(),
                &seen[..],
                now,
                "waiting for a worker with hardware=edge-cam; none seen since 2026-01-02 01:04 UTC",
            ),
            (cam(), &seen[..1], now, "waiting for a worker with hardware=edge-cam; none was ever seen"),
            (cam(), &[worker(&["hardware=edge-cam"], 60)], now, "waiting for a worker with hardware=edge-cam"),
            (
                None,
                &seen[..],
                ago(-60),
                "waiting for a worker; the last attempt failed, the next one is not before 2026-01-02 03:05 UTC",
            ),
        ] {
            assert_eq!(Waiting::of(requires, seen, free_from, now).sentence(), said);
        }
    }
}
