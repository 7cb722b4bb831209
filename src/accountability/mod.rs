//! What somebody answers for beside the model itself: KPIs, assumptions, what happens when it does
//! not work, runbooks, SLAs, escalation chains, and what it is connected to.
//!
//! Invariants: a record has one owner, an active person when it is written, and a day by which
//! somebody looks at it again; revisions never change; the digest is over what a record says and who
//! answers for it, so that saying "it still holds" leaves it as it is. A record that has lapsed or
//! whose owner is gone counts for nothing, swept or not. The functions here are pure.

pub mod api;
pub mod kinds;
pub mod ops;
pub(crate) mod store;
mod terms;
pub mod vacancy;

pub use kinds::{Body, Kind};

use crate::{
    core::{
        canonical,
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, RecordId, WorkspaceId},
    },
    error::{Error, FailedCheck},
    models::Accountability,
    oversight::{Reach, findings::Subject},
    policies::evidence::{EvidenceAsk, Lack},
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use std::collections::BTreeMap;

/// A year, and the day that some have more.
pub const LONGEST_REVIEW_DAYS: i64 = 366;

/// A record as its last revision has it.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: RecordId,
    pub workspace: WorkspaceId,
    pub kind: Kind,
    pub name: String,
    /// A model, an environment, or a model in an environment.
    pub reach: Reach,
    /// Counts revisions and reviews from 1; the ETag.
    pub revision: i64,
    pub owner: AccountId,
    pub review_by: DateTime<Utc>,
    pub digest: Digest,
    pub body: Body,
    pub revised_by: AccountId,
    /// When it was written, or looked at again.
    pub revised_at: DateTime<Utc>,
    /// When the lapse was written down; [`Record::has_lapsed`] says whether there is one.
    pub lapsed_at: Option<DateTime<Utc>>,
}

impl Record {
    /// Its last day counts to its end.
    pub fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.review_by <= now
    }

    /// What findings about it are about.
    pub fn subject(&self) -> Subject {
        Subject::new("record", self.id.0)
    }

    /// As people say it: `runbook "night"`.
    pub fn spoken(&self) -> String {
        format!("{} \"{}\"", self.kind.spoken(), self.name)
    }
}

/// What a record says, and its identity.
pub struct Content<'a> {
    pub kind: Kind,
    pub name: &'a str,
    pub model: Option<&'a str>,
    pub environment: Option<&'a str>,
    pub owner: AccountId,
    pub body: &'a Body,
}

impl Content<'_> {
    /// sha256 over the canonical JSON of all of it. The owner stands in it by id, so that a forgotten
    /// name leaves it as it is; the day of the next review is not in it.
    pub fn digest(&self) -> Result<Digest, Error> {
        let written = json!({"kind": self.kind, "name": self.name, "model": self.model,
            "environment": self.environment, "owner": self.owner, "body": self.body});
        canonical::digest(&written).map_err(Error::internal)
    }
}

/// A day of review that lies ahead, and not too far.
pub fn review_day(review_by: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let review_by = review_by.trunc_subsecs(6);
    if review_by <= now || now + TimeDelta::days(LONGEST_REVIEW_DAYS) < review_by {
        let detail = format!("use a day after today and within {LONGEST_REVIEW_DAYS} days");
        return Err(Error::invalid("review_by", detail));
    }
    Ok(review_by)
}

/// A record with what is known of its owner.
#[derive(Clone, Debug)]
pub struct Held {
    pub record: Record,
    pub owner: String,
    pub owner_is_active: bool,
}

/// Every record that bears on a model in an environment. What of them counts depends on what the
/// policy asks for there; asks that are not about records say nothing here.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub held: Vec<Held>,
    /// Who answers for the model now.
    pub owners: BTreeMap<Accountability, String>,
    pub model: String,
    pub environment: String,
}

impl Records {
    /// Those that are asked for, whatever they are worth. Of an ask that nobody can read, all.
    fn counted(&self, asks: Option<&[EvidenceAsk]>) -> impl Iterator<Item = &Held> {
        let counts = move |held: &&Held| asks.is_none_or(|asks| asks.iter().any(|ask| is_meant(ask, held)));
        self.held.iter().filter(counts)
    }

