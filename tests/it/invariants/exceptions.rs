//! Logs that were broken on purpose where people did something beside the way through approval.

use super::broken::{Broken, INSERT, UPDATE, change, nth, set};
use plimsoll::audit::{
    changes::{Change, Operation},
    invariants::Invariant,
    leaf::Leaf,
};
use serde_json::{Value, json};

/// Who did what the nth record of an event tells.
fn doer(log: &[Leaf], event: &str, n: usize) -> Value {
    json!(log[nth(log, event, n)].actor.id)
}

/// Mara, who alone approved what rests on a waiver.
const LAST: usize = 5;

fn approver(log: &[Leaf]) -> Value {
    doer(log, "promotion_approved", LAST)
}

/// The approver of what rests on a waiver had a hand in it, as one column says.
fn approver_is(log: &mut [Leaf], (event, n): (&str, usize), (table, op): (&str, Operation), column: &str) {
    let (approver, at) = (approver(log), nth(log, event, n));
    set(&mut log[at], table, op, column, approver);
}

/// Another row, with the last request that was made.
fn beside(log: &mut [Leaf], table: &str, key: String, row: Vec<(&str, Value)>) {
    let at = log.iter().rposition(|leaf| leaf.detail["event"] == "promotion_requested").expect("a request");
    let row = row.into_iter().map(|(column, value)| (column.to_owned(), Some(value))).collect();
    log[at].changes.push(Change { table: table.to_owned(), key, op: INSERT, row });
}

fn drop_requests(log: &mut [Leaf], event: &str, n: usize) {
    let at = nth(log, event, n);
    assert!(log[at].changes.iter().any(|change| change.table == "promotion_request"), "{event} ends nothing");
    log[at].changes.retain(|change| change.table != "promotion_request");
}

/// What an event tells was done by somebody else.
fn by(log: &mut [Leaf], event: &str, n: usize, other: &Value) {
    let at = nth(log, event, n);
    (log[at].actor.id, log[at].actor.credential) = (other.as_str().map(str::to_owned), None);
}

/// Who opened a finding by hand.
fn auditor(log: &[Leaf]) -> Value {
    let by_hand = |leaf: &&Leaf| leaf.action == "finding.open" && !leaf.changes.is_empty() && leaf.actor.id.is_some();
    json!(log.iter().find(by_hand).expect("a finding").actor.id)
}

/// The place of the record by which a person closed a finding.
fn closed_by_hand(log: &[Leaf]) -> usize {
    log.iter().position(|leaf| leaf.action == "finding.close" && !leaf.changes.is_empty()).expect("closed by hand")
}

const NEVER: &str = "01900000-0000-7000-8000-000000000000";

