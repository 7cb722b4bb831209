//! Logs that were broken on purpose, and what each of them breaks.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use plimsoll::audit::{
    changes::{Change, Operation},
    invariants::Invariant,
    leaf::{Leaf, Outcome},
};
use serde_json::{Value, json};

/// The place of the nth record of an event, from 0.
pub fn nth(leaves: &[Leaf], event: &str, n: usize) -> usize {
    let mut places = leaves.iter().enumerate().filter(|(_, leaf)| leaf.detail["event"] == event);
    places.nth(n).unwrap_or_else(|| panic!("no {event} {n}")).0
}

pub fn change<'a>(leaf: &'a mut Leaf, table: &str, op: Operation) -> &'a mut Change {
    leaf.changes.iter_mut().find(|change| change.table == table && change.op == op).expect(table)
}

pub fn set(leaf: &mut Leaf, table: &str, op: Operation, column: &str, value: Value) {
    change(leaf, table, op).row.insert(column.to_owned(), Some(value));
}

/// A log that was broken on purpose: what was done to it, how, and what that breaks.
pub type Broken = (&'static str, fn(&mut Vec<Leaf>), Invariant);

pub const INSERT: Operation = Operation::Insert;
pub const UPDATE: Operation = Operation::Update;

/// Broken ones of what people do beside the way through approval are in a list of their own.
pub const BROKEN: &[Broken] = &[
    (
        "an approval by the author counts",
        |log| {
            let author = log[nth(log, "version_created", 0)].actor.id.clone();
            let approved = nth(log, "promotion_approved", 0);
            set(&mut log[approved], "approval", INSERT, "account_id", json!(author));
        },
        Invariant::I6,
    ),
    (
        "an approval by a robot counts",
        |log| {
            let robot = log[nth(log, "release_pulled", 0)].actor.id.clone();
            let approved = nth(log, "promotion_approved", 0);
            set(&mut log[approved], "approval", INSERT, "account_id", json!(robot));
        },
        Invariant::I6,
    ),
    (
        "one person fills two seats",
        |log| {
            let (one, two) = (nth(log, "promotion_approved", 3), nth(log, "promotion_approved", 4));
            let account = log[one].actor.id.clone();
            set(&mut log[two], "approval", INSERT, "account_id", json!(account));
        },
        Invariant::I6,
    ),
    (
        "an approval of another digest counts",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            set(&mut log[approved], "approval", INSERT, "decision_digest", json!("sha256:00"));
        },
        Invariant::I6,
    ),
    (
        "it is activated without its quorum",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            log[approved].changes.retain(|change| change.table != "approval");
        },
        Invariant::I6,
    ),
    (
        "it is activated after it expired",
        |log| {
            let asked = nth(log, "promotion_requested", 0);
            let at = log[asked].at.clone();
            set(&mut log[asked], "promotion_request", INSERT, "expires_at", json!(at));
        },
        Invariant::I6,
    ),
    (
        "a deployer pulls what was revoked",
        |log| {
            let pulled = nth(log, "release_pulled", 3);
            let (leaf, revoked) = (log.remove(pulled), nth(log, "version_revoked", 0));
            log.insert(revoked + 1, leaf);
        },
        Invariant::I6,
    ),
    (
        "a deployer pulls what was superseded",
        |log| {
            let pulled = nth(log, "release_pulled", 0);
            let (leaf, activated) = (log.remove(pulled), nth(log, "release_activated", 1));
            log.insert(activated + 1, leaf);
        },
        Invariant::I6,
    ),
    (
        "a policy is published and an open request stays open",
        |log| {
            let published = nth(log, "policy_published", 1);
            log[published].changes.retain(|change| change.table != "promotion_request");
        },
        Invariant::I7,
    ),
    (
        "evidence is withdrawn and an approved request stays approved",
        |log| {
            let withdrawn = nth(log, "evidence_withdrawn", 0);
            log[withdrawn].changes.retain(|change| change.table != "promotion_request");
        },
        Invariant::I7,
    ),
    (
        "an approval is removed afterwards",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            let key = change(&mut log[approved], "approval", INSERT).key.clone();
            let gone = Change { table: "approval".to_owned(), key, op: Operation::Delete, row: Default::default() };
            let last = log.len() - 1;
            log[last].changes.push(gone);
        },
        Invariant::I7,
    ),
    (
        "two releases are active",
        |log| {
            let activated = nth(log, "release_activated", 1);
            log[activated].changes.retain(|change| change.table != "release" || change.op != UPDATE);
        },
        Invariant::I8,
    ),
    (
        "nothing is active any more, and nobody said so",
        |log| {
            let back = nth(log, "release_rolled_back", 0);
            log[back].changes.retain(|change| change.table != "release" || change.op != INSERT);
        },
        Invariant::I8,
    ),
    (
        "a rollback goes to what was never active",
        |log| {
            let back = nth(log, "release_rolled_back", 0);
            let never = "01900000-0000-7000-8000-000000000000";
            set(&mut log[back], "release", INSERT, "restores", json!(never));
        },
        Invariant::I9,
    ),
    (
        "a rollback goes to a version that was revoked",
        |log| {
            let back = nth(log, "release_rolled_back", 0);
            let version = change(&mut log[back], "release", INSERT).row["version_id"].clone();
            let key = version.as_ref().and_then(Value::as_str).expect("a version").to_owned();
            let row = [("state".to_owned(), Some(json!("revoked")))].into();
            let revoked = Change { table: "model_version".to_owned(), key, op: UPDATE, row };
            log[back].changes.insert(0, revoked);
        },
        Invariant::I9,
    ),
    (
        "a rollback takes the place of nothing",
        |log| {
            // What runs was not suspended.
            let suspended = nth(log, "release_suspended", 0);
            log[suspended].changes.retain(|change| change.table != "release");
        },
        Invariant::I9,
    ),
    (
        "a rollback goes to what an emergency brought",
        |log| {
            let (invoked, back) = (nth(log, "break_glass_invoked", 0), nth(log, "release_rolled_back", 2));
            let brought = change(&mut log[invoked], "release", INSERT).clone();
            set(&mut log[back], "release", INSERT, "restores", json!(brought.key));
            for column in ["version_id", "promotion_id"] {
                let is = brought.row[column].clone().expect("a value");
                set(&mut log[back], "release", INSERT, column, is);
            }
        },
        Invariant::I9,
    ),
    (
        "what was suspended comes back after something took its place",
        |log| {
            let (resumed, first) = (nth(log, "release_resumed", 0), nth(log, "release_activated", 0));
            let key = change(&mut log[first], "release", INSERT).key.clone();
            set(&mut log[resumed], "release", INSERT, "restores", json!(key));
        },
        Invariant::I9,
    ),
    (
        "a request whose limits failed waits for approvals",
        |log| {
            let red = log.iter().position(|leaf| leaf.detail["state"] == "checks_failed").expect("a red request");
            set(&mut log[red], "promotion_request", INSERT, "state", json!("awaiting_approval"));
        },
        Invariant::I10,
    ),
    (
        "a revoked version becomes a draft",
        |log| {
            let revoked = nth(log, "version_revoked", 0);
            set(&mut log[revoked], "model_version", UPDATE, "state", json!("draft"));
        },
        Invariant::I11,
    ),
    (
        "a rejected request is approved",
        |log| {
            let rejected = nth(log, "promotion_rejected", 0);
            set(&mut log[rejected], "promotion_request", UPDATE, "state", json!("approved"));
        },
        Invariant::I12,
    ),
    (
        "a request is about another decision than it was",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            set(&mut log[approved], "promotion_request", UPDATE, "decision_digest", json!("sha256:00"));
        },
        Invariant::I11,
    ),
    (
        "an approval is told and none was given",
        |log| {
            let approved = nth(log, "promotion_approved", 3);
            log[approved].changes.clear();
        },
        Invariant::I12,
    ),
    (
        "the record of a release is missing",
        |log| {
            let activated = nth(log, "release_activated", 0);
            log.remove(activated);
        },
        Invariant::I12,
    ),
    (
        "time goes back",
        |log| {
            let pulled = nth(log, "release_pulled", 2);
            log[pulled].at = "2025-12-31T23:59:59.000000Z".to_owned();
        },
        Invariant::I13,
    ),
    (
        "a refusal changes something",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            log[approved].outcome = Outcome::Denied;
        },
        Invariant::I14,
    ),
    (
        "a revision was lost",
        |log| {
            let published = nth(log, "policy_published", 1);
            set(&mut log[published], "environment_revision", INSERT, "revision", json!(3));
        },
        Invariant::I15,
    ),
    (
        "who was deactivated approves",
        |log| {
            let deactivated = nth(log, "account_deactivated", 0);
            let (leaf, approved) = (log.remove(deactivated), nth(log, "promotion_approved", 4));
            // More than the moment that what was begun before may take.
            log.insert(approved, Leaf { at: "2026-01-02T03:04:02.000000Z".to_owned(), ..leaf });
        },
        Invariant::I18,
    ),
    (
        "a contributor approves",
        |log| {
            let author = log[nth(log, "version_created", 0)].actor.id.clone();
            let approved = nth(log, "promotion_approved", 0);
            log[approved].actor.id = author;
        },
        Invariant::I18,
    ),
];
