//! I6: a version becomes active only by an approval of exactly what was decided on, by a quorum of
//! people who had no part in it.

use super::{
    Step,
    asked::{Asked, Circumstances},
    found::{Found, Invariant},
    parties,
    people::{self, Persons},
    pulled,
    texts::field,
    world::text,
};
use crate::audit::changes::Row;
use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("promotion_request").filter(|m| is_filled(m.is("state")) && !is_filled(m.was("state"))) {
        let fault = moved.after.as_ref().and_then(|row| quorum_fault(step, &moved.key, row));
        found.settle(Invariant::I6, step.index, fault.map(|why| format!("request {} is approved: {why}", moved.key)));
    }
    for moved in step.moved("release") {
        let Some(release) = moved.inserted() else { continue };
        let fault = match kind(release) {
            Kind::Promotion => promotion_fault(step, release),
            // `restored` looks at where it goes.
            Kind::Rollback | Kind::Resumption | Kind::ModeLowered => None,
            Kind::BreakGlass => break_glass_fault(step, &moved.key, release),
        };
        found.settle(Invariant::I6, step.index, fault.map(|why| format!("release {} is active: {why}", moved.key)));
    }
}

/// Every seat was filled when somebody last looked.
fn is_filled(state: &str) -> bool {
    state == "approved" || state == "held"
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Promotion,
    Rollback,
    /// What was suspended comes back.
    Resumption,
    /// The one before it, with less that it may do by itself.
    ModeLowered,
    BreakGlass,
}

/// How a release came about. Those of before there were kinds say it by what they restore.
pub(super) fn kind(release: &Row) -> Kind {
    match text(release, "kind") {
        "break_glass" => Kind::BreakGlass,
        "resumption" => Kind::Resumption,
        "mode_lowered" => Kind::ModeLowered,
        _ if text(release, "restores").is_empty() => Kind::Promotion,
        _ => Kind::Rollback,
    }
}

fn promotion_fault(step: &Step<'_>, release: &Row) -> Option<String> {
    let id = text(release, "promotion_id");
    let Some(request) = step.world.row("promotion_request", id) else {
        return Some(format!("its request {id} was never made"));
    };
    for column in ["version_id", "environment_id", "model_id", "workspace_id"] {
        if text(release, column) != text(request, column) {
            return Some(format!("its {column} is not that of request {id}"));
        }
    }
    let was = step.moved("promotion_request").find(|moved| moved.key == id);
    if was.is_none_or(|moved| !is_filled(moved.was("state"))) {
        return Some(format!("request {id} was not approved before"));
    }
    let told = step.leaf.detail.get("decision").and_then(Value::as_str);
    if told != Some(text(request, "decision_digest")) {
        return Some(format!("the record names another decision than request {id}"));
    }
    quorum_fault(step, id, request)
}

/// Why the approvals of a request are no quorum of exactly what it says, now.
fn quorum_fault(step: &Step<'_>, id: &str, request: &Row) -> Option<String> {
    let now = step.leaf.at.as_str();
    let digest = text(request, "decision_digest");
    let Some(decision) = step.texts.decision(id) else {
        return Some(format!("what request {id} decides on can't be read, or has another digest"));
    };
    if text(request, "expires_at") <= now {
        return Some(format!("request {id} had expired"));
    }
    let Some((_, policy)) = step.world.document(text(request, "environment_id"), "policy") else {
        return Some("the environment has no policy".to_owned());
    };
    if text(policy, "digest") != field(decision, "policy") {
        return Some("the policy is not the one that was decided under".to_owned());
    }
    let Some(asked) = asked(step, request, decision) else {
        return Some("the policy can't be read, or has another digest".to_owned());
    };
    let persons = Persons::at(step.world, now, false);
    let sitting = Persons::at(step.world, now, asked.different_teams);
    let parties = parties::of_request(step, request, &asked, &persons);
    let mut approvers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let model = step.world.row("model_version", text(request, "version_id")).map_or("", |row| text(row, "model_id"));
    let place = (model, text(request, "environment_id"));
    for (_, approval) in step.world.of("approval", "promotion_id", id) {
        let account = text(approval, "account_id");
        if text(approval, "outcome") == "reject" {
            return Some(format!("{account} rejected it"));
        }
        let counts = text(approval, "decision_digest") == digest
            && text(request, "requested_at") <= text(approval, "created_at")
            && text(approval, "created_at") <= now
            && stands(step, approval, asked.approval_hours)
            && is_eligible(step, account, &parties, &persons);
        if counts {
            let roles = roles_that_count(step, approval, place, &parties, &persons);
            approvers.entry(sitting.of(account)).or_default().extend(roles);
        }
    }
    let approvers = approvers.into_values().collect::<Vec<_>>();
    if asked.seats.is_empty() {
        return Some("the policy asks for nobody".to_owned());
    }
    let filled = people::fill(&asked.seats, &approvers);
    (!filled).then(|| format!("{} eligible approvals do not fill {} seats", approvers.len(), asked.seats.len()))
}

