//! What a deployment tool gets, and what it never gets.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, checks, policy, scorer, spec, text},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use plimsoll::core::digest::Digest;
use sea_orm::ConnectionTrait;
use serde_json::json;

fn release_path() -> String {
    format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release")
}

async fn pull_again(story: &Story, etag: &str) -> Reply {
    reply(story.app.request(&story.robot, "GET", &release_path()).header("if-none-match", etag)).await
}

#[actix_web::test]
async fn nothing_leaves_before_something_is_active() {
    let story = Story::measured().await;
    let closed = story.pull(None).await.expect(412);
    assert_eq!(closed.code(), "nothing_active");
    assert_eq!(closed.header("content-type"), "application/problem+json");
    assert_eq!(closed.json()["unblock"], json!(["mara", "rui"]));
    assert_eq!(story.pull_file("model.onnx").await.expect(412).code(), "nothing_active");
    // Approved is not active either.
    story.approved("1").await;
    assert_eq!(story.pull(Some("1")).await.expect(412).code(), "nothing_active");
}

/// A release is not taken down in silence because time passed: that would be an outage. The next
/// request for the version finds it out.
#[actix_web::test]
async fn evidence_that_expires_after_the_activation_does_not_close_the_gate() {
    let mut fresh = spec();
    fresh["constraints"][1]["maximum_evidence_age_days"] = 7.into();
    let story = Story::stage_with(&[], fresh, policy(1)).await;
    story.released(1).await;
    story.app.app.db.clock().advance(TimeDelta::days(8));
    story.pull(None).await.expect(200);
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["constraint_evidence_expired"]);
}

#[actix_web::test]
async fn an_unapproved_version_is_refused_by_number_and_by_digest() {
    let story = Story::stage().await;
    story.released(1).await;
    let version = story.signed(MODEL, &scorer(2)).await;
    let path = format!("/api/v1/models/{MODEL}/versions/{version}");
    let digest = text(&story.app.get(&story.ines, &path).await.expect(200).json()["digest"]);
    for wanted in [&version, &digest] {
        let refused = story.pull(Some(wanted)).await.expect(412);
        assert_eq!(refused.code(), "not_approved");
        assert_eq!(checks(&refused.json()), ["evidence_missing", "approval_missing"]);
        assert_eq!(refused.json()["unblock"], json!(["mara", "rui"]));
    }
    story.run(MODEL, &version, ENVIRONMENT).await;
    story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(checks(&story.pull(Some(&digest)).await.expect(412).json()), ["approval_pending"]);
    let unknown = Digest::of(b"nobody pushed this").to_string();
    for wanted in ["7", &unknown] {
        assert_eq!(checks(&story.pull(Some(wanted)).await.expect(412).json()), ["version_unknown"]);
    }
    for wanted in ["latest", "0", "01", "sha256:xyz", "1%3B"] {
        story.pull(Some(wanted)).await.expect(422);
    }
    story.pull(Some("1")).await.expect(200);
}

#[actix_web::test]
async fn only_deployers_pull_and_they_see_nothing_else() {
    let story = Story::stage().await;
    story.released(1).await;
    for token in [&story.ines, &story.tom, &story.mara, &story.ada, &story.olga] {
        let before = story.app.events().await;
        assert_eq!(story.app.get(token, &release_path()).await.expect(403).code(), "forbidden");
        let file = format!("{}/files/model.onnx", release_path());
        assert_eq!(story.app.get(token, &file).await.expect(403).code(), "forbidden");
        assert_eq!(story.app.events().await, before + 2, "each refusal is in the log");
    }
    story.app.get("", &release_path()).await.expect(401);
    for path in ["versions/1/files/model.onnx", "versions/1", "versions"] {
        story.app.get(&story.robot, &format!("/api/v1/models/{MODEL}/{path}")).await.expect(403);
    }
}

