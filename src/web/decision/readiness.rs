//! Who answers for what it rests on beside the model itself, and whether the way back was tried.

use crate::{
    accountability::{Body, Held},
    app::App,
    authz::{Action, Principal},
    core::clock::rfc3339,
    error::Error,
    models::Accountability,
    oversight::board::{self, Place},
    promotions::ops::Detail,
    web::record_words::says,
};
use chrono::{DateTime, Utc};

const ANSWERED_FOR: [Accountability; 6] = [
    Accountability::Business,
    Accountability::Development,
    Accountability::Validation,
    Accountability::Operations,
    Accountability::Data,
    Accountability::Compliance,
];
const REHEARSALS_SHOWN: usize = 3;

#[derive(Default)]
pub struct Readiness {
    /// Accountability and who has it; empty where nobody does.
    pub owners: Vec<(&'static str, String)>,
    pub records: Vec<RecordRow>,
    pub rehearsals: Vec<RehearsalRow>,
}

/// One record that somebody answers for.
pub struct RecordRow {
    pub kind: &'static str,
    pub name: String,
    /// Whether it is of the model, the environment, or both.
    pub of: &'static str,
    pub says: String,
    /// Only for an address that a browser may follow.
    pub link: String,
    pub owner: String,
    pub review_by: String,
    pub tone: &'static str,
    pub word: &'static str,
}

pub struct RehearsalRow {
    pub version: i64,
    pub state: &'static str,
    pub at: String,
}

impl Readiness {
    pub async fn of(app: &App, who: &Principal, detail: &Detail) -> Result<Self, Error> {
        let facts = &detail.facts;
        let mut ready = Self::default();
        if who.may(Action::RecordRead) {
            let owner = |what| facts.records.owners.get(what).cloned().unwrap_or_default();
            ready.owners = ANSWERED_FOR.iter().map(|what| (what.name(), owner(what))).collect();
            ready.records = facts.records.held.iter().map(|held| row(held, detail.at)).collect();
        }
        if who.may(Action::ReleaseRead) {
            let place = Place { environment: facts.environment.id, model: Some(facts.model.id) };
            let (rehearsals, names) = board::rehearsals(app, who, place).await?;
            let shown = rehearsals.iter().take(REHEARSALS_SHOWN).map(|rehearsal| RehearsalRow {
                version: names.versions.get(&rehearsal.version).copied().unwrap_or_default(),
                state: rehearsal.state.name(),
                at: rfc3339(rehearsal.finished_at.unwrap_or(rehearsal.requested_at)),
            });
            ready.rehearsals = shown.collect();
        }
        Ok(ready)
    }

    /// What nobody answers for.
    pub fn vacancies(&self) -> Vec<&'static str> {
        self.owners.iter().filter(|(_, owner)| owner.is_empty()).map(|(what, _)| *what).collect()
    }
}

pub fn row(held: &Held, now: DateTime<Utc>) -> RecordRow {
    let record = &held.record;
    let (tone, word) = match (record.body.is_violated(), record.has_lapsed(now), held.owner_is_active) {
        (true, ..) => ("bad", "violated"),
        (_, true, _) => ("bad", "lapsed"),
        (.., false) => ("bad", "owner gone"),
        _ => ("good", "in order"),
    };
    let link = match &record.body {
        Body::Runbook(runbook) => runbook.url.clone(),
        _ => String::new(),
    };
    RecordRow {
        kind: record.kind.spoken(),
        name: record.name.clone(),
        of: match (record.reach.model, record.reach.environment) {
            (Some(_), Some(_)) => "model here",
            (None, _) => "environment",
            _ => "model",
        },
        says: says(&record.body),
        link,
        owner: held.owner.clone(),
        review_by: rfc3339(record.review_by),
        tone,
        word,
    }
}
