//! The checker of invariants: quiet about a whole life of a model, and loud about every log that
//! was broken on purpose, under the invariant that it breaks.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use crate::{
    harness::reply,
    replay::past_the_service,
    story::{ENVIRONMENT, MODEL, Story, policy, reported, scan, spec, strict_spec, text},
};
use plimsoll::{
    audit::{
        changes::{Change, Operation},
        invariants::{Checker, Invariant, Report, Texts, ops},
        leaf::{Leaf, Outcome},
    },
    db::entity::{audit_event, environment_revision, promotion_request, validation_run},
};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

/// Something of everything: releases, a way back, refusals, requests that end in each way.
async fn life() -> Story {
    let story = Story::stage().await;
    let first = story.released(1).await;
    story.pull(None).await.expect(200);
    story.released(2).await;
    story.pull(None).await.expect(200);
    story.roll_back(None).await.expect(201);
    story.pull(None).await.expect(200);
    // Refused: no part of it is theirs.
    story.approve(&story.ines, &first).await.expect(403);
    story.measured_version(3).await;
    let third = story.request(MODEL, "3", ENVIRONMENT).await;
    story.decide(&story.mara, &third, "reject").await.expect(200);
    let again = story.request(MODEL, "3", ENVIRONMENT).await;
    story.withdraw(&story.ines, &again).await.expect(200);
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/3")).await.expect(200).json();
    let bundle = reported(&text(&version["digest"]), scan("malware"), &story.key);
    let path = format!("/api/v1/models/{MODEL}/versions/3/evidence");
    let report = story.app.post(&story.ines, &path, json!({"bundle": bundle})).await.expect_success().json();
    let again = story.request(MODEL, "3", ENVIRONMENT).await;
    story.approve(&story.mara, &again).await.expect(200);
    let withdrawal = format!("{path}/{}/withdraw", text(&report["id"]));
    story.app.post(&story.ines, &withdrawal, json!({"reason": "It was of another file."})).await.expect(200);
    story.request(MODEL, "3", ENVIRONMENT).await;
    story.revise(ENVIRONMENT, "policy", policy(2)).await;
    let both = story.request(MODEL, "3", ENVIRONMENT).await;
    story.approve(&story.mara, &both).await.expect(200);
    story.approve(&story.rui, &both).await.expect(200);
    story.activate(&both).await.expect(201);
    story.pull(None).await.expect(200);
    story.revise(ENVIRONMENT, "constraints", strict_spec()).await;
    let red = story.run(MODEL, "3", ENVIRONMENT).await;
    assert_eq!(red["state"], "failed");
    assert_eq!(story.request(MODEL, "3", ENVIRONMENT).await["state"], "checks_failed");
    story.revise(ENVIRONMENT, "constraints", spec()).await;
    story.revoke_version("3").await.expect(200);
    story.pull(None).await.expect(412);
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/rui")).await.expect(200);
    story
}

async fn leaves(story: &Story) -> Vec<Leaf> {
    let db = story.app.app.db.raw_for_tests();
    let rows = audit_event::Entity::find().order_by_asc(audit_event::Column::Id).all(db).await.expect("read");
    rows.iter().map(|row| Leaf::parse(&row.leaf).expect("a leaf")).collect()
}

async fn texts(story: &Story) -> Texts {
    let db = story.app.app.db.raw_for_tests();
    let mut texts = Texts::default();
    for row in promotion_request::Entity::find().all(db).await.expect("read") {
        texts.add_decision(&row.id.to_string(), &row.decision, &row.decision_digest);
    }
    for row in environment_revision::Entity::find().all(db).await.expect("read") {
        texts.add_document(&row.body, &row.digest);
    }
    for row in validation_run::Entity::find().all(db).await.expect("read") {
        if let Some((text, digest)) = row.verdicts.zip(row.verdicts_digest) {
            texts.add_verdicts(&text, &digest);
        }
    }
    texts
}

fn check(texts: &Texts, leaves: Vec<Leaf>) -> Report {
    let mut checker = Checker::new(texts.clone());
    (0..).zip(leaves).for_each(|(index, leaf)| checker.take(index, leaf));
    checker.finish()
}

