//! The way back, what is asked about it afterwards, and the history that it leaves.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, text},
};
use chrono::TimeDelta;
use plimsoll::{core::clock::rfc3339, releases::reviews};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, TransactionTrait};
use serde_json::{Value, json};

async fn review(story: &Story, token: &str, release: &Value, outcome: &str) -> Reply {
    let path = format!("/api/v1/releases/{}/review", text(&release["id"]));
    story.app.post(token, &path, json!({"outcome": outcome, "reason": "The graphs bear it out."})).await
}

async fn overdue(story: &Story) -> Vec<Value> {
    let page = story.app.get(&story.ada, "/api/v1/rollback-reviews?overdue=true").await.expect(200).json();
    page["items"].as_array().expect("items").clone()
}

#[actix_web::test]
async fn a_rollback_to_what_runs_already_changes_nothing() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let active = story.pull(None).await.expect(200).json();
    let digest = text(&active["release"]["version_digest"]);
    let before = story.app.events().await;
    for to in ["2", &digest] {
        let same = story.roll_back(Some(to)).await.expect(200).json();
        assert_eq!((&same["id"], &same["review_due_at"]), (&active["release"]["id"], &Value::Null));
    }
    assert_eq!(story.app.events().await, before);
    assert_eq!(story.roll_back(Some("9")).await.expect(409).code(), "rollback_target_unknown", "never active");
}

#[actix_web::test]
async fn getting_out_asks_for_nothing_and_what_was_left_on_purpose_comes_back_with_a_fresh_password_alone() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let session = crate::asvs::session(&story.app, "tom").await;
    story.app.app.db.clock().advance(TimeDelta::minutes(16));
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/rollbacks");
    let to = |version: &str| json!({"to": version, "reason": "It drifts."});
    story.app.post(&session, &path, to("1")).await.expect(201);
    let refused = story.app.post(&session, &path, to("2")).await.expect(403);
    assert_eq!(refused.code(), "reauthentication_required", "{}", refused.text());
    let fresh = crate::asvs::session(&story.app, "tom").await;
    story.app.post(&fresh, &path, to("2")).await.expect(201);
}

#[actix_web::test]
async fn somebody_else_says_whether_a_rollback_was_right() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let back = story.roll_back(None).await.expect(201).json();
    let due = story.app.app.db.clock().now() + TimeDelta::days(7);
    assert_eq!(back["review_due_at"], rfc3339(due));
    let refused = review(&story, &story.tom, &back, "justified").await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties", "who rolled back");
    for token in [&story.ines, &story.robot, &story.ada] {
        assert_eq!(review(&story, token, &back, "justified").await.expect(403).code(), "forbidden");
    }
    review(&story, &story.mara, &back, "fine").await.expect(422);
    // Rui turns out to be Tom, by another account.
    let link = json!({"same_as": "tom"});
    reply(story.app.request(&story.olga, "PUT", "/api/v1/accounts/rui/person").json(&link)).await.expect(200);
    let refused = review(&story, &story.rui, &back, "justified").await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties", "{}", refused.text());
    let given = review(&story, &story.mara, &back, "justified").await.expect(200).json();
    assert_eq!((&given["state"], &given["reviewed_by"]), (&json!("done"), &json!("mara")));
    let again = review(&story, &story.mara, &back, "unjustified").await.expect(409);
    assert_eq!(again.code(), "already_reviewed");
    let promoted = story.pull(None).await.expect(200).json()["release"]["restores"].clone();
    review(&story, &story.mara, &json!({"id": promoted}), "justified").await.expect(404);
}

