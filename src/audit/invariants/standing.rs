//! I18: whoever did something was somebody who could: an active account with a role that may.

use super::{
    Step,
    found::{Found, Invariant},
    people,
};
use crate::audit::leaf::Outcome;

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
    ("finding.accept", &["risk_officer", "compliance_officer"]),
    ("release.pull", &["deployer"]),
    ("environment.revise", &["environment_manager"]),
    ("constraints.revise", &["environment_manager"]),
    ("policy.publish", &["environment_manager"]),
    ("version.seal", &["contributor"]),
    ("version.revoke", &["admin"]),
    ("trust_key.revoke", &["admin"]),
    ("account.deactivate", &["admin"]),
];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    let (leaf, world) = (step.leaf, step.world);
    // The registry's own parts and the operator's console have no account.
    let Some(actor) = leaf.actor.id.as_deref().filter(|_| leaf.outcome == Outcome::Done) else { return };
    if leaf.actor.kind == "system" {
        return;
    }
    let stood = people::stood(world, actor, &leaf.at);
    found.expect(Invariant::I18, step.index, stood, || {
        format!("{} by {actor}, whose account is not active", leaf.action)
    });
    // What follows from an act stands under the name of who acted.
    let is_consequence = leaf.changes.is_empty() && leaf.action != "release.pull";
    let Some((_, may)) = ROLES.iter().find(|(action, _)| *action == leaf.action && !is_consequence) else { return };
    let roles = people::roles(world, actor);
    found.expect(Invariant::I18, step.index, may.iter().any(|role| roles.contains(*role)), || {
        format!("{} by {actor}, who holds {roles:?}", leaf.action)
    });
}
