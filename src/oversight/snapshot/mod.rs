//! What deployers say really runs on a host, held against what is active.
//!
//! Invariants: reports are history and never change; a difference is one finding per host, which
//! closes by itself when the host runs what is active again. The functions here are pure.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::core::{
    Malformed,
    digest::Digest,
    ids::{AccountId, EnvironmentId, ModelId, ReleaseId, SnapshotId, WorkspaceId},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;

/// The same report again within this time is not written down.
pub const REPEATED_WITHIN_MINUTES: i64 = 60;

/// One report.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub workspace: WorkspaceId,
    pub environment: EnvironmentId,
    pub model: ModelId,
    pub host: String,
    /// The manifest digest of what runs; nothing runs if absent.
    pub digest: Option<Digest>,
    /// What was active then.
    pub release: Option<ReleaseId>,
    pub matches: bool,
    pub reported_by: AccountId,
    pub at: DateTime<Utc>,
}

impl Snapshot {
    /// Whether a report says what this one said, a short time before.
    pub fn is_repeated(&self, later: &Self) -> bool {
        let same = (self.digest, self.release, self.matches) == (later.digest, later.release, later.matches);
        same && later.at < self.at + TimeDelta::minutes(REPEATED_WITHIN_MINUTES)
    }
}

/// Which machine a report is about: 1 to 128 of a-z, 0-9, `.`, `-`, `_` and `:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let lower = raw.trim().to_ascii_lowercase();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b':');
        if lower.is_empty() || 128 < lower.len() || !lower.bytes().all(plain) {
            return Err(Malformed::new("use 1 to 128 of a-z, 0-9, . - _ and :, such as edge-7.example.org"));
        }
        Ok(Self(lower))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What differs, in a sentence; `None` if the host runs what is active. Both are manifest digests.
pub fn difference(running: Option<&Digest>, active: Option<&Digest>) -> Option<String> {
    match (running, active) {
        (running, active) if running == active => None,
        (Some(running), Some(active)) => Some(format!("it runs {running}, and {active} is active")),
        (Some(running), None) => Some(format!("it runs {running}, and nothing is active")),
        (None, Some(active)) => Some(format!("it runs nothing, and {active} is active")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_active_is_no_difference() {
        let (one, other) = (Digest::of("one"), Digest::of("other"));
        for (running, active, differs) in [
            (None, None, false),
            (Some(&one), Some(&one), false),
            (Some(&one), Some(&other), true),
            (Some(&one), None, true),
            (None, Some(&one), true),
        ] {
            assert_eq!(difference(running, active).is_some(), differs, "{running:?} {active:?}");
        }
    }

    #[test]
    fn the_same_again_is_written_down_once_an_hour() {
        let at = |minutes: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let first = Snapshot {
            id: SnapshotId::generate(),
            workspace: WorkspaceId::generate(),
            environment: EnvironmentId::generate(),
            model: ModelId::generate(),
            host: "edge-7".to_owned(),
            digest: Some(Digest::of("one")),
            release: None,
            matches: false,
            reported_by: AccountId::generate(),
            at: at(0),
        };
        assert!(first.is_repeated(&Snapshot { at: at(59), ..first.clone() }));
        assert!(!first.is_repeated(&Snapshot { at: at(60), ..first.clone() }));
        assert!(!first.is_repeated(&Snapshot { digest: None, ..first.clone() }));
        assert!(!first.is_repeated(&Snapshot { release: Some(ReleaseId::generate()), ..first.clone() }));
    }

    #[test]
    fn a_host_is_a_plain_name() {
        assert_eq!(
            Host::parse(" Edge-7.Example.org ").map(|host| host.to_string()).as_deref(),
            Ok("edge-7.example.org")
        );
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(129)] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
    }
}
