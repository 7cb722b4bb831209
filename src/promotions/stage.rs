//! The states of a request and the only ways from one to another.

use crate::{core::Malformed, error::Error};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    ChecksFailed,
    AwaitingApproval,
    Approved,
    Activated,
    Superseded,
    Rejected,
    Withdrawn,
    Expired,
    Invalidated,
    /// A break-glass let it past checks and approvals.
    Bypassed,
}

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// An eligible approval came in; `quorum` says whether every seat is filled now.
    Approve {
        quorum: bool,
    },
    Reject,
    Withdraw,
    Expire,
    Invalidate,
    Activate,
    /// Another release took its place.
    Supersede,
}

impl Stage {
    pub const ALL: [Self; 10] = [
        Self::ChecksFailed,
        Self::AwaitingApproval,
        Self::Approved,
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
        matches!(self, Self::AwaitingApproval | Self::Approved)
    }

    /// Where a command leads, or a refusal that says what is possible instead.
    pub fn apply(self, command: Command) -> Result<Self, Error> {
        let next = match (self, command) {
            (Self::AwaitingApproval, Command::Approve { quorum: false }) => Self::AwaitingApproval,
            (Self::AwaitingApproval, Command::Approve { quorum: true }) => Self::Approved,
            (Self::AwaitingApproval | Self::Approved, Command::Reject) => Self::Rejected,
            (Self::AwaitingApproval | Self::Approved, Command::Withdraw) => Self::Withdrawn,
            (Self::AwaitingApproval | Self::Approved, Command::Expire) => Self::Expired,
            (Self::AwaitingApproval | Self::Approved, Command::Invalidate) => Self::Invalidated,
            (Self::Approved, Command::Activate) => Self::Activated,
            (Self::Activated, Command::Supersede) => Self::Superseded,
            _ => return Err(self.refusal()),
        };
        Ok(next)
    }

    fn refusal(self) -> Error {
        let next = match self {
            Self::AwaitingApproval => "it waits for approvals: approve, reject or withdraw it",
            Self::Approved => "it is approved: activate, reject or withdraw it",
            Self::Activated => "it is active: roll back to leave it",
            _ => "it is closed: ask again with a new request",
        };
        Error::conflict("promotion_state", format!("the request is {}; {next}", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [Command; 8] = [
        Command::Approve { quorum: false },
        Command::Approve { quorum: true },
        Command::Reject,
        Command::Withdraw,
        Command::Expire,
        Command::Invalidate,
        Command::Activate,
        Command::Supersede,
    ];

    #[test]
    fn nothing_leaves_a_closed_request() {
        for stage in Stage::ALL.into_iter().filter(|s| !s.is_open() && *s != Stage::Activated) {
            for command in COMMANDS {
                assert!(stage.apply(command).is_err(), "{stage:?} {command:?}");
            }
        }
    }

    #[test]
    fn nothing_is_activated_but_what_was_approved() {
        for stage in Stage::ALL {
            assert_eq!(stage.apply(Command::Activate).is_ok(), stage == Stage::Approved, "{stage:?}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.name()), Ok(stage));
        }
    }
}
