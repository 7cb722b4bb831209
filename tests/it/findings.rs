//! Findings: one of a kind about one thing, what they stop, who settles them, how they end.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, give_role, spec, text},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

const CALLERS: usize = 32;

struct Watched {
    story: Story,
    risk: String,
}

impl Watched {
    async fn begin() -> Self {
        let story = Story::measured().await;
        Self { risk: story.app.user("rosa", &["risk_officer"]).await, story }
    }

    async fn open(&self, token: &str, severity: &str, about: Value) -> Reply {
        let mut body = json!({"code": "leak", "severity": severity, "title": "It learnt from leaked data."});
        for (name, value) in about.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.story.app.post(token, "/api/v1/findings", body).await
    }

    async fn step(&self, token: &str, finding: &Value, step: &str) -> Reply {
        let mut body = json!({"reason": "A test."});
        if step == "acceptance" {
            body["until"] = "2026-01-12T00:00:00Z".into();
        }
        self.story.app.post(token, &format!("/api/v1/findings/{}/{step}", text(&finding["id"])), body).await
    }

    async fn look(&self, finding: &Value) -> Value {
        let path = format!("/api/v1/findings/{}", text(&finding["id"]));
        self.story.app.get(&self.story.mara, &path).await.expect(200).json()
    }

    /// What stops a new request for version 1.
    async fn stopped_by(&self) -> Vec<Value> {
        let request = self.story.request(MODEL, "1", ENVIRONMENT).await;
        if request["state"] == "awaiting_approval" {
            self.story.withdraw(&self.story.ines, &request).await.expect(200);
        }
        request["failed_checks"].as_array().expect("checks").clone()
    }
}

fn of_version() -> Value {
    json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT})
}

#[actix_web::test]
async fn of_many_who_report_the_same_one_opens_a_finding_and_all_see_it() {
    let watched = Watched::begin().await;
    let answers = join_all((0..CALLERS).map(|_| watched.open(&watched.story.ada, "high", of_version()))).await;
    let opened = answers.iter().filter(|answer| answer.status == 201).count();
    let seen = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((opened, seen), (1, CALLERS - 1), "{:?}", answers.iter().map(Reply::text).collect::<Vec<_>>());
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| text(&answer.json()["id"])).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(watched.story.leaves("finding.open").await.len(), 1);
    // Another code, or the same about something else, is another finding.
    let elsewhere = watched.open(&watched.story.ada, "high", json!({"model": MODEL, "version": "1"})).await;
    assert_eq!(elsewhere.status, 201);
    let other = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "code": "other"});
    assert_eq!(watched.open(&watched.story.ada, "high", other).await.status, 201);
}

#[actix_web::test]
async fn a_critical_finding_stops_requests_for_what_it_is_about_and_says_whose_it_is() {
    for (about, stops) in [
        (json!({"model": MODEL}), true),
        (json!({"model": MODEL, "version": "1"}), true),
        (json!({"environment": ENVIRONMENT}), true),
        (of_version(), true),
        (json!({"model": MODEL, "version": "2"}), false),
        (json!({"environment": "lab"}), false),
    ] {
        let watched = Watched::begin().await;
        watched.story.measured_version(2).await;
        watched.story.environment("lab", spec(), crate::story::policy(1)).await;
        let mut about = about;
        about["owner"] = "tom".into();
        watched.open(&watched.story.ada, "critical", about.clone()).await.expect(201);
        let failed = watched.stopped_by().await;
        assert_eq!(!failed.is_empty(), stops, "{about}: {failed:?}");
        if stops {
            assert_eq!((&failed[0]["check"], &failed[0]["owner"]), (&json!("finding_open"), &json!("tom")), "{about}");
            assert!(text(&failed[0]["detail"]).contains("leaked data"), "{failed:?}");
        }
    }
}

#[actix_web::test]
async fn a_finding_from_high_on_stops_a_promotion_where_the_policy_does_not_say() {
    for (severity, stops) in [("info", false), ("low", false), ("medium", false), ("high", true), ("critical", true)] {
        let watched = Watched::begin().await;
        watched.open(&watched.story.ada, severity, of_version()).await.expect(201);
        assert_eq!(!watched.stopped_by().await.is_empty(), stops, "{severity}");
        let request = watched.story.request(MODEL, "1", ENVIRONMENT).await;
        let known = &request["decision"]["findings"][0];
        assert_eq!((&known["severity"], &known["state"]), (&json!(severity), &json!("open")), "{request:#}");
    }
}

