//! The quorum by trying everything: slow, and obviously right.

use super::world::World;
use plimsoll::core::ids::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// Whether every seat can be filled by another human, or another team, none of whom had a hand in it.
pub fn is_full(world: &World, involved: &BTreeSet<usize>, approvals: impl Iterator<Item = AccountId>) -> bool {
    let mut humans: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for approval in approvals {
        let account = world.accounts.iter().find(|a| a.id == approval).expect("known");
        let human = world.class(account.human);
        if account.active && !account.robot && !involved.contains(&human) {
            humans.entry(world.unit(human)).or_default().extend(account.roles.iter().copied());
        }
    }
    can_fill(&world.seats, &mut humans.into_values().collect())
}

fn can_fill(seats: &[&str], humans: &mut Vec<BTreeSet<&str>>) -> bool {
    let Some((seat, rest)) = seats.split_first() else { return true };
    (0..humans.len()).any(|i| {
        if !humans[i].contains(seat) {
            return false;
        }
        let taken = humans.remove(i);
        let filled = can_fill(rest, humans);
        humans.insert(i, taken);
        filled
    })
}
