//! What keeps an approved request from being activated, until when, and what it does not hinder.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
};
use chrono::{DateTime, TimeDelta, Utc};
use plimsoll::{core::clock::rfc3339, sweeps};
use serde_json::{Value, json};

const UPSTREAM: &str = "staging";

fn with(more: Value) -> Value {
    let mut policy = policy(1);
    for (field, value) in more.as_object().expect("fields") {
        policy[field] = value.clone();
    }
    policy
}

fn moment(at: &str) -> DateTime<Utc> {
    at.parse().expect("a moment")
}

fn move_clock_to(story: &Story, at: &str) {
    let clock = story.app.app.db.clock();
    clock.advance(moment(at) - clock.now());
}

fn later(story: &Story, by: TimeDelta) {
    story.app.app.db.clock().advance(by);
}

async fn sweep(story: &Story) {
    sweeps::run(&story.app.app).await.expect("swept");
}

/// Measured and approved in an environment, whatever holds it there.
async fn approve(story: &Story, version: &str, environment: &str) -> Value {
    let run = story.run(MODEL, version, environment).await;
    assert_eq!(run["state"], "passed", "{run:#}");
    let asked = story.request(MODEL, version, environment).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    story.approve(&story.mara, &asked).await.expect(200).json()
}

/// The activation is refused because of `cause`; the answer, the request and its hold say the same.
async fn is_held(story: &Story, request: &Value, cause: &str, until: Option<&str>) -> Reply {
    let until = until.map(|until| rfc3339(moment(until)));
    let now = story.look(request).await;
    let holds = now["holds"].as_array().expect("holds");
    let hold = holds.iter().find(|hold| hold["cause"] == cause).unwrap_or(&Value::Null);
    assert_eq!(hold["until"], json!(until), "{now:#}");
    assert!(["held", "approved"].contains(&text(&now["state"]).as_str()), "{now:#}");
    let refused = story.activate(request).await.expect(409);
    assert_eq!(refused.code(), "promotion_held", "{}", refused.text());
    assert!(refused.text().contains(&text(&hold["detail"])), "{} does not say {hold}", refused.text());
    if let Some(until) = &until {
        assert!(refused.text().contains(until), "{} does not say {until}", refused.text());
    }
    refused
}

async fn upstream(hours: u32, more: Value) -> Story {
    let mut asks = with(json!({"soak": {"environment": UPSTREAM, "hours": hours}}));
    for (field, value) in more.as_object().expect("fields") {
        asks[field] = value.clone();
    }
    let story = Story::stage_with(&[], spec(), asks).await;
    story.environment(UPSTREAM, spec(), policy(1)).await;
    story.measured_version(1).await;
    story
}

async fn roll_back_upstream(story: &Story) {
    let path = format!("/api/v1/environments/{UPSTREAM}/models/{MODEL}/rollbacks");
    story.app.post(&story.tom, &path, json!({"reason": "It answered too slowly."})).await.expect(201);
}

#[actix_web::test]
async fn a_version_waits_until_it_has_run_upstream_for_long_enough() {
    let story = upstream(24, json!({})).await;
    let request = approve(&story, "1", ENVIRONMENT).await;
    let refused = is_held(&story, &request, "soak", None).await;
    assert!(refused.text().contains("must run 24 h in staging first: it is not active there"), "{}", refused.text());
    let there = approve(&story, "1", UPSTREAM).await;
    later(&story, TimeDelta::hours(1));
    story.activate(&there).await.expect(201);
    is_held(&story, &request, "soak", Some("2026-01-03T04:04:05Z")).await;
    later(&story, TimeDelta::hours(24) - TimeDelta::microseconds(1));
    is_held(&story, &request, "soak", Some("2026-01-03T04:04:05Z")).await;
    later(&story, TimeDelta::microseconds(1));
    story.activate(&request).await.expect(201);
    assert_eq!(story.look(&request).await["state"], "activated");
}

