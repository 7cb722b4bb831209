//! What runs where: activation, the gate that deployers pull through, and the way back.
//!
//! One release is active per model and environment (a unique index says so too). Bytes
//! leave to a deployer only through the gate, and any doubt closes it. Releases are history:
//! each change of what runs, or of how, is a release of its own, and one that ended stays ended.

pub mod activation;
pub mod api;
pub mod assurance;
pub mod board;
pub(crate) mod emergency;
pub mod gate;
pub mod modes;
pub mod plan;
mod refusal;
pub mod rehearsals;
pub mod reviews;
pub mod rollback;
pub mod statement;
pub(crate) mod store;
mod succession;
pub mod summary;
pub mod suspension;
pub mod watch;

pub use assurance::Assurance;

use crate::{
    authz::Touched,
    core::ids::{AccountId, EnvironmentId, ModelId, PromotionId, ReleaseId, VersionId, WorkspaceId},
    environments::profile::OperatingMode,
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
    /// The earlier release that a rollback or a resumption brought back.
    pub restores: Option<ReleaseId>,
    pub state: State,
    /// Why it became active, when no request says so.
    pub reason: Option<String>,
    /// The registry's signed statement of it.
    pub statement: String,
    pub activated_by: AccountId,
    pub activated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// How much the model may do by itself. Releases of before there were modes have none: they run
    /// in the one that the environment's profile names.
    pub mode: Option<OperatingMode>,
    pub kind: Kind,
    /// From this moment on the gate is closed, whether or not somebody ended it.
    pub ends_at: Option<DateTime<Utc>>,
    /// The signed summary of what was verified (SLSA VSA), if what was verified passed.
    pub summary: Option<String>,
    pub ended_by: Option<AccountId>,
    pub ended_reason: Option<String>,
    pub assurance: Assurance,
    pub lapsed_at: Option<DateTime<Utc>>,
    /// A failed check, or the part of the decision that has changed.
    pub lapse_cause: Option<String>,
}

impl Release {
    /// Whether the policy took it down because its approval had lapsed, and nobody else did.
    pub fn was_taken_down(&self) -> bool {
        self.state == State::Suspended && self.ended_by.is_none() && self.lapse_cause.is_some()
    }

    /// Where roles are asked for that decide about it.
    pub fn place(&self) -> Touched {
        Touched { models: [self.model].into(), environments: [self.environment].into() }
    }

    /// Whether its own end has come.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Superseded,
    RolledBack,
    /// Withdrawn: nothing took its place.
    Suspended,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Active, Self::Superseded, Self::RolledBack, Self::Suspended];

    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
            Self::Suspended => "suspended",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.name() == raw);
        found.ok_or_else(|| Error::internal(format!("release state {raw}")))
    }
}

/// How a release came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request was approved.
    Promotion,
    /// An earlier release came back in place of another.
    Rollback,
    /// A suspended release came back.
    Resumption,
    /// The release before it, in a mode that leaves more to people.
    ModeLowered,
    /// Nobody approved it: an emergency.
    BreakGlass,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Promotion, Self::Rollback, Self::Resumption, Self::ModeLowered, Self::BreakGlass];

    pub fn name(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
            Self::Resumption => "resumption",
            Self::ModeLowered => "mode_lowered",
            Self::BreakGlass => "break_glass",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == raw);
        found.ok_or_else(|| Error::internal(format!("release kind {raw}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()).ok(), Some(state));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()).ok(), Some(kind));
        }
        assert!(State::parse("gone").is_err() && Kind::parse("gone").is_err());
    }
}
