//! I12: a record that tells of a change comes with it, and the state is then what the record says.
//! That all rows are as they were told is the replay's business.

use super::{
    Step,
    found::{Found, Invariant},
    world::text,
};
use crate::audit::leaf::Outcome;
use serde_json::Value;

/// An event, the field that names a row, its table, and its state then; an empty one means that
/// the row is there.
const TOLD: &[(&str, &str, &str, &str)] = &[
    ("account_created", "account", "account", ""),
    ("account_provisioned", "account", "account", ""),
    ("account_deactivated", "account", "account", "deactivated"),
    ("version_created", "version", "model_version", ""),
    ("version_revoked", "version", "model_version", "revoked"),
    ("run_requested", "run", "validation_run", ""),
    ("run_cancelled", "run", "validation_run", "cancelled"),
    ("promotion_requested", "promotion", "promotion_request", ""),
    ("promotion_approved", "approval", "approval", ""),
    ("promotion_rejected", "promotion", "promotion_request", "rejected"),
    ("promotion_withdrawn", "promotion", "promotion_request", "withdrawn"),
    ("promotion_expired", "promotion", "promotion_request", "expired"),
    ("promotion_invalidated", "promotion", "promotion_request", "invalidated"),
    ("evidence_withdrawn", "evidence", "reported_evidence", "withdrawn"),
    ("evidence_refuted", "evidence", "reported_evidence", "refuted"),
    ("release_activated", "release", "release", ""),
    ("release_rolled_back", "release", "release", ""),
    ("release_resumed", "release", "release", ""),
    ("release_mode_lowered", "release", "release", ""),
    ("release_suspended", "release", "release", "suspended"),
];

/// Events that say a change and come without one when another record of the same transaction has it.
const CONSEQUENCES: &[&str] = &["promotion_invalidated", "promotion_expired", "release_suspended"];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    if step.leaf.outcome != Outcome::Done {
        return;
    }
    let event = step.leaf.detail.get("event").and_then(Value::as_str).unwrap_or_default();
    let Some((_, field, table, state)) = TOLD.iter().find(|told| told.0 == event) else { return };
    let id = step.leaf.detail.get(*field).and_then(Value::as_str).unwrap_or_default();
    let row = step.world.row(table, id);
    let holds = row.is_some_and(|row| state.is_empty() || text(row, "state") == *state);
    found.expect(Invariant::I12, step.index, holds, || {
        let is = row.map_or("not there", |row| text(row, "state"));
        format!("{event} is told, and {table} {id} is {is}")
    });
    let changed = step.moved(table).any(|moved| moved.key == id) || CONSEQUENCES.contains(&event);
    found.expect(Invariant::I12, step.index, changed, || format!("{event} is told without a change of {table} {id}"));
}
