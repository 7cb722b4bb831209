//! Who may do what.
//!
//! Architecture invariant: `Permit` and `ReadPermit` are built only by `policy`.
//! The database hands out readers and commits writes only against one of them, so
//! code that forgot to ask for a decision does not compile.

mod custom;
mod persons;
pub mod policy;
mod principal;
mod ranges;
mod reach;
mod role;

pub use crate::core::action::Action;
pub use custom::{CustomRole, CustomRoles, RoleName};
pub use persons::{Leave, People, Persons};
pub use principal::{Cause, Credential, Kind, Person, Principal, Proof, SecondFactor};
pub use ranges::Ranges;
pub use reach::{Limits, Reach, Touched};
pub use role::Role;

use crate::core::ids::{AccountId, WorkspaceId};

/// Who acted, as the audit log will say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub kind: Kind,
    pub id: Option<AccountId>,
    pub name: String,
    pub credential: Credential,
    pub proof: Proof,
    pub reach: Reach,
    /// Within one of which whatever is done has to be, where the roles that allow it are held for some places alone.
    pub ranges: Vec<Reach>,
    pub workspace: Option<WorkspaceId>,
    pub cause: Cause,
}

/// Leave to make one change durable.
#[derive(Debug)]
#[must_use = "a permit is spent by `WriteTx::commit`"]
pub struct Permit {
    actor: Actor,
    action: Action,
}

/// Leave to look, and how far.
#[derive(Debug)]
pub struct ReadPermit {
    scope: Scope,
}

/// Which rows a reader sees. Every query of every store starts from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One tenant's rows.
    Workspace(WorkspaceId),
    /// Every tenant's rows: for authentication, workers and the log's own upkeep.
    Instance,
}

/// A refusal. It becomes a 403 answer and a line in the audit log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Denied {
    pub actor: Box<Actor>,
    pub action: Action,
    /// Stable and machine-readable, such as `separation_of_duties`.
    pub code: &'static str,
    /// A sentence for the person who was refused.
    pub reason: String,
    /// What it was about, by kind and id, the object itself first.
    pub about: Vec<crate::core::event::Object>,
}

impl Permit {
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub fn action(&self) -> Action {
        self.action
    }
}

impl ReadPermit {
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

impl Denied {
    /// Says on which object the refusal was.
    pub fn on(mut self, kind: &'static str, id: impl ToString) -> Self {
        self.about.insert(0, (kind, id.to_string()));
        self
    }

    /// Says what else the request named, the narrowest first.
    pub fn naming(mut self, named: Vec<crate::core::event::Object>) -> Self {
        for named in named {
            if !self.about.contains(&named) {
                self.about.push(named);
            }
        }
        self
    }
}