#[actix_web::test]
async fn a_remembered_etag_does_not_open_a_closed_gate() {
    for by_key in [false, true] {
        let story = Story::stage().await;
        story.released(1).await;
        let etag = story.pull(None).await.expect(200).header("etag").to_owned();
        let before = story.app.events().await;
        pull_again(&story, &etag).await.expect(304);
        assert_eq!(story.app.events().await, before, "nothing left, so nothing is logged");
        // There is no release to roll back to: somebody trusts another key, or approves another version.
        let (failed, unblock) = if by_key {
            story.revoke_key().await.expect(200);
            ("signing_key_not_valid", json!(["olga"]))
        } else {
            story.revoke_version("1").await.expect(200);
            ("version_revoked", json!(["mara", "rui"]))
        };
        for refused in [pull_again(&story, &etag).await, story.pull(None).await, story.pull_file("model.onnx").await] {
            assert_eq!(refused.code(), "release_blocked");
            let refused = refused.expect(412).json();
            assert_eq!((checks(&refused), &refused["unblock"]), (vec![failed.to_owned()], &unblock));
        }
    }
}

#[actix_web::test]
async fn an_etag_of_an_earlier_release_gives_the_new_one() {
    let story = Story::stage().await;
    story.released(1).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    story.released(2).await;
    let pulled = pull_again(&story, &etag).await.expect(200);
    assert_eq!(pulled.json()["release"]["version"], 2);
    for odd in ["W/x", "*", "\"\"", "junk", "\"a\", \"b\""] {
        pull_again(&story, odd).await.expect(200);
    }
}

#[actix_web::test]
async fn every_pull_and_every_file_is_an_event() {
    let story = Story::stage().await;
    story.released(1).await;
    let before = story.app.events().await;
    let pulled = story.pull(None).await.expect(200).json();
    for (path, bytes) in scorer(1) {
        let got = story.pull_file(&path).await.expect(200);
        assert_eq!(got.header("content-length"), bytes.len().to_string());
        assert!(got.body == bytes, "{path}");
    }
    assert_eq!(story.app.events().await, before + 3);
    let leaves = story.leaves("release.pull").await;
    let paths: Vec<_> = leaves.iter().map(|leaf| leaf["detail"]["path"].clone()).collect();
    assert_eq!(paths, [json!("README.md"), json!("model.onnx"), json!(null)]);
    for leaf in &leaves {
        assert_eq!((&leaf["actor"]["kind"], &leaf["actor"]["name"]), (&json!("service"), &json!(null)));
        assert_eq!(leaf["detail"]["release"], pulled["release"]["id"]);
        assert_eq!(leaf["detail"]["manifest"], pulled["release"]["version_digest"]);
    }
}

#[actix_web::test]
async fn what_cannot_be_logged_does_not_leave() {
    let story = Story::stage().await;
    story.released(1).await;
    let db = story.app.app.db.raw_for_tests();
    db.execute_unprepared("ALTER TABLE audit_event RENAME TO out_of_the_way").await.expect("rename");
    let bytes = scorer(1)[0].1.clone();
    for refused in [story.pull(None).await, story.pull_file("model.onnx").await] {
        assert_eq!(refused.code(), "internal");
        let refused = refused.expect(500);
        assert!(!refused.body.windows(64).any(|part| part == &bytes[..64]), "bytes left");
        assert!(!refused.text().contains("audit_event"), "{}", refused.text());
    }
    db.execute_unprepared("ALTER TABLE out_of_the_way RENAME TO audit_event").await.expect("rename");
    story.pull(None).await.expect(200);
}

#[actix_web::test]
async fn a_file_that_was_damaged_on_disk_is_not_served_in_another_size() {
    let story = Story::stage().await;
    story.released(1).await;
    let place = story.app.blob(&scorer(1)[0].1);
    std::fs::write(&place, b"short").expect("damage");
    for _ in 0..2 {
        let refused = story.pull_file("model.onnx").await.expect(412);
        assert_eq!(
            (refused.code(), checks(&refused.json())),
            ("blob_quarantined".into(), vec!["blob_quarantined".into()])
        );
        assert_eq!(refused.json()["unblock"], json!(["olga"]), "the operator looks after the disk");
        let _ = std::fs::remove_file(&place);
    }
    story.pull_file("README.md").await.expect(200);
}

#[actix_web::test]
async fn a_file_of_another_version_stays_inside() {
    let story = Story::stage().await;
    story.released(1).await;
    let mut files = scorer(2);
    files.push(("secret.txt".to_owned(), b"of the second version".to_vec()));
    story.signed(MODEL, &files).await;
    story.pull_file("secret.txt").await.expect(404);
    assert!(story.pull_file("README.md").await.expect(200).body == scorer(1)[1].1);
    for path in ["..%2f..%2fsecret.txt", "%2e%2e/secret.txt", "README.md%00", "nul", ""] {
        let status = story.pull_file(path).await.status;
        assert!([404, 422, 400].contains(&status), "{path}: {status}");
    }
}

