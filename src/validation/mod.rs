//! Validation runs: one version, executed on one dataset in the sandbox by the registry
//! itself, measured against one revision of an environment's constraint spec.

mod agreement;
pub mod answers;
pub mod api;
mod energy;
pub mod evidence;
pub mod jobs;
pub(crate) mod measure;
pub mod ops;
mod reported;
mod requests;
mod robustness;
pub(crate) mod store;

use crate::{
    constraints::{ConstraintVerdict, Severity, Verdict},
    core::{
        digest::Digest,
        ids::{AccountId, DatasetId, EnvironmentId, EvidenceId, RevisionId, RunId, VersionId, WorkspaceId},
        label::Label,
    },
    error::Error,
};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub workspace: WorkspaceId,
    pub version: VersionId,
    pub environment: EnvironmentId,
    pub constraints: RevisionId,
    pub dataset: DatasetId,
    pub state: RunState,
    pub phase: String,
    pub percent: i32,
    /// Why it did not pass, if there is one reason: a code and a sentence.
    pub reason: Option<(String, String)>,
    pub verdicts: Vec<ConstraintVerdict>,
    pub verdicts_digest: Option<Digest>,
    /// Fencing number: the result of an earlier attempt is refused.
    pub attempt: i32,
    pub requested_by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// The label that its worker must have.
    pub requires: Option<Label>,
    /// The account of the worker that handed the result in; `None` for the registry's own.
    pub measured_by: Option<AccountId>,
}

/// What a run is about, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub model: String,
    pub version: i64,
    pub version_digest: String,
    pub environment: String,
    pub constraints_revision: i64,
    pub dataset: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Queued,
    Running,
    Passed,
    Failed,
    Inconclusive,
    TimedOut,
    /// The registry could not carry it out; nothing is known about the version.
    Errored,
    /// Called off by a person; nothing is known about the version.
    Cancelled,
}

impl RunState {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Passed,
        Self::Failed,
        Self::Inconclusive,
        Self::TimedOut,
        Self::Errored,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::TimedOut => "timed_out",
            Self::Errored => "errored",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.name() == raw);
        found.ok_or_else(|| Error::internal(format!("run state {raw}")))
    }

    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// What the verdicts come to: a blocking limit that failed fails the run; one that
    /// nobody could judge leaves it inconclusive, which is not a pass either.
    pub fn from_verdicts(verdicts: &[ConstraintVerdict]) -> Self {
        let blocking = || verdicts.iter().filter(|v| v.severity == Severity::Block);
        if blocking().any(|v| v.verdict == Verdict::Fail) {
            return Self::Failed;
        }
        if blocking().any(|v| v.verdict != Verdict::Pass) {
            return Self::Inconclusive;
        }
        Self::Passed
    }
}

/// A typed record about a version, immutable and named by its digest.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub id: EvidenceId,
    pub kind: EvidenceKind,
    pub digest: Digest,
    /// Canonical JSON.
    pub body: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceKind {
    Performance,
    Quality,
    Bias,
    Robustness,
}

impl EvidenceKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Quality => "quality",
            Self::Bias => "bias",
            Self::Robustness => "robustness",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "performance" => Ok(Self::Performance),
            "quality" => Ok(Self::Quality),
            "bias" => Ok(Self::Bias),
            "robustness" => Ok(Self::Robustness),
            other => Err(Error::internal(format!("evidence kind {other}"))),
        }
    }
}
