//! The states of a request and the only ways from one to another.

use crate::core::Malformed;

/// Where a request stands.
///
/// `checking` of the domain's list of states takes no time: checks run in the transaction that
/// records the request, so none is ever stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    ChecksFailed,
    AwaitingApproval,
    Approved,
    /// Approved, and a waiting time, a soak or a freeze still runs.
    Held,
    Activated,
    Superseded,
    Rejected,
    Withdrawn,
    Expired,
    Invalidated,
    /// Activated past all checks by a break-glass. Entered when it is recorded, and never left.
    Bypassed,
}

impl Stage {
    pub const ALL: [Self; 11] = [
        Self::ChecksFailed,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Held,
        Self::Activated,
        Self::Superseded,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
        Self::Invalidated,
        Self::Bypassed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::ChecksFailed => "checks_failed",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Approved => "approved",
            Self::Held => "held",
            Self::Activated => "activated",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Invalidated => "invalidated",
            Self::Bypassed => "bypassed",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|stage| stage.name() == raw);
        found.ok_or_else(|| Malformed::new(format!("no stage is called {raw}")))
    }

    /// Somebody can still decide on it, or make it active.
    pub fn is_open(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::Approved | Self::Held)
    }

    /// Every seat was filled when somebody last looked.
    pub fn has_quorum(self) -> bool {
        matches!(self, Self::Approved | Self::Held)
    }

    /// What can be done with it next, by the names of the operations' actions.
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::AwaitingApproval => &["approve", "reject", "unapprove", "withdraw"],
            Self::Approved => &["activate", "reject", "unapprove", "withdraw"],
            Self::Held => &["reject", "unapprove", "withdraw"],
            Self::Activated => &["roll_back"],
            _ => &["request"],
        }
    }

    /// The same in words.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "it waits for approvals: approve, reject or withdraw it",
            Self::Approved => "it is approved: activate, reject or withdraw it",
            Self::Held => "it is approved and held: wait, reject or withdraw it",
            Self::Activated => "it is active: roll back to leave it",
            _ => "it is closed: ask again with a new request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.name()), Ok(stage));
        }
    }

    #[test]
    fn every_stage_says_what_can_be_done_next() {
        for stage in Stage::ALL {
            assert!(!stage.allowed().is_empty(), "{stage:?}");
            assert_eq!(stage.allowed().contains(&"reject"), stage.is_open(), "{stage:?}");
        }
    }
}