#[actix_web::test]
async fn a_review_that_nobody_gives_is_asked_for_once_and_then_is_overdue() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let back = story.roll_back(None).await.expect(201).json();
    let clock = story.app.app.db.clock();
    let reminders = async || {
        reviews::remind_due(&story.app.app).await.expect("sweep");
        story.leaves("release.remind").await.len()
    };
    clock.advance(TimeDelta::days(4));
    assert_eq!(reminders().await, 0);
    clock.advance(TimeDelta::days(1));
    assert_eq!((reminders().await, reminders().await), (1, 1), "once");
    assert_eq!(overdue(&story).await.len(), 0);
    clock.advance(TimeDelta::days(2));
    assert_eq!(overdue(&story).await[0]["release"], back["id"], "at the moment itself");
    assert_eq!(reminders().await, 1);
    review(&story, &story.rui, &back, "unjustified").await.expect(200);
    assert_eq!(overdue(&story).await.len(), 0);
}

#[actix_web::test]
async fn what_was_active_at_a_moment_is_told_for_every_moment() {
    let story = Story::stage().await;
    let clock = story.app.app.db.clock();
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}");
    let begin = clock.now();
    clock.advance(TimeDelta::hours(1));
    story.released(1).await;
    clock.advance(TimeDelta::hours(1));
    story.released(2).await;
    clock.advance(TimeDelta::hours(1));
    let reason = json!({"reason": "a test"});
    story.app.post(&story.tom, &format!("{path}/release/suspension"), reason).await.expect(200);
    clock.advance(TimeDelta::hours(1));
    story.roll_back(None).await.expect(201);
    let at = async |minutes: i64| {
        let at = rfc3339(begin + TimeDelta::minutes(minutes));
        let page = story.app.get(&story.ada, &format!("{path}/releases?at={at}")).await.expect(200).json();
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() < 2, "{items:#?}");
        items.first().map(|release| release["version"].as_i64().expect("a number"))
    };
    for (minutes, wanted) in [(0, None), (59, None), (60, Some(1)), (119, Some(1)), (120, Some(2)), (179, Some(2))] {
        assert_eq!(at(minutes).await, wanted, "{minutes}");
    }
    assert_eq!((at(180).await, at(239).await, at(240).await), (None, None, Some(1)));
    for bad in ["yesterday", "2027-01-01", ""] {
        story.app.get(&story.ada, &format!("{path}/releases?at={bad}")).await.expect(422);
    }
}

#[actix_web::test]
async fn the_database_takes_no_release_that_begins_before_another_ended_and_none_that_begins_again() {
    use plimsoll::{core::ids::ReleaseId, db::entity::release};
    let story = Story::stage().await;
    story.app.app.db.clock().advance(TimeDelta::hours(1));
    story.released(1).await;
    let suspension = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/suspension");
    story.app.post(&story.tom, &suspension, json!({"reason": "a test"})).await.expect(200);
    let db = story.app.app.db.raw_for_tests();
    let row = release::Entity::find().order_by_desc(release::Column::Id).one(db).await.expect("read").expect("a row");
    let tx = db.begin().await.expect("begin");
    let mut early: release::ActiveModel = row.clone().into();
    early.id = sea_orm::Set(ReleaseId::generate());
    early.activated_at = sea_orm::Set(row.activated_at - TimeDelta::seconds(1));
    let error = release::Entity::insert(early).exec_without_returning(&tx).await.expect_err("too early").to_string();
    assert!(error.contains("out of order"), "{error}");
    drop(tx);
    for change in ["state = 'active'", "ended_reason = 'another'", "version_id = version_id"] {
        let error =
            db.execute_unprepared(&format!("UPDATE release SET {change}")).await.expect_err("final").to_string();
        assert!(error.contains("append-only"), "{change}: {error}");
    }
}

async fn rehearse(story: &Story) -> Reply {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/rollbacks/rehearsals");
    story.app.post(&story.tom, &path, json!({})).await
}

/// Asked for, carried out, and looked at.
async fn rehearsed(story: &Story) -> Value {
    let asked = rehearse(story).await.expect(202).json();
    assert_eq!(asked["state"], "queued");
    story.app.work().await;
    let path = format!("/api/v1/rehearsals/{}", text(&asked["id"]));
    story.app.get(&story.ada, &path).await.expect(200).json()
}

fn outcomes(rehearsal: &Value) -> Vec<(String, bool)> {
    let tried = rehearsal["body"]["tried"].as_array().expect("what was tried");
    tried.iter().map(|one| (text(&one["check"]), one["passed"] == true)).collect()
}