#[actix_web::test]
async fn a_finding_ends_open_requests_in_the_transaction_that_opens_it() {
    let watched = Watched::begin().await;
    let approved = watched.story.approved("1").await;
    watched.open(&watched.story.ada, "critical", of_version()).await.expect(201);
    let now = watched.story.look(&approved).await;
    assert_eq!(now["state"], "invalidated", "{now:#}");
    let (cause, effect) =
        (watched.story.leaves("finding.open").await, watched.story.leaves("promotion.invalidate").await);
    assert_eq!((effect.len(), &effect[0]["at"]), (1, &cause[0]["at"]));
    assert_eq!(effect[0]["actor"], cause[0]["actor"]);
    assert_eq!(watched.story.activate(&approved).await.status, 409);
}

#[actix_web::test]
async fn a_finding_that_stops_nothing_ends_nothing_and_has_to_be_seen_by_who_approves() {
    for (threshold, severity) in [(None, "medium"), (None, "low"), (Some("critical"), "high"), (Some("low"), "info")] {
        let watched = Watched::begin().await;
        let story = &watched.story;
        let mut asks = crate::story::policy(2);
        if let Some(threshold) = threshold {
            asks["blocking_finding"] = threshold.into();
        }
        story.revise(ENVIRONMENT, "policy", asks).await;
        let asked = story.request(MODEL, "1", ENVIRONMENT).await;
        assert_eq!(asked["decision_digest"], asked["request_digest"]);
        story.approve(&story.mara, &asked).await.expect(200);
        let finding = watched.open(&story.ada, severity, of_version()).await.expect(201).json();
        let now = story.look(&asked).await;
        assert_eq!((now["state"].as_str(), &now["seats_filled"]), (Some("awaiting_approval"), &json!(1)), "{severity}");
        assert_eq!(now["decision"]["findings"][0]["finding"], finding["id"]);
        assert_eq!(now["warnings"][0]["check"], "finding_since", "{now:#}");
        assert_eq!(now["request_digest"], asked["decision_digest"], "the request is what it was");
        // What Rui looked at before is not what stands.
        let before = story.app.events().await;
        let refused = story.approve(&story.rui, &asked).await.expect(409);
        assert_eq!(refused.code(), "decision_changed");
        let changed = refused.json()["changes"].clone();
        assert_eq!((changed.as_array().map(Vec::len), &changed[0]["part"]), (Some(1), &json!("findings")));
        assert_eq!((&changed[0]["before"], &changed[0]["now"][0]["finding"]), (&Value::Null, &finding["id"]));
        assert!(refused.text().contains(&text(&now["decision_digest"])), "{}", refused.text());
        assert_eq!(refused.json()["allowed"], json!(["approve", "reject", "unapprove", "withdraw"]));
        assert_eq!(story.app.events().await, before, "nothing came of it");
        let approved = story.approve(&story.rui, &now).await.expect(200).json();
        assert_eq!(approved["state"], "approved", "both approvals are of the same request");
        let of =
            |by: &str| approved["approvals"].as_array().expect("all").iter().find(|a| a["by"] == by).expect(by).clone();
        assert_eq!(of("rui")["decision_digest"], asked["decision_digest"]);
        let payload = text(&of("rui")["statement"]["dsseEnvelope"]["payload"]);
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).expect("base64");
        let signed: Value = serde_json::from_slice(&payload).expect("json");
        assert_eq!(signed["predicate"]["seen_digest"], now["decision_digest"]);
        assert_eq!(signed["predicate"]["seen_findings"], now["decision"]["findings"]);
        // It goes again, and what stands is what was asked.
        watched.step(&story.mara, &finding, "closure").await.expect_success();
        let now = story.look(&asked).await;
        assert_eq!((now["state"].as_str(), &now["decision_digest"]), (Some("approved"), &asked["decision_digest"]));
        story.activate(&asked).await.expect(201);
        assert_eq!(story.leaves("promotion.invalidate").await.len(), 0);
        let report = plimsoll::audit::invariants::ops::check(&story.app.app).await.expect("checked");
        assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
    }
}

#[actix_web::test]
async fn what_a_policy_calls_blocking_ends_a_request_from_there_on() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    let mut asks = crate::story::policy(1);
    asks["blocking_finding"] = "low".into();
    story.revise(ENVIRONMENT, "policy", asks).await;
    let approved = story.approved("1").await;
    watched.open(&story.ada, "low", of_version()).await.expect(201);
    let now = story.look(&approved).await;
    assert_eq!(now["state"], "invalidated", "{now:#}");
    assert!(text(&now["closed_reason"]).contains("leak"), "{now:#}");
}