#[actix_web::test]
async fn what_was_taken_out_upstream_begins_its_time_anew() {
    let story = upstream(24, json!({"request_expires_after_hours": 720})).await;
    story.measured_version(2).await;
    story.activate(&approve(&story, "1", UPSTREAM).await).await.expect(201);
    later(&story, TimeDelta::hours(1));
    story.activate(&approve(&story, "2", UPSTREAM).await).await.expect(201);
    let request = approve(&story, "2", ENVIRONMENT).await;
    later(&story, TimeDelta::hours(23));
    roll_back_upstream(&story).await;
    let refused = is_held(&story, &request, "soak", None).await;
    assert!(refused.text().contains("it was taken out of service there"), "{}", refused.text());
    later(&story, TimeDelta::hours(48));
    is_held(&story, &request, "soak", None).await;
    let back = json!({"reason": "It was the network.", "to": "2"});
    let path = format!("/api/v1/environments/{UPSTREAM}/models/{MODEL}/rollbacks");
    story.app.post(&story.tom, &path, back).await.expect(201);
    is_held(&story, &request, "soak", Some("2026-01-06T03:04:05Z")).await;
    later(&story, TimeDelta::hours(24));
    story.activate(&request).await.expect(201);
}

#[actix_web::test]
async fn a_blocking_finding_upstream_stops_the_time_and_one_below_does_not() {
    let story = upstream(24, json!({"request_expires_after_hours": 720})).await;
    story.activate(&approve(&story, "1", UPSTREAM).await).await.expect(201);
    let request = approve(&story, "1", ENVIRONMENT).await;
    later(&story, TimeDelta::hours(20));
    let report = async |severity: &str| {
        let body = json!({"code": format!("seen-{severity}"), "model": MODEL, "environment": UPSTREAM,
            "severity": severity, "title": "Its answers are odd."});
        story.app.post(&story.rui, "/api/v1/findings", body).await.expect(201).json()
    };
    report("low").await;
    is_held(&story, &request, "soak", Some("2026-01-03T03:04:05Z")).await;
    let high = report("high").await;
    let refused = is_held(&story, &request, "soak", None).await;
    assert!(refused.text().contains("a blocking finding is open there"), "{}", refused.text());
    later(&story, TimeDelta::hours(2));
    let path = format!("/api/v1/findings/{}/closure", text(&high["id"]));
    story.app.post(&story.mara, &path, json!({"reason": "They are right."})).await.expect_success();
    is_held(&story, &request, "soak", Some("2026-01-04T01:04:05Z")).await;
    later(&story, TimeDelta::hours(24));
    story.activate(&request).await.expect(201);
}

#[actix_web::test]
async fn the_time_to_wait_counts_from_the_approval_that_filled_the_last_seat() {
    let mut asks = with(json!({"wait_hours": 6}));
    asks["approvals"][0]["count"] = 2.into();
    let story = Story::stage_with(&[], spec(), asks).await;
    story.measured_version(1).await;
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    story.approve(&story.mara, &request).await.expect(200);
    later(&story, TimeDelta::hours(5));
    story.approve(&story.rui, &request).await.expect(200);
    is_held(&story, &request, "wait", Some("2026-01-02T14:04:05Z")).await;
    later(&story, TimeDelta::hours(6));
    sweep(&story).await;
    assert_eq!(story.look(&request).await["state"], "approved");
    story.activate(&request).await.expect(201);
}

/// A window over each change of the clocks in Berlin: when it begins and when it ends.
const CHANGES: [(&str, &str, &str, &str); 2] = [
    // From three hours before the leap to four hours of the clock after it: an hour less really passes.
    ("2026-03-28T23:00", "2026-03-29T06:00", "2026-03-28T22:00:00Z", "2026-03-29T04:00:00Z"),
    // The time at which it ends is shown twice: the second counts.
    ("2026-10-24T23:00", "2026-10-25T02:30", "2026-10-24T21:00:00Z", "2026-10-25T01:30:00Z"),
];