/// Whether an approval had not run out, nor been taken back.
fn stands(step: &Step<'_>, approval: &Row, hours: Option<u64>) -> bool {
    let read = |at: &str| DateTime::parse_from_rfc3339(at).ok();
    let withdrawn = step.world.of("approval_withdrawal", "approval_id", text(approval, "id")).next().is_some();
    let (made, now) = (read(text(approval, "created_at")), read(&step.leaf.at));
    let age = made.zip(now).map(|(made, now)| now - made);
    let is_over = hours.is_some_and(|hours| {
        let hours = i64::try_from(hours).unwrap_or(i64::MAX / 3_600_000);
        age.is_none_or(|age| TimeDelta::hours(hours) <= age)
    });
    let ends = text(approval, "expires_at");
    !withdrawn && !is_over && (ends.is_empty() || step.leaf.at.as_str() < ends)
}

/// A person, at work, who had no part in it.
fn is_eligible(step: &Step<'_>, account: &str, parties: &BTreeSet<String>, persons: &Persons) -> bool {
    let is_person = step.world.row("account", account).is_some_and(|row| text(row, "kind") == "user");
    is_person && people::stood(step.world, account, &step.leaf.at) && !parties.contains(&persons.of(account))
}

/// In somebody's stead an approval counts by what both may, and only while the leave is in force.
fn roles_that_count(
    step: &Step<'_>,
    approval: &Row,
    place: (&str, &str),
    parties: &BTreeSet<String>,
    persons: &Persons,
) -> BTreeSet<String> {
    let (account, from) = (text(approval, "account_id"), text(approval, "on_behalf_of"));
    let own = people::roles_in(step.world, account, place);
    if from.is_empty() {
        return own;
    }
    if !persons.has_leave(from, account) || !is_eligible(step, from, parties, persons) {
        return BTreeSet::new();
    }
    own.intersection(&people::roles_in(step.world, from, place)).cloned().collect()
}

/// What the policy that a decision names asks for.
pub(super) fn asked(step: &Step<'_>, request: &Row, decision: &Value) -> Option<Asked> {
    let policy = step.texts.document(field(decision, "policy"))?;
    Some(Asked::of(policy, &circumstances(step, request, decision)))
}

/// What a policy's rules look at.
fn circumstances(step: &Step<'_>, request: &Row, decision: &Value) -> Circumstances {
    let model = step.world.row("model", text(request, "model_id"));
    let profile = step.texts.document(field(decision, "profile")).cloned().unwrap_or_default();
    let known = |name: &str| Some(field(&profile, name).to_owned()).filter(|text| !text.is_empty());
    let asked = Some(text(request, "mode").to_owned()).filter(|mode| !mode.is_empty());
    Circumstances {
        risk_tier: model.map(|row| text(row, "risk_tier").to_owned()),
        jurisdiction: known("jurisdiction"),
        class: known("class"),
        mode: asked.or_else(|| known("operating_mode")),
    }
}

/// An emergency is recorded, is one version in one place, and ends within a day.
fn break_glass_fault(step: &Step<'_>, id: &str, release: &Row) -> Option<String> {
    let recorded = step.world.rows("break_glass").find(|(_, row)| text(row, "release_id") == id);
    let Some((key, recorded)) = recorded else { return Some("no emergency was recorded for it".to_owned()) };
    let other = ["environment_id", "model_id", "version_id"].iter().find(|c| text(recorded, c) != text(release, c));
    if let Some(column) = other {
        return Some(format!("emergency {key} has another {column}"));
    }
    let invoker = step.world.row("account", text(recorded, "invoked_by"));
    if invoker.is_none_or(|row| text(row, "kind") != "user") {
        return Some(format!("emergency {key} was invoked by nobody"));
    }
    let read = |column: &str| DateTime::parse_from_rfc3339(text(release, column)).ok();
    let Some((starts, ends)) = read("activated_at").zip(read("ends_at")) else {
        return Some("an emergency release has no end".to_owned());
    };
    if ends <= starts || TimeDelta::hours(24) < ends - starts {
        return Some("an emergency lasts at most 24 hours".to_owned());
    }
    let version = step.world.row("model_version", text(release, "version_id"));
    version.map_or_else(|| Some("its version is unknown".to_owned()), |row| pulled::unfit(step, row, &step.leaf.at))
}
