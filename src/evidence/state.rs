//! The states of reported evidence and the only ways from one to another.
//!
//! A record begins as `verified`: a statement that is not is never stored. The three other
//! stored states are final. Expiry and the revocation of the key are not stored: they are
//! read off the clock and the key, so that nothing has to happen for them to take effect.

use crate::{core::Malformed, error::Error};
use chrono::{DateTime, Utc};

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Verified,
    Superseded,
    Withdrawn,
    Refuted,
}

/// What can happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The same key made a newer statement of the same kind and name about the version.
    Supersede,
    Withdraw,
    Refute,
}

/// What a record is worth at one moment. Only `Verified` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Verified,
    Superseded,
    Withdrawn,
    Refuted,
    KeyRevoked,
    Expired,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Verified, Self::Superseded, Self::Withdrawn, Self::Refuted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
            Self::Refuted => "refuted",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|state| state.name() == raw);
        found.ok_or_else(|| Malformed::new(format!("no state of evidence is called {raw}")))
    }

    /// Where a command leads, or a refusal. An expired record can still be refuted: that it
    /// was wrong matters to whoever relied on it.
    pub fn apply(self, command: Command) -> Result<Self, Error> {
        match (self, command) {
            (Self::Verified, Command::Supersede) => Ok(Self::Superseded),
            (Self::Verified, Command::Withdraw) => Ok(Self::Withdrawn),
            (Self::Verified, Command::Refute) => Ok(Self::Refuted),
            (closed, _) => {
                let detail = format!("the record is {} already, and that is final", closed.name());
                Err(Error::conflict("evidence_closed", detail))
            }
        }
    }

    /// What it is worth at `now`, given when its key was revoked and how long it holds.
    pub fn standing(
        self,
        key_revoked_at: Option<DateTime<Utc>>,
        valid_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Standing {
        match self {
            Self::Superseded => Standing::Superseded,
            Self::Withdrawn => Standing::Withdrawn,
            Self::Refuted => Standing::Refuted,
            Self::Verified if key_revoked_at.is_some_and(|at| at <= now) => Standing::KeyRevoked,
            Self::Verified if valid_until.is_some_and(|end| end <= now) => Standing::Expired,
            Self::Verified => Standing::Verified,
        }
    }
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
            Self::Refuted => "refuted",
            Self::KeyRevoked => "key_revoked",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn only_a_standing_record_changes_and_every_end_is_final() {
        for (command, end) in [
            (Command::Supersede, State::Superseded),
            (Command::Withdraw, State::Withdrawn),
            (Command::Refute, State::Refuted),
        ] {
            assert_eq!(State::Verified.apply(command).expect("open"), end);
            for again in [Command::Supersede, Command::Withdraw, Command::Refute] {
                assert!(matches!(end.apply(again), Err(Error::Conflict { code: "evidence_closed", .. })));
            }
        }
    }

    #[test]
    fn time_and_the_key_take_a_record_away_and_what_people_did_says_why_first() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("time");
        let (before, after) = (now - TimeDelta::seconds(1), now + TimeDelta::seconds(1));
        for (revoked, until, standing) in [
            (None, None, Standing::Verified),
            (None, Some(after), Standing::Verified),
            (None, Some(now), Standing::Expired),
            (Some(after), None, Standing::Verified),
            (Some(now), None, Standing::KeyRevoked),
            (Some(before), Some(before), Standing::KeyRevoked),
        ] {
            assert_eq!(State::Verified.standing(revoked, until, now), standing);
            for (state, same) in [
                (State::Superseded, Standing::Superseded),
                (State::Withdrawn, Standing::Withdrawn),
                (State::Refuted, Standing::Refuted),
            ] {
                assert_eq!(state.standing(revoked, until, now), same);
            }
        }
    }

    #[test]
    fn every_stored_state_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Ok(state));
        }
        assert!(State::parse("expired").is_err());
    }
}