#[actix_web::test]
async fn a_rehearsal_reads_verifies_and_loads_the_target_and_changes_nothing() {
    let story = Story::stage().await;
    assert_eq!(rehearse(&story).await.expect(409).code(), "nothing_active");
    story.released(1).await;
    assert_eq!(rehearse(&story).await.expect(409).code(), "rollback_target_unknown");
    story.released(2).await;
    let done = rehearsed(&story).await;
    assert_eq!((&done["state"], &done["version"]), (&json!("passed"), &json!(1)), "{done:#}");
    let all = ["fit_to_leave", "bytes", "signature", "loads"].map(|check| (check.to_owned(), true));
    assert_eq!(outcomes(&done), all);
    let digest = plimsoll::core::digest::Digest::of(plimsoll::core::canonical::to_string(&done["body"]).expect("json"));
    assert_eq!(done["digest"], digest.to_string());
    let leaf = &story.leaves("rehearsal.finish").await[0];
    assert_eq!((&leaf["detail"]["state"], &leaf["detail"]["digest"]), (&json!("passed"), &done["digest"]));
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["version"], 2);
}

#[actix_web::test]
async fn a_rehearsal_finds_what_would_not_come_back() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let place = story.app.blob(&crate::story::scorer(1)[1].1);
    std::fs::write(&place, b"damaged").expect("damage");
    let done = rehearsed(&story).await;
    assert_eq!(done["state"], "failed");
    let bad: Vec<_> = outcomes(&done).into_iter().filter(|(_, passed)| !passed).collect();
    assert_eq!(bad, [("bytes".to_owned(), false)]);
    story.revoke_version("1").await.expect(200);
    assert_eq!(rehearse(&story).await.expect(409).code(), "rollback_target_unknown");
}

/// Findings of overdue reviews, the newest first.
async fn found(story: &Story) -> Vec<Value> {
    let page = story.app.get(&story.ada, "/api/v1/findings?limit=200").await.expect(200).json();
    let all = page["items"].as_array().expect("items");
    all.iter().filter(|finding| finding["code"] == "review_overdue").cloned().collect()
}

async fn sweep(story: &Story) {
    plimsoll::sweeps::run(&story.app.app).await.expect("swept");
}

#[actix_web::test]
async fn an_overdue_review_is_a_finding_of_whoever_runs_the_model_until_it_is_given() {
    for operations in [Some("bea"), None] {
        let story = Story::stage().await;
        story.app.user("bea", &["viewer"]).await;
        story.app.user("una", &["environment_manager"]).await;
        if let Some(owner) = operations {
            let path = format!("/api/v1/models/{MODEL}");
            let seen = story.app.get(&story.ines, &path).await.expect(200);
            let change = story.app.request(&story.ines, "PATCH", &path).header("if-match", seen.header("etag"));
            reply(change.json(&json!({"owners": {"operations": owner}}))).await.expect(200);
        }
        story.released(1).await;
        story.released(2).await;
        let back = story.roll_back(None).await.expect(201).json();
        story.app.app.db.clock().advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
        sweep(&story).await;
        assert_eq!(found(&story).await, Vec::<Value>::new());
        story.app.app.db.clock().advance(TimeDelta::microseconds(1));
        for _ in 0..3 {
            sweep(&story).await;
        }
        let all = found(&story).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        let finding = &all[0];
        // Tom rolled back: another manager answers where nobody runs the model.
        assert_eq!(finding["owner"], operations.unwrap_or("una"), "{finding:#}");
        assert_eq!((&finding["state"], &finding["severity"]), (&json!("open"), &json!("high")));
        assert!(text(&finding["due_at"]).starts_with("2026-01-23T"), "{finding:#}");
        let leaf = &story.leaves("finding.open").await[0];
        assert_eq!((&leaf["actor"]["name"], &leaf["detail"]["code"]), (&json!("clock"), &json!("review_overdue")));
        review(&story, &story.rui, &back, "justified").await.expect(200);
        assert_eq!(found(&story).await[0]["state"], "closed");
        assert_eq!(story.leaves("finding.close").await[0]["actor"], story.leaves("release.review").await[0]["actor"]);
        sweep(&story).await;
        assert_eq!(found(&story).await.len(), 1, "once");
    }
}

