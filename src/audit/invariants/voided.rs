//! I7: what changes something that an open request rests on ends the request, in the same record.
//! Approvals stay in the log.

use super::{
    Step, approved,
    asked::severity,
    excepted,
    found::{Found, Invariant},
    pulled::{self, revoked_certificate},
    texts::{field, list},
    world::{Moved, place_of, text},
};
use crate::audit::changes::Row;
use serde_json::Value;
use std::collections::BTreeSet;

/// Tables on which requests rest.
const BASES: [&str; 12] = [
    "accountability_record",
    "attestation",
    "environment_revision",
    "finding",
    "model",
    "model_version",
    "promotion_request",
    "release",
    "reported_evidence",
    "trust_key",
    "validation_run",
    "waiver",
];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved.iter().filter(|m| m.table == "approval" || m.table == "environment_revision") {
        let kept = moved.before.is_none() || moved.before == moved.after;
        found.expect(Invariant::I7, step.index, kept, || {
            format!("{} {} was changed or removed", moved.table, moved.key)
        });
    }
    if !step.moved.iter().any(|moved| BASES.contains(&moved.table.as_str())) {
        return;
    }
    for (id, request) in step.world.open_requests().filter(|(id, request)| is_reached(step, id, request)) {
        let why = stale(step, id, request).map(|why| format!("request {id} is {}: {why}", text(request, "state")));
        found.settle(Invariant::I7, step.index, why);
    }
}

/// Whether this record changed something that may bear on a request.
fn is_reached(step: &Step<'_>, id: &str, request: &Row) -> bool {
    let (version, environment) = (text(request, "version_id"), text(request, "environment_id"));
    step.moved.iter().any(|moved| match moved.table.as_str() {
        "promotion_request" => moved.key == id,
        "environment_revision" => moved.is("environment_id") == environment,
        "model_version" => moved.key == version,
        "attestation" | "validation_run" | "reported_evidence" => moved.is("version_id") == version,
        "model" => moved.key == text(request, "model_id"),
        "release" => moved.is("environment_id") == environment && moved.is("model_id") == text(request, "model_id"),
        "trust_key" => true,
        "finding" | "waiver" | "accountability_record" => {
            moved.after.as_ref().is_some_and(|finding| bears_on(finding, request))
        }
        _ => false,
    })
}

/// What a request says that does not hold any more.
fn stale(step: &Step<'_>, id: &str, request: &Row) -> Option<String> {
    let Some(decision) = step.texts.decision(id) else {
        return Some("what it decides on can't be read, or has another digest".to_owned());
    };
    for kind in ["profile", "constraints", "policy"] {
        let current = step.world.document(text(request, "environment_id"), kind);
        if current.map_or("", |(_, row)| text(row, "digest")) != field(decision, kind) {
            return Some(format!("the {kind} is another one"));
        }
    }
    let Some(version) = step.world.row("model_version", text(request, "version_id")) else {
        return Some("its version is unknown".to_owned());
    };
    if text(version, "manifest_digest") != field(decision, "version") {
        return Some("its version has other bytes".to_owned());
    }
    if is_stopped(step, version) {
        return pulled::unfit(step, version, &step.leaf.at);
    }
    let place = place_of(request);
    let active = step.world.active(&place).next().map_or("", |(key, _)| key);
    // Requests of the first form don't say what they replace, nor what is on record.
    let is_first_form = decision.get("v").and_then(Value::as_u64).unwrap_or_default() < 2;
    if !is_first_form && active != field(decision, "replaces") {
        return Some("another release is active there".to_owned());
    }
    let stale = newer_run(step, request, decision)
        .or_else(|| other_reports(step, request, decision))
        .or_else(|| blocking_finding(step, request, decision))
        .or_else(|| other_waivers(step, request, decision));
    if is_first_form {
        return stale;
    }
    stale
        .or_else(|| other_attestations(step, request, decision))
        .or_else(|| other_records(step, request, decision))
        .or_else(|| another_model(step, request, decision))
}

fn other_waivers(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let named = decision.get("waivers").and_then(Value::as_array).into_iter().flatten();
    let named: BTreeSet<&str> = named.map(|waiver| field(waiver, "waiver")).collect();
    let holds = |id: &&&str| step.world.row("waiver", id).is_some_and(|row| text(row, "state") == "granted");
    if let Some(id) = named.iter().find(|id| !holds(id)) {
        return Some(format!("waiver {id} does not hold any more"));
    }
    let spec = step.texts.document(field(decision, "constraints"))?;
    let granted = step.world.of("waiver", "model_id", text(request, "model_id"));
    let granted = granted.filter(|(_, waiver)| text(waiver, "state") == "granted" && bears_on(waiver, request));
    let mut holding = granted.filter(|(_, waiver)| {
        let limit = excepted::limit(step, spec, waiver);
        step.leaf.at.as_str() < text(waiver, "expires_at")
            && limit.is_some_and(|limit| excepted::is_as_it_was(&limit, waiver))
    });
    let new = holding.find(|(id, _)| !named.contains(id));
    new.map(|(id, _)| format!("waiver {id} is not among what was decided on"))
}

