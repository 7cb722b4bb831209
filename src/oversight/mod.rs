//! What people watch over what runs: findings, waivers of single limits, emergency activations,
//! and what deployers say really runs.
//!
//! Each is recorded before it has an effect, ends by itself, and is part of what is decided on.
//! Locks are taken after those of requests and releases.

pub mod api;
pub mod board;
pub mod break_glass;
pub mod findings;
pub(crate) mod ops;
pub mod snapshot;
pub(crate) mod store;
pub mod waivers;

pub use store::Names;

use crate::{
    app::App,
    constraints::ConstraintSpec,
    core::ids::{AccountId, EnvironmentId, ModelId, VersionId},
    error::{Error, FailedCheck},
    sweeps,
};
use chrono::{DateTime, Utc};
use findings::{Finding, Severity};
use std::collections::HashMap;
use waivers::{Excepted, Waiver};

/// Which requests and releases something bears on: those that match everything that is set. With
/// nothing set it bears on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub model: Option<ModelId>,
    pub version: Option<VersionId>,
    pub environment: Option<EnvironmentId>,
}

impl Reach {
    pub fn place(environment: EnvironmentId, model: ModelId) -> Self {
        Self { model: Some(model), version: None, environment: Some(environment) }
    }

    pub fn is_nowhere(self) -> bool {
        self == Self::default()
    }
}

/// What people found and decided about a version of a model in an environment.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub findings: Vec<Finding>,
    /// Names of accounts that answer for something in here.
    pub owners: HashMap<AccountId, String>,
    /// Those that were granted for it; which of them hold depends on the moment and on the limits.
    pub waivers: Vec<Waiver>,
    /// Who broke the glass for it.
    pub invokers: Vec<AccountId>,
}

impl Standing {
    /// Who stands for an exception that it may rest on.
    pub fn parties(&self) -> Vec<(AccountId, &'static str)> {
        let asked = self.waivers.iter().map(|waiver| (waiver.requested_by, "who asked for a waiver of it"));
        let granted = self.waivers.iter().flat_map(Waiver::grantors).map(|id| (id, "a grantor of a waiver of it"));
        let broke = self.invokers.iter().map(|id| (*id, "who broke the glass for it"));
        asked.chain(granted).chain(broke).collect()
    }

    /// What is known to be wrong, for what is decided on.
    pub fn known(&self, now: DateTime<Utc>) -> Vec<findings::Known> {
        self.findings.iter().map(|finding| finding.known(now)).collect()
    }

    /// The waivers that hold at a moment under these limits.
    pub fn live(&self, spec: Option<&ConstraintSpec>, now: DateTime<Utc>) -> Result<Vec<&Waiver>, Error> {
        spec.map_or(Ok(Vec::new()), |spec| waivers::live(&self.waivers, spec, now))
    }

    /// The same as a decision has them.
    pub fn excepted(&self, spec: Option<&ConstraintSpec>, now: DateTime<Utc>) -> Result<Vec<Excepted>, Error> {
        self.live(spec, now)?.into_iter().map(Waiver::excepted).collect()
    }

    /// What stops a promotion, findings of at least a severity.
    pub fn finding_checks(&self, from: Severity, now: DateTime<Utc>) -> Vec<FailedCheck> {
        findings::checks(&self.findings, from, now, |owner| self.owners.get(&owner).cloned())
    }
}

/// Ends what the clock ends, and reminds of what is due. What is written here was true before: every
/// decision looks at the clock itself.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let outcome = sweeps::and(Ok(()), "findings", findings::ops::sweep(app).await);
    let outcome = sweeps::and(outcome, "waivers", waivers::ops::sweep(app).await);
    sweeps::and(outcome, "break-glass", break_glass::ops::sweep(app).await)
}