#[actix_web::test]
async fn nobody_settles_an_overdue_review_but_by_giving_it() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let back = story.roll_back(None).await.expect(201).json();
    story.app.app.db.clock().advance(TimeDelta::days(8));
    sweep(&story).await;
    let path = format!("/api/v1/findings/{}/closure", text(&found(&story).await[0]["id"]));
    let reason = json!({"reason": "The committee looked at it."});
    assert_eq!(story.app.post(&story.mara, &path, reason).await.expect(409).code(), "review_pending");
    assert_eq!(overdue(&story).await.len(), 1, "it is owed still");
    review(&story, &story.mara, &back, "justified").await.expect(200);
    sweep(&story).await;
    assert_eq!((found(&story).await.len(), overdue(&story).await.len()), (1, 0));
}

/// A policy that asks for a way back that was tried within some days.
fn asks_for_rehearsal(days: u32) -> Value {
    let mut asks = crate::story::policy(1);
    asks["evidence"] = json!([{"kind": "rehearsal", "maximum_age_days": days}]);
    asks
}

/// The codes and texts of what a request for version 3 fails.
async fn fails(story: &Story) -> Vec<(String, String)> {
    let asked = story.request(MODEL, "3", ENVIRONMENT).await;
    let failed = asked["failed_checks"].as_array().expect("checks");
    let all = failed.iter().map(|check| (text(&check["check"]), text(&check["detail"]))).collect();
    if asked["state"] == "awaiting_approval" {
        story.withdraw(&story.ines, &asked).await.expect(200);
    }
    all
}

fn damage(story: &Story, number: u32, bytes: &[u8]) {
    std::fs::write(story.app.blob(&crate::story::scorer(number)[1].1), bytes).expect("written");
}

#[actix_web::test]
async fn a_policy_can_ask_that_the_way_back_was_tried_lately() {
    let story = Story::stage_with(&[], crate::story::spec(), asks_for_rehearsal(10)).await;
    story.released(1).await;
    // There was nothing to go back to, so nothing to try; and what runs does not lapse for want of it.
    story.released(2).await;
    sweep(&story).await;
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "sound");
    story.measured_version(3).await;
    let failed = fails(&story).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, "required_evidence_missing");
    assert!(failed[0].1.contains("rehearsal"), "{failed:?}");
    let good = crate::story::scorer(1)[1].1.clone();
    damage(&story, 1, b"damaged");
    assert_eq!(rehearsed(&story).await["state"], "failed");
    assert_eq!(fails(&story).await[0].0, "required_evidence_missing", "a failed one does not count");
    damage(&story, 1, &good);
    assert_eq!(rehearsed(&story).await["state"], "passed");
    assert_eq!(fails(&story).await, []);
    story.app.app.db.clock().advance(TimeDelta::days(10));
    assert_eq!(fails(&story).await, []);
    story.app.app.db.clock().advance(TimeDelta::seconds(1));
    assert_eq!(fails(&story).await[0].0, "required_evidence_expired");
    sweep(&story).await;
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "sound");
    assert_eq!(rehearsed(&story).await["state"], "passed");
    let request = story.approved("3").await;
    // One that fails later takes the proof away, and with it what rests on it.
    damage(&story, 1, b"damaged");
    assert_eq!(rehearsed(&story).await["state"], "failed");
    let now = story.look(&request).await;
    assert_eq!(now["state"], "invalidated", "{now:#}");
    let ended = &story.leaves("promotion.invalidate").await[0];
    assert_eq!(ended["at"], story.leaves("rehearsal.finish").await[0]["at"]);
    damage(&story, 1, &good);
    assert_eq!(rehearsed(&story).await["state"], "passed");
    story.activate(&story.approved("3").await).await.expect(201);
}