pub const EXCEPTIONS: &[Broken] = &[
    (
        "who asked for a waiver approves what rests on it",
        |log| approver_is(log, ("waiver_requested", 0), ("waiver", INSERT), "requested_by"),
        Invariant::I6,
    ),
    (
        "who granted a waiver approves what rests on it",
        |log| approver_is(log, ("waiver_granted", 0), ("waiver_grant", INSERT), "account_id"),
        Invariant::I6,
    ),
    (
        "who broke the glass for a version approves it",
        |log| approver_is(log, ("break_glass_invoked", 0), ("break_glass", INSERT), "invoked_by"),
        Invariant::I6,
    ),
    (
        "who confirmed the glass to be broken for a version approves it",
        |log| approver_is(log, ("break_glass_invoked", 0), ("break_glass", INSERT), "second_by"),
        Invariant::I6,
    ),
    (
        "who attested a version approves it",
        |log| approver_is(log, ("version_sealed", 3), ("attestation", INSERT), "created_by"),
        Invariant::I6,
    ),
    (
        "who wrote a record approves what rests on it",
        |log| approver_is(log, ("record_revised", 1), ("accountability_record", UPDATE), "revised_by"),
        Invariant::I6,
    ),
    (
        "who holds a role that the policy excludes approves",
        |log| {
            let (approver, here) = (approver(log), json!(log[nth(log, "promotion_approved", LAST)].workspace));
            let row = vec![("workspace_id", here), ("account_id", approver), ("role", json!("auditor"))];
            beside(log, "membership", NEVER.to_owned(), row);
        },
        Invariant::I6,
    ),
    (
        "an owner whom the policy excludes approves",
        |log| {
            let sealed = nth(log, "version_created", 3);
            let model = change(&mut log[sealed], "model_version", INSERT).row["model_id"].clone().expect("a model");
            let row = vec![("model_id", model), ("accountability", json!("business")), ("account_id", approver(log))];
            beside(log, "model_owner", "a:business".to_owned(), row);
        },
        Invariant::I6,
    ),
    (
        "whom the policy excludes by name approves",
        |log| {
            let (approver, ada) = (approver(log), auditor(log));
            let made = log.iter().flat_map(|leaf| &leaf.changes);
            let mut made = made.filter(|change| change.table == "account" && change.op == INSERT);
            let name = made.find(|change| json!(change.key) == ada).expect("ada").row["name"].clone();
            let at = nth(log, "promotion_approved", LAST);
            let key = approver.as_str().expect("an id").to_owned();
            let row = [("name".to_owned(), name)].into();
            log[at].changes.push(Change { table: "account".to_owned(), key, op: UPDATE, row });
        },
        Invariant::I6,
    ),
    (
        "a waiver is granted and an open request stays open",
        |log| drop_requests(log, "waiver_granted", 2),
        Invariant::I7,
    ),
    (
        "a waiver is revoked and an open request stays open",
        |log| drop_requests(log, "waiver_revoked", 0),
        Invariant::I7,
    ),
    (
        "a record is revised and an open request stays open",
        |log| drop_requests(log, "record_revised", 1),
        Invariant::I7,
    ),
    (
        "what a model is for is revised and an open request stays open",
        |log| drop_requests(log, "model_updated", 0),
        Invariant::I7,
    ),
    (
        "the risk tier of a model is another one and an open request stays open",
        |log| {
            drop_requests(log, "model_updated", 0);
            let updated = nth(log, "model_updated", 0);
            let row = &mut change(&mut log[updated], "model", UPDATE).row;
            row.remove("intended_use");
            row.insert("risk_tier".to_owned(), Some(json!("low")));
        },
        Invariant::I7,
    ),
    (
        "an attestation comes and an open request stays open",
        |log| {
            let asked = log.iter().rposition(|leaf| leaf.detail["event"] == "promotion_requested").expect("a request");
            let version = log[asked].detail["version"].clone();
            let row = vec![("version_id", version), ("digest", json!("sha256:00"))];
            beside(log, "attestation", NEVER.to_owned(), row);
        },
        Invariant::I7,
    ),
    (
        "a waiver is granted by somebody who does not own the limit",
        |log| {
            let rosa = doer(log, "finding_accepted", 0);
            let granted = nth(log, "waiver_granted", 0);
            set(&mut log[granted], "waiver_grant", INSERT, "account_id", rosa);
        },
        Invariant::I10,
    ),
    (
        "a waiver is granted by the one who asked for it alone",
        |log| {
            let (vera, asked) = (doer(log, "waiver_granted", 0), nth(log, "waiver_requested", 0));
            set(&mut log[asked], "waiver", INSERT, "requested_by", vera);
        },
        Invariant::I10,
    ),
    (
        "a waiver for every version is granted by one person",
        |log| {
            let asked = nth(log, "waiver_requested", 0);
            change(&mut log[asked], "waiver", INSERT).row.remove("version_id");
        },
        Invariant::I10,
    ),
    (
        "a waiver is granted by a robot",
        |log| {
            let (robot, granted) = (doer(log, "release_pulled", 0), nth(log, "waiver_granted", 0));
            set(&mut log[granted], "waiver_grant", INSERT, "account_id", robot);
        },
        Invariant::I10,
    ),
    (
        "a refusal makes a waiver hold",
        |log| {
            let granted = nth(log, "waiver_granted", 0);
            set(&mut log[granted], "waiver_grant", INSERT, "outcome", json!("refuse"));
        },
        Invariant::I10,
    ),
    (
        "a waiver of another limit lets one pass",
        |log| {
            let asked = nth(log, "waiver_requested", 0);
            set(&mut log[asked], "waiver", INSERT, "constraint_digest", json!("sha256:00"));
        },
        Invariant::I10,
    ),
    (
        "a waiver that has run out lets a limit pass",
        |log| {
            let asked = nth(log, "waiver_requested", 0);
            let at = log[asked].at.clone();
            set(&mut log[asked], "waiver", INSERT, "expires_at", json!(at));
        },
        Invariant::I10,
    ),
    (
        "an emergency is found justified before it began",
        |log| {
            let invoked = nth(log, "break_glass_invoked", 0);
            set(&mut log[invoked], "break_glass", INSERT, "state", json!("justified"));
        },
        Invariant::I11,
    ),
    (
        "a rollback is born reviewed",
        |log| {
            let back = nth(log, "release_rolled_back", 1);
            set(&mut log[back], "rollback_review", INSERT, "state", json!("done"));
        },
        Invariant::I11,
    ),
    (
        "a rehearsal passes before anybody tried",
        |log| {
            let asked = nth(log, "rehearsal_requested", 0);
            set(&mut log[asked], "rehearsal", INSERT, "state", json!("passed"));
        },
        Invariant::I11,
    ),
    (
        "a leave is given that was taken back before",
        |log| {
            let made = nth(log, "delegation_created", 0);
            let at = log[made].at.clone();
            set(&mut log[made], "delegation", INSERT, "revoked_at", json!(at));
        },
        Invariant::I11,
    ),
    (
        "a request is approved by something that is no approval",
        |log| {
            let approved = nth(log, "promotion_approved", 0);
            log[approved].action = "finding.open".to_owned();
        },
        Invariant::I11,
    ),
    (
        "a finding of a person is closed by an act of another kind",
        |log| {
            let closed = closed_by_hand(log);
            log[closed].action = "run.request".to_owned();
        },
        Invariant::I11,
    ),
    (
        "an emergency gets another end than it had",
        |log| {
            let reviewed = nth(log, "break_glass_reviewed", 0);
            set(&mut log[reviewed], "break_glass", UPDATE, "ends_at", json!("2026-01-09T00:00:00.000000Z"));
        },
        Invariant::I11,
    ),
    (
        "an auditor grants a waiver",
        |log| {
            let other = auditor(log);
            by(log, "waiver_granted", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a contributor breaks the glass",
        |log| {
            let other = doer(log, "version_created", 0);
            by(log, "break_glass_invoked", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a contributor reviews an emergency",
        |log| {
            let other = doer(log, "version_created", 0);
            by(log, "break_glass_reviewed", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a contributor closes a finding",
        |log| {
            let (closed, author) = (closed_by_hand(log), log[nth(log, "version_created", 0)].actor.id.clone());
            (log[closed].actor.id, log[closed].actor.credential) = (author, None);
        },
        Invariant::I18,
    ),
    (
        "a contributor reviews a rollback",
        |log| {
            let other = doer(log, "version_created", 0);
            by(log, "rollback_reviewed", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a reviewer says who is whom",
        |log| {
            let other = approver(log);
            by(log, "person_linked", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a contributor leaves decisions to somebody else",
        |log| {
            let other = doer(log, "version_created", 0);
            by(log, "delegation_created", 0, &other);
        },
        Invariant::I18,
    ),
    (
        "a token that was revoked pulls",
        |log| {
            let pulled = log.iter().rposition(|leaf| leaf.detail["event"] == "release_pulled").expect("a pull");
            let revoked = nth(log, "token_revoked", 0);
            let at = "2026-01-02T07:04:02.000000Z";
            let mut leaf = Leaf { at: at.to_owned(), ..log.remove(revoked) };
            set(&mut leaf, "api_token", UPDATE, "revoked_at", json!(at));
            log.insert(pulled, leaf);
        },
        Invariant::I18,
    ),
    (
        "a robot whose owner is gone pulls",
        |log| {
            let (robot, gone) = (doer(log, "release_pulled", 0), nth(log, "account_deactivated", 0));
            let gone = log[gone].detail["account"].clone();
            let mut made = log.iter_mut().flat_map(|leaf| &mut leaf.changes);
            let made = made.find(|change| change.table == "account" && json!(change.key) == robot).expect("made");
            made.row.insert("owner_id".to_owned(), Some(gone));
        },
        Invariant::I18,
    ),
    (
        "somebody acts by a token of somebody else",
        |log| {
            let pulled = nth(log, "release_pulled", 0);
            log[pulled].actor.credential = log[nth(log, "version_created", 0)].actor.credential.clone();
        },
        Invariant::I18,
    ),
    (
        "a credential is one that nobody made",
        |log| {
            let pulled = nth(log, "release_pulled", 0);
            log[pulled].actor.credential = Some(NEVER.to_owned());
        },
        Invariant::I18,
    ),
];
