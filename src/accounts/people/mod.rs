//! Which accounts are one human, who is in which team, and who decides in whose stead.
//!
//! Invariants: a link, a team or a delegation gives nobody a right, it only binds accounts to each
//! other; service accounts have an owner and none of these; a delegation has one hop, so that
//! nobody who was trusted with a decision hands it on.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::{
    core::ids::{AccountId, DelegationId, WorkspaceId},
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a delegation lasts at most, and how far ahead it may begin.
pub const MAX_DELEGATION_DAYS: i64 = 365;

/// One person's leave for another to decide in their stead.
#[derive(Clone, Debug)]
pub struct Delegation {
    pub id: DelegationId,
    pub workspace: WorkspaceId,
    pub from: AccountId,
    pub to: AccountId,
    pub valid_from: DateTime<Utc>,
    pub valid_until: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What binds one account to others.
#[derive(Clone, Debug, Default)]
pub struct Bonds {
    /// The other accounts of the same human.
    pub same_person: Vec<AccountId>,
    /// Whether somebody said whose it is, if an identity provider brought it.
    pub is_said: bool,
    pub team: Option<String>,
}

impl Delegation {
    /// `upcoming`, `in_force`, `ended` or `revoked`.
    pub fn state(&self, now: DateTime<Utc>) -> &'static str {
        match self.revoked_at {
            Some(_) => "revoked",
            None if now < self.valid_from => "upcoming",
            None if now < self.valid_until => "in_force",
            None => "ended",
        }
    }

    /// Whether both are valid at some moment.
    fn overlaps(&self, other: &Self) -> bool {
        self.valid_from < other.valid_until && other.valid_from < self.valid_until
    }
}

/// From when until when a delegation may be valid.
///
/// # Errors
/// When it would begin in the past or more than a year ahead, end before it begins, or last longer
/// than a year.
pub fn period(
    from: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let longest = TimeDelta::days(MAX_DELEGATION_DAYS);
    let from = from.unwrap_or(now);
    if from < now {
        return Err(Error::invalid("valid_from", "a delegation begins now or later; leave it out for now"));
    }
    if longest < from - now {
        return Err(Error::invalid("valid_from", format!("use at most {MAX_DELEGATION_DAYS} days from now")));
    }
    if until <= from {
        return Err(Error::invalid("valid_until", "a delegation ends after it begins"));
    }
    if longest < until - from {
        return Err(Error::invalid("valid_until", format!("use at most {MAX_DELEGATION_DAYS} days after its start")));
    }
    Ok((from, until))
}

/// One hop: a delegate has no delegate while the delegation is valid, and a delegator is nobody's.
///
/// # Errors
/// 409 `delegation_exists` for the same pair at the same time, 409 `delegation_chain`.
pub fn fits(new: &Delegation, others: &[Delegation]) -> Result<(), Error> {
    for other in others.iter().filter(|other| other.revoked_at.is_none() && other.overlaps(new)) {
        if (other.from, other.to) == (new.from, new.to) {
            let detail = format!("delegation {} is valid in that time already; revoke it first", other.id);
            return Err(Error::conflict("delegation_exists", detail));
        }
        if other.from == new.to || other.to == new.from {
            let detail = format!(
                "delegation {} is valid in that time, and what was delegated is not handed on; revoke it first",
                other.id
            );
            return Err(Error::conflict("delegation_chain", detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use uuid::Uuid;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).single().expect("time")
    }

    fn delegation(from: u128, to: u128, days: std::ops::Range<i64>) -> Delegation {
        Delegation {
            id: DelegationId::generate(),
            workspace: WorkspaceId(Uuid::nil()),
            from: AccountId(Uuid::from_u128(from)),
            to: AccountId(Uuid::from_u128(to)),
            valid_from: noon() + TimeDelta::days(days.start),
            valid_until: noon() + TimeDelta::days(days.end),
            created_at: noon(),
            revoked_at: None,
        }
    }

    #[test]
    fn a_delegation_is_bounded_in_time() {
        let day = |n| noon() + TimeDelta::days(n);
        assert_eq!(period(None, day(14), noon()).ok(), Some((noon(), day(14))));
        assert!(period(Some(day(365)), day(730), noon()).is_ok());
        for (from, until, field) in [
            (Some(day(-1)), day(1), "valid_from"),
            (Some(day(366)), day(367), "valid_from"),
            (None, noon(), "valid_until"),
            (Some(day(2)), day(1), "valid_until"),
            (None, day(366), "valid_until"),
        ] {
            let refused = period(from, until, noon()).expect_err("refused");
            assert!(refused.to_string().starts_with(field), "{refused}");
        }
    }

    #[test]
    fn what_was_delegated_is_not_handed_on() {
        let first = delegation(1, 2, 0..7);
        let code = |new: Delegation, first: &Delegation| match fits(&new, std::slice::from_ref(first)) {
            Err(Error::Conflict { code, .. }) => code,
            _ => "",
        };
        for (new, wanted) in [
            (delegation(1, 2, 6..9), "delegation_exists"),
            (delegation(2, 3, 6..9), "delegation_chain"),
            (delegation(3, 1, 0..1), "delegation_chain"),
            (delegation(2, 1, 0..1), "delegation_chain"),
            (delegation(1, 3, 0..7), ""),
            (delegation(3, 2, 0..7), ""),
            (delegation(2, 3, 7..9), ""),
        ] {
            assert_eq!(code(new.clone(), &first), wanted, "{new:?}");
        }
        let ended = Delegation { revoked_at: Some(noon()), ..first };
        assert_eq!(code(delegation(2, 3, 0..7), &ended), "");
    }

    #[test]
    fn a_delegation_says_how_it_stands() {
        let one = delegation(1, 2, 1..3);
        let states = [0, 1, 2, 3].map(|day| one.state(noon() + TimeDelta::days(day)));
        assert_eq!(states, ["upcoming", "in_force", "in_force", "ended"]);
        assert_eq!(Delegation { revoked_at: Some(noon()), ..one }.state(noon()), "revoked");
    }
}
