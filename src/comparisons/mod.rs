//! Two versions side by side: on the same rows, the same machine, in turn.
//!
//! Runs leave aggregates only, so which rows two versions answer differently can't be found out from two runs afterwards.
//! A comparison is therefore a job of its own. It rests on the limits and rows of an environment, judges nothing, and is
//! no evidence: no decision looks at it.

pub mod api;
pub mod figures;
pub mod jobs;
pub mod ops;
pub mod outputs;
pub(crate) mod store;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, ComparisonId, DatasetId, EnvironmentId, ReleaseId, RevisionId, VersionId, WorkspaceId},
    },
    error::Error,
};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub struct Comparison {
    pub id: ComparisonId,
    pub workspace: WorkspaceId,
    pub environment: EnvironmentId,
    /// Whose loads are measured.
    pub constraints: RevisionId,
    pub dataset: DatasetId,
    /// The one that is looked at.
    pub version: VersionId,
    /// The one that it is held against.
    pub baseline: VersionId,
    /// The release that was active at the request, where the baseline is what runs.
    pub release: Option<ReleaseId>,
    pub state: State,
    pub requested_by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Why there is no result: a code and a sentence.
    pub reason: Option<(String, String)>,
    /// Canonical JSON of [`figures::ComparisonBody`].
    pub body: Option<String>,
    pub digest: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Completed,
    /// One of them could not be measured, or the registry could not carry it out.
    Failed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        let found = [Self::Queued, Self::Completed, Self::Failed].into_iter().find(|state| state.name() == raw);
        found.ok_or_else(|| Error::internal(format!("comparison state {raw}")))
    }
}
