//! The checker of invariants: quiet about a whole life of a model, and loud about every log that
//! was broken on purpose, under the invariant that it breaks.

mod broken;
mod exceptions;
mod life;

use crate::{replay::past_the_service, story::Story};
use broken::{BROKEN, nth};
use exceptions::EXCEPTIONS;
use life::life;
use plimsoll::{
    audit::{
        invariants::{Checker, Invariant, Report, Texts, ops},
        leaf::Leaf,
    },
    db::entity::{account, audit_event, environment_revision, promotion_request, row_salt, validation_run},
};
use sea_orm::{EntityTrait, QueryOrder};

pub async fn leaves(story: &Story) -> Vec<Leaf> {
    let db = story.app.app.db.raw_for_tests();
    let rows = audit_event::Entity::find().order_by_asc(audit_event::Column::Id).all(db).await.expect("read");
    rows.iter().map(|row| Leaf::parse(&row.leaf).expect("a leaf")).collect()
}

pub async fn texts(story: &Story) -> Texts {
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
    let salts = row_salt::Entity::find().all(db).await.expect("read");
    for row in account::Entity::find().all(db).await.expect("read") {
        let key = row.id.to_string();
        let salt = salts.iter().find(|salt| salt.table_name == "account" && salt.row_key == key).expect("a salt");
        texts.add_name(&row.name, &salt.salt);
    }
    texts
}

pub fn check(texts: &Texts, leaves: Vec<Leaf>) -> Report {
    let mut checker = Checker::new(texts.clone());
    (0..).zip(leaves).for_each(|(index, leaf)| checker.take(index, leaf));
    checker.finish()
}

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
    for (what, damage, invariant) in BROKEN.iter().chain(EXCEPTIONS) {
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
