//! Which machine speaks for an environment.

use super::words::words;
use serde::Serialize;
use utoipa::ToSchema;

/// What representative hardware means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Hardware {
    /// Somebody decided that every machine speaks for this environment.
    Any(AnyHardware),
    Of(Machine),
}

words! {
    AnyHardware {
        Any = "any",
    }
}

/// What the machine has to be. What is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Machine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Only a worker with the label `hardware=…` of this word measures; 1 to 64 of a-z, 0-9, `.`, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Hardware {
    /// Whether it says anything: an empty object names no machine.
    pub fn is_stated(&self) -> bool {
        !matches!(self, Self::Of(Machine { cpu_model: None, cores: None, label: None }))
    }
}
