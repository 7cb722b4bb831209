//! Who may not decide on a request, whose approvals count as one, and who sits in which seat.
//!
//! Accounts are contracted to persons by today's links and delegations first, and matched to seats
//! then; the same functions answer when a decision is taken and when the request is activated.
//!
//! Who else had a hand in what is decided on becomes a party in [`Facts::involved`]: one
//! [`Involved::add`] with the accounts and the capacity in which they acted.

use crate::{
    authz::policy::Involved,
    core::ids::AccountId,
    policies::quorum,
    promotions::{Promotion, assessment::Facts},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Everyone who may not decide on this request: those who had a hand in it, the owners of robots
/// that had, and whoever decides as one with any of them at this moment.
pub fn involved(facts: &Facts, promotion: &Promotion, now: DateTime<Utc>) -> Involved {
    involved_if_asked_by(facts, promotion.requested_by, now)
}

/// Everyone who may not decide on a request that somebody makes of this.
pub fn involved_if_asked_by(facts: &Facts, asker: AccountId, now: DateTime<Utc>) -> Involved {
    let mut involved = facts.involved();
    involved.add([asker], "the one who asked");
    let mut involved = involved.with_owners(&facts.robots).with_persons(facts.people.at(now));
    // Who sits beside whom is a matter of seats, and no conflict.
    if facts.different_teams() {
        involved.persons = involved.persons.by_team();
    }
    involved
}

/// An approval of the digest that counts, with what its people hold at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    pub account: AccountId,
    /// The roles of the account that decided; none when it is deactivated.
    pub roles: Vec<String>,
    /// In whose stead it was given, with that account's roles.
    pub on_behalf_of: Option<(AccountId, Vec<String>)>,
}

/// A place that a policy asks somebody to fill, and by which accounts' approvals it is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub role: String,
    /// All of one person; empty while nobody sits there.
    pub filled_by: Vec<AccountId>,
}

impl Vote {
    /// The roles by which it counts. An approval in somebody's stead counts by the roles that both
    /// hold, and only while the leave is in force.
    pub fn roles_that_count(&self, involved: &Involved) -> Vec<String> {
        let barred = |account: AccountId| involved.parties.iter().any(|(party, _)| *party == account);
        if barred(self.account) {
            return Vec::new();
        }
        match &self.on_behalf_of {
            None => self.roles.clone(),
            Some((from, _)) if barred(*from) || !involved.persons.has_leave(*from, self.account) => Vec::new(),
            Some((_, theirs)) => self.roles.iter().filter(|role| theirs.contains(role)).cloned().collect(),
        }
    }
}

/// Who sits where: as many seats as can be filled at once, each by another person, or by another team
/// where teams must differ. A person has the roles of those of their accounts that approved.
pub fn seating(seats: &[&str], votes: &[Vote], involved: &Involved) -> Vec<Seat> {
    let mut persons: BTreeMap<AccountId, (Vec<AccountId>, Vec<String>)> = BTreeMap::new();
    for vote in votes {
        let roles = vote.roles_that_count(involved);
        if roles.is_empty() {
            continue;
        }
        let person = persons.entry(involved.persons.sits_as(vote.account)).or_default();
        person.0.push(vote.account);
        person.1.extend(roles);
    }
    let (accounts, roles): (Vec<_>, Vec<Vec<String>>) = persons.into_values().unzip();
    let wanted: Vec<String> = seats.iter().map(|role| (*role).to_owned()).collect();
    let assigned = quorum::assign(&wanted, &roles);
    let sits = |person: Option<usize>| person.and_then(|at| accounts.get(at)).cloned().unwrap_or_default();
    wanted.into_iter().zip(assigned).map(|(role, person)| Seat { role, filled_by: sits(person) }).collect()
}

