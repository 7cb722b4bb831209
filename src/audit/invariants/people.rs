//! Who counts as whom, and whether people fill seats.

use super::{
    places::Place,
    world::{World, text},
};
use crate::audit::changes::Row;
use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So long after an account ended may what it had begun before still be told.
pub(super) const GRACE: TimeDelta = TimeDelta::seconds(1);

/// Whether an account was active, or had been until a moment ago.
pub(super) fn stood(world: &World, account: &str, at: &str) -> bool {
    let state = world.row("account", account).map(|row| text(row, "state"));
    if state == Some("active") {
        return true;
    }
    let ended = world.ended(account).and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let now = DateTime::parse_from_rfc3339(at).ok();
    ended.zip(now).is_some_and(|(ended, now)| now - ended <= GRACE)
}

/// Accounts that count as one at a moment: of one human, and a delegator with the delegate; in a seat
/// those of one team as well, where teams must differ.
#[derive(Default)]
pub(super) struct Persons {
    /// The account that stands for a class, for those that are not alone in one.
    first: BTreeMap<String, String>,
    leaves: BTreeSet<(String, String)>,
}

impl Persons {
    pub fn at(world: &World, now: &str, different_teams: bool) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut together = |class: String, account: &str| {
            let first = known.entry(class).or_insert_with(|| account.to_owned()).clone();
            pairs.push((first, account.to_owned()));
        };
        for (_, link) in world.rows("person_link") {
            together(format!("person {}", text(link, "person_id")), text(link, "account_id"));
        }
        for (_, member) in world.rows("person_team").filter(|_| different_teams) {
            together(format!("team {}", text(member, "team")), text(member, "account_id"));
        }
        let mut leaves = BTreeSet::new();
        for (_, leave) in world.rows("delegation").filter(|(_, row)| text(row, "revoked_at").is_empty()) {
            if text(leave, "valid_from") <= now && now < text(leave, "valid_until") {
                leaves.insert((text(leave, "from_account").to_owned(), text(leave, "to_account").to_owned()));
            }
        }
        pairs.extend(leaves.iter().cloned());
        Self { first: classes(&pairs), leaves }
    }

    /// The account that stands for all that count as one with this one.
    pub fn of(&self, account: &str) -> String {
        self.first.get(account).map_or(account, String::as_str).to_owned()
    }

    pub fn has_leave(&self, from: &str, to: &str) -> bool {
        self.leaves.contains(&(from.to_owned(), to.to_owned()))
    }
}

/// Everybody takes the smallest name of those beside them, until nobody finds a smaller one.
fn classes(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for account in pairs.iter().flat_map(|(a, b)| [a, b]) {
        first.insert(account.clone(), account.clone());
    }
    let mut is_settled = false;
    while !is_settled {
        is_settled = true;
        for (a, b) in pairs {
            let (of_a, of_b) = (first.get(a).cloned().unwrap_or_default(), first.get(b).cloned().unwrap_or_default());
            if of_a != of_b {
                let smaller = of_a.min(of_b);
                first.insert(a.clone(), smaller.clone());
                first.insert(b.clone(), smaller);
                is_settled = false;
            }
        }
    }
    first
}

/// The roles by which an account may act in all these places; by any of them where a record says nothing of a place.
pub(super) fn roles(world: &World, account: &str, places: &[Place]) -> BTreeSet<String> {
    let held = world.of("membership", "account_id", account);
    let held = held.filter(|(_, row)| is_there(row, places));
    held.map(|(_, row)| text(row, "role").to_owned()).collect()
}

fn is_there(membership: &Row, places: &[Place]) -> bool {
    places.iter().all(|place| place.is_empty() || place.is_within(membership))
}

/// Whether a role that the workspace made lets an account do something in all these places.
pub(super) fn may_by_own_role(world: &World, account: &str, action: &str, places: &[Place]) -> bool {
    let held = world.of("membership", "account_id", account);
    held.filter(|(_, row)| is_there(row, places)).any(|(_, row)| {
        let definition = world.row("custom_role", text(row, "custom_id"));
        let actions = definition.and_then(|row| serde_json::from_str::<Vec<String>>(text(row, "actions")).ok());
        actions.is_some_and(|actions| actions.iter().any(|held| held == action))
    })
}

/// The roles that an account holds for a model in an environment: what it holds everywhere, and what it holds for these.
pub(super) fn roles_in(world: &World, account: &str, (model, environment): (&str, &str)) -> BTreeSet<String> {
    let is_here = |row: &Row| {
        let Ok(reach) = serde_json::from_str::<Value>(text(row, "reach")) else { return text(row, "reach").is_empty() };
        [("models", model), ("environments", environment)]
            .into_iter()
            .all(|(kind, id)| reach[kind].as_array().is_none_or(|all| all.iter().any(|named| named == id)))
    };
    let held = world.of("membership", "account_id", account).filter(|(_, row)| is_here(row));
    held.map(|(_, row)| text(row, "role").to_owned()).collect()
}

/// Whether every seat can be taken by another person.
///
/// By Hall's theorem: for every set of roles there are at least as many people who hold one of them
/// as there are seats that ask for one. All sets are tried.
pub(super) fn fill(seats: &[String], people: &[BTreeSet<String>]) -> bool {
    let asked: BTreeSet<&String> = seats.iter().collect();
    let asked: Vec<&String> = asked.into_iter().collect();
    // A policy has at most ten slots.
    if 16 < asked.len() {
        return false;
    }
    (0_u32..1 << asked.len()).all(|chosen| {
        let within =
            |role: &String| asked.iter().enumerate().any(|(i, known)| chosen & (1 << i) != 0 && *known == role);
        let wanted = seats.iter().filter(|seat| within(seat)).count();
        wanted <= people.iter().filter(|roles| roles.iter().any(within)).count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_links_is_one_person() {
        let pairs = [("d", "c"), ("a", "b"), ("b", "c"), ("x", "y")];
        let first = classes(&pairs.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let of = |account: &str| first.get(account).map(String::as_str);
        assert_eq!(["a", "b", "c", "d", "x", "y"].map(of), ["a", "a", "a", "a", "x", "x"].map(Some));
    }

    #[test]
    fn seats_are_filled_by_as_many_people() {
        let of = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect::<BTreeSet<_>>();
        let seats = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>();
        for (asked, people, filled) in [
            (seats(&["a"]), vec![of(&["a"])], true),
            (seats(&["a"]), vec![], false),
            (seats(&["a", "b"]), vec![of(&["a", "b"])], false),
            (seats(&["a", "b"]), vec![of(&["a", "b"]), of(&["a"])], true),
            (seats(&["a", "a"]), vec![of(&["a"])], false),
            (seats(&["a", "a", "b"]), vec![of(&["a"]), of(&["a", "b"]), of(&["b"])], true),
            (seats(&["a", "a", "b"]), vec![of(&["b"]), of(&["a", "b"]), of(&["b"])], false),
        ] {
            assert_eq!(fill(&asked, &people), filled, "{asked:?} {people:?}");
        }
    }
}
