//! I6: what a deployer pulls is what is active, sealed, and signed by a key that is trusted.

use super::{
    Step,
    found::{Found, Invariant},
    people,
    world::text,
};
use crate::audit::{changes::Row, leaf::Outcome};
use serde_json::Value;

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    let pulled = step.leaf.action == "release.pull" && step.leaf.outcome == Outcome::Done;
    if pulled && step.leaf.detail.get("event").and_then(Value::as_str) == Some("release_pulled") {
        found.settle(Invariant::I6, step.index, fault(step));
    }
}

fn fault(step: &Step<'_>) -> Option<String> {
    let id = step.leaf.object.as_ref().map_or("", |object| object.id.as_str());
    let Some(release) = step.world.row("release", id) else {
        return Some(format!("release {id} was pulled and never made"));
    };
    if text(release, "state") != "active" {
        return Some(format!("release {id} was pulled when it was {}", text(release, "state")));
    }
    let (ends, now) = (text(release, "ends_at"), step.leaf.at.as_str());
    if !ends.is_empty() && ends <= now {
        return Some(format!("release {id} was pulled after its end"));
    }
    let Some(version) = step.world.row("model_version", text(release, "version_id")) else {
        return Some(format!("release {id} was pulled and its version is unknown"));
    };
    let told = step.leaf.detail.get("manifest").and_then(Value::as_str);
    if told != Some(text(version, "manifest_digest")) {
        return Some(format!("another digest was pulled than that of release {id}"));
    }
    let actor = step.leaf.actor.id.as_deref().unwrap_or_default();
    let place = (text(release, "model_id"), text(release, "environment_id"));
    if !people::roles_in(step.world, actor, place).contains("deployer") {
        return Some(format!("{actor} pulled without the role of a deployer there"));
    }
    unfit(step, version, now).map(|why| format!("release {id} was pulled: {why}"))
}

/// Why the bytes of a version may not leave.
pub(super) fn unfit(step: &Step<'_>, version: &Row, now: &str) -> Option<String> {
    let state = text(version, "state");
    if state != "sealed" {
        return Some(format!("its version is {state}"));
    }
    if text(version, "signature_state") != "verified" {
        return Some("its signature was not verified".to_owned());
    }
    let Some(key) = step.world.row("trust_key", text(version, "trust_key_id")) else {
        return Some("its key is not known".to_owned());
    };
    let (from, until) = (text(key, "valid_from"), text(key, "valid_until"));
    let is_valid =
        text(key, "revoked_at").is_empty() && (from.is_empty() || from <= now) && (until.is_empty() || now < until);
    if !is_valid {
        return Some("its key is revoked, or not valid at that time".to_owned());
    }
    revoked_certificate(key, version).then(|| "its certificate is revoked".to_owned())
}

/// Whether a certificate by which an authority says who signed a version counts no more.
pub(super) fn revoked_certificate(key: &Row, version: &Row) -> bool {
    let revoked: Vec<&str> = text(key, "revoked_certificates").split(' ').filter(|one| !one.is_empty()).collect();
    text(version, "certificates").split(' ').any(|one| revoked.contains(&one))
}
