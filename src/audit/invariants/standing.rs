//! I18: whoever did something was somebody who could: an active account with a role that may, by a
//! credential that held.

use super::{
    Step,
    found::{Found, Invariant},
    people::{self, GRACE},
    places::Place,
    world::text,
};
use crate::audit::leaf::Outcome;
use chrono::DateTime;

/// Actions of governance, and the roles that may take them. Written down here a second time on
/// purpose: the rules that permit them are not asked.
const ROLES: &[(&str, &[&str])] = &[
    ("promotion.request", &["contributor"]),
    ("promotion.withdraw", &["contributor"]),
    ("promotion.approve", &["reviewer", "risk_officer", "compliance_officer"]),
    ("promotion.reject", &["reviewer", "risk_officer", "compliance_officer"]),
    ("promotion.activate", &["environment_manager"]),
    ("release.roll_back", &["environment_manager"]),
    ("release.suspend", &["environment_manager", "risk_officer", "compliance_officer"]),
    ("release.resume", &["environment_manager"]),
    ("release.lower_mode", &["environment_manager"]),
    ("release.review", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("release.rehearse", &["environment_manager"]),
    ("promotion.unapprove", &["reviewer", "risk_officer", "compliance_officer"]),
    (
        "finding.open",
        &["contributor", "environment_manager", "reviewer", "risk_officer", "compliance_officer", "auditor"],
    ),
    ("finding.remediate", &["contributor", "environment_manager"]),
    ("finding.close", &["reviewer", "risk_officer", "compliance_officer"]),
    ("finding.accept", &["risk_officer", "compliance_officer"]),
    ("waiver.request", &["contributor", "environment_manager"]),
    ("waiver.grant", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("waiver.refuse", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("waiver.revoke", &["contributor", "environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("break_glass.invoke", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("break_glass.confirm", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("break_glass.close", &["environment_manager", "reviewer", "risk_officer", "compliance_officer"]),
    ("break_glass.review", &["reviewer", "risk_officer", "compliance_officer"]),
    ("delegation.create", &["reviewer", "risk_officer", "compliance_officer"]),
    ("person.link", &["admin"]),
    ("team.set", &["admin"]),
    ("role.give", &["admin"]),
    ("role.take", &["admin"]),
    ("role.define", &["admin"]),
    ("role.discard", &["admin"]),
    ("record.put", &["contributor"]),
    ("environment_record.put", &["environment_manager"]),
    ("evidence.report", &["contributor", "reviewer"]),
    ("evidence.refute", &["reviewer"]),
    ("running.report", &["deployer"]),
    ("release.pull", &["deployer"]),
    ("environment.revise", &["environment_manager"]),
    ("constraints.revise", &["environment_manager"]),
    ("policy.publish", &["environment_manager"]),
    ("version.seal", &["contributor"]),
    ("version.revoke", &["admin"]),
    ("trust_key.revoke", &["admin"]),
    ("account.deactivate", &["admin"]),
];

/// What no role of a workspace's own allows, whatever it says.
const NEVER_CUSTOM: &[&str] = &[
    "promotion.approve",
    "promotion.reject",
    "promotion.unapprove",
    "finding.close",
    "finding.accept",
    "waiver.grant",
    "waiver.refuse",
    "break_glass.invoke",
    "break_glass.confirm",
    "break_glass.close",
    "break_glass.review",
    "delegation.create",
    "person.link",
    "team.set",
    "role.give",
    "role.take",
    "role.define",
    "role.discard",
    "evidence.refute",
    "release.pull",
    "running.report",
    "release.review",
    "version.revoke",
    "trust_key.revoke",
    "account.deactivate",
];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    let (leaf, world) = (step.leaf, step.world);
    // The registry's own parts and the operator's console have no account.
    let Some(actor) = leaf.actor.id.as_deref().filter(|_| leaf.outcome == Outcome::Done) else { return };
    if leaf.actor.kind == "system" {
        return;
    }
    let why = credential_fault(step, actor).map(|why| format!("{} by {actor}, {why}", leaf.action));
    found.settle(Invariant::I18, step.index, why);
    let stood = people::stood(world, actor, &leaf.at);
    found.expect(Invariant::I18, step.index, stood, || {
        format!("{} by {actor}, whose account is not active", leaf.action)
    });
    let owner = world.row("account", actor).map_or("", |row| text(row, "owner_id"));
    found.expect(Invariant::I18, step.index, owner.is_empty() || people::stood(world, owner, &leaf.at), || {
        format!("{} by {actor}, a robot whose owner {owner} is not active", leaf.action)
    });
    // What follows from an act stands under the name of who acted.
    let is_consequence = leaf.changes.is_empty() && leaf.action != "release.pull";
    let Some((_, may)) = ROLES.iter().find(|(action, _)| *action == leaf.action && !is_consequence) else { return };
    // Who decides in one's stead is of no place: the leave counts where both hold the role.
    // Besides all that changed, what the record is about by itself: consequences don't make it smaller.
    let places =
        if leaf.action == "delegation.create" { vec![] } else { vec![Place::of(step), Place::of_object(step)] };
    let roles = people::roles(world, actor, &places);
    let could = may.iter().any(|role| roles.contains(*role))
        || (!NEVER_CUSTOM.contains(&leaf.action.as_str())
            && people::may_by_own_role(world, actor, &leaf.action, &places));
    found
        .expect(Invariant::I18, step.index, could, || format!("{} by {actor}, who holds {roles:?} there", leaf.action));
}

/// Why the credential of a record did not hold. Records of before they were named say nothing.
fn credential_fault(step: &Step<'_>, actor: &str) -> Option<String> {
    let id = step.leaf.actor.credential.as_deref()?;
    let Some(token) = step.world.row("api_token", id) else {
        return Some(format!("whose credential {id} was never made"));
    };
    if text(token, "account_id") != actor {
        return Some(format!("whose credential {id} is another one's"));
    }
    let read = |at: &str| DateTime::parse_from_rfc3339(at).ok();
    let now = read(&step.leaf.at);
    let is_over = |end: &str| read(end).zip(now).is_some_and(|(end, now)| GRACE < now - end);
    let ended = ["revoked_at", "expires_at"].into_iter().find(|column| is_over(text(token, column)));
    ended.map(|column| format!("whose credential {id} had ended ({column} {})", text(token, column)))
}
