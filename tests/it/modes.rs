//! Staged rollout: how much a model may do by itself, one approved step at a time.

use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, checks, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

async fn stage(profile: Value) -> Story {
    let story = Story::stage().await;
    story.revise(ENVIRONMENT, "profile", profile).await;
    story.measured_version(1).await;
    story
}

async fn ask(story: &Story, version: &str, mode: Option<&str>) -> Value {
    let mut body = json!({"model": MODEL, "version": version, "environment": ENVIRONMENT});
    if let Some(mode) = mode {
        body["mode"] = mode.into();
    }
    story.app.post(&story.ines, "/api/v1/promotions", body).await.expect(201).json()
}

async fn release(story: &Story, version: &str, mode: Option<&str>) -> Value {
    let asked = ask(story, version, mode).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    let approved = story.approve(&story.mara, &asked).await.expect(200).json();
    story.activate(&approved).await.expect(201).json()
}

async fn lower(story: &Story, mode: &str) -> Reply {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/mode");
    story.app.post(&story.tom, &path, json!({"mode": mode, "reason": "Complaints since noon."})).await
}

/// The predicate of a bundle's statement.
fn predicate(bundle: &Value) -> Value {
    let payload = STANDARD.decode(text(&bundle["dsseEnvelope"]["payload"])).expect("base64");
    serde_json::from_slice::<Value>(&payload).expect("a statement")["predicate"].clone()
}

#[actix_web::test]
async fn each_step_up_is_a_request_of_its_own_and_none_is_left_out() {
    let story = stage(json!({"class": "server", "operating_mode": "automated"})).await;
    for skipped in ["human_in_the_loop", "automated"] {
        assert_eq!(checks(&ask(&story, "1", Some(skipped)).await), ["mode_skips_a_step"], "{skipped}");
    }
    let first = release(&story, "1", None).await;
    assert_eq!((&first["mode"], &first["kind"]), (&json!("advisory"), &json!("promotion")));
    assert_eq!(checks(&ask(&story, "1", Some("automated")).await), ["mode_skips_a_step"]);
    for (asked, wanted) in [("human_in_the_loop", "human_in_the_loop"), ("automated", "automated")] {
        assert_eq!(release(&story, "1", Some(asked)).await["mode"], wanted);
    }
    // What comes after it goes on as it does, unless somebody asks for less.
    story.measured_version(2).await;
    let asked = ask(&story, "2", None).await;
    assert_eq!((&asked["mode"], &asked["decision"]["mode"]), (&json!("automated"), &json!("automated")));
    story.withdraw(&story.ines, &asked).await.expect(200);
    assert_eq!(release(&story, "2", Some("advisory")).await["mode"], "advisory");
    let pulled = story.pull(None).await.expect(200).json();
    assert_eq!(pulled["release"]["mode"], "advisory");
    assert_eq!(predicate(&pulled["statement"])["mode"], "advisory");
    let levels = predicate(&pulled["verification_summary"])["verifiedLevels"].clone();
    assert_eq!(levels, json!(["PLIMSOLL_APPROVED", "PLIMSOLL_MODE_ADVISORY"]));
}

#[actix_web::test]
async fn nothing_goes_beyond_what_the_profile_allows() {
    let story = stage(json!({"class": "server", "operating_mode": "human_in_the_loop"})).await;
    assert_eq!(checks(&ask(&story, "1", Some("automated")).await), ["mode_above_profile"]);
    release(&story, "1", None).await;
    release(&story, "1", Some("human_in_the_loop")).await;
    assert_eq!(checks(&ask(&story, "1", Some("automated")).await), ["mode_above_profile"]);
    let bad = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "mode": "autopilot"});
    story.app.post(&story.ines, "/api/v1/promotions", bad).await.expect(422);
}