fn other_attestations(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let attested = step.world.of("attestation", "version_id", text(request, "version_id"));
    let mut attested: Vec<_> = attested.map(|(_, row)| text(row, "digest")).collect();
    attested.sort_unstable();
    let named: Vec<_> = list(decision, "attestations").collect();
    (attested != named).then(|| "its version has other attestations".to_owned())
}

/// What somebody answers for, and the policy asks to be on record.
fn other_records(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let Some(asked) = approved::asked(step, request, decision) else {
        return Some("its policy can't be read, or has another digest".to_owned());
    };
    let counted = step.world.rows("accountability_record").filter(|(_, row)| bears_on(row, request));
    let counted = counted.filter(|(_, row)| asked.counts(text(row, "kind"), text(row, "name")));
    let mut counted: Vec<_> = counted.map(|(_, row)| text(row, "digest")).collect();
    counted.sort_unstable();
    let named: Vec<_> = list(decision, "records").collect();
    (counted != named).then(|| "what is on record is something else".to_owned())
}

/// What a model is for shows only as a hash, which is not that of the decision: whether it changed is
/// all that can be asked.
fn another_model(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let id = text(request, "model_id");
    let tier = step.world.row("model", id).map_or("", |model| text(model, "risk_tier"));
    if tier != field(decision, "risk_tier") {
        return Some("the risk tier of its model is another one".to_owned());
    }
    let mut revised = step.moved("model").filter(|moved| moved.key == id && moved.before.is_some());
    let is_new = |moved: &Moved| ["intended_use", "prohibited_use"].iter().any(|c| moved.was(c) != moved.is(c));
    revised.any(is_new).then(|| "what its model is for was revised".to_owned())
}

/// Whether a finding, a waiver or a record is about what a request is about: everything that it names
/// must match.
fn bears_on(finding: &Row, request: &Row) -> bool {
    let names =
        ["model_id", "version_id", "environment_id"].map(|column| (text(finding, column), text(request, column)));
    // What a new approval is the cure of does not stand in its way.
    text(finding, "code") != "assurance_lapsed"
        && names.iter().any(|(named, _)| !named.is_empty())
        && names.iter().all(|(named, is)| named.is_empty() || named == is)
}

/// A finding that stops it. Others come and go beside it.
fn blocking_finding(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    // What can't be read is found elsewhere; until then everything stops it.
    let from = approved::asked(step, request, decision).map_or(0, |asked| asked.blocking);
    let stand = ["open", "remediating"].into_iter().flat_map(|state| step.world.of("finding", "state", state));
    let mut stand = stand.filter(|(_, finding)| bears_on(finding, request));
    let (key, _) = stand.find(|(_, finding)| from <= severity(text(finding, "severity")))?;
    Some(format!("finding {key} stops it"))
}

/// Revoked by somebody, not run out by the clock: time ends a request when somebody next looks.
fn is_stopped(step: &Step<'_>, version: &Row) -> bool {
    let key = step.world.row("trust_key", text(version, "trust_key_id"));
    let is_revoked = |key: &Row| !text(key, "revoked_at").is_empty() || revoked_certificate(key, version);
    text(version, "state") != "sealed" || key.is_none_or(is_revoked)
}

fn newer_run(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let named = step.world.row("validation_run", field(decision, "run"));
    let Some(named) = named else { return Some("its run is unknown".to_owned()) };
    let same = |row: &Row| ["constraints_id", "dataset_id"].iter().all(|c| text(row, c) == text(named, c));
    let runs = step.world.of("validation_run", "version_id", text(request, "version_id"));
    let newest = runs
        .filter(|(_, row)| same(row) && !text(row, "finished_at").is_empty() && text(row, "state") != "cancelled")
        .max_by_key(|(key, row)| (text(row, "finished_at"), *key));
    let is_newest = newest.is_some_and(|(key, _)| key == field(decision, "run"));
    if !is_newest {
        return Some("a newer run has finished".to_owned());
    }
    let verdicts = text(named, "verdicts_digest");
    (verdicts != field(decision, "verdicts")).then(|| "its run has other verdicts".to_owned())
}

fn other_reports(step: &Step<'_>, request: &Row, decision: &Value) -> Option<String> {
    let now = step.leaf.at.as_str();
    for (key, report) in step.world.of("reported_evidence", "version_id", text(request, "version_id")) {
        let revoked = step.world.row("trust_key", text(report, "trust_key_id"));
        let revoked = revoked.is_some_and(|key| !text(key, "revoked_at").is_empty());
        let stands = text(report, "state") == "verified" && !revoked;
        let counted = list(decision, "evidence").any(|digest| digest == text(report, "digest"));
        let until = text(report, "valid_until");
        let in_time = until.is_empty() || now < until;
        if counted && !stands {
            return Some(format!("the report {key} does not count any more"));
        }
        if stands && in_time && !counted {
            return Some(format!("the report {key} is not among what was decided on"));
        }
    }
    None
}
