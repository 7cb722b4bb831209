//! I6: a version becomes active only by an approval of exactly what was decided on, by a quorum of
//! people who had no part in it.

use super::{
    Step,
    found::{Found, Invariant},
    people,
    texts::field,
    world::{number, text},
};
use crate::audit::changes::Row;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("promotion_request").filter(|m| m.was("state") != "approved" && m.is("state") == "approved")
    {
        let fault = moved.after.as_ref().and_then(|row| quorum_fault(step, &moved.key, row));
        found.settle(Invariant::I6, step.index, fault.map(|why| format!("request {} is approved: {why}", moved.key)));
    }
    for moved in step.moved("release") {
        let Some(release) = moved.inserted() else { continue };
        let fault = match kind(release) {
            Kind::Promotion => promotion_fault(step, release),
            // `restored` looks at where it goes.
            Kind::Rollback => None,
            Kind::BreakGlass => break_glass_fault(step, release),
        };
        found.settle(Invariant::I6, step.index, fault.map(|why| format!("release {} is active: {why}", moved.key)));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Promotion,
    Rollback,
    BreakGlass,
}

/// How a release came about.
pub(super) fn kind(release: &Row) -> Kind {
    if !text(release, "break_glass_id").is_empty() || text(release, "kind") == "break_glass" {
        return Kind::BreakGlass;
    }
    if text(release, "restores").is_empty() { Kind::Promotion } else { Kind::Rollback }
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
    if was.is_none_or(|moved| moved.was("state") != "approved") {
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
    let Some(policy) = step.texts.document(text(policy, "digest")) else {
        return Some("the policy can't be read, or has another digest".to_owned());
    };
    let parties = people::parties(step, request);
    let mut approvers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, approval) in step.world.of("approval", "promotion_id", id) {
        let account = text(approval, "account_id");
        if text(approval, "outcome") == "reject" {
            return Some(format!("{account} rejected it"));
        }
        let counts = text(approval, "decision_digest") == digest
            && text(request, "requested_at") <= text(approval, "created_at")
            && text(approval, "created_at") <= now
            && stands(key, approval, now)
            && is_eligible(step, account, &parties);
        if counts {
            let roles = people::roles(step.world, account);
            approvers.entry(people::person(step.world, account)).or_default().extend(roles);
        }
    }
    let (seats, approvers) = (seats(policy), approvers.into_values().collect::<Vec<_>>());
    if seats.is_empty() {
        return Some("the policy asks for nobody".to_owned());
    }
    let filled = people::fill(&seats, &approvers);
    (!filled).then(|| format!("{} eligible approvals do not fill {} seats", approvers.len(), seats.len()))
}

/// Whether an approval was neither taken back nor had run out.
fn stands(_key: &str, approval: &Row, now: &str) -> bool {
    let ends = text(approval, "expires_at");
    ends.is_empty() || now < ends
}

/// A person, at work, who had no part in it.
fn is_eligible(step: &Step<'_>, account: &str, parties: &BTreeSet<String>) -> bool {
    let is_person = step.world.row("account", account).is_some_and(|row| text(row, "kind") == "user");
    is_person
        && people::stood(step.world, account, &step.leaf.at)
        && !parties.contains(&people::person(step.world, account))
}

/// The role of each seat.
fn seats(policy: &Value) -> Vec<String> {
    let slots = policy.get("approvals").and_then(Value::as_array).into_iter().flatten();
    slots
        .flat_map(|slot| {
            let count = slot.get("count").and_then(Value::as_u64).unwrap_or_default();
            let role = slot.get("role").and_then(Value::as_str).unwrap_or_default();
            (0..count.min(1_000)).map(move |_| role.to_owned())
        })
        .collect()
}

/// An emergency is one version in one place for at most a day.
fn break_glass_fault(step: &Step<'_>, release: &Row) -> Option<String> {
    let (starts, ends) = (text(release, "activated_at"), text(release, "ends_at"));
    let read = |at: &str| chrono::DateTime::parse_from_rfc3339(at).ok();
    let Some((starts, ends)) = read(starts).zip(read(ends)) else {
        return Some("an emergency release has no end".to_owned());
    };
    if ends <= starts || chrono::TimeDelta::hours(24) < ends - starts {
        return Some("an emergency lasts at most 24 hours".to_owned());
    }
    let version = step.world.row("model_version", text(release, "version_id"))?;
    let same = number(version, "number");
    (text(version, "state") != "sealed").then(|| format!("version {same} is {}", text(version, "state")))
}
