//! One model in one environment, when several act on it at once: what the log may say of it.

use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, text},
};
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use plimsoll::db::entity::{environment, promotion_request};
use sea_orm::{DbBackend, EntityTrait, QuerySelect, TransactionTrait};
use serde_json::Value;
use std::time::Duration;

const PULLS: usize = 24;

/// Everything in the log, in the order of writing.
async fn log(story: &Story) -> Vec<Value> {
    let newest = story.app.get(&story.ada, "/api/v1/audit/events?limit=200").await.expect(200).json();
    let mut items = newest["items"].as_array().expect("items").clone();
    items.sort_by_key(|event| event["id"].as_i64());
    items
}

async fn history(story: &Story) -> Vec<Value> {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/releases");
    let page = story.app.get(&story.tom, &path).await.expect(200).json();
    page["items"].as_array().expect("items").clone()
}

async fn active(story: &Story) -> String {
    text(&story.pull(None).await.expect(200).json()["release"]["id"])
}

async fn pull_any(story: &Story, n: usize) -> Reply {
    // Some come before what closes the gate, some while it is under way.
    tokio::time::sleep(Duration::from_millis(u64::try_from(n % 8).expect("fits") * 3)).await;
    if n.is_multiple_of(2) { story.pull(None).await } else { story.pull_file("README.md").await }
}

/// Nothing that names this release as pulled stands behind the event that closed the gate for it.
async fn no_pull_after(story: &Story, release: &str, action: &str) {
    let log = log(story).await;
    let closed = log.iter().rposition(|e| e["action"] == action && e["outcome"] == "done").expect("the cause");
    let late = log[closed..].iter().filter(|e| {
        e["action"] == "release.pull" && e["outcome"] == "done" && e["leaf"]["detail"]["release"] == release
    });
    assert_eq!(late.count(), 0, "pulled after {action}");
}

#[actix_web::test]
async fn no_pull_follows_a_revocation_in_the_log() {
    for by_key in [false, true] {
        let story = Story::stage().await;
        story.released(1).await;
        let release = active(&story).await;
        let revoke = async {
            tokio::time::sleep(Duration::from_millis(6)).await;
            if by_key { story.revoke_key().await } else { story.revoke_version("1").await }.expect(200);
        };
        let (answers, ()) = join(join_all((0..PULLS).map(|n| pull_any(&story, n))), revoke).await;
        assert!(answers.iter().all(|a| [200, 412].contains(&a.status)), "pulled, or refused with a reason");
        no_pull_after(&story, &release, if by_key { "trust_key.revoke" } else { "version.revoke" }).await;
    }
}

#[actix_web::test]
async fn no_pull_of_a_release_follows_what_took_its_place() {
    let story = Story::stage().await;
    story.released(1).await;
    story.measured_version(2).await;
    let next = story.approved("2").await;
    let first = active(&story).await;
    let activate = async {
        tokio::time::sleep(Duration::from_millis(6)).await;
        story.activate(&next).await.expect(201);
    };
    let (answers, ()) = join(join_all((0..PULLS).map(|n| pull_any(&story, n))), activate).await;
    assert!(answers.iter().all(|a| a.status == 200), "something is active all the time");
    no_pull_after(&story, &first, "promotion.activate").await;
    let second = active(&story).await;
    let back = async {
        tokio::time::sleep(Duration::from_millis(6)).await;
        story.roll_back(None).await.expect(201);
    };
    join(join_all((0..PULLS).map(|n| pull_any(&story, n))), back).await;
    no_pull_after(&story, &second, "release.roll_back").await;
}

#[actix_web::test]
async fn a_rollback_opens_no_request_again() {
    let story = Story::stage().await;
    let (first, second) = (story.released(1).await, story.released(2).await);
    for (to, version) in [(None, 1), (Some("2"), 2), (Some("1"), 1)] {
        assert_eq!(story.roll_back(to).await.expect(201).json()["version"], version);
        assert_eq!(story.look(&first).await["state"], "superseded", "after going back to {version}");
        assert_eq!(story.look(&second).await["state"], "superseded", "after going back to {version}");
        assert_eq!(story.pull(None).await.expect(200).json()["release"]["version"], version);
    }
    assert_eq!(story.look(&first).await["closed_reason"], "another release took its place");
    assert_eq!(story.look(&second).await["closed_reason"], "rolled back");
    let third = story.released(3).await;
    let states: Vec<_> = history(&story).await.iter().map(|r| text(&r["state"])).collect();
    assert_eq!(states, ["active", "superseded", "rolled_back", "rolled_back", "rolled_back", "superseded"]);
    assert_eq!(story.look(&third).await["state"], "activated");
    assert_eq!(story.look(&first).await["state"], "superseded");
}