#[actix_web::test]
async fn a_rejection_needs_no_further_look_and_an_accepted_risk_that_runs_out_ends_a_request() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    watched.open(&story.ada, "low", of_version()).await.expect(201);
    story.decide(&story.mara, &asked, "reject").await.expect(200);
    let other = json!({"code": "skew", "model": MODEL, "version": "1", "environment": ENVIRONMENT});
    let finding = watched.open(&story.ada, "high", other).await.expect(201).json();
    watched.step(&watched.risk, &finding, "acceptance").await.expect_success();
    // The risk is accepted until the 12th.
    story.app.app.db.clock().advance(TimeDelta::days(9));
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    story.approve(&story.mara, &asked).await.expect(200);
    story.app.app.db.clock().advance(TimeDelta::days(1));
    let refused = story.activate(&asked).await.expect(409);
    assert_eq!(refused.code(), "decision_changed");
    assert_eq!(story.look(&asked).await["state"], "invalidated");
}

#[actix_web::test]
async fn a_finding_about_something_else_leaves_a_request_open() {
    let watched = Watched::begin().await;
    watched.story.measured_version(2).await;
    let approved = watched.story.approved("1").await;
    let other = json!({"model": MODEL, "version": "2", "environment": ENVIRONMENT});
    watched.open(&watched.story.ada, "critical", other).await.expect(201);
    assert_eq!(watched.story.look(&approved).await["state"], "approved");
    watched.story.activate(&approved).await.expect(201);
}

#[actix_web::test]
async fn a_finding_is_settled_by_the_right_people_in_the_right_order() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    let finding = watched.open(&story.ada, "critical", of_version()).await.expect(201).json();
    assert_eq!((&finding["opened_by"], &finding["state"]), (&json!("ada"), &json!("open")));
    assert_eq!(text(&finding["due_at"]), "2026-01-09T03:04:05.000000Z");
    for (token, step, status, code) in [
        (&story.mara, "acceptance", 403, "forbidden"),
        (&story.ada, "remediation", 403, "forbidden"),
        (&story.ines, "closure", 403, "forbidden"),
        (&story.ines, "remediation", 200, ""),
        (&story.ines, "remediation", 409, "finding_state"),
        (&watched.risk, "acceptance", 200, ""),
        (&watched.risk, "acceptance", 409, "finding_state"),
        (&story.ines, "remediation", 409, "finding_state"),
        (&story.mara, "closure", 200, ""),
        (&story.mara, "closure", 409, "finding_state"),
        (&watched.risk, "acceptance", 409, "finding_state"),
    ] {
        let answer = watched.step(token, &finding, step).await;
        assert_eq!(answer.status, status, "{step}: {}", answer.text());
        assert!(status == 200 || answer.code() == code, "{step}: {}", answer.text());
    }
    let now = watched.look(&finding).await;
    let steps: Vec<_> = now["steps"].as_array().expect("steps").iter().map(|step| text(&step["step"])).collect();
    assert_eq!(steps, ["opened", "remediated", "accepted", "closed"]);
    assert_eq!((&now["state"], &now["steps"][3]["by"]), (&json!("closed"), &json!("mara")));
    assert!(watched.stopped_by().await.is_empty());
    // The same may be wrong again.
    let again = watched.open(&story.ada, "critical", of_version()).await.expect(201).json();
    assert_ne!(again["id"], finding["id"]);
}

#[actix_web::test]
async fn nobody_accepts_the_risk_that_they_reported() {
    let watched = Watched::begin().await;
    let finding = watched.open(&watched.risk, "high", of_version()).await.expect(201).json();
    let refused = watched.step(&watched.risk, &finding, "acceptance").await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    assert_eq!(watched.look(&finding).await["state"], "open");
}

/// Makes two accounts one person.
async fn link(story: &Story, account: &str, same_as: &str) {
    let path = format!("/api/v1/accounts/{account}/person");
    reply(story.app.request(&story.olga, "PUT", &path).json(&json!({"same_as": same_as}))).await.expect(200);
}

#[actix_web::test]
async fn nobody_settles_what_was_found_in_their_own_version_by_any_account() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    give_role(story, "ines", "reviewer").await;
    let private = story.app.user("ines-private", &["risk_officer"]).await;
    link(story, "ines-private", "ines").await;
    let finding = watched.open(&story.ada, "critical", of_version()).await.expect(201).json();
    for (token, step) in [(&story.ines, "closure"), (&private, "closure"), (&private, "acceptance")] {
        let refused = watched.step(token, &finding, step).await.expect(403);
        assert_eq!(refused.code(), "separation_of_duties", "{step}: {}", refused.text());
    }
    assert_eq!(watched.stopped_by().await[0]["check"], "finding_open");
    watched.step(&story.mara, &finding, "closure").await.expect(200);
}

