//! The ask to make one version active in one environment, and what people decide on it.
//!
//! Everything that a request rests on is bound by one `decision_digest`; an approval
//! names the digest that the approver saw.

mod age;
pub mod api;
pub mod assessment;
pub mod comments;
pub mod invalidation;
pub mod ops;
pub mod parties;
pub mod said;
pub mod stage;
pub(crate) mod store;
pub mod terms;
pub mod trial;
pub mod workflow;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, EnvironmentId, ModelId, PromotionId, RunId, VersionId, WorkspaceId},
    },
    environments::profile::OperatingMode,
    error::{Error, FailedCheck},
};
use chrono::{DateTime, Utc};
use stage::{Command, Stage};

#[derive(Clone, Debug)]
pub struct Promotion {
    pub id: PromotionId,
    pub workspace: WorkspaceId,
    pub model: ModelId,
    pub version: VersionId,
    pub environment: EnvironmentId,
    pub run: Option<RunId>,
    pub stage: Stage,
    /// Canonical JSON of what is decided on.
    pub decision: String,
    pub decision_digest: Digest,
    /// What failed when it was asked for.
    pub checks: Vec<FailedCheck>,
    pub comment: String,
    pub requested_by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub closed_reason: Option<String>,
    /// How much the model is to do by itself; requests of before there were modes name none.
    pub mode: Option<OperatingMode>,
}

impl Promotion {
    /// Where a command leads. A refusal of a closed request says why it was closed.
    pub fn apply(&self, command: Command) -> Result<Stage, Error> {
        self.stage.apply(command).map_err(|refusal| match (refusal, &self.closed_reason) {
            (Error::Conflict { code, detail }, Some(why)) => Error::conflict(code, format!("{detail} ({why})")),
            (refusal, _) => refusal,
        })
    }
}

/// One person's decision on one digest.
#[derive(Clone, Debug)]
pub struct Approval {
    pub id: ApprovalId,
    pub promotion: PromotionId,
    pub account: AccountId,
    pub outcome: Outcome,
    pub decision_digest: Digest,
    pub reason: String,
    /// The registry's signed statement of it.
    pub statement: String,
    pub created_at: DateTime<Utc>,
    /// The delegator in whose stead it was given.
    pub on_behalf_of: Option<AccountId>,
    /// What the approver asks for beside; bound into the statement.
    pub conditions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approve,
    Reject,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}