#[actix_web::test]
async fn a_freeze_keeps_the_hours_of_its_zone_when_the_clocks_change() {
    for (from, until, begins, ends) in CHANGES {
        let window = json!({"reason": "The clocks change.", "zone": "Europe/Berlin", "from": from, "until": until});
        let story = Story::stage_with(&[], spec(), with(json!({"freeze": [window]}))).await;
        story.signed(MODEL, &crate::story::scorer(1)).await;
        move_clock_to(&story, begins);
        later(&story, TimeDelta::microseconds(-1));
        let request = approve(&story, "1", ENVIRONMENT).await;
        assert_eq!((&request["state"], &request["holds"]), (&json!("approved"), &json!([])), "not frozen yet");
        later(&story, TimeDelta::microseconds(1));
        is_held(&story, &request, "freeze", Some(ends)).await;
        sweep(&story).await;
        assert_eq!(story.look(&request).await["state"], "held", "{from}");
        move_clock_to(&story, ends);
        later(&story, TimeDelta::microseconds(-1));
        let refused = is_held(&story, &request, "freeze", Some(ends)).await;
        assert!(refused.text().contains("The clocks change."), "{}", refused.text());
        later(&story, TimeDelta::microseconds(1));
        story.activate(&request).await.expect(201);
    }
}

#[actix_web::test]
async fn every_night_is_frozen_on_the_days_that_are_named() {
    let nights = json!({"reason": "nights", "zone": "America/New_York",
        "weekly": {"days": ["thursday"], "start": "22:00", "end": "06:00"}});
    let story = Story::stage_with(&[], spec(), with(json!({"freeze": [nights]}))).await;
    story.measured_version(1).await;
    // Friday, 22:04 on Thursday in New York.
    let request = approve(&story, "1", ENVIRONMENT).await;
    is_held(&story, &request, "freeze", Some("2026-01-02T11:00:00Z")).await;
    move_clock_to(&story, "2026-01-02T11:00:00Z");
    story.activate(&request).await.expect(201);
}

#[actix_web::test]
async fn the_way_out_is_open_during_a_freeze() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let window = json!({"reason": "The year's end.", "zone": "Europe/Berlin", "from": "2026-01-01T00:00",
        "until": "2026-02-01T00:00"});
    story.revise(ENVIRONMENT, "policy", with(json!({"freeze": [window]}))).await;
    let request = approve(&story, "2", ENVIRONMENT).await;
    is_held(&story, &request, "freeze", Some("2026-01-31T23:00:00Z")).await;
    let back = story.roll_back(None).await.expect(201).json();
    assert_eq!(back["version"], 1);
    story.pull(None).await.expect(200);
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
    let change = async |method: &str, what: &str, body: Value| {
        reply(story.app.request(&story.tom, method, &format!("{place}/{what}")).json(&body)).await
    };
    let why = json!({"reason": "It lies to the under-25s."});
    change("POST", "suspension", why.clone()).await.expect(200);
    assert_eq!(story.pull(None).await.expect(412).code(), "release_suspended");
    change("DELETE", "suspension", why).await.expect(201);
    story.pull(None).await.expect(200);
    story.revoke_version("1").await.expect(200);
    assert_eq!(story.pull(None).await.expect(412).code(), "release_blocked");
    assert_eq!(story.roll_back(Some("2")).await.expect(201).json()["version"], 2);
    story.revoke_key().await.expect(200);
    assert_eq!(story.pull(None).await.expect(412).code(), "release_blocked");
}

#[actix_web::test]
async fn several_holds_are_all_said_and_the_last_to_end_lets_it_go() {
    let window = json!({"reason": "An audit.", "zone": "UTC", "from": "2026-01-02T00:00", "until": "2026-01-02T08:00"});
    let story = Story::stage_with(&[], spec(), with(json!({"freeze": [window], "wait_hours": 12}))).await;
    story.measured_version(1).await;
    let request = approve(&story, "1", ENVIRONMENT).await;
    is_held(&story, &request, "freeze", Some("2026-01-02T08:00:00Z")).await;
    is_held(&story, &request, "wait", Some("2026-01-02T15:04:05Z")).await;
    move_clock_to(&story, "2026-01-02T08:00:00Z");
    sweep(&story).await;
    is_held(&story, &request, "wait", Some("2026-01-02T15:04:05Z")).await;
    move_clock_to(&story, "2026-01-02T15:04:05Z");
    story.activate(&request).await.expect(201);
}
