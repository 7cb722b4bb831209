//! I15: revisions are counted without a gap; what becomes active does so after what was.

use super::{
    Step,
    found::{Found, Invariant},
    world::{number, place_of, text},
};

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("environment_revision") {
        let Some(new) = moved.inserted() else { continue };
        let (environment, kind) = (text(new, "environment_id"), text(new, "kind"));
        let others = step.world.of("environment_revision", "environment_id", environment);
        let others = others.filter(|(key, row)| *key != moved.key && text(row, "kind") == kind);
        let last = others.map(|(_, row)| number(row, "revision")).max().unwrap_or_default();
        let revision = number(new, "revision");
        found.expect(Invariant::I15, step.index, revision == last + 1, || {
            format!("revision {revision} of the {kind} of environment {environment} follows revision {last}")
        });
    }
    for moved in step.moved("model") {
        let (Some(before), Some(after)) = (&moved.before, &moved.after) else { continue };
        let (before, after) = (number(before, "revision"), number(after, "revision"));
        found.expect(Invariant::I15, step.index, after == before + 1, || {
            format!("revision {after} of model {} follows revision {before}", moved.key)
        });
    }
    for moved in step.moved("release") {
        let Some(release) = moved.inserted() else { continue };
        let last = step.world.last_move(&place_of(release)).unwrap_or_default();
        let at = text(release, "activated_at");
        found.expect(Invariant::I15, step.index, last <= at, || {
            format!("release {} is dated {at}, before the one that it follows ({last})", moved.key)
        });
    }
}
