//! An emergency: one version becomes active in one environment without approvals, for hours.
//!
//! Invariants: it is written down before it has an effect, also when the checks would have passed;
//! it lasts 24 h at most and ends by itself, whereupon nothing is active until somebody decides; a
//! revoked or unsigned version is never let out; somebody else reviews it, and before that no further
//! glass is broken for the same model in the same environment. The functions here are pure.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::{
    constraints::words::words,
    core::ids::{AccountId, BreakGlassId, EnvironmentId, ModelId, PromotionId, ReleaseId, VersionId, WorkspaceId},
    error::Error,
    oversight::Reach,
    policies::BreakGlass as Terms,
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a second person has to confirm.
pub const CONFIRM_WITHIN_HOURS: i64 = 1;

words! {
    State {
        /// A second person has not confirmed it yet; nothing happened.
        Proposed = "proposed",
        /// Nobody confirmed it in time; nothing happened.
        Unconfirmed = "unconfirmed",
        Active = "active",
        /// Ended, and to be reviewed.
        Closed = "closed",
        Justified = "justified",
        Unjustified = "unjustified",
    }

    Outcome {
        Justified = "justified",
        Unjustified = "unjustified",
    }
}

#[derive(Clone, Debug)]
pub struct BreakGlass {
    pub id: BreakGlassId,
    pub workspace: WorkspaceId,
    pub environment: EnvironmentId,
    pub model: ModelId,
    pub version: VersionId,
    /// As it was written last; [`BreakGlass::standing`] says what it is now.
    pub state: State,
    pub invoked_by: AccountId,
    /// Who confirmed it, where the policy asks for two persons.
    pub second_by: Option<AccountId>,
    pub justification: String,
    pub hours: u32,
    pub invoked_at: DateTime<Utc>,
    pub confirm_by: Option<DateTime<Utc>>,
    pub promotion: Option<PromotionId>,
    pub release: Option<ReleaseId>,
    /// Whether the checks of a request would have passed.
    pub would_have_passed: Option<bool>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<AccountId>,
    pub ended_reason: Option<String>,
    pub review_due_at: Option<DateTime<Utc>>,
    pub reviewed_by: Option<AccountId>,
    pub reviewed_at: Option<DateTime<Utc>>,
    pub review_reason: Option<String>,
}

/// What can happen to an emergency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Confirm,
    /// By a person, or by the clock.
    End,
    Review(Outcome),
}

impl BreakGlass {
    pub fn reach(&self) -> Reach {
        Reach { model: Some(self.model), version: Some(self.version), environment: Some(self.environment) }
    }

    /// The state at a moment: what has ended counts for nothing, written down or not.
    pub fn standing(&self, now: DateTime<Utc>) -> State {
        let over = |end: Option<DateTime<Utc>>| end.is_none_or(|end| end <= now);
        match self.state {
            State::Proposed if over(self.confirm_by) => State::Unconfirmed,
            State::Active if over(self.ends_at) => State::Closed,
            state => state,
        }
    }

    /// Where a command leads, or a refusal that says what is possible instead.
    pub fn apply(&self, command: Command, now: DateTime<Utc>) -> Result<State, Error> {
        match (self.standing(now), command) {
            (State::Proposed, Command::Confirm) => Ok(State::Active),
            (State::Proposed, Command::End) => Ok(State::Unconfirmed),
            (State::Unconfirmed, Command::End) if self.state == State::Proposed => Ok(State::Unconfirmed),
            (State::Active, Command::End) => Ok(State::Closed),
            (State::Closed, Command::End) if self.state == State::Active => Ok(State::Closed),
            (State::Closed, Command::Review(Outcome::Justified)) => Ok(State::Justified),
            (State::Closed, Command::Review(Outcome::Unjustified)) => Ok(State::Unjustified),
            (state, _) => {
                let next = match state {
                    State::Proposed => "a second person confirms it, or it is closed",
                    State::Active => "close it, then somebody else reviews it",
                    State::Closed => "somebody else than who invoked it reviews it",
                    State::Unconfirmed => "nothing happened; invoke it again",
                    State::Justified | State::Unjustified => "it was reviewed, which is final",
                };
                Err(Error::conflict("break_glass_state", format!("the break-glass is {state}; {next}")))
            }
        }
    }

    pub fn is_reviewed(&self) -> bool {
        matches!(self.state, State::Justified | State::Unjustified)
    }

    /// Whether somebody should have reviewed it by now.
    pub fn is_review_overdue(&self, now: DateTime<Utc>) -> bool {
        let unreviewed = matches!(self.standing(now), State::Active | State::Closed);
        unreviewed && self.review_due_at.is_some_and(|due| due <= now)
    }

