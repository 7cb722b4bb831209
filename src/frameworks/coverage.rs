//! What of a profile is on record: present, stale or missing, with what to do next.

use crate::{
    core::clock::rfc3339,
    error::FailedCheck,
    frameworks::{
        facts::Facts,
        found,
        profile::{FrameworkProfile, RequiredItem},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Present,
    /// On record, and older than the profile allows.
    Stale,
    Missing,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Stale => "stale",
            Self::Missing => "missing",
        }
    }
}

/// One required item and what is on record for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemState {
    pub item: String,
    pub title: String,
    pub citation: String,
    pub state: State,
    /// In words, what would satisfy it.
    pub satisfied_by: String,
    /// Digests, ids or places of what satisfies it.
    pub evidence: Vec<String>,
    /// When the evidence was made, RFC 3339.
    pub since: Option<String>,
    pub why: String,
    /// Empty where nothing is to be done.
    pub what_to_do: String,
    /// Only the decision itself brings it, so it never stops a request.
    pub comes_with_the_decision: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One state per required item, in the order of the profile.
pub fn coverage(profile: &FrameworkProfile, facts: &Facts, now: DateTime<Utc>) -> Vec<ItemState> {
    profile.required_items.iter().map(|item| state_of(item, facts, now)).collect()
}

fn state_of(item: &RequiredItem, facts: &Facts, now: DateTime<Utc>) -> ItemState {
    let mut found = ItemState {
        item: item.id.clone(),
        title: item.title.clone(),
        citation: item.citation.clone(),
        state: State::Missing,
        satisfied_by: item.satisfied_by.to_string(),
        evidence: Vec::new(),
        since: None,
        why: String::new(),
        what_to_do: String::new(),
        comes_with_the_decision: item.satisfied_by.comes_with_the_decision(),
        note: item.note.clone(),
    };
    match found::find(&item.satisfied_by, facts, now) {
        Err(lack) => (found.why, found.what_to_do) = (lack.why, lack.what_to_do),
        Ok(hit) => {
            found.state = State::Present;
            (found.evidence, found.since, found.why) = (hit.evidence, hit.since.map(rfc3339), hit.why);
            if let (Some(days), Some(since)) = (item.maximum_age_days, hit.since)
                && TimeDelta::days(i64::from(days)) < now - since
            {
                found.state = State::Stale;
                found.why =
                    format!("{}, but on {} and no more than {days} days ago counts", found.why, since.date_naive());
                found.what_to_do = "renew it".to_owned();
            }
            if let Some(end) = hit.ended_at {
                found.state = State::Stale;
                found.why = format!("{}; valid until {}, which is past", found.why, end.date_naive());
                found.what_to_do = "have a newer one signed and report it".to_owned();
            }
        }
    }
    found
}

/// How many items are present, stale and missing.
pub fn tally(items: &[ItemState]) -> (usize, usize, usize) {
    let count = |state| items.iter().filter(|item| item.state == state).count();
    (count(State::Present), count(State::Stale), count(State::Missing))
}

/// The items that stop a request whose policy says so. What only the decision brings does not.
pub fn failed_checks(profile: &FrameworkProfile, items: &[ItemState], owner: Option<&str>) -> Vec<FailedCheck> {
    let name = profile.name();
    let stops = |item: &&ItemState| item.state != State::Present && !item.comes_with_the_decision;
    let check = |item: &ItemState| FailedCheck {
        check: format!("framework_item_{}", item.state.word()),
        detail: format!(
            "{name} asks for \"{}\" ({}; {}): {}. What to do: {}",
            item.title, item.item, item.citation, item.why, item.what_to_do
        ),
        owner: owner.map(str::to_owned),
    };
    items.iter().filter(stops).map(check).collect()
}

#[cfg(test)]
mod tests;
