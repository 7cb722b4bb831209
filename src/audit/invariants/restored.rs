//! I9: a rollback goes to a release that was active there, whose version may still leave, and takes
//! the place of the one that was active.

use super::{
    Step,
    approved::{Kind, kind},
    found::{Found, Invariant},
    pulled,
    world::{place_of, text},
};
use crate::audit::changes::Row;

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("release") {
        let Some(release) = moved.inserted().filter(|row| kind(row) == Kind::Rollback) else { continue };
        let fault = fault(step, &moved.key, release);
        found.settle(Invariant::I9, step.index, fault.map(|why| format!("release {}: {why}", moved.key)));
    }
}

fn fault(step: &Step<'_>, id: &str, release: &Row) -> Option<String> {
    let target = text(release, "restores");
    let Some(earlier) = step.world.row("release", target).filter(|_| target != id) else {
        return Some(format!("{target}, which it restores, was never active"));
    };
    if place_of(earlier) != place_of(release) {
        return Some(format!("{target}, which it restores, was active somewhere else"));
    }
    if text(earlier, "version_id") != text(release, "version_id") {
        return Some(format!("{target}, which it restores, is another version"));
    }
    if text(earlier, "promotion_id") != text(release, "promotion_id") {
        return Some(format!("{target}, which it restores, rests on another request"));
    }
    if text(earlier, "state") == "active" {
        return Some(format!("{target}, which it restores, is active still"));
    }
    let replaced = step.moved("release").any(|moved| moved.was("state") == "active" && moved.is("state") != "active");
    if !replaced {
        return Some("it takes the place of nothing".to_owned());
    }
    let version = step.world.row("model_version", text(release, "version_id"));
    version.map_or_else(|| Some("its version is unknown".to_owned()), |row| pulled::unfit(step, row, &step.leaf.at))
}
