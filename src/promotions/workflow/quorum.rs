//! Whose approvals count, and how many seats they fill.

use crate::{
    core::ids::AccountId,
    policies::quorum,
    promotions::workflow::{Observed, Request},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Seats that are filled now, as if `also` had approved too.
///
/// A person counts once, with the roles that the accounts hold by which they approved; and not at
/// all when any of their accounts may not decide.
pub fn filled(request: &Request, observed: &Observed, now: DateTime<Utc>, also: Option<AccountId>) -> usize {
    let Some(assessed) = &observed.assessment else { return 0 };
    let live = request.votes.iter().filter(|vote| vote.is_live(&request.digest, now));
    let approved: Vec<AccountId> = live.map(|vote| vote.account).chain(also).collect();
    let mut people: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    for voter in observed.voters.iter().filter(|voter| approved.contains(&voter.account)) {
        people.entry(voter.person).or_default().extend(voter.roles.iter().cloned());
    }
    for barred in observed.voters.iter().filter(|voter| voter.bar.is_some()) {
        people.remove(&barred.person);
    }
    let people: Vec<Vec<String>> = people.into_values().collect();
    quorum::filled(&assessed.seats, &people)
}

/// Whether every seat is filled. Where no seat is known, nothing is.
pub fn is_full(request: &Request, observed: &Observed, now: DateTime<Utc>, also: Option<AccountId>) -> bool {
    let seats = observed.assessment.as_ref().map_or(0, |assessed| assessed.seats.len());
    0 < seats && filled(request, observed, now, also) == seats
}
