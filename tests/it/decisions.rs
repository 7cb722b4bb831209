//! Decisions that end before their request does, requests that wait, and releases whose approval
//! no longer holds.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
};
use chrono::TimeDelta;
use plimsoll::{promotions, sweeps};
use serde_json::{Value, json};

async fn with(extra: Value) -> Story {
    let mut asked = policy(extra["count"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1));
    for (name, value) in extra.as_object().expect("fields").iter().filter(|(name, _)| *name != "count") {
        asked[name] = value.clone();
    }
    let story = Story::stage_with(&[], spec(), asked).await;
    story.measured_version(1).await;
    story
}

async fn unapprove(story: &Story, token: &str, promotion: &Value) -> Reply {
    let path = format!("/api/v1/promotions/{}/decisions/withdrawal", text(&promotion["id"]));
    story.app.post(token, &path, json!({"reason": "The data has a gap after all."})).await
}

fn later(story: &Story, by: TimeDelta) {
    story.app.app.db.clock().advance(by);
}

async fn sweep(story: &Story) {
    sweeps::run(&story.app.app).await.expect("swept");
}

#[actix_web::test]
async fn an_approval_that_is_taken_back_no_longer_counts_and_may_be_given_again() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let refused = unapprove(&story, &story.rui, &approved).await.expect(409);
    assert_eq!(refused.code(), "approval_missing");
    assert_eq!(unapprove(&story, &story.ines, &approved).await.expect(403).code(), "forbidden");
    let path = format!("/api/v1/promotions/{}/decisions/withdrawal", text(&approved["id"]));
    story.app.post(&story.mara, &path, json!({"reason": " "})).await.expect(422);
    let open = unapprove(&story, &story.mara, &approved).await.expect(200).json();
    assert_eq!((open["state"].as_str(), &open["seats_filled"]), (Some("awaiting_approval"), &json!(0)));
    assert_eq!(open["approvals"][0]["state"], "revoked");
    assert_eq!(open["approvals"][0]["revoked_because"], "The data has a gap after all.");
    let refused = story.activate(&approved).await.expect(409);
    assert_eq!(refused.code(), "promotion_state");
    assert_eq!(refused.json()["allowed"], json!(["approve", "reject", "unapprove", "withdraw"]));
    let leaf = &story.leaves("promotion.unapprove").await[0];
    assert!(!leaf["detail"].to_string().contains("gap"), "{leaf}");
    assert_eq!(story.leaves("promotion.lose_quorum").await.len(), 1);
    assert_eq!(unapprove(&story, &story.mara, &approved).await.expect(409).code(), "approval_missing");
    let again = story.approve(&story.mara, &approved).await.expect(200).json();
    assert_eq!((again["state"].as_str(), again["approvals"].as_array().map(Vec::len)), (Some("approved"), Some(2)));
    story.activate(&approved).await.expect(201);
    let late = unapprove(&story, &story.mara, &approved).await.expect(409);
    assert_eq!((late.code().as_str(), late.json()["allowed"].clone()), ("promotion_state", json!(["roll_back"])));
}

#[actix_web::test]
async fn an_approval_expires_at_its_moment_whether_or_not_anybody_sweeps() {
    let story = with(json!({"approval_expires_after_hours": 6})).await;
    let approved = story.approved("1").await;
    let end = text(&story.look(&approved).await["approvals"][0]["expires_at"]);
    assert!(end.starts_with("2026-01-02T09:"), "{end}");
    later(&story, TimeDelta::hours(6) - TimeDelta::microseconds(1));
    assert_eq!(story.look(&approved).await["seats_filled"], 1);
    later(&story, TimeDelta::microseconds(1));
    assert_eq!(story.activate(&approved).await.expect(412).code(), "quorum_lost");
    let now = story.look(&approved).await;
    assert_eq!((&now["seats_filled"], now["approvals"][0]["state"].as_str()), (&json!(0), Some("expired")));
    sweep(&story).await;
    assert_eq!(story.look(&approved).await["state"], "awaiting_approval");
    assert_eq!(story.leaves("promotion.lose_quorum").await.len(), 1);
    story.approve(&story.mara, &approved).await.expect(200);
    story.activate(&approved).await.expect(201);
}

#[actix_web::test]
async fn a_seat_that_is_empty_again_can_be_filled_by_somebody_else_at_once() {
    let story = with(json!({"approval_expires_after_hours": 6})).await;
    let approved = story.approved("1").await;
    later(&story, TimeDelta::hours(7));
    // Nothing has swept: the request still says approved.
    assert_eq!(story.look(&approved).await["state"], "approved");
    assert_eq!(story.approve(&story.rui, &approved).await.expect(200).json()["state"], "approved");
    let actions = ["promotion.lose_quorum", "promotion.approve"];
    for action in actions {
        assert!(!story.leaves(action).await.is_empty(), "{action}");
    }
    story.activate(&approved).await.expect(201);
}