#[actix_web::test]
async fn a_rollback_goes_only_where_something_was_active() {
    let story = Story::stage().await;
    assert_eq!(story.roll_back(None).await.expect(409).code(), "nothing_active");
    story.released(1).await;
    assert_eq!(story.roll_back(None).await.expect(409).code(), "rollback_target_unknown");
    story.released(2).await;
    story.measured_version(3).await;
    let before = story.app.events().await;
    for to in ["3", "9"] {
        assert_eq!(story.roll_back(Some(to)).await.expect(409).code(), "rollback_target_unknown", "to {to}");
    }
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/rollbacks");
    story.app.post(&story.tom, &path, json!({"to": "1"})).await.expect(400);
    story.app.post(&story.tom, &path, json!({"to": "1", "reason": " "})).await.expect(422);
    assert_eq!(story.app.events().await, before);
    let back = story.roll_back(Some("1")).await.expect(201).json();
    assert_eq!((&back["version"], &back["state"]), (&json!(1), &json!("active")));
    assert_eq!(back["reason"], "It answered too slowly.");
    assert_eq!(story.app.events().await, before + 1);
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["id"], back["id"]);
}

#[actix_web::test]
async fn a_rollback_without_a_target_never_returns_to_what_was_rolled_back() {
    let story = Story::stage().await;
    for number in 1..=3 {
        story.released(number).await;
    }
    assert_eq!(story.roll_back(None).await.expect(201).json()["version"], 2);
    assert_eq!(story.roll_back(None).await.expect(201).json()["version"], 1);
    assert_eq!(story.roll_back(None).await.expect(409).code(), "rollback_target_unknown");
    assert_eq!(story.roll_back(Some("3")).await.expect(201).json()["version"], 3, "by name it may return");
}

#[actix_web::test]
async fn a_rollback_leaves_a_version_that_was_revoked() {
    let story = Story::stage().await;
    for number in 1..=3 {
        story.released(number).await;
    }
    story.revoke_version("3").await.expect(200);
    story.revoke_version("2").await.expect(200);
    let refused = story.roll_back(Some("2")).await.expect(412);
    assert_eq!(
        (refused.code(), checks(&refused.json())),
        ("rollback_target_blocked".into(), vec!["version_revoked".into()])
    );
    assert_eq!(story.roll_back(None).await.expect(201).json()["version"], 1, "the last good one");
    story.pull(None).await.expect(200);
}

#[actix_web::test]
async fn of_two_rollbacks_at_once_one_wins() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    // The second one finds nothing to go back to, or is there already.
    for (to, second) in [(None, 409), (Some("2"), 200)] {
        let mut statuses: Vec<_> =
            join_all([story.roll_back(to), story.roll_back(to)]).await.iter().map(|r| r.status).collect();
        statuses.sort_unstable_by_key(|status| *status != 201);
        assert_eq!(statuses, [201, second], "to {to:?}");
    }
    let history = story.app.get(&story.tom, &format!("{}s", release_path())).await.expect(200).json();
    let items = history["items"].as_array().expect("items");
    assert_eq!(items.iter().filter(|r| r["state"] == "active").count(), 1);
    assert_eq!(items.len(), 4);
}

#[actix_web::test]
async fn what_the_gate_refuses_is_in_the_log() {
    let story = Story::stage().await;
    let refused = |code: &'static str| {
        let story = &story;
        async move {
            let newest = story.leaves("release.pull").await[0].clone();
            assert_eq!((&newest["outcome"], &newest["detail"]["code"]), (&json!("denied"), &json!(code)), "{newest}");
        }
    };
    let before = story.app.events().await;
    story.pull(None).await.expect(412);
    refused("nothing_active").await;
    story.released(1).await;
    story.pull(Some("2")).await.expect(412);
    refused("not_approved").await;
    story.revoke_version("1").await.expect(200);
    story.pull(None).await.expect(412);
    refused("release_blocked").await;
    assert!(before + 3 < story.app.events().await);
}
