//! I11: the states of things, the only ways from one to another, and the actions that take them.

use super::{
    Step,
    found::{Found, Invariant},
    world::{Moved, text},
};
use crate::audit::changes::Row;

/// A table, a state before (empty: the row is new) and after, and the actions that may do it; none
/// named: any action may, because it is a consequence.
struct Way(&'static str, &'static str, &'static str, &'static [&'static str]);

const ANY: &[&str] = &[];

/// What makes a release active.
const STARTS: &[&str] = &[
    "promotion.activate",
    "release.roll_back",
    "release.resume",
    "release.lower_mode",
    "break_glass.invoke",
    "break_glass.confirm",
];
/// What takes a release from its place.
const ENDS: &[&str] =
    &["promotion.activate", "release.roll_back", "release.suspend", "break_glass.invoke", "break_glass.confirm"];
/// What another release takes the place of, of its own or of somebody else's.
const SUPERSEDES: &[&str] = &["promotion.activate", "release.lower_mode", "break_glass.invoke", "break_glass.confirm"];
/// What leaves nothing in its place; an emergency that is over ends before the next begins.
const SUSPENDS: &[&str] = &[
    "release.suspend",
    "break_glass.invoke",
    "break_glass.confirm",
    "break_glass.close",
    "break_glass.expire",
    "break_glass.review",
];
const EMERGENCY: &[&str] = &["break_glass.invoke", "break_glass.confirm"];
/// Who counts, and what waits, is looked at by whoever decides or activates, and by the clock.
const LOOKS: &[&str] = &[
    "promotion.approve",
    "promotion.unapprove",
    "promotion.activate",
    "promotion.hold",
    "promotion.unhold",
    "promotion.lose_quorum",
    "promotion.regain_quorum",
];
/// An end that somebody came upon is recorded by itself.
const EXPIRES: &[&str] = &["promotion.expire"];
const REJECTS: &[&str] = &["promotion.reject"];
const WITHDRAWS: &[&str] = &["promotion.withdraw"];
/// What ends a session or a token.
const ENDS_CREDENTIALS: &[&str] = &[
    "token.revoke",
    "session.close",
    "session.confirm",
    "password.change",
    "account.deactivate",
    "second_factor.add",
    "second_factor.take",
];
const WAYS: &[Way] = &[
    Way("account", "", "active", &["account.create"]),
    Way("account", "active", "deactivated", &["account.deactivate"]),
    Way("delegation", "", "in_force", &["delegation.create"]),
    Way("delegation", "in_force", "revoked", &["delegation.revoke"]),
    Way("api_token", "", "in_force", &["token.create", "token.exchange", "session.open", "session.confirm"]),
    Way("api_token", "in_force", "revoked", ENDS_CREDENTIALS),
    Way("trust_key", "", "in_force", &["trust_key.add"]),
    Way("trust_key", "in_force", "revoked", &["trust_key.revoke"]),
    Way("model_version", "", "draft", &["version.create"]),
    Way("model_version", "draft", "sealed", &["version.seal"]),
    Way("model_version", "draft", "revoked", &["version.revoke"]),
    Way("model_version", "sealed", "revoked", &["version.revoke"]),
    Way("validation_run", "", "queued", &["run.request"]),
    Way("validation_run", "queued", "passed", &["run.finish"]),
    Way("validation_run", "queued", "failed", &["run.finish"]),
    Way("validation_run", "queued", "inconclusive", &["run.finish"]),
    Way("validation_run", "queued", "timed_out", &["run.finish"]),
    Way("validation_run", "queued", "errored", &["run.finish"]),
    Way("validation_run", "queued", "cancelled", &["run.cancel"]),
    Way("reported_evidence", "", "verified", &["evidence.report"]),
    Way("reported_evidence", "verified", "superseded", &["evidence.report"]),
    Way("reported_evidence", "verified", "withdrawn", &["evidence.withdraw"]),
    Way("reported_evidence", "verified", "refuted", &["evidence.refute"]),
    Way("promotion_request", "", "checks_failed", &["promotion.request"]),
    Way("promotion_request", "", "awaiting_approval", &["promotion.request"]),
    Way("promotion_request", "", "bypassed", EMERGENCY),
    Way("promotion_request", "awaiting_approval", "approved", LOOKS),
    Way("promotion_request", "awaiting_approval", "held", LOOKS),
    Way("promotion_request", "approved", "held", LOOKS),
    Way("promotion_request", "held", "approved", LOOKS),
    Way("promotion_request", "approved", "awaiting_approval", LOOKS),
    Way("promotion_request", "held", "awaiting_approval", LOOKS),
    Way("promotion_request", "awaiting_approval", "rejected", REJECTS),
    Way("promotion_request", "approved", "rejected", REJECTS),
    Way("promotion_request", "held", "rejected", REJECTS),
    Way("promotion_request", "awaiting_approval", "withdrawn", WITHDRAWS),
    Way("promotion_request", "approved", "withdrawn", WITHDRAWS),
    Way("promotion_request", "held", "withdrawn", WITHDRAWS),
    Way("promotion_request", "awaiting_approval", "expired", EXPIRES),
    Way("promotion_request", "approved", "expired", EXPIRES),
    Way("promotion_request", "held", "expired", EXPIRES),
    // By whatever changed what it rested on.
    Way("promotion_request", "awaiting_approval", "invalidated", ANY),
    Way("promotion_request", "approved", "invalidated", ANY),
    Way("promotion_request", "held", "invalidated", ANY),
    Way("promotion_request", "approved", "activated", &["promotion.activate"]),
    // What held it up is over, and nobody looked before.
    Way("promotion_request", "held", "activated", &["promotion.activate"]),
    Way("promotion_request", "activated", "superseded", ENDS),
    Way("release", "", "active", STARTS),
    Way("release", "active", "superseded", SUPERSEDES),
    Way("release", "active", "rolled_back", &["release.roll_back"]),
    Way("release", "active", "suspended", SUSPENDS),
    Way("rollback_review", "", "due", &["release.roll_back"]),
    Way("rollback_review", "due", "done", &["release.review"]),
    Way("rehearsal", "", "queued", &["release.rehearse"]),
    Way("rehearsal", "queued", "passed", &["rehearsal.finish"]),
    Way("rehearsal", "queued", "failed", &["rehearsal.finish"]),
    Way("comparison", "", "queued", &["run.request"]),
    Way("comparison", "queued", "completed", &["run.finish"]),
    Way("comparison", "queued", "failed", &["run.finish"]),
    Way("waiver", "", "requested", &["waiver.request"]),
    Way("waiver", "requested", "granted", &["waiver.grant"]),
    Way("waiver", "requested", "refused", &["waiver.refuse"]),
    Way("waiver", "requested", "revoked", &["waiver.revoke"]),
    Way("waiver", "granted", "revoked", &["waiver.revoke"]),
    // The next is asked for when the time of the last is over, written down or not.
    Way("waiver", "requested", "expired", &["waiver.expire", "waiver.request"]),
    Way("waiver", "granted", "expired", &["waiver.expire", "waiver.request"]),
    Way("break_glass", "", "proposed", &["break_glass.invoke"]),
    Way("break_glass", "", "active", &["break_glass.invoke"]),
    Way("break_glass", "proposed", "active", &["break_glass.confirm"]),
    Way("break_glass", "proposed", "unconfirmed", &["break_glass.invoke", "break_glass.close", "break_glass.expire"]),
    Way("break_glass", "active", "closed", &["break_glass.invoke", "break_glass.close", "break_glass.expire"]),
    Way("break_glass", "closed", "justified", &["break_glass.review"]),
    Way("break_glass", "closed", "unjustified", &["break_glass.review"]),
    // Its time was over, and nobody had written so.
    Way("break_glass", "active", "justified", &["break_glass.review"]),
    Way("break_glass", "active", "unjustified", &["break_glass.review"]),
    Way("finding", "", "open", ANY),
    Way("finding", "open", "remediating", &["finding.remediate"]),
    Way("finding", "open", "risk_accepted", &["finding.accept"]),
    Way("finding", "remediating", "risk_accepted", &["finding.accept"]),
    // An acceptance may have run out before anybody looked.
    Way("finding", "risk_accepted", "remediating", &["finding.remediate"]),
    Way("finding", "open", "closed", ANY),
    Way("finding", "remediating", "closed", ANY),
    Way("finding", "risk_accepted", "closed", ANY),
    Way("finding", "risk_accepted", "open", &["finding.reopen"]),
];

/// By what a person closes a finding.
const JUDGED: &str = "finding.close";

/// Columns that never change once they are set.
const FROZEN: &[(&str, &[&str])] = &[
    ("promotion_request", &["version_id", "environment_id", "model_id", "decision", "decision_digest", "requested_by"]),
    (
        "release",
        &["version_id", "environment_id", "model_id", "promotion_id", "restores", "activated_by", "activated_at"],
    ),
    ("model_version", &["manifest_digest", "model_id", "number", "trust_key_id", "sealed_by", "revoked_at"]),
    ("trust_key", &["fingerprint", "revoked_at"]),
    ("api_token", &["account_id", "secret_hash", "revoked_at", "expires_at"]),
    ("delegation", &["from_account", "to_account", "valid_from", "valid_until", "revoked_at"]),
    (
        "waiver",
        &[
            "version_id",
            "environment_id",
            "model_id",
            "constraint_name",
            "constraint_digest",
            "requested_by",
            "expires_at",
        ],
    ),
    (
        "break_glass",
        &["version_id", "environment_id", "model_id", "invoked_by", "second_by", "release_id", "starts_at", "ends_at"],
    ),
    ("rollback_review", &["release_id", "due_at", "outcome", "reviewed_by"]),
    ("rehearsal", &["release_id", "version_id", "requested_by", "digest"]),
];

/// The state of a row; of what has none, whether it was taken back.
fn state(row: Option<&Row>) -> &str {
    let Some(row) = row else { return "" };
    match text(row, "state") {
        "" if text(row, "revoked_at").is_empty() => "in_force",
        "" => "revoked",
        state => state,
    }
}

/// A finding that a person opened closes by a person's word alone.
fn is_let_off(moved: &Moved, action: &str) -> bool {
    moved.table == "finding" && moved.is("state") == "closed" && !moved.is("opened_by").is_empty() && action != JUDGED
}

/// Whether it is the end of a release whose approval has lapsed, or of the request behind one: whatever
/// takes the ground from it may do that, where the policy says so.
fn is_lapse(step: &Step<'_>, moved: &Moved) -> bool {
    let taken_down = |release: &Moved| {
        release.was("state") == "active"
            && release.is("state") == "suspended"
            && release.is("assurance") == "lapsed"
            && release.is("ended_by").is_empty()
    };
    match moved.table.as_str() {
        "release" => taken_down(moved),
        "promotion_request" => {
            moved.is("state") == "superseded"
                && step.moved("release").any(|release| taken_down(release) && release.is("promotion_id") == moved.key)
        }
        _ => false,
    }
}

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved.iter().filter(|moved| WAYS.iter().any(|way| way.0 == moved.table)) {
        let (from, to) = (state(moved.before.as_ref()), state(moved.after.as_ref()));
        if from == to && moved.before.is_some() {
            continue;
        }
        let way = WAYS.iter().find(|way| way.0 == moved.table && way.1 == from && way.2 == to);
        let action = step.leaf.action.as_str();
        let named = way.is_some_and(|way| way.3.is_empty() || way.3.contains(&action));
        let allowed = (named || (way.is_some() && is_lapse(step, moved))) && !is_let_off(moved, action);
        found.expect(Invariant::I11, step.index, allowed, || {
            let from = if from.is_empty() { "nothing" } else { from };
            let to = if to.is_empty() { "nothing" } else { to };
            format!("{} {} went from {from} to {to} by {action}", moved.table, moved.key)
        });
    }
    for (table, columns) in FROZEN {
        for moved in step.moved(table).filter(|moved| moved.before.is_some() && moved.after.is_some()) {
            let changed = columns.iter().find(|c| !moved.was(c).is_empty() && moved.was(c) != moved.is(c));
            // Who is forgotten keeps no secret.
            let forgotten = step.leaf.action == "account.erase" && changed.is_some_and(|c| *c == "secret_hash");
            found.expect(Invariant::I11, step.index, changed.is_none() || forgotten, || {
                format!("{table} {} has another {} than it had", moved.key, changed.copied().unwrap_or_default())
            });
        }
    }
}