    /// Begins: from now for its hours, to be reviewed within the policy's.
    pub fn begin(&mut self, terms: &Terms, now: DateTime<Utc>) {
        self.state = State::Active;
        self.starts_at = Some(now);
        self.ends_at = Some(now + TimeDelta::hours(i64::from(self.hours)));
        self.review_due_at = Some(now + TimeDelta::hours(i64::from(terms.review_within_hours)));
    }
}

/// How long it may last: 1 to 24 hours, or fewer if the policy says so.
pub fn check_hours(hours: u32, terms: &Terms) -> Result<(), Error> {
    let longest = terms.maximum_hours.min(crate::policies::exceptions::LONGEST_BREAK_GLASS_HOURS);
    if !(1..=longest).contains(&hours) {
        return Err(Error::invalid("hours", format!("use 1 to {longest}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::words::Words;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn terms() -> Terms {
        Terms {
            roles: vec!["environment_manager".to_owned()],
            maximum_hours: 8,
            second_person: false,
            review_within_hours: 72,
        }
    }

    fn broken(state: State) -> BreakGlass {
        let mut broken = BreakGlass {
            id: BreakGlassId::generate(),
            workspace: WorkspaceId::generate(),
            environment: EnvironmentId::generate(),
            model: ModelId::generate(),
            version: VersionId::generate(),
            state,
            invoked_by: AccountId::generate(),
            second_by: None,
            justification: "It answers nobody.".to_owned(),
            hours: 4,
            invoked_at: at(0),
            confirm_by: Some(at(1)),
            promotion: None,
            release: None,
            would_have_passed: None,
            starts_at: None,
            ends_at: None,
            ended_at: None,
            ended_by: None,
            ended_reason: None,
            review_due_at: None,
            reviewed_by: None,
            reviewed_at: None,
            review_reason: None,
        };
        if !matches!(state, State::Proposed | State::Unconfirmed) {
            broken.begin(&terms(), at(0));
            broken.state = state;
        }
        broken
    }

    #[test]
    fn an_emergency_goes_only_where_the_table_says() {
        let commands = [
            Command::Confirm,
            Command::End,
            Command::Review(Outcome::Justified),
            Command::Review(Outcome::Unjustified),
        ];
        for state in State::ALL {
            let wanted = match state {
                State::Proposed => [Some(State::Active), Some(State::Unconfirmed), None, None],
                State::Active => [None, Some(State::Closed), None, None],
                State::Closed => [None, None, Some(State::Justified), Some(State::Unjustified)],
                _ => [None; 4],
            };
            for (command, wanted) in commands.into_iter().zip(wanted) {
                assert_eq!(broken(*state).apply(command, at(0)).ok(), wanted, "{state} {command:?}");
            }
        }
    }

    #[test]
    fn the_clock_ends_it_whether_or_not_anybody_wrote_so() {
        let last = |hours: i64| at(hours) - TimeDelta::microseconds(1);
        let active = broken(State::Active);
        assert_eq!((active.standing(last(4)), active.standing(at(4))), (State::Active, State::Closed));
        assert_eq!(active.apply(Command::End, at(4)).ok(), Some(State::Closed));
        assert_eq!(active.apply(Command::Review(Outcome::Justified), at(4)).ok(), Some(State::Justified));
        let proposed = broken(State::Proposed);
        assert_eq!((proposed.standing(last(1)), proposed.standing(at(1))), (State::Proposed, State::Unconfirmed));
        assert!(proposed.apply(Command::Confirm, at(1)).is_err());
    }

    #[test]
    fn a_review_is_overdue_from_its_due_moment_until_it_is_done() {
        for (state, overdue) in [
            (State::Active, true),
            (State::Closed, true),
            (State::Justified, false),
            (State::Unjustified, false),
            (State::Proposed, false),
            (State::Unconfirmed, false),
        ] {
            assert_eq!(broken(state).is_review_overdue(at(72)), overdue, "{state}");
            assert!(!broken(state).is_review_overdue(at(72) - TimeDelta::microseconds(1)), "{state}");
        }
    }

    #[test]
    fn it_lasts_no_longer_than_the_policy_and_no_longer_than_a_day() {
        let long = Terms { maximum_hours: 1_000, ..terms() };
        for (hours, terms, fits) in [
            (0, &terms(), false),
            (1, &terms(), true),
            (8, &terms(), true),
            (9, &terms(), false),
            (24, &long, true),
            (25, &long, false),
        ] {
            assert_eq!(check_hours(hours, terms).is_ok(), fits, "{hours}");
        }
    }
}