#[actix_web::test]
async fn an_environment_may_begin_above_the_bottom_and_not_above_its_top() {
    let profile = json!({"class": "batch", "operating_mode": "automated", "starting_mode": "automated"});
    let story = stage(profile).await;
    assert_eq!(release(&story, "1", None).await["mode"], "automated");
    let path = format!("/api/v1/environments/{ENVIRONMENT}/profile");
    let etag = story.app.get(&story.tom, &path).await.expect(200).header("etag").to_owned();
    let bad = json!({"class": "batch", "operating_mode": "advisory", "starting_mode": "automated"});
    let refused = story.app.put(&story.tom, &path, &etag, bad).await.expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "starting_mode");
}

#[actix_web::test]
async fn the_way_down_is_immediate_and_the_way_up_is_not_this_one() {
    let profile = json!({"class": "server", "operating_mode": "automated", "starting_mode": "automated"});
    let story = stage(profile).await;
    let first = release(&story, "1", None).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    story.app.app.db.clock().advance(chrono::TimeDelta::hours(1));
    let lowered = lower(&story, "advisory").await.expect(200).json();
    assert_eq!((&lowered["mode"], &lowered["kind"]), (&json!("advisory"), &json!("mode_lowered")));
    assert_eq!(lowered["promotion"], first["promotion"], "on the same approvals");
    let pulled = story.pull(None).await.expect(200);
    assert_eq!(pulled.json()["release"]["mode"], "advisory");
    let summary = predicate(&pulled.json()["verification_summary"]);
    assert_eq!(summary["timeVerified"], first["activated_at"], "nothing was verified anew");
    assert_eq!(summary["verifiedLevels"], json!(["PLIMSOLL_APPROVED", "PLIMSOLL_MODE_ADVISORY"]));
    assert_eq!(pulled.json()["approvals"].as_array().map(Vec::len), Some(1));
    assert_ne!(pulled.header("etag"), etag, "whoever remembers the former release learns of it");
    let before = story.app.events().await;
    assert_eq!(lower(&story, "advisory").await.expect(200).json()["id"], lowered["id"]);
    assert_eq!(story.app.events().await, before);
    assert_eq!(lower(&story, "automated").await.expect(409).code(), "mode_not_lower");
    let leaf = &story.leaves("release.lower_mode").await[0];
    assert_eq!((&leaf["detail"]["from"], &leaf["detail"]["to"]), (&json!("automated"), &json!("advisory")));
    // Up again is a request, and one step.
    assert_eq!(checks(&ask(&story, "1", Some("automated")).await), ["mode_skips_a_step"]);
    assert_eq!(release(&story, "1", Some("human_in_the_loop")).await["mode"], "human_in_the_loop");
}

#[actix_web::test]
async fn what_comes_back_runs_in_no_higher_mode_than_the_profile_allows_now() {
    let profile = json!({"class": "server", "operating_mode": "automated", "starting_mode": "automated"});
    let story = stage(profile).await;
    release(&story, "1", None).await;
    story.measured_version(2).await;
    release(&story, "2", None).await;
    story.revise(ENVIRONMENT, "profile", json!({"class": "server", "operating_mode": "human_in_the_loop"})).await;
    let back = story.roll_back(None).await.expect(201).json();
    assert_eq!((&back["mode"], &back["revised_since"]), (&json!("human_in_the_loop"), &json!(["profile"])));
}

#[actix_web::test]
async fn a_rollback_that_leads_up_the_ladder_says_so() {
    let profile = json!({"class": "server", "operating_mode": "automated", "starting_mode": "automated"});
    let story = stage(profile).await;
    release(&story, "1", None).await;
    story.measured_version(2).await;
    release(&story, "2", None).await;
    lower(&story, "advisory").await.expect(200);
    let back = story.roll_back(Some("1")).await.expect(201).json();
    assert_eq!((&back["mode"], &back["mode_raised_from"]), (&json!("automated"), &json!("advisory")));
    let level = story.roll_back(Some("2")).await.expect(201).json();
    assert_eq!((&level["mode"], &level["mode_raised_from"]), (&json!("advisory"), &Value::Null), "{level:#}");
}
