//! Why something that is approved may not be activated yet.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What keeps an activation waiting. It never fails a check: it passes, or is seen to, with time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub cause: HoldCause,
    /// When it ends by itself, if that can be said; the moment itself is free.
    pub until: Option<DateTime<Utc>>,
    /// A sentence for whoever waits.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldCause {
    /// The waiting time after the last approval.
    Wait,
    /// A freeze window.
    Freeze,
    /// The same bytes have not run long enough upstream.
    Soak,
}

impl HoldCause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Freeze => "freeze",
            Self::Soak => "soak",
        }
    }
}

/// When the last of several ends; `None` if one of them has no end that is known, or there is none.
pub fn all_over(holds: &[Hold]) -> Option<DateTime<Utc>> {
    let ends: Option<Vec<_>> = holds.iter().map(|hold| hold.until).collect();
    ends?.into_iter().max()
}