#[actix_web::test]
async fn what_waits_is_held_and_says_until_when() {
    let story = with(json!({"wait_hours": 2})).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    later(&story, TimeDelta::hours(1));
    let held = story.approve(&story.mara, &asked).await.expect(200).json();
    assert_eq!((held["state"].as_str(), held["holds"][0]["cause"].as_str()), (Some("held"), Some("wait")));
    assert!(text(&held["holds"][0]["until"]).starts_with("2026-01-02T06:"), "{held:#}");
    let refused = story.activate(&asked).await.expect(409);
    assert_eq!(refused.code(), "promotion_held");
    assert!(refused.text().contains("until 2026-01-02T06:"), "{}", refused.text());
    assert_eq!(refused.json()["allowed"], json!(["reject", "unapprove", "withdraw"]));
    later(&story, TimeDelta::hours(2) - TimeDelta::microseconds(1));
    sweep(&story).await;
    assert_eq!(story.activate(&asked).await.expect(409).code(), "promotion_held");
    later(&story, TimeDelta::microseconds(1));
    // The activation itself sees that it is over.
    story.activate(&asked).await.expect(201);
    assert_eq!(story.look(&asked).await["state"], "activated");
    assert_eq!(story.leaves("promotion.hold").await.len(), 1);
    assert_eq!(story.leaves("promotion.unhold").await.len(), 1);
}

#[actix_web::test]
async fn a_freeze_holds_what_is_approved_and_the_sweep_lets_it_go() {
    let window =
        json!({"reason": "The year's end.", "zone": "UTC", "from": "2026-01-02T00:00", "until": "2026-01-02T12:00"});
    let story = with(json!({"freeze": [window]})).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    let held = story.approve(&story.mara, &asked).await.expect(200).json();
    assert_eq!((held["state"].as_str(), held["holds"][0]["cause"].as_str()), (Some("held"), Some("freeze")));
    assert_eq!(story.activate(&asked).await.expect(409).code(), "promotion_held");
    later(&story, TimeDelta::hours(10));
    sweep(&story).await;
    assert_eq!(story.look(&asked).await["state"], "approved");
    story.activate(&asked).await.expect(201);
}

#[actix_web::test]
async fn a_held_request_can_be_rejected_taken_back_and_expires() {
    for end in ["reject", "withdraw", "expire"] {
        let story = with(json!({"wait_hours": 200})).await;
        let asked = story.request(MODEL, "1", ENVIRONMENT).await;
        assert_eq!(story.approve(&story.mara, &asked).await.expect(200).json()["state"], "held");
        match end {
            "reject" => drop(story.decide(&story.rui, &asked, "reject").await.expect(200)),
            "withdraw" => drop(story.withdraw(&story.ines, &asked).await.expect(200)),
            _ => {
                later(&story, TimeDelta::hours(72));
                promotions::ops::expire_due(&story.app.app).await.expect("sweep");
            }
        }
        let state = json!({"reject": "rejected", "withdraw": "withdrawn", "expire": "expired"})[end].clone();
        assert_eq!(story.look(&asked).await["state"], state);
    }
}

#[actix_web::test]
async fn a_changed_decision_says_part_by_part_what_is_not_what_it_was() {
    let story = Story::measured().await;
    let first = story.request(MODEL, "1", ENVIRONMENT).await;
    story.withdraw(&story.ines, &first).await.expect(200);
    story.run(MODEL, "1", ENVIRONMENT).await;
    let second = story.request(MODEL, "1", ENVIRONMENT).await;
    // Somebody looked at the first, and decides on the second.
    let mut stale = second.clone();
    stale["decision_digest"] = first["decision_digest"].clone();
    let refused = story.approve(&story.mara, &stale).await.expect(409);
    assert_eq!(refused.code(), "decision_changed");
    let changes = refused.json()["changes"].clone();
    let run = changes.as_array().expect("changes").iter().find(|change| change["part"] == "run").expect("the run");
    assert_eq!((&run["before"], &run["now"]), (&first["decision"]["run"], &second["decision"]["run"]));
    // A digest that nothing had.
    stale["decision_digest"] = format!("sha256:{}", "0".repeat(64)).into();
    let refused = story.approve(&story.mara, &stale).await.expect(409).json();
    assert_eq!(refused["changes"][0]["part"], "decision_digest");
    // And what ended it meanwhile.
    let mut other = spec();
    other["constraints"][0]["limit"] = 0.71.into();
    story.revise(ENVIRONMENT, "constraints", other).await;
    let refused = story.approve(&story.mara, &second).await.expect(409);
    assert_eq!(refused.code(), "promotion_state");
    assert_eq!(refused.json()["allowed"], json!(["request"]));
    let parts: Vec<_> =
        refused.json()["changes"].as_array().expect("changes").iter().map(|c| text(&c["part"])).collect();
    assert!(parts.contains(&"constraints".to_owned()), "{parts:?}");
}

