//! Background work: rows written in the transaction of the change that needs them,
//! claimed with a lease by any worker.

pub mod store;
pub mod worker;

use crate::core::ids::{ComparisonId, RehearsalId, RunId};
use serde::{Deserialize, Serialize};

/// Everything that is done later. Handlers are idempotent: a job may run twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Measure a version in the sandbox.
    RunValidation { run: RunId },
    /// Try a rollback without carrying it out.
    Rehearse { rehearsal: RehearsalId },
    /// Measure two versions side by side.
    Compare { comparison: ComparisonId },
}

impl Job {
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunValidation { .. } => "run_validation",
            Self::Rehearse { .. } => "rehearse",
            Self::Compare { .. } => "compare",
        }
    }
}