    /// What is decided on: the digests of what is asked for, sorted.
    pub fn digests(&self, asks: Option<&[EvidenceAsk]>) -> Vec<String> {
        let mut digests: Vec<_> = self.counted(asks).map(|held| held.record.digest.to_string()).collect();
        digests.sort();
        digests
    }

    /// Who wrote what is asked for.
    pub fn authors(&self, asks: Option<&[EvidenceAsk]>) -> Vec<AccountId> {
        self.counted(asks).map(|held| held.record.revised_by).collect()
    }

    /// What must hold and does not. It stops everything that it bears on, asked for or not.
    pub fn violations(&self) -> Vec<FailedCheck> {
        self.held.iter().filter_map(|held| self.violation(held)).collect()
    }

    /// What is asked for and not there, lapsed, too old, or without anybody who answers for it.
    ///
    /// One record that counts is enough, except that every assumption must count.
    pub fn lacks(&self, asks: &[EvidenceAsk], now: DateTime<Utc>) -> Vec<Lack> {
        let mut lacks = Vec::new();
        for ask in asks.iter().filter(|ask| ask.record_kind().is_some()) {
            let meant: Vec<_> = self.held.iter().filter(|held| is_meant(ask, held)).collect();
            let wrong: Vec<_> = meant.iter().map(|held| self.shortcomings(held, ask, now)).collect();
            let all = ask.record_kind() == Some(Kind::Assumption);
            let checks = match (meant.is_empty(), wrong.iter().any(Vec::is_empty)) {
                (true, _) => vec![self.missing(ask)],
                (false, true) if !all => Vec::new(),
                (false, _) => wrong.concat(),
            };
            lacks.extend(checks.into_iter().map(|check| Lack { check, missing: ask.missing }));
        }
        lacks
    }

    fn missing(&self, ask: &EvidenceAsk) -> FailedCheck {
        let what = ask.record_kind().map_or("record", Kind::spoken);
        let name = ask.name.as_ref().map_or_else(String::new, |name| format!(" named \"{name}\""));
        let detail = format!("{} in {} has no {what}{name}, and the policy asks for one", self.model, self.environment);
        check("record_missing", detail, self.owners.get(&ask.kind.answers()).cloned())
    }

    fn shortcomings(&self, held: &Held, ask: &EvidenceAsk, now: DateTime<Utc>) -> Vec<FailedCheck> {
        let Held { record, owner, owner_is_active } = held;
        let what = format!("the {} of {}", record.spoken(), self.place(record));
        let mut found = Vec::new();
        if record.has_lapsed(now) {
            let detail = format!("{what} had to be reviewed by {}", rfc3339(record.review_by));
            found.push(check("record_lapsed", detail, Some(owner.clone())));
        } else if let Some(days) = ask.maximum_age_days
            && TimeDelta::days(i64::from(days)) < now - record.revised_at
        {
            let detail = format!("{what} was looked at last on {}, over {days} days ago", rfc3339(record.revised_at));
            found.push(check("record_lapsed", detail, Some(owner.clone())));
        }
        if !owner_is_active {
            let detail = format!("{what} has the owner {owner}, whose account is no longer active");
            found.push(check("owner_vacant", detail, Some(owner.clone())));
        }
        found
    }

    fn violation(&self, held: &Held) -> Option<FailedCheck> {
        let detail = || format!("the {} of {} is violated", held.record.spoken(), self.place(&held.record));
        held.record.body.is_violated().then(|| check("assumption_violated", detail(), Some(held.owner.clone())))
    }

    fn place(&self, record: &Record) -> String {
        match (record.reach.model, record.reach.environment) {
            (Some(_), Some(_)) => format!("{} in {}", self.model, self.environment),
            (None, Some(_)) => self.environment.clone(),
            _ => self.model.clone(),
        }
    }
}

fn is_meant(ask: &EvidenceAsk, held: &Held) -> bool {
    let record = &held.record;
    ask.record_kind() == Some(record.kind) && ask.name.as_ref().is_none_or(|name| *name == record.name)
}

fn check(code: &str, detail: String, owner: Option<String>) -> FailedCheck {
    FailedCheck { check: code.to_owned(), detail, owner }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