/// The place of the nth record of an event, from 0.
fn nth(leaves: &[Leaf], event: &str, n: usize) -> usize {
    let mut places = leaves.iter().enumerate().filter(|(_, leaf)| leaf.detail["event"] == event);
    places.nth(n).unwrap_or_else(|| panic!("no {event} {n}")).0
}

fn change<'a>(leaf: &'a mut Leaf, table: &str, op: Operation) -> &'a mut Change {
    leaf.changes.iter_mut().find(|change| change.table == table && change.op == op).expect(table)
}

fn set(leaf: &mut Leaf, table: &str, op: Operation, column: &str, value: Value) {
    change(leaf, table, op).row.insert(column.to_owned(), Some(value));
}

/// A log that was broken on purpose: what was done to it, how, and what that breaks.
type Broken = (&'static str, fn(&mut Vec<Leaf>), Invariant);

const INSERT: Operation = Operation::Insert;
const UPDATE: Operation = Operation::Update;

const BROKEN: &[Broken] = &[
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

#[actix_web::test]
async fn a_whole_life_violates_nothing_and_every_broken_log_is_found() {
    let story = life().await;
    let report = ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
    for tally in &report.invariants {
        assert!(0 < tally.checked, "{} was never asked", tally.invariant);
    }
    let (texts, leaves) = (texts(&story).await, leaves(&story).await);
    assert_eq!(check(&texts, leaves.clone()).violated(), 0, "by records alone");
    for (what, damage, invariant) in BROKEN {
        let mut log = leaves.clone();
        damage(&mut log);
        let report = check(&texts, log);
        let found: Vec<_> = report.violations().map(ToString::to_string).collect();
        assert!(report.violations().any(|v| v.invariant == *invariant), "{what}: {found:#?}");
    }
    // What a digest does not vouch for is not believed.
    let report = check(&Texts::default(), leaves);
    assert!(report.violations().any(|v| v.invariant == Invariant::I6 && v.detail.contains("can't be read")));
}

#[actix_web::test]
async fn a_record_that_was_taken_out_of_the_log_is_noticed() {
    let story = life().await;
    let mut log = leaves(&story).await;
    let gone = nth(&log, "release_pulled", 0);
    let mut checker = Checker::new(texts(&story).await);
    (0..).zip(log.drain(..)).filter(|(index, _)| *index != gone as u64).for_each(|(i, leaf)| checker.take(i, leaf));
    let report = checker.finish();
    let found: Vec<_> = report.violations().map(ToString::to_string).collect();
    let missing = format!("record {gone} is missing");
    assert!(report.violations().any(|v| v.invariant == Invariant::I13 && v.detail.contains(&missing)), "{found:#?}");
}

#[actix_web::test]
async fn the_command_says_what_is_violated_in_the_database() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let checked = story.app.program(&["admin", "check", "--json"]).await;
    let report: Report = serde_json::from_slice(&checked.stdout).expect("json");
    assert_eq!((checked.status.code(), report.violated()), (Some(0), 0), "{report:#?}");
    let checked = story.app.program(&["admin", "check"]).await;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("I6") && said.contains("nothing is violated in"), "{said}");

    let db = story.app.app.db.raw_for_tests();
    past_the_service(db, "UPDATE promotion_request SET state = 'approved' WHERE state = 'superseded'").await;
    let checked = story.app.program(&["admin", "check"]).await;
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(6), "{said}");
    assert!(said.contains("I12: promotion_request") && said.contains("state not as logged"), "{said}");

    past_the_service(db, "UPDATE audit_event SET leaf = replace(leaf, '\"quorum\":true', '\"quorum\":null')").await;
    let checked = story.app.program(&["admin", "check", "--json"]).await;
    let report: Report = serde_json::from_slice(&checked.stdout).expect("json");
    assert_eq!(checked.status.code(), Some(6));
    assert!(report.violations().any(|v| v.invariant == Invariant::I13), "{report:#?}");
}
