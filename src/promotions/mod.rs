//! The ask to make one version active in one environment, and what people decide on it.
//!
//! Everything that a request rests on is bound by one `decision_digest`; an approval
//! names the digest that the approver saw.

mod age;
pub mod api;
pub mod assessment;
pub mod changes;
pub mod comments;
pub mod decision;
mod holds;
pub mod invalidation;
pub mod known;
pub(crate) mod lane;
mod link;
pub mod ops;
pub mod parties;
mod record;
mod reports;
pub mod said;
pub(crate) mod store;
pub mod sweep;
pub mod terms;
pub mod trial;
pub mod workflow;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, EnvironmentId, ModelId, PromotionId, RunId, VersionId, WorkspaceId},
    },
    environments::profile::OperatingMode,
    error::FailedCheck,
};
use chrono::{DateTime, Utc};

pub use workflow::Stage;

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
    /// From this moment on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
    pub withdrawn: Option<Withdrawn>,
}

/// That somebody took their own approval back.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    pub at: DateTime<Utc>,
    pub reason: String,
}

impl Approval {
    /// `active`, `revoked`, `expired` or `invalidated`; a rejection is as final as the request.
    pub fn state(&self, promotion: &Promotion, now: DateTime<Utc>) -> &'static str {
        if self.withdrawn.is_some() {
            return "revoked";
        }
        let ended = promotion.closed_at.unwrap_or(now);
        match (self.outcome, promotion.stage) {
            (Outcome::Approve, Stage::Invalidated) => "invalidated",
            (Outcome::Approve, _) if self.expires_at.is_some_and(|end| end <= ended) => "expired",
            _ => "active",
        }
    }
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
