//! What a policy that takes down what lapses does, and what it leaves alone.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, checks, policy, reported, scan, spec, text},
};
use chrono::TimeDelta;
use plimsoll::{audit::invariants, sweeps};
use serde_json::{Value, json};

/// A policy that takes down what lapses.
fn strict() -> Value {
    let mut strict = policy(1);
    strict["on_lapse"] = "suspend".into();
    strict
}

async fn begin() -> Story {
    let story = Story::stage_with(&[], spec(), strict()).await;
    story.released(1).await;
    story
}

/// Another limit: what was approved rested on the old one.
fn other_spec() -> Value {
    let mut other = spec();
    other["constraints"][0]["limit"] = 0.71.into();
    other
}

fn place() -> String {
    format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}")
}

async fn releases(story: &Story) -> Vec<Value> {
    let page = story.app.get(&story.tom, &format!("{}/releases", place())).await.expect(200).json();
    page["items"].as_array().expect("items").clone()
}

async fn resume(story: &Story) -> Reply {
    let path = format!("{}/release/suspension", place());
    reply(story.app.request(&story.tom, "DELETE", &path).json(&json!({"reason": "It holds again."}))).await
}

/// Findings about lapsed approvals that stand.
async fn standing(story: &Story) -> Vec<Value> {
    let page = story.app.get(&story.ada, "/api/v1/findings?limit=200").await.expect(200).json();
    let all = page["items"].as_array().expect("items");
    all.iter().filter(|f| f["code"] == "assurance_lapsed" && f["state"] != "closed").cloned().collect()
}

async fn sound(story: &Story) {
    let report = invariants::ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

async fn sweep(story: &Story) {
    sweeps::run(&story.app.app).await.expect("swept");
}

#[actix_web::test]
async fn what_takes_the_ground_from_a_release_takes_it_down_in_the_same_act() {
    for cause in ["constraints.revise", "run.finish", "evidence.withdraw", "version.revoke", "trust_key.revoke"] {
        let story = Story::stage_with(&[], spec(), strict()).await;
        let version = story.measured_version(1).await;
        let path = format!("/api/v1/models/{MODEL}/versions/{version}");
        let digest = text(&story.app.get(&story.ines, &path).await.expect(200).json()["digest"]);
        let bundle = json!({"bundle": reported(&digest, scan("malware"), &story.key)});
        let report = story.app.post(&story.ines, &format!("{path}/evidence"), bundle).await.expect_success().json();
        story.activate(&story.approved(&version).await).await.expect(201);
        story.measured_version(2).await;
        let beside = story.request(MODEL, "2", ENVIRONMENT).await;
        let etag = story.pull(None).await.expect(200).header("etag").to_owned();
        match cause {
            "constraints.revise" => drop(story.revise(ENVIRONMENT, "constraints", other_spec()).await),
            "run.finish" => drop(story.run(MODEL, "1", ENVIRONMENT).await),
            "evidence.withdraw" => {
                let path = format!("{path}/evidence/{}/withdraw", text(&report["id"]));
                story.app.post(&story.ines, &path, json!({"reason": "It was of another file."})).await.expect(200);
            }
            "version.revoke" => drop(story.revoke_version("1").await.expect(200)),
            _ => drop(story.revoke_key().await.expect(200)),
        }
        let now = &releases(&story).await[0];
        assert_eq!((&now["state"], &now["assurance"]), (&json!("suspended"), &json!("lapsed")), "{cause}");
        assert!(now["ended_by"].is_null(), "{cause}: nobody did it by name: {now:#}");
        let (acts, lapses) = (story.leaves(cause).await, story.leaves("release.lapse").await);
        let taken = story.leaves("release.suspend").await;
        assert_eq!((lapses.len(), taken.len()), (1, 1), "{cause}");
        assert_eq!((&taken[0]["at"], &taken[0]["actor"]), (&acts[0]["at"], &acts[0]["actor"]), "{cause}");
        assert_eq!(taken[0]["detail"]["release"], now["id"], "{cause}");
        let findings = standing(&story).await;
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &json!("high")), "{cause}");
        assert_eq!(story.look(&beside).await["state"], "invalidated", "{cause}: what it would replace is gone");
        // The gate is closed in every form, and says why and who opens it.
        let known =
            story.app.request(&story.robot, "GET", &format!("{}/release", place())).header("if-none-match", etag);
        assert_eq!(reply(known).await.expect(412).code(), "release_suspended", "{cause}");
        let refused = story.pull(None).await.expect(412);
        let failed = checks(&refused.json());
        assert_eq!((refused.code().as_str(), failed[0].as_str()), ("release_suspended", "release_suspended"));
        assert_eq!(failed[1], text(&lapses[0]["detail"]["cause"]), "{cause}");
        assert!(refused.text().contains("have the version approved anew, roll back, or resume it"), "{cause}");
        assert_eq!(refused.json()["unblock"], json!(["tom"]), "{cause}");
        // Once is enough.
        sweep(&story).await;
        assert_eq!(story.leaves("release.suspend").await.len(), 1, "{cause}");
        sound(&story).await;
    }
}

