//! Evidence that somebody outside measured or wrote: an auditor's or a laboratory's signed
//! statement about one version, in the schema of the registry's own records.
//!
//! Reported evidence is always marked as such, with the key that signed it and the account
//! that submitted it. Verdicts are computed from what the registry's own workers measured;
//! only a limit on power may accept a report in the place of what they can't measure, and
//! says so in its verdict. What was said never changes;
//! only what became of it does ([`state`]).

pub mod api;
pub mod body;
pub mod ops;
pub mod state;
pub mod statement;
pub(crate) mod store;
mod tables;

use crate::{
    core::{
        Malformed,
        digest::Digest,
        ids::{AccountId, EvidenceId, RunId, TrustKeyId, VersionId, WorkspaceId},
    },
    error::Error,
    validation::EvidenceKind,
};
use chrono::{DateTime, Utc};
use state::{Standing, State};
use statement::Basis;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Performance,
    Robustness,
    Bias,
    Quality,
    Scan,
    Provenance,
    Document,
    Kpi,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Performance,
        Self::Robustness,
        Self::Bias,
        Self::Quality,
        Self::Scan,
        Self::Provenance,
        Self::Document,
        Self::Kpi,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Robustness => "robustness",
            Self::Bias => "bias",
            Self::Quality => "quality",
            Self::Scan => "scan",
            Self::Provenance => "provenance",
            Self::Document => "document",
            Self::Kpi => "kpi",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|kind| kind.name() == raw).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            Malformed::new(format!("use one of {}", names.join(", ")))
        })
    }

    /// Such figures say nothing without the rows that they were taken from.
    pub fn rests_on_rows(self) -> bool {
        matches!(self, Self::Performance | Self::Robustness | Self::Bias | Self::Quality)
    }
}

/// One measured record without its body, and the run that it comes from.
#[derive(Clone, Debug)]
pub struct Measured {
    pub id: EvidenceId,
    pub run: RunId,
    pub kind: EvidenceKind,
    pub digest: Digest,
    pub created_at: DateTime<Utc>,
    /// Who asked for the run.
    pub requested_by: AccountId,
}

/// One reported record, without its statement ([`store::statement`] has that).
#[derive(Clone, Debug)]
pub struct Reported {
    pub id: EvidenceId,
    pub workspace: WorkspaceId,
    pub version: VersionId,
    pub kind: Kind,
    /// Which document it is; for other kinds the report's own name, if it has one.
    pub document: Option<String>,
    pub title: String,
    pub method: String,
    pub basis: Option<Basis>,
    pub issued_at: DateTime<Utc>,
    pub measured_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    /// SHA-256 over the canonical JSON `{"key": fingerprint, "statement": {…}}`.
    pub digest: Digest,
    pub key: ReportingKey,
    pub submitted_by: AccountId,
    pub submitted_at: DateTime<Utc>,
    pub state: State,
    /// When, by whom and why it was superseded, withdrawn or refuted.
    pub closed: Option<Closed>,
}

/// The key whose holder answers for the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportingKey {
    pub id: TrustKeyId,
    /// As the workspace's administrators named it.
    pub name: String,
    pub fingerprint: String,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ReportingKey {
    /// What a signature of it is known by.
    pub fn signs_as(&self) -> (TrustKeyId, &str) {
        (self.id, &self.fingerprint)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub at: DateTime<Utc>,
    pub by: AccountId,
    /// None when a newer statement took its place.
    pub reason: Option<String>,
}

impl Reported {
    /// What it is worth now.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        self.state.standing(self.key.revoked_at, self.valid_until, now)
    }

    /// Whether a decision may rest on it now.
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.standing(now) == Standing::Verified
    }
}

/// How a caller names a record: by its id or by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceRef {
    Id(EvidenceId),
    Digest(Digest),
}

impl EvidenceRef {
    pub fn parse(raw: &str) -> Result<Self, Error> {
        if raw.starts_with("sha256:") {
            return Digest::parse(raw).map(Self::Digest).map_err(|e| Error::invalid("evidence", e.0));
        }
        let wrong = "use an evidence id, or a digest such as sha256:…";
        raw.parse().map(Self::Id).map_err(|_| Error::invalid("evidence", wrong))
    }
}

#[cfg(test)]
mod tests;
