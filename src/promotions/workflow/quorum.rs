//! Whose approvals count, and how many seats they fill.

use crate::{
    core::ids::AccountId,
    policies::quorum,
    promotions::workflow::{Observed, Request, Voter},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Seats that are filled now, as if `also` had approved too.
///
/// A person counts once, with the roles that the accounts hold by which they approved; and not at
/// all when any of their accounts may not decide. Where teams must differ, those of one team who may
/// decide count once between them.
pub fn filled(request: &Request, observed: &Observed, now: DateTime<Utc>, also: Option<AccountId>) -> usize {
    let Some(assessed) = &observed.assessment else { return 0 };
    let live = request.votes.iter().filter(|vote| vote.is_live(&request.digest, now));
    let approved: Vec<AccountId> = live.map(|vote| vote.account).chain(also).collect();
    let barred: BTreeSet<AccountId> =
        observed.voters.iter().filter(|voter| voter.bar.is_some()).map(|voter| voter.person).collect();
    let mut sitting: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    let counts = |voter: &&Voter| approved.contains(&voter.account) && !barred.contains(&voter.person);
    for voter in observed.voters.iter().filter(counts) {
        sitting.entry(voter.sits_as).or_default().extend(voter.roles.iter().cloned());
    }
    let sitting: Vec<Vec<String>> = sitting.into_values().collect();
    quorum::filled(&assessed.seats, &sitting)
}

/// Whether every seat is filled. Where no seat is known, nothing is.
pub fn is_full(request: &Request, observed: &Observed, now: DateTime<Utc>, also: Option<AccountId>) -> bool {
    let seats = observed.assessment.as_ref().map_or(0, |assessed| assessed.seats.len());
    0 < seats && filled(request, observed, now, also) == seats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            digest::Digest,
            ids::{ApprovalId, PromotionId, VersionId},
        },
        promotions::workflow::{Assessed, Bar, Stage, Vote},
    };
    use chrono::TimeZone;
    use proptest::prelude::*;
    use uuid::Uuid;

    const ROLES: [&str; 3] = ["reviewer", "risk_officer", "compliance_officer"];

    /// An account that has approved: who has it, with whom it sits, what it may be, whether it is barred.
    #[derive(Clone, Debug)]
    struct Cast {
        person: u8,
        team: u8,
        roles: Vec<usize>,
        barred: bool,
    }

    fn cast(person: u8, team: u8, roles: &[usize], barred: bool) -> Cast {
        Cast { person, team, roles: roles.to_vec(), barred }
    }

    fn account(n: usize) -> AccountId {
        AccountId(Uuid::from_u128(n as u128))
    }

    fn by_machine(seats: &[usize], casts: &[Cast]) -> usize {
        let now = Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).single().expect("time");
        let (digest, id) = (Digest::of("decided on"), ApprovalId(Uuid::nil()));
        let vote = |n| Vote { id, account: account(n), digest, expires_at: None, withdrawn: false };
        let request = Request {
            id: PromotionId(Uuid::nil()),
            version: VersionId(Uuid::nil()),
            requested_by: account(999),
            stage: Stage::AwaitingApproval,
            digest,
            replaces: None,
            expires_at: now,
            votes: (0..casts.len()).map(vote).collect(),
        };
        let voter = |(n, cast): (usize, &Cast)| Voter {
            account: account(n),
            person: account(100 + usize::from(cast.person)),
            sits_as: account(200 + usize::from(cast.team)),
            roles: cast.roles.iter().map(|role| ROLES[*role].to_owned()).collect(),
            decides: true,
            bar: cast.barred.then(|| Bar { code: "separation_of_duties", why: "wrote it".to_owned() }),
        };
        let assessment = Assessed {
            digest,
            failed: Vec::new(),
            seats: seats.iter().map(|role| ROLES[*role].to_owned()).collect(),
            approval_lifetime: None,
        };
        let voters = casts.iter().enumerate().map(voter).collect();
        let observed = Observed { assessment: Some(assessment), voters, ..Observed::default() };
        filled(&request, &observed, now, None)
    }

    #[test]
    fn whoever_is_barred_goes_with_all_their_accounts_and_takes_no_colleague_along() {
        let two = [0, 0];
        for (casts, seats) in [
            (vec![cast(1, 1, &[0], false), cast(2, 2, &[0], false)], 2),
            (vec![cast(1, 1, &[0], false), cast(2, 1, &[0], false)], 1),
            (vec![cast(1, 1, &[0], true), cast(2, 1, &[0], false)], 1),
            (vec![cast(1, 1, &[0], true), cast(1, 1, &[0], false), cast(2, 1, &[0], false)], 1),
            (vec![cast(1, 1, &[0], true), cast(1, 1, &[0], false)], 0),
            (vec![cast(1, 1, &[0], true), cast(2, 1, &[0], false), cast(3, 3, &[0], false)], 2),
            (vec![cast(1, 1, &[0], true), cast(2, 1, &[0], true), cast(3, 3, &[0], false)], 1),
        ] {
            assert_eq!(by_machine(&two, &casts), seats, "{casts:?}");
        }
    }

    #[test]
    fn a_team_sits_by_the_roles_of_those_who_may_decide() {
        let colleagues = [cast(1, 1, &[1], true), cast(2, 1, &[0], false)];
        assert_eq!((by_machine(&[1], &colleagues), by_machine(&[0], &colleagues)), (0, 1));
    }

    /// Every choice of an account for each seat, or of none, of which no two are of one team and none
    /// is of a person who is barred.
    fn by_brute_force(seats: &[usize], casts: &[Cast], used: &[u8]) -> usize {
        let Some((seat, rest)) = seats.split_first() else { return 0 };
        let barred = |cast: &Cast| casts.iter().any(|other| other.barred && other.person == cast.person);
        let able = casts.iter().filter(|c| c.roles.contains(seat) && !barred(c) && !used.contains(&c.team));
        let best = able.map(|c| 1 + by_brute_force(rest, casts, &[used, &[c.team]].concat())).max();
        best.unwrap_or(0).max(by_brute_force(rest, casts, used))
    }

    proptest! {
        #[test]
        fn as_many_seats_are_filled_as_independent_teams_can(
            people in prop::collection::vec((0u8..5, prop::collection::vec(0usize..3, 0..3), prop::bool::weighted(0.2)), 0..6),
            teams in prop::collection::vec(0u8..4, 5),
            seats in prop::collection::vec(0usize..3, 0..4),
        ) {
            // A person is of one team, whichever of their accounts it is.
            let casts: Vec<_> = people
                .into_iter()
                .map(|(person, roles, barred)| cast(person, teams[usize::from(person)], &roles, barred))
                .collect();
            prop_assert_eq!(by_machine(&seats, &casts), by_brute_force(&seats, &casts, &[]));
        }
    }
}
