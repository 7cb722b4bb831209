//! I10: a request waits for approvals, is approved and becomes active only if no blocking limit
//! stands in its way, or a waiver covers it.

use super::{
    Step, excepted,
    found::{Found, Invariant},
    texts::field,
    world::text,
};
use crate::audit::changes::Row;
use serde_json::Value;

/// States in which no blocking limit may be without a pass or a waiver.
const GREEN: [&str; 4] = ["awaiting_approval", "approved", "held", "activated"];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("promotion_request") {
        let Some(request) = moved.after.as_ref().filter(|_| GREEN.contains(&moved.is("state"))) else { continue };
        if moved.was("state") == moved.is("state") {
            continue;
        }
        for (holds, why) in verdicts(step, &moved.key, request) {
            found.expect(Invariant::I10, step.index, holds, || {
                format!("request {} is {}: {why}", moved.key, text(request, "state"))
            });
        }
    }
}

/// Each blocking limit, and whether it lets the request pass.
fn verdicts(step: &Step<'_>, id: &str, request: &Row) -> Vec<(bool, String)> {
    let Some(decision) = step.texts.decision(id) else {
        return vec![(false, "what it decides on can't be read, or has another digest".to_owned())];
    };
    let Some(verdicts) = step.texts.verdicts(field(decision, "verdicts")) else {
        return vec![(false, "its verdicts can't be read, or have another digest".to_owned())];
    };
    let blocking = verdicts.iter().filter(|verdict| verdict.get("severity").and_then(Value::as_str) == Some("block"));
    let blocking = blocking.map(|verdict| {
        let (name, said) = (field(verdict, "constraint"), field(verdict, "verdict"));
        let holds = said == "pass" || is_waived(step, request, decision, name);
        (holds, format!("{name} is {said} and nothing waives it"))
    });
    blocking.collect()
}

/// Whether a waiver that the decision names covers a limit as it is in the spec that the decision
/// names, granted and not run out. How it was granted was asked when it was.
fn is_waived(step: &Step<'_>, request: &Row, decision: &Value, constraint: &str) -> bool {
    let named = decision.get("waivers").and_then(Value::as_array).into_iter().flatten();
    let ids = named.map(|waiver| field(waiver, "waiver"));
    let spec = step.texts.document(field(decision, "constraints"));
    let Some(spec) = spec else { return false };
    let is_of_limit = |waiver: &Row| {
        text(waiver, "constraint_name") == constraint
            && excepted::limit(step, spec, waiver).is_some_and(|limit| excepted::is_as_it_was(&limit, waiver))
    };
    ids.filter_map(|id| step.world.row("waiver", id)).any(|waiver| {
        let version = text(waiver, "version_id");
        text(waiver, "state") == "granted"
            && is_of_limit(waiver)
            && step.leaf.at.as_str() < text(waiver, "expires_at")
            && text(waiver, "environment_id") == text(request, "environment_id")
            && text(waiver, "model_id") == text(request, "model_id")
            && (version.is_empty() || version == text(request, "version_id"))
    })
}
