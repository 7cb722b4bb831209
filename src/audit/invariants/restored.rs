//! I9: a rollback goes to a release that was active there and had been approved, whose version may
//! still leave, and takes the place of the one that was active, or that was suspended.

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
        let Some(release) = moved.inserted() else { continue };
        let fault = match kind(release) {
            Kind::Promotion | Kind::BreakGlass => continue,
            Kind::Rollback => back_fault(step, &moved.key, release, ""),
            Kind::Resumption => back_fault(step, &moved.key, release, "suspended"),
            Kind::ModeLowered => lowered_fault(step, release),
        };
        found.settle(Invariant::I9, step.index, fault.map(|why| format!("release {}: {why}", moved.key)));
    }
}

/// `was` is the state in which the release must have been that comes back; empty: any but active.
fn back_fault(step: &Step<'_>, id: &str, release: &Row, was: &str) -> Option<String> {
    let target = text(release, "restores");
    let Some(earlier) = step.world.row("release", target).filter(|_| target != id) else {
        return Some(format!("{target}, which it restores, was never active"));
    };
    if let Some(why) = another(earlier, release) {
        return Some(format!("{target}, which it restores, {why}"));
    }
    let state = text(earlier, "state");
    if state == "active" || (!was.is_empty() && state != was) {
        return Some(format!("{target}, which it restores, is {state}"));
    }
    let left = step.world.newest(&place_of(release));
    // What is suspended comes back only while nothing took its place.
    if !was.is_empty() && left.is_none_or(|(key, _)| key != target) {
        return Some(format!("{target}, which it restores, is not what was suspended last"));
    }
    let is_vacant = left.is_some_and(|(_, row)| text(row, "state") == "suspended");
    if was.is_empty() && replaced(step).is_none() && !is_vacant {
        return Some("it takes the place of nothing".to_owned());
    }
    unapproved(step, earlier).or_else(|| unfit(step, release))
}

/// Why a release is not one that people approved: what an emergency brought does not come back.
fn unapproved(step: &Step<'_>, release: &Row) -> Option<String> {
    if kind(release) == Kind::BreakGlass {
        return Some("it goes on with what an emergency brought".to_owned());
    }
    let request = step.world.row("promotion_request", text(release, "promotion_id"));
    let state = request.map_or("unknown", |request| text(request, "state"));
    let was_approved = ["activated", "superseded"].contains(&state);
    (!was_approved).then(|| format!("it rests on a request that is {state}, and was never approved"))
}

/// The same as before, in a mode that leaves more to people.
fn lowered_fault(step: &Step<'_>, release: &Row) -> Option<String> {
    const MODES: [&str; 3] = ["advisory", "human-in-the-loop", "automated"];
    let Some(before) = replaced(step) else { return Some("it takes the place of nothing".to_owned()) };
    if let Some(why) = another(before, release) {
        return Some(format!("the one before it {why}"));
    }
    let place = |mode: &str| MODES.iter().position(|known| known.replace('-', "_") == mode.replace('-', "_"));
    let (from, to) = (place(text(before, "mode")), place(text(release, "mode")));
    if from.is_some() && from <= to {
        return Some("its mode is not lower than that of the one before it".to_owned());
    }
    unapproved(step, before).or_else(|| unfit(step, release))
}

/// What makes two releases be of different things.
fn another(earlier: &Row, release: &Row) -> Option<&'static str> {
    if place_of(earlier) != place_of(release) {
        return Some("was active somewhere else");
    }
    if text(earlier, "version_id") != text(release, "version_id") {
        return Some("is another version");
    }
    (text(earlier, "promotion_id") != text(release, "promotion_id")).then_some("rests on another request")
}

/// The release that ended with this record.
fn replaced<'a>(step: &'a Step<'_>) -> Option<&'a Row> {
    let mut ended =
        step.moved("release").filter(|moved| moved.was("state") == "active" && moved.is("state") != "active");
    ended.find_map(|moved| moved.after.as_ref())
}

fn unfit(step: &Step<'_>, release: &Row) -> Option<String> {
    let version = step.world.row("model_version", text(release, "version_id"));
    version.map_or_else(|| Some("its version is unknown".to_owned()), |row| pulled::unfit(step, row, &step.leaf.at))
}