/// Seats that are filled.
pub fn filled(seats: &[Seat]) -> usize {
    seats.iter().filter(|seat| !seat.filled_by.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::{Leave, People, Persons},
        core::ids::PersonId,
    };
    use chrono::{TimeDelta, TimeZone};
    use proptest::prelude::*;
    use uuid::Uuid;

    const ROLES: [&str; 3] = ["reviewer", "risk_officer", "compliance_officer"];

    fn account(n: u8) -> AccountId {
        AccountId(Uuid::from_u128(u128::from(n)))
    }

    fn people(links: &[(u8, u8)], delegations: &[(u8, u8)], teams: &[(u8, u8)]) -> Persons {
        let noon = Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).single().expect("time");
        let people = People {
            links: links.iter().map(|(a, p)| (account(*a), PersonId(Uuid::from_u128(u128::from(*p))))).collect(),
            teams: teams.iter().map(|(a, t)| (account(*a), t.to_string())).collect(),
            delegations: delegations
                .iter()
                .map(|(from, to)| Leave {
                    from: account(*from),
                    to: account(*to),
                    valid_from: noon,
                    valid_until: noon + TimeDelta::hours(1),
                })
                .collect(),
        };
        people.at(noon)
    }

    fn among(persons: Persons, authors: &[u8]) -> Involved {
        let mut involved = Involved::default();
        involved.add(authors.iter().map(|n| account(*n)), "the version's author");
        involved.with_persons(persons)
    }

    fn vote(n: u8, roles: &[&str]) -> Vote {
        Vote { account: account(n), roles: roles.iter().map(|r| (*r).to_owned()).collect(), on_behalf_of: None }
    }

    #[test]
    fn roles_that_overlap_between_people_fill_every_seat_that_can_be_filled() {
        let votes = [vote(1, &ROLES), vote(2, &ROLES[..2]), vote(3, &ROLES[..1])];
        let seats =
            seating(&["reviewer", "risk_officer", "compliance_officer"], &votes, &among(people(&[], &[], &[]), &[]));
        let sitting: Vec<_> = seats.iter().map(|seat| seat.filled_by.clone()).collect();
        assert_eq!(sitting, [vec![account(3)], vec![account(2)], vec![account(1)]]);
        assert_eq!(filled(&seats), 3);
    }

    #[test]
    fn two_accounts_of_one_person_fill_one_seat_with_the_roles_of_both() {
        let votes = [vote(1, &ROLES[..1]), vote(2, &ROLES[1..2])];
        let asked = ["reviewer", "risk_officer"];
        assert_eq!(filled(&seating(&asked, &votes, &among(people(&[], &[], &[]), &[]))), 2);
        let linked = among(people(&[(1, 9), (2, 9)], &[], &[]), &[]);
        assert_eq!(filled(&seating(&asked, &votes, &linked)), 1);
        for asked in asked {
            let seats = seating(&[asked], &votes, &linked);
            assert_eq!(seats[0].filled_by, [account(1), account(2)], "{asked}");
        }
    }

    #[test]
    fn delegator_and_delegate_fill_one_seat_and_a_team_does_where_teams_must_differ() {
        let votes = [vote(1, &ROLES[..1]), vote(2, &ROLES[..1]), vote(3, &ROLES[..1])];
        let asked = ["reviewer"; 3];
        assert_eq!(filled(&seating(&asked, &votes, &among(people(&[], &[(1, 2)], &[]), &[]))), 2);
        let mut involved = among(people(&[], &[], &[(1, 5), (3, 5)]), &[]);
        assert_eq!(filled(&seating(&asked, &votes, &involved)), 3);
        involved.persons = involved.persons.by_team();
        assert_eq!(filled(&seating(&asked, &votes, &involved)), 2);
        // Who had a part in it takes no colleague along.
        involved.parties.push((account(1), "the version's author"));
        assert_eq!(filled(&seating(&asked, &votes, &involved)), 2);
        involved.parties.push((account(3), "the version's author"));
        assert_eq!(filled(&seating(&asked, &votes, &involved)), 1);
    }

    #[test]
    fn whatever_decides_as_one_with_a_party_counts_for_nothing() {
        let votes: Vec<_> = (1..=5).map(|n| vote(n, &ROLES)).collect();
        // 1 wrote it; 2 is the same human, 3 the delegate of 2, 4 a delegator of 3.
        let involved = among(people(&[(1, 9), (2, 9)], &[(2, 3), (4, 3)], &[]), &[1]);
        let seats = seating(&["reviewer"; 5], &votes, &involved);
        assert_eq!((filled(&seats), &seats[0].filled_by), (1, &vec![account(5)]));
    }

    #[test]
    fn an_approval_in_somebodys_stead_counts_by_what_both_hold_while_the_leave_is_in_force() {
        let given = |own: &[&str], theirs: &[&str]| Vote {
            on_behalf_of: Some((account(1), theirs.iter().map(|r| (*r).to_owned()).collect())),
            ..vote(2, own)
        };
        let in_force = among(people(&[], &[(1, 2)], &[]), &[]);
        for (own, theirs, wanted) in [
            (&ROLES[..], &ROLES[1..2], &ROLES[1..2]),
            (&ROLES[..1], &ROLES[..], &ROLES[..1]),
            (&ROLES[..1], &ROLES[1..], &[]),
            (&ROLES[..1], &[], &[]),
            (&[], &ROLES[..1], &[]),
        ] {
            assert_eq!(given(own, theirs).roles_that_count(&in_force), wanted, "{own:?} for {theirs:?}");
        }
        let over = among(people(&[], &[], &[]), &[]);
        assert!(given(&ROLES, &ROLES).roles_that_count(&over).is_empty());
        let turned_round = among(people(&[], &[(2, 1)], &[]), &[]);
        assert!(given(&ROLES, &ROLES).roles_that_count(&turned_round).is_empty());
    }

    /// Every choice of an approval for each seat, or of none, in which no two approvals of one class
    /// sit: slow, and obviously right where each account of a class has its own roles.
    fn by_brute_force(seats: &[&str], votes: &[(u8, Vec<&str>)], same: &dyn Fn(u8, u8) -> bool, used: &[u8]) -> usize {
        let Some((seat, rest)) = seats.split_first() else { return 0 };
        let empty = by_brute_force(rest, votes, same, used);
        let able = votes.iter().filter(|(n, roles)| roles.contains(seat) && !used.iter().any(|other| same(*n, *other)));
        let best = able.map(|(n, _)| 1 + by_brute_force(rest, votes, same, &[used, &[*n]].concat())).max();
        best.unwrap_or(0).max(empty)
    }

    fn reachable(edges: &[(u8, u8)], from: u8, to: u8) -> bool {
        let mut seen = vec![from];
        while let Some((_, new)) =
            edges.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).find(|(a, b)| seen.contains(a) && !seen.contains(b))
        {
            seen.push(new);
        }
        seen.contains(&to)
    }

    proptest! {
        #[test]
        fn contracting_and_then_matching_fills_what_independent_people_can(
            held in prop::collection::vec(0u8..8, 6),
            links in prop::collection::vec((0u8..6, 0u8..3), 0..4),
            delegations in prop::collection::vec((0u8..6, 0u8..6), 0..3),
            authors in prop::collection::vec(0u8..6, 0..2),
            seats in prop::collection::vec(0usize..3, 0..4),
        ) {
            let votes: Vec<(u8, Vec<&str>)> = (0u8..)
                .zip(&held)
                .map(|(n, bits)| (n, ROLES.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, r)| r).collect()))
                .collect();
            let seats: Vec<&str> = seats.into_iter().map(|at| ROLES[at]).collect();
            let mut edges = delegations.clone();
            for (a, p) in &links {
                edges.extend(links.iter().filter(|(_, q)| p == q).map(|(b, _)| (*a, *b)));
            }
            let same = |a: u8, b: u8| reachable(&edges, a, b);
            let free: Vec<_> =
                votes.iter().filter(|(n, _)| !authors.iter().any(|author| same(*author, *n))).cloned().collect();
            let wanted = by_brute_force(&seats, &free, &same, &[]);
            let involved = among(people(&links, &delegations, &[]), &authors);
            let given: Vec<_> = votes.iter().map(|(n, roles)| vote(*n, roles)).collect();
            let found = seating(&seats, &given, &involved);
            prop_assert_eq!(filled(&found), wanted);
            let sitting: Vec<_> = found.iter().flat_map(|seat| &seat.filled_by).collect();
            for account in &sitting {
                prop_assert!(!involved.parties.iter().any(|(party, _)| party == *account));
            }
        }
    }
}
