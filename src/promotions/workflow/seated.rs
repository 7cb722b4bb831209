//! By which approvals the seats of a request are filled.

use crate::{
    core::ids::{AccountId, ApprovalId},
    policies::quorum,
    promotions::workflow::{Observed, Request, Vote, Voter},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The live approvals of those who sit, by accounts that hold the role of their seat: what the release
/// of a full request rests on, and nothing beside it.
pub fn seated(request: &Request, observed: &Observed, now: DateTime<Utc>) -> Vec<ApprovalId> {
    let Some(assessed) = &observed.assessment else { return Vec::new() };
    let live: Vec<&Vote> = request.votes.iter().filter(|vote| vote.is_live(&request.digest, now)).collect();
    let barred: BTreeSet<AccountId> =
        observed.voters.iter().filter(|voter| voter.bar.is_some()).map(|voter| voter.person).collect();
    let counts =
        |voter: &&Voter| !barred.contains(&voter.person) && live.iter().any(|vote| vote.account == voter.account);
    let mut sitting: BTreeMap<AccountId, Vec<&Voter>> = BTreeMap::new();
    for voter in observed.voters.iter().filter(counts) {
        sitting.entry(voter.sits_as).or_default().push(voter);
    }
    let sitting: Vec<Vec<&Voter>> = sitting.into_values().collect();
    let roles: Vec<Vec<String>> =
        sitting.iter().map(|voters| voters.iter().flat_map(|voter| voter.roles.iter().cloned()).collect()).collect();
    let mut accounts = BTreeSet::new();
    for (seat, person) in assessed.seats.iter().zip(quorum::assign(&assessed.seats, &roles)) {
        let voters = person.and_then(|person| sitting.get(person)).into_iter().flatten();
        accounts.extend(voters.filter(|voter| voter.roles.contains(seat)).map(|voter| voter.account));
    }
    live.into_iter().filter(|vote| accounts.contains(&vote.account)).map(|vote| vote.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            digest::Digest,
            ids::{PromotionId, VersionId},
        },
        promotions::workflow::{Assessed, Bar, Stage, filled},
    };
    use chrono::{TimeDelta, TimeZone};
    use uuid::Uuid;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).single().expect("time")
    }

    fn vote(n: u128) -> Vote {
        let (id, account) = (ApprovalId(Uuid::from_u128(n)), AccountId(Uuid::from_u128(n)));
        Vote { id, account, digest: Digest::of("seen"), expires_at: None, withdrawn: false }
    }

    fn voter(n: u128, person: u128, roles: &[&str]) -> Voter {
        let (account, person) = (AccountId(Uuid::from_u128(n)), AccountId(Uuid::from_u128(person)));
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Voter { account, person, sits_as: person, roles, decides: true, bar: None }
    }

    fn sitting(seats: &[&str], votes: Vec<Vote>, voters: Vec<Voter>) -> Vec<u128> {
        let request = Request {
            id: PromotionId::generate(),
            version: VersionId::generate(),
            requested_by: AccountId::generate(),
            stage: Stage::Approved,
            digest: Digest::of("seen"),
            replaces: None,
            expires_at: noon() + TimeDelta::hours(1),
            votes,
        };
        let assessment = Assessed {
            digest: request.digest,
            failed: Vec::new(),
            seats: seats.iter().map(|role| (*role).to_owned()).collect(),
            approval_lifetime: None,
        };
        let observed = Observed { assessment: Some(assessment), voters, ..Observed::default() };
        let found = seated(&request, &observed, noon());
        let sits = |voter: &&Voter| found.iter().any(|id| id.0 == voter.account.0);
        let people: BTreeSet<_> = observed.voters.iter().filter(sits).map(|voter| voter.person).collect();
        assert_eq!(people.len(), filled(&request, &observed, noon(), None), "as many persons as filled seats");
        found.into_iter().map(|id| id.0.as_u128()).collect()
    }

    #[test]
    fn what_was_taken_back_is_over_or_of_another_decision_is_none_of_them() {
        let gone = Vote { withdrawn: true, ..vote(1) };
        let over = Vote { expires_at: Some(noon()), ..vote(2) };
        let other = Vote { digest: Digest::of("something else"), ..vote(3) };
        let voters = (1..=4).map(|n| voter(n, n, &["reviewer"])).collect();
        assert_eq!(sitting(&["reviewer"], vec![gone, over, other, vote(4)], voters), [4]);
    }

    #[test]
    fn who_is_barred_or_holds_no_role_of_a_seat_is_none_of_them() {
        let bar = Some(Bar { code: "separation_of_duties", why: "the author".to_owned() });
        let author = Voter { bar, ..voter(1, 1, &["reviewer"]) };
        let same = voter(2, 1, &["reviewer"]);
        let voters = vec![author, same, voter(3, 3, &["risk_officer"]), voter(4, 4, &[]), voter(5, 5, &["reviewer"])];
        let votes = (1..=5).map(vote).collect();
        assert_eq!(sitting(&["reviewer", "reviewer"], votes, voters), [5]);
    }

    #[test]
    fn of_two_accounts_of_one_person_those_count_that_hold_the_role_of_the_seat() {
        let both = |other: &[&str]| vec![voter(1, 1, &["reviewer"]), voter(2, 1, other)];
        assert_eq!(sitting(&["reviewer"], vec![vote(1), vote(2)], both(&["reviewer"])), [1, 2]);
        assert_eq!(sitting(&["reviewer"], vec![vote(1), vote(2)], both(&["risk_officer"])), [1]);
        assert_eq!(sitting(&["risk_officer"], vec![vote(1), vote(2)], both(&["risk_officer"])), [2]);
    }

    #[test]
    fn one_approval_too_many_fills_no_seat() {
        let voters = (1..=2).map(|n| voter(n, n, &["reviewer"])).collect();
        assert_eq!(sitting(&["reviewer"], vec![vote(1), vote(2)], voters), [1]);
    }
}
