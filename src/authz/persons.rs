//! Which accounts count as one where duties are to be separate: a contraction of accounts by
//! what links them (union-find), made before anybody is matched to a seat and never after.
//!
//! Invariants: the relation is an equivalence, so a conflict reaches as far as a chain of links
//! does; more links, delegations or teams never make two accounts more independent; the account
//! that stands for a class is the smallest of it, so that the order of records does not matter.

use crate::core::ids::{AccountId, PersonId};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What is on record about the people of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Accounts of one human share a person.
    pub links: Vec<(AccountId, PersonId)>,
    pub teams: Vec<(AccountId, String)>,
    /// Those that nobody revoked, past and future ones too.
    pub delegations: Vec<Leave>,
}

/// One person's leave for another to decide in their stead, from a moment until before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    pub from: AccountId,
    pub to: AccountId,
    pub valid_from: DateTime<Utc>,
    pub valid_until: DateTime<Utc>,
}

/// The people of a workspace at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persons {
    /// By links alone: one human.
    humans: Classes,
    /// By links and by the delegations in force.
    deciding: Classes,
    /// The same, and by teams where people of one team count as one.
    sitting: Classes,
    /// Delegator and delegate of each delegation in force.
    leaves: BTreeSet<(AccountId, AccountId)>,
    teams: Vec<(AccountId, String)>,
}

impl Leave {
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.valid_from <= now && now < self.valid_until
    }
}

impl People {
    pub fn at(&self, now: DateTime<Utc>) -> Persons {
        let mut humans = Classes::default();
        let mut first: BTreeMap<PersonId, AccountId> = BTreeMap::new();
        for (account, person) in &self.links {
            humans.join(*first.entry(*person).or_insert(*account), *account);
        }
        let leaves: BTreeSet<_> = self
            .delegations
            .iter()
            .filter(|leave| leave.is_in_force(now))
            .map(|leave| (leave.from, leave.to))
            .collect();
        let mut deciding = humans.clone();
        for (from, to) in &leaves {
            deciding.join(*from, *to);
        }
        Persons { humans, sitting: deciding.clone(), deciding, leaves, teams: self.teams.clone() }
    }
}

impl Persons {
    /// The account that stands for all that decide as one with this one.
    pub fn standing_for(&self, account: AccountId) -> AccountId {
        self.deciding.first_of(account)
    }

    /// The account that stands for all that fill one seat between them with this one.
    pub fn sits_as(&self, account: AccountId) -> AccountId {
        self.sitting.first_of(account)
    }

    /// Whether both are of one human.
    pub fn are_one_human(&self, one: AccountId, other: AccountId) -> bool {
        self.humans.first_of(one) == self.humans.first_of(other)
    }

    /// Every other account that decides as one with this one.
    pub fn others(&self, account: AccountId) -> Vec<AccountId> {
        self.deciding.members(account).into_iter().filter(|other| *other != account).collect()
    }

    /// Whether the second may decide in the first one's stead now.
    pub fn has_leave(&self, from: AccountId, to: AccountId) -> bool {
        self.leaves.contains(&(from, to))
    }

    /// Whose delegate this account is now.
    pub fn delegators(&self, to: AccountId) -> Vec<AccountId> {
        self.leaves.iter().filter(|(_, delegate)| *delegate == to).map(|(from, _)| *from).collect()
    }

    /// With everybody of one team in one seat. It makes nobody a party of what a colleague did.
    #[must_use]
    pub fn by_team(&self) -> Self {
        let mut sitting = self.deciding.clone();
        let mut first: BTreeMap<&str, AccountId> = BTreeMap::new();
        for (account, team) in &self.teams {
            sitting.join(*first.entry(team).or_insert(*account), *account);
        }
        Self { sitting, ..self.clone() }
    }
}

/// Disjoint classes of accounts. An account that nothing was joined with is a class of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Classes {
    /// Each account that is not the first of its class leads to a smaller one of it.
    towards: BTreeMap<AccountId, AccountId>,
}

impl Classes {
    fn first_of(&self, account: AccountId) -> AccountId {
        let mut at = account;
        while let Some(smaller) = self.towards.get(&at) {
            at = *smaller;
        }
        at
    }

    fn join(&mut self, one: AccountId, other: AccountId) {
        let (one, other) = (self.first_of(one), self.first_of(other));
        if one != other {
            self.towards.insert(one.max(other), one.min(other));
        }
    }