#[actix_web::test]
async fn who_reports_or_remediates_a_finding_settles_it_by_no_other_account() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    let (closes, accepts) =
        (story.app.user("tom-2", &["reviewer"]).await, story.app.user("rui-2", &["risk_officer"]).await);
    link(story, "tom-2", "tom").await;
    link(story, "rui-2", "rui").await;
    let about = json!({"environment": ENVIRONMENT});
    let finding = watched.open(&story.rui, "high", about).await.expect(201).json();
    watched.step(&story.tom, &finding, "remediation").await.expect(200);
    for (token, step) in
        [(&closes, "closure"), (&story.rui, "closure"), (&accepts, "acceptance"), (&accepts, "closure")]
    {
        let refused = watched.step(token, &finding, step).await.expect(403);
        assert_eq!(refused.code(), "separation_of_duties", "{step}: {}", refused.text());
    }
    assert_eq!(watched.look(&finding).await["state"], "remediating");
    watched.step(&watched.risk, &finding, "acceptance").await.expect(200);
    watched.step(&story.mara, &finding, "closure").await.expect(200);
}

#[actix_web::test]
async fn what_a_robot_reports_its_owner_does_not_settle() {
    let watched = Watched::begin().await;
    let story = &watched.story;
    give_role(story, "olga", "reviewer").await;
    let robot = json!({"name": "prober", "kind": "service", "roles": ["contributor"]});
    story.app.post(&story.olga, "/api/v1/accounts", robot).await.expect(201);
    let token = json!({"account": "prober", "name": "a test", "expires_in_days": 1});
    let token = story.app.post(&story.olga, "/api/v1/tokens", token).await.expect(201).json();
    let about = json!({"environment": ENVIRONMENT});
    let finding = watched.open(&text(&token["token"]), "high", about).await.expect(201).json();
    let refused = watched.step(&story.olga, &finding, "closure").await.expect(403);
    assert!(refused.text().contains("the owner of a robot"), "{}", refused.text());
    watched.step(&story.mara, &finding, "closure").await.expect(200);
}

#[actix_web::test]
async fn an_accepted_risk_stops_nothing_until_the_acceptance_ends_by_itself() {
    let watched = Watched::begin().await;
    let finding = watched.open(&watched.story.ada, "critical", of_version()).await.expect(201).json();
    watched.step(&watched.risk, &finding, "acceptance").await.expect(200);
    assert!(watched.stopped_by().await.is_empty());
    let clock = watched.story.app.app.db.clock();
    // Nobody swept, and yet it counts for nothing: the clock alone decides.
    clock.advance(TimeDelta::days(10));
    assert_eq!(watched.look(&finding).await["state"], "open");
    assert_eq!(watched.stopped_by().await[0]["check"], "finding_open");
    plimsoll::sweeps::run(&watched.story.app.app).await.expect("swept");
    plimsoll::sweeps::run(&watched.story.app.app).await.expect("swept");
    let reopened = watched.story.leaves("finding.reopen").await;
    assert_eq!((reopened.len(), &reopened[0]["actor"]["kind"]), (1, &json!("system")));
    assert_eq!(text(&watched.look(&finding).await["steps"][2]["step"]), "reopened");
    // It is past its due date as well, and of that somebody is reminded once.
    let reminded = watched.story.leaves("finding.remind").await;
    assert_eq!((reminded.len(), &reminded[0]["object"]["id"]), (1, &finding["id"]));
    assert_eq!(watched.look(&finding).await["overdue"], true);
}

#[actix_web::test]
async fn a_report_says_what_is_wrong_with_it() {
    let watched = Watched::begin().await;
    for (about, field) in [
        (json!({"environment": ENVIRONMENT, "code": "running_differs"}), "code"),
        (json!({"environment": ENVIRONMENT, "code": "a b"}), "code"),
        (json!({"environment": ENVIRONMENT, "severity": "bad"}), "severity"),
        (json!({"environment": ENVIRONMENT, "title": " "}), "title"),
        (json!({"environment": ENVIRONMENT, "owner": "nobody"}), "owner"),
        (json!({"version": "1", "environment": ENVIRONMENT}), "model"),
        (json!({}), "model"),
    ] {
        let answer = watched.open(&watched.story.ada, "low", about.clone()).await.expect(422).json();
        assert_eq!(answer["errors"][0]["field"], field, "{about}");
    }
    let finding = watched.open(&watched.story.ada, "low", of_version()).await.expect(201).json();
    for until in ["2026-01-02T03:04:05Z", "2025-01-01T00:00:00Z", "2026-04-03T00:00:00Z"] {
        let path = format!("/api/v1/findings/{}/acceptance", text(&finding["id"]));
        let body = json!({"reason": "A test.", "until": until});
        let answer = watched.story.app.post(&watched.risk, &path, body).await.expect(422).json();
        assert_eq!(answer["errors"][0]["field"], "until", "{until}");
    }
    let long = json!({"environment": ENVIRONMENT, "title": "x".repeat(501)});
    watched.open(&watched.story.ada, "low", long).await.expect(422);
}
