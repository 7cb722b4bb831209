//! Which revisions a request is decided under.
//!
//! A request fixes its revisions when it is made and keeps them for life, so that no date that
//! passes changes what people decide on; a new request looks the date up again.

use crate::{
    core::digest::Digest,
    error::{Error, FailedCheck},
    frameworks::{
        catalog::{Catalog, Entry},
        coverage::{coverage, failed_checks},
        facts::Facts,
    },
    policies::{FrameworkAsk, OnMissing},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One revision as a decision names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    pub id: String,
    pub revision: u32,
    /// sha256 over the canonical JSON of the profile.
    pub digest: String,
}

impl Pin {
    fn of(entry: &Entry) -> Self {
        let Entry { profile, digest } = entry;
        Self { id: profile.id.clone(), revision: profile.revision, digest: digest.to_string() }
    }

    /// The revision, if this build still has exactly this text of it.
    pub fn entry<'a>(&self, catalog: &'a Catalog) -> Option<&'a Entry> {
        let digest = Digest::parse(&self.digest).ok()?;
        catalog.find(&self.id, self.revision).filter(|entry| entry.digest == digest)
    }
}

/// The part of a stored decision that names its revisions.
#[derive(Deserialize)]
struct Pinned {
    #[serde(default)]
    frameworks: Vec<Pin>,
}

/// What a decision that was made pins. Decisions from before there were profiles pin none.
pub fn of_decision(decision: &str) -> Result<Vec<Pin>, Error> {
    Ok(serde_json::from_str::<Pinned>(decision).map_err(Error::internal)?.frameworks)
}

/// What a request that is made on a day pins, sorted by id. What is wholly of the past is left
/// out here and named by [`checks`].
pub fn choose(catalog: &Catalog, asked: &[FrameworkAsk], on: NaiveDate) -> Vec<Pin> {
    let mut pins: Vec<_> = asked.iter().filter_map(|ask| catalog.applicable(&ask.id, on).ok()).map(Pin::of).collect();
    pins.sort_by(|a, b| a.id.cmp(&b.id));
    pins
}

/// What stands in a request's way because of the frameworks that its policy names.
pub fn checks(
    catalog: &Catalog,
    asked: &[FrameworkAsk],
    pins: &[Pin],
    facts: &Facts,
    now: DateTime<Utc>,
) -> Vec<FailedCheck> {
    asked.iter().flat_map(|ask| of_ask(catalog, ask, pins, facts, now)).collect()
}

fn of_ask(catalog: &Catalog, ask: &FrameworkAsk, pins: &[Pin], facts: &Facts, now: DateTime<Utc>) -> Vec<FailedCheck> {
    let check = |code: &str, detail: String| vec![FailedCheck { check: code.to_owned(), detail, owner: None }];
    let Some(pin) = pins.iter().find(|pin| pin.id == ask.id) else {
        let why = catalog.applicable(&ask.id, now.date_naive()).err();
        let why = why.unwrap_or_else(|| format!("the request pins no revision of {}", ask.id));
        return match ask.missing {
            OnMissing::Block => {
                check("framework_not_in_force", format!("{why}; publish a policy that names what applies"))
            }
            OnMissing::Warn => Vec::new(),
        };
    };
    let Some(entry) = pin.entry(catalog) else {
        let name = format!("{}@{}", pin.id, pin.revision);
        let detail = format!("this build has no {name} with the digest {}; ask again", pin.digest);
        return check("framework_unknown", detail);
    };
    if ask.missing == OnMissing::Warn {
        return Vec::new();
    }
    let owner = facts.owners.get("compliance").map(String::as_str);
    failed_checks(&entry.profile, &coverage(&entry.profile, facts, now), owner)
}

#[cfg(test)]
mod tests;