#[actix_web::test]
async fn the_clock_takes_down_what_it_took_the_ground_from() {
    let story = begin().await;
    story.app.app.db.clock().advance(TimeDelta::days(30));
    sweep(&story).await;
    assert_eq!(releases(&story).await[0]["state"], "active");
    story.app.app.db.clock().advance(TimeDelta::days(1));
    sweep(&story).await;
    let now = &releases(&story).await[0];
    assert_eq!((&now["state"], &now["lapse_cause"]), (&json!("suspended"), &json!("evidence_expired")), "{now:#}");
    assert_eq!(story.leaves("release.suspend").await[0]["actor"]["name"], "clock");
    sound(&story).await;
}

#[actix_web::test]
async fn what_lapsed_comes_back_when_it_holds_again_and_not_before() {
    let story = begin().await;
    let body = json!({"code": "leak", "model": MODEL, "severity": "high", "title": "It learnt from its test data"});
    let finding = story.app.post(&story.ada, "/api/v1/findings", body).await.expect(201).json();
    let now = &releases(&story).await[0];
    assert_eq!((&now["state"], &now["lapse_cause"]), (&json!("suspended"), &json!("finding_open")));
    let refused = resume(&story).await.expect(412);
    assert_eq!((refused.code(), checks(&refused.json())), ("assurance_lapsed".into(), vec!["finding_open".into()]));
    assert_eq!(refused.json()["unblock"], json!(["mara", "rui"]));
    let path = format!("/api/v1/findings/{}/closure", text(&finding["id"]));
    story.app.post(&story.mara, &path, json!({"reason": "It did not."})).await.expect_success();
    assert_eq!(story.pull(None).await.expect(412).code(), "release_suspended", "nothing comes back by itself");
    let back = resume(&story).await.expect(201).json();
    assert_eq!((&back["kind"], &back["assurance"]), (&json!("resumption"), &json!("sound")), "{back:#}");
    assert!(standing(&story).await.is_empty(), "its finding is closed");
    story.pull(None).await.expect(200);
    sound(&story).await;
}

#[actix_web::test]
async fn a_new_approval_and_a_rollback_lead_out_of_it_and_close_its_finding() {
    let story = begin().await;
    story.released(2).await;
    story.revise(ENVIRONMENT, "constraints", other_spec()).await;
    assert_eq!(standing(&story).await.len(), 1);
    // A rollback asks for no approval; what it brings back is marked, and stays.
    let back = story.roll_back(None).await.expect(201).json();
    assert_eq!(back["version"], 1, "{back:#}");
    sweep(&story).await;
    let pulled = story.pull(None).await.expect(200).json();
    assert_eq!(pulled["release"]["assurance"], "lapsed");
    let findings = standing(&story).await;
    assert_eq!(findings.len(), 1, "of what came back alone: {findings:#?}");
    story.run(MODEL, "2", ENVIRONMENT).await;
    story.activate(&story.approved("2").await).await.expect(201);
    assert!(standing(&story).await.is_empty());
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "sound");
    // And at once from what was taken down.
    story.run(MODEL, "2", ENVIRONMENT).await;
    assert_eq!(story.pull(None).await.expect(412).code(), "release_suspended");
    story.activate(&story.approved("2").await).await.expect(201);
    assert!(standing(&story).await.is_empty());
    sound(&story).await;
}

#[actix_web::test]
async fn another_policy_marks_what_runs_and_what_comes_after_it_takes_it_down() {
    let story = Story::stage().await;
    story.released(1).await;
    story.revise(ENVIRONMENT, "policy", strict()).await;
    let now = &releases(&story).await[0];
    assert_eq!((&now["state"], &now["lapse_cause"]), (&json!("active"), &json!("policy")), "it can be introduced");
    sweep(&story).await;
    story.pull(None).await.expect(200);
    assert_eq!(standing(&story).await.len(), 1);
    story.run(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(releases(&story).await[0]["state"], "suspended");
    assert_eq!(standing(&story).await.len(), 1, "the same finding");
    assert_eq!(story.leaves("release.lapse").await.len(), 1);
    sound(&story).await;
}

#[actix_web::test]
async fn the_policy_in_force_decides_and_not_that_of_the_approval() {
    let story = begin().await;
    story.revise(ENVIRONMENT, "policy", policy(1)).await;
    story.revise(ENVIRONMENT, "constraints", other_spec()).await;
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "lapsed");
}

#[actix_web::test]
async fn a_rule_that_takes_down_holds_for_its_own_circumstances_alone() {
    let mut rules = policy(1);
    rules["rules"] = json!([{"when": {"mode": "human_in_the_loop"}, "on_lapse": "suspend"}]);
    let story = Story::stage_with(&[], spec(), rules).await;
    let profile = json!({"class": "server", "operating_mode": "human_in_the_loop"});
    story.revise(ENVIRONMENT, "profile", profile).await;
    for (number, mode, state) in [(1, "advisory", "active"), (2, "human_in_the_loop", "suspended")] {
        let version = story.measured_version(number).await;
        let body = json!({"model": MODEL, "version": version, "environment": ENVIRONMENT, "mode": mode});
        let asked = story.app.post(&story.ines, "/api/v1/promotions", body).await.expect(201).json();
        story.approve(&story.mara, &asked).await.expect(200);
        story.activate(&asked).await.expect(201);
        story.run(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(releases(&story).await[0]["state"], state, "{mode}");
    }
}