#[actix_web::test]
async fn what_was_approved_beside_one_release_does_not_replace_another() {
    let story = Story::stage().await;
    for number in 1..=3 {
        story.measured_version(number).await;
    }
    story.activate(&story.approved("1").await).await.expect(201);
    let (second, third) = (story.approved("2").await, story.request(MODEL, "3", ENVIRONMENT).await);
    let live = active(&story).await;
    assert_eq!(second["decision"]["replaces"], live.as_str());
    story.activate(&second).await.expect(201);
    let closed = story.look(&third).await;
    assert_eq!(closed["state"], "invalidated", "at once, and before anybody looks");
    assert!(text(&closed["closed_reason"]).contains("another release"), "{closed:#}");
    let refused = story.approve(&story.mara, &third).await.expect(409);
    assert!(refused.text().contains("ask again"), "{}", refused.text());
    let refused = story.activate(&third).await.expect(409);
    assert_eq!(refused.code(), "release_raced");
    // A rollback changes what runs as well.
    let third = story.approved("3").await;
    story.roll_back(None).await.expect(201);
    assert_eq!(story.activate(&third).await.expect(409).code(), "release_raced");
    let third = story.approved("3").await;
    story.activate(&third).await.expect(201);
}

#[actix_web::test]
async fn times_do_not_go_backwards_when_a_clock_does() {
    let story = Story::stage().await;
    let clock = story.app.app.db.clock().clone();
    clock.advance(TimeDelta::hours(3));
    story.released(1).await;
    story.measured_version(2).await;
    // As if the next changes went to another replica, whose clock is behind.
    clock.advance(TimeDelta::hours(-1));
    let second = story.approved("2").await;
    clock.advance(TimeDelta::minutes(-30));
    story.activate(&second).await.expect(201);
    clock.advance(TimeDelta::minutes(-30));
    story.roll_back(None).await.expect(201);
    let mut releases = history(&story).await;
    releases.reverse();
    let mut last = String::new();
    for release in &releases {
        let began = text(&release["activated_at"]);
        assert!(last <= began, "{last} is after {began}");
        if !release["ended_at"].is_null() {
            last = text(&release["ended_at"]);
            assert!(began <= last, "{began} is after {last}");
        }
    }
    let seen = story.look(&second).await;
    let (asked, decided) = (text(&seen["requested_at"]), text(&seen["approvals"][0]["at"]));
    assert!(asked <= decided && decided <= text(&releases[1]["activated_at"]), "{asked} {decided}");
    for (action, release) in [("promotion.activate", &releases[1]), ("release.roll_back", &releases[2])] {
        assert_eq!(story.leaves(action).await[0]["at"], release["activated_at"], "the log says the same");
    }
}

#[actix_web::test]
async fn a_deadlock_is_an_answer_that_says_to_try_again() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let db = story.app.app.db.raw_for_tests();
    if db.get_database_backend() == DbBackend::Sqlite {
        return; // One writer at a time: nobody waits for anybody who waits.
    }
    let tx = db.begin().await.expect("begin");
    promotion_request::Entity::find().lock_exclusive().one(&tx).await.expect("lock").expect("request");
    let hinder = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        // The activation has the environment and waits for the request: now each waits for the other.
        let got = environment::Entity::find().lock_exclusive().one(&tx).await;
        tx.rollback().await.expect("rollback");
        got
    };
    let (answer, got) = join(story.activate(&approved), hinder).await;
    got.expect("the activation gave way").expect("environment");
    assert_eq!(answer.code(), "database_busy");
    let answer = answer.expect(503);
    assert!(answer.text().contains("try again"), "{}", answer.text());
    story.activate(&approved).await.expect(201);
}
