//! What runs where: activation, the gate that deployers pull through, and the way back.
//!
//! One release is active per model and environment (a unique index says so too). Bytes
//! leave to a deployer only through the gate, and any doubt closes it.

pub mod activation;
pub mod api;
pub mod board;
pub mod gate;
pub mod rollback;
pub mod statement;
pub(crate) mod store;

use crate::{
    core::ids::{AccountId, EnvironmentId, ModelId, PromotionId, ReleaseId, VersionId, WorkspaceId},
    error::Error,
};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub struct Release {
    pub id: ReleaseId,
    pub workspace: WorkspaceId,
    pub environment: EnvironmentId,
    pub model: ModelId,
    pub version: VersionId,
    /// The request whose approvals it rests on.
    pub promotion: PromotionId,
    /// The earlier release that a rollback brought back.
    pub restores: Option<ReleaseId>,
    pub state: State,
    pub reason: Option<String>,
    /// The registry's signed statement of it.
    pub statement: String,
    pub activated_by: AccountId,
    pub activated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Superseded,
    RolledBack,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "active" => Ok(Self::Active),
            "superseded" => Ok(Self::Superseded),
            "rolled_back" => Ok(Self::RolledBack),
            other => Err(Error::internal(format!("release state {other}"))),
        }
    }
}