async fn change_tier(story: &Story, tier: &str) {
    let path = format!("/api/v1/models/{MODEL}");
    let seen = story.app.get(&story.ines, &path).await.expect(200);
    let request = story.app.request(&story.ines, "PATCH", &path).header("if-match", seen.header("etag"));
    reply(request.json(&json!({"risk_tier": tier}))).await.expect(200);
}

#[actix_web::test]
async fn another_risk_tier_ends_open_requests_and_a_new_title_does_not() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let path = format!("/api/v1/models/{MODEL}");
    let seen = story.app.get(&story.ines, &path).await.expect(200);
    let request = story.app.request(&story.ines, "PATCH", &path).header("if-match", seen.header("etag"));
    reply(request.json(&json!({"title": "Another"}))).await.expect(200);
    assert_eq!(story.look(&approved).await["state"], "approved");
    change_tier(&story, "low").await;
    let now = story.look(&approved).await;
    assert_eq!(now["state"], "invalidated");
    assert!(text(&now["closed_reason"]).contains("risk_tier"), "{now:#}");
    let (cause, ended) = (&story.leaves("model.update").await[0], &story.leaves("promotion.invalidate").await[0]);
    assert_eq!((&cause["actor"], &cause["at"]), (&ended["actor"], &ended["at"]));
}

/// What the only release of the story says of its assurance, and its open finding.
async fn assurance(story: &Story) -> (String, Option<Value>) {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/releases");
    let page = story.app.get(&story.tom, &path).await.expect(200).json();
    let findings = story.app.get(&story.ada, "/api/v1/findings?limit=200").await.expect(200).json();
    let found = findings["items"].as_array().expect("items").iter().find(|f| f["code"] == "assurance_lapsed");
    (text(&page["items"][0]["assurance"]), found.cloned())
}

#[actix_web::test]
async fn what_ends_requests_marks_the_active_release_and_opens_a_finding_at_once() {
    for cause in ["constraints", "risk_tier", "run"] {
        let story = Story::stage().await;
        story.released(1).await;
        assert_eq!(assurance(&story).await, ("sound".to_owned(), None));
        match cause {
            "constraints" => {
                let mut other = spec();
                other["constraints"][0]["limit"] = 0.71.into();
                story.revise(ENVIRONMENT, "constraints", other).await;
            }
            "risk_tier" => change_tier(&story, "low").await,
            _ => drop(story.run(MODEL, "1", ENVIRONMENT).await),
        }
        let (state, finding) = assurance(&story).await;
        assert_eq!(state, "lapsed", "{cause}");
        let finding = finding.expect("a finding");
        assert_eq!((finding["state"].as_str(), finding["severity"].as_str()), (Some("open"), Some("high")));
        // It runs on, and says so.
        let pull = story.pull(None).await.expect(200).json();
        assert_eq!(pull["release"]["assurance"], "lapsed", "{cause}");
        let lapses = story.leaves("release.lapse").await;
        assert_eq!(lapses.len(), 1, "{cause}");
        // The same again marks nothing again.
        sweep(&story).await;
        assert_eq!(story.leaves("release.lapse").await.len(), 1, "{cause}");
    }
}

#[actix_web::test]
async fn the_clock_marks_a_release_whose_evidence_has_become_too_old() {
    let story = Story::stage().await;
    story.released(1).await;
    later(&story, TimeDelta::days(30));
    sweep(&story).await;
    assert_eq!(assurance(&story).await.0, "sound");
    later(&story, TimeDelta::days(1));
    sweep(&story).await;
    assert_eq!(assurance(&story).await.0, "lapsed");
    let leaf = &story.leaves("release.lapse").await[0];
    assert_eq!((&leaf["actor"]["name"], &leaf["detail"]["cause"]), (&json!("clock"), &json!("evidence_expired")));
}

#[actix_web::test]
async fn a_new_approval_is_the_cure_and_closes_the_finding() {
    let story = Story::stage().await;
    story.released(1).await;
    story.run(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(assurance(&story).await.0, "lapsed");
    let again = story.approved("1").await;
    story.activate(&again).await.expect(201);
    let (state, finding) = assurance(&story).await;
    assert_eq!(state, "sound");
    assert!(finding.is_none_or(|finding| finding["state"] == "closed"), "the release that it was about ended");
    // A rollback brings back what lapsed: it comes at once, and is marked.
    story.measured_version(2).await;
    story.activate(&story.approved("2").await).await.expect(201);
    let mut other = spec();
    other["constraints"][0]["limit"] = 0.71.into();
    story.revise(ENVIRONMENT, "constraints", other).await;
    story.roll_back(None).await.expect(201);
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "lapsed");
}
