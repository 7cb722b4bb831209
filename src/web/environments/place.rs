//! What stands about an environment beside its documents: what runs as what, freezes, rollbacks to be
//! reviewed, hosts that run something else.

use super::acts;
use crate::{
    app::App,
    authz::{Action, Principal},
    core::{clock::rfc3339, ids::EnvironmentId, page::PageRequest},
    environments::profile::OperatingMode,
    error::Error,
    oversight::{
        board::{self as oversight_board, Place},
        break_glass::api::{self as break_glass, BreakGlassView},
        findings::{self, api::FindingSummary, ops::Wanted},
    },
    policies::{Policy, freeze},
    releases::{
        Kind, State,
        board::{self, Posted},
    },
    web::{forms::Form, visitor::Visitor, words},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// More open findings than this are on their own page.
const FINDINGS_SHOWN: u64 = 10;

/// What is active of a model, or was suspended and nothing took its place.
pub struct Running {
    pub posted: Posted,
    pub mode: &'static str,
    pub is_suspended: bool,
    /// Its own end has come.
    pub is_over: bool,
    pub forms: Vec<Form>,
}

/// A window in which nothing is activated.
pub struct FreezeRow {
    pub reason: String,
    pub when: String,
    pub zone: String,
    pub note: &'static str,
}

/// A rollback that somebody has to review.
pub struct ReviewRow {
    pub model: String,
    pub version: i64,
    pub reason: String,
    pub due_at: String,
    pub is_overdue: bool,
    pub forms: Vec<Form>,
}

/// What a host said last.
pub struct HostRow {
    pub host: String,
    pub model: String,
    /// Empty when nothing runs.
    pub digest: String,
    pub at: String,
    pub differs: bool,
}

/// What is active or suspended of each model, by its name. `ceiling` is the profile's mode.
pub async fn running(
    app: &App,
    visitor: &Visitor,
    (environment, name): (EnvironmentId, &str),
    recent: &[Posted],
    ceiling: Option<OperatingMode>,
) -> Result<Vec<Running>, Error> {
    let now = app.db.clock().now();
    let mut found = board::of_environment(app, &visitor.who, environment).await?;
    let mut seen: BTreeSet<String> = found.iter().map(|posted| posted.model.clone()).collect();
    // The newest release of a model says whether it was suspended.
    for posted in recent {
        if seen.insert(posted.model.clone()) && posted.release.state == State::Suspended {
            found.push(posted.clone());
        }
    }
    found.sort_by(|one, other| one.model.cmp(&other.model));
    let row = |posted: Posted| Running {
        mode: posted.release.mode.or(ceiling).map_or("unknown", OperatingMode::name),
        is_suspended: posted.release.state == State::Suspended,
        is_over: posted.release.is_over(now),
        forms: acts::of_model(visitor, name, &posted, ceiling),
        posted,
    };
    Ok(found.into_iter().map(row).collect())
}

/// Every window of the policy and of its rules.
pub fn freezes(policy: &Policy, now: DateTime<Utc>) -> Result<Vec<FreezeRow>, Error> {
    let own = policy.freeze.iter().map(|window| (window, ""));
    let by_rule = policy.rules.iter().flat_map(|rule| &rule.freeze).map(|window| (window, "where a rule matches"));
    let mut rows = Vec::new();
    for (window, note) in own.chain(by_rule) {
        let said = serde_json::to_value(window).map_err(Error::internal)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().replace('T', " ");
        let days = said["weekly"]["days"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
        let when = match days.is_empty() {
            true => format!("{} to {}", text(&said["from"]), text(&said["until"])),
            false => format!("{days}: {} to {}", text(&said["weekly"]["start"]), text(&said["weekly"]["end"])),
        };
        let note = if window.is_past(now) { "past" } else { note };
        let zone = said["zone"].as_str().unwrap_or_default().to_owned();
        rows.push(FreezeRow { reason: window.reason.clone(), when, zone, note });
    }
    Ok(rows)
}

/// The freeze that holds now, in a sentence.
pub fn frozen(policy: &Policy, now: DateTime<Utc>) -> Option<String> {
    freeze::active(&policy.freeze, now).map(|hold| hold.detail)
}

pub async fn reviews(
    app: &App,
    visitor: &Visitor,
    (environment, name): (EnvironmentId, &str),
) -> Result<Vec<ReviewRow>, Error> {
    let now = app.db.clock().now();
    let (found, names) = oversight_board::reviews(app, &visitor.who, environment).await?;
    let row = |(review, release): (crate::releases::reviews::Review, crate::releases::Release)| ReviewRow {
        model: names.models.get(&release.model).cloned().unwrap_or_default(),
        version: names.versions.get(&release.version).copied().unwrap_or_default(),
        reason: release.reason.clone().unwrap_or_default(),
        due_at: rfc3339(review.due_at),
        is_overdue: review.is_overdue(now),
        forms: acts::of_review(visitor, name, &release),
    };
    Ok(found.into_iter().map(row).collect())
}

/// What differs first.
pub async fn hosts(app: &App, who: &Principal, id: EnvironmentId, running: &[Running]) -> Result<Vec<HostRow>, Error> {
    let (found, names) = oversight_board::running(app, who, id).await?;
    let mut rows = Vec::new();
    for said in found {
        let active =
            running.iter().find(|row| row.posted.release.model == said.model && !row.is_suspended && !row.is_over);
        let digest = said.digest.map(|digest| digest.to_string());
        rows.push(HostRow {
            host: said.host,
            model: names.models.get(&said.model).cloned().unwrap_or_default(),
            differs: digest.as_ref() != active.map(|row| &row.posted.version_digest),
            digest: digest.unwrap_or_default(),
            at: rfc3339(said.at),
        });
    }
    rows.sort_by_key(|row| !row.differs);
    Ok(rows)
}

/// Newest first, and whether there are more.
pub async fn findings(app: &App, who: &Principal, name: &str) -> Result<(Vec<FindingSummary>, bool), Error> {
    if !who.may(Action::FindingRead) {
        return Ok((Vec::new(), false));
    }
    let wanted = Wanted { standing_only: true, environment: Some(name), ..Wanted::default() };
    let (page, names) = findings::ops::list(app, who, wanted, PageRequest::first(FINDINGS_SHOWN)).await?;
    Ok((findings::api::summaries(app, &page.items, &names).await?, page.next.is_some()))
}

pub async fn emergencies(app: &App, who: &Principal, id: EnvironmentId) -> Result<Vec<BreakGlassView>, Error> {
    if !who.may(Action::BreakGlassRead) {
        return Ok(Vec::new());
    }
    let (found, names) = oversight_board::emergencies(app, who, Place { environment: id, model: None }).await?;
    break_glass::views(app, found, &names).await
}

impl Running {
    /// Where it came from, if not from a request.
    pub fn came_by(&self) -> String {
        match self.posted.release.kind {
            Kind::Promotion => String::new(),
            kind => words::spoken(kind.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn windows_read_as_their_zone_has_them() {
        let policy = serde_json::json!({"approvals": [{"role": "reviewer", "count": 1}], "freeze": [
            {"reason": "closing", "zone": "Europe/Berlin", "from": "2026-12-18T18:00", "until": "2027-01-04T07:00"},
            {"reason": "nights", "zone": "UTC", "weekly": {"days": ["monday", "friday"], "start": "22:00", "end": "06:00"}},
        ]});
        let policy: Policy = serde_json::from_value(policy).expect("a policy");
        let now = Utc.with_ymd_and_hms(2026, 12, 20, 0, 0, 0).single().expect("time");
        let rows = freezes(&policy, now).expect("rows");
        let read: Vec<_> = rows.iter().map(|row| (row.when.as_str(), row.zone.as_str(), row.note)).collect();
        assert_eq!(
            read,
            [
                ("2026-12-18 18:00 to 2027-01-04 07:00", "Europe/Berlin", ""),
                ("monday, friday: 22:00 to 06:00", "UTC", "")
            ]
        );
        assert!(frozen(&policy, now).is_some_and(|said| said.contains("closing")));
        let later = Utc.with_ymd_and_hms(2027, 2, 2, 12, 0, 0).single().expect("time");
        assert_eq!((freezes(&policy, later).expect("rows")[0].note, frozen(&policy, later)), ("past", None));
    }
}