    fn members(&self, account: AccountId) -> Vec<AccountId> {
        let first = self.first_of(account);
        let led = self.towards.keys().copied().filter(|member| self.first_of(*member) == first);
        [first].into_iter().chain(led).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn account(n: u8) -> AccountId {
        AccountId(Uuid::from_u128(u128::from(n)))
    }

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).single().expect("time")
    }

    fn leave(from: u8, to: u8, hours: std::ops::Range<i64>) -> Leave {
        let at = |hour| noon() + TimeDelta::hours(hour);
        Leave { from: account(from), to: account(to), valid_from: at(hours.start), valid_until: at(hours.end) }
    }

    fn people(links: &[(u8, u8)], teams: &[(u8, u8)], delegations: &[(u8, u8)]) -> People {
        People {
            links: links.iter().map(|(a, p)| (account(*a), PersonId(Uuid::from_u128(u128::from(*p))))).collect(),
            teams: teams.iter().map(|(a, t)| (account(*a), format!("team-{t}"))).collect(),
            delegations: delegations.iter().map(|(from, to)| leave(*from, *to, -1..1)).collect(),
        }
    }

    #[test]
    fn linked_accounts_and_delegates_count_as_one_and_others_do_not() {
        let now = people(&[(1, 9), (2, 9)], &[(3, 1), (5, 1)], &[(2, 3)]).at(noon());
        assert_eq!(now.others(account(1)), [account(2), account(3)], "over the link to the delegate");
        assert!(now.are_one_human(account(1), account(2)) && !now.are_one_human(account(2), account(3)));
        assert!(now.has_leave(account(2), account(3)) && !now.has_leave(account(3), account(2)));
        assert_eq!(now.delegators(account(3)), [account(2)]);
        assert_eq!((now.others(account(4)), now.standing_for(account(4))), (Vec::new(), account(4)));
        assert_eq!(now.sits_as(account(5)), account(5));
        assert_eq!((now.by_team().sits_as(account(5)), now.by_team().sits_as(account(4))), (account(1), account(4)));
        assert_eq!(now.by_team().others(account(5)), [], "a colleague is nobody's other account");
    }

    #[test]
    fn a_delegation_counts_from_its_first_moment_until_before_its_last() {
        let mut people = people(&[], &[], &[]);
        people.delegations.push(leave(1, 2, 0..2));
        for (hours, wanted) in [(-1, false), (0, true), (1, true), (2, false), (3, false)] {
            let now = people.at(noon() + TimeDelta::hours(hours));
            assert_eq!(now.has_leave(account(1), account(2)), wanted, "{hours}");
            assert_eq!(now.standing_for(account(2)) == account(1), wanted, "{hours}");
        }
    }

    /// Whether one can walk from one to the other over what links them: slow, and obviously right.
    fn reachable(edges: &[(u8, u8)], from: u8, to: u8) -> bool {
        let mut seen = vec![from];
        loop {
            let next = edges.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
            let Some((_, new)) = next.into_iter().find(|(a, b)| seen.contains(a) && !seen.contains(b)) else {
                return seen.contains(&to);
            };
            seen.push(new);
        }
    }

    fn pairs() -> impl Strategy<Value = Vec<(u8, u8)>> {
        prop::collection::vec((0u8..7, 0u8..7), 0..7)
    }

    proptest! {
        #[test]
        fn the_contraction_is_reachability(links in pairs(), teams in pairs(), delegations in pairs()) {
            let people = people(&links, &teams, &delegations);
            let now = people.at(noon());
            let sharing = |pairs: &[(u8, u8)]| -> Vec<(u8, u8)> {
                let of_one = |(a, x): &(u8, u8)| pairs.iter().filter(move |(_, y)| x == y).map(move |(b, _)| (*a, *b)).collect::<Vec<_>>();
                pairs.iter().flat_map(of_one).collect()
            };
            let human = sharing(&links);
            let deciding: Vec<_> = human.iter().chain(&delegations).copied().collect();
            let teamed: Vec<_> = deciding.iter().copied().chain(sharing(&teams)).collect();
            for a in 0..7 {
                for b in 0..7 {
                    let (one, other) = (account(a), account(b));
                    prop_assert_eq!(now.are_one_human(one, other), reachable(&human, a, b));
                    prop_assert_eq!(now.standing_for(one) == now.standing_for(other), reachable(&deciding, a, b));
                    let by_team = now.by_team();
                    prop_assert_eq!(by_team.sits_as(one) == by_team.sits_as(other), reachable(&teamed, a, b));
                    prop_assert_eq!(by_team.standing_for(one), now.standing_for(one));
                    prop_assert_eq!(now.sits_as(one), now.standing_for(one));
                    prop_assert_eq!(now.others(one).contains(&other), a != b && reachable(&deciding, a, b));
                }
            }
        }

        #[test]
        fn the_order_of_records_does_not_matter(links in pairs(), delegations in pairs()) {
            let forwards = people(&links, &[], &delegations);
            let mut backwards = forwards.clone();
            backwards.links.reverse();
            backwards.delegations.reverse();
            for n in 0..7 {
                prop_assert_eq!(
                    forwards.at(noon()).standing_for(account(n)),
                    backwards.at(noon()).standing_for(account(n))
                );
            }
        }
    }
}
