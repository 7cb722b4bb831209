//! Emergencies: who may break the glass, what it opens, how it ends, who looks at it afterwards.

mod aftermath;

use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, scorer, spec, text},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// What the policy allows: managers, 8 hours, a review within 72.
fn allowing(terms: Value) -> Value {
    let mut allowed = json!({"roles": ["environment_manager", "risk_officer"], "maximum_hours": 8});
    for (name, value) in terms.as_object().expect("an object") {
        allowed[name] = value.clone();
    }
    json!({"approvals": [{"role": "reviewer", "count": 1}], "break_glass": allowed})
}

/// Version 1 is active in a regular way; version 2 was never measured.
struct Emergency {
    story: Story,
    risk: String,
}

impl Emergency {
    async fn begin() -> Self {
        Self::begin_with(allowing(json!({}))).await
    }

    async fn begin_with(policy: Value) -> Self {
        let story = Story::stage_with(&[], spec(), policy).await;
        story.released(1).await;
        story.signed(MODEL, &scorer(2)).await;
        Self { risk: story.app.user("rosa", &["risk_officer"]).await, story }
    }

    async fn invoke(&self, token: &str, version: &str, hours: u32) -> Reply {
        let body = json!({"model": MODEL, "version": version, "environment": ENVIRONMENT, "hours": hours,
            "justification": "It answers nobody."});
        self.story.app.post(token, "/api/v1/break-glass", body).await
    }

    async fn active(&self) -> Value {
        let broken = self.invoke(&self.story.tom, "2", 4).await.expect(201).json();
        assert_eq!(broken["state"], "active", "{broken:#}");
        broken
    }

    async fn step(&self, token: &str, broken: &Value, step: &str, body: Value) -> Reply {
        let path = format!("/api/v1/break-glass/{}/{step}", text(&broken["id"]));
        match step {
            "confirmation" => crate::harness::reply(self.story.app.request(token, "POST", &path)).await,
            _ => self.story.app.post(token, &path, body).await,
        }
    }

    async fn close(&self, token: &str, broken: &Value) -> Reply {
        self.step(token, broken, "closure", json!({"reason": "A test."})).await
    }

    async fn review(&self, token: &str, broken: &Value, outcome: &str) -> Reply {
        self.step(token, broken, "review", json!({"outcome": outcome, "reason": "A test."})).await
    }

    async fn look(&self, broken: &Value) -> Value {
        let path = format!("/api/v1/break-glass/{}", text(&broken["id"]));
        self.story.app.get(&self.story.mara, &path).await.expect(200).json()
    }

    async fn findings(&self) -> Vec<(String, String)> {
        let path = "/api/v1/findings?standing=true";
        let found = self.story.app.get(&self.story.mara, path).await.expect(200).json();
        let of = |finding: &Value| (text(&finding["code"]), text(&finding["severity"]));
        found["items"].as_array().expect("items").iter().map(of).collect()
    }

    /// Which version leaves to a deployer now; nothing if the gate is closed.
    async fn pulled(&self) -> Option<i64> {
        let pull = self.story.pull(None).await;
        (pull.status == 200).then(|| pull.json()["release"]["version"].as_i64().expect("a number"))
    }

    fn advance(&self, by: TimeDelta) {
        self.story.app.app.db.clock().advance(by);
    }

    async fn sweep(&self) {
        plimsoll::sweeps::run(&self.story.app.app).await.expect("swept");
    }
}

#[actix_web::test]
async fn a_version_that_nobody_approved_runs_at_once_and_what_it_was_let_past_is_on_record() {
    let emergency = Emergency::begin().await;
    let broken = emergency.active().await;
    assert_eq!(emergency.pulled().await, Some(2));
    assert_eq!((&broken["would_have_passed"], &broken["invoked_by"]), (&json!(false), &json!("tom")));
    assert_eq!(text(&broken["ends_at"]), "2026-01-02T07:04:05.000000Z");
    assert_eq!(text(&broken["review_due_at"]), "2026-01-05T03:04:05.000000Z");
    let path = format!("/api/v1/promotions/{}", text(&broken["promotion"]));
    let request = emergency.story.app.get(&emergency.story.mara, &path).await.expect(200).json();
    assert_eq!(
        (&request["state"], &request["failed_checks"][0]["check"]),
        (&json!("bypassed"), &json!("evidence_missing"))
    );
    assert_eq!(emergency.findings().await, [("break_glass".to_owned(), "medium".to_owned())]);
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/releases");
    let history = emergency.story.app.get(&emergency.story.tom, &path).await.expect(200).json();
    assert_eq!(
        (&history["items"][0]["kind"], &history["items"][1]["state"]),
        (&json!("break_glass"), &json!("superseded"))
    );
    let logged = emergency.story.leaves("break_glass.invoke").await;
    assert_eq!((logged.len(), &logged[0]["detail"]["would_have_passed"]), (1, &json!(false)));
    assert!(!logged[0].to_string().contains("answers nobody"), "what people wrote is not in the log");
}

#[actix_web::test]
async fn it_is_on_record_also_when_the_checks_would_have_passed() {
    let emergency = Emergency::begin().await;
    emergency.story.run(MODEL, "2", ENVIRONMENT).await;
    let broken = emergency.active().await;
    assert_eq!(broken["would_have_passed"], true);
    assert_eq!(emergency.findings().await.len(), 1);
}

#[actix_web::test]
async fn the_gate_closes_at_its_end_though_nobody_wrote_so_and_nothing_comes_back_by_itself() {
    let emergency = Emergency::begin().await;
    let broken = emergency.active().await;
    emergency.advance(TimeDelta::hours(4) - TimeDelta::microseconds(1));
    assert_eq!(emergency.pulled().await, Some(2));
    emergency.advance(TimeDelta::microseconds(1));
    assert_eq!(emergency.pulled().await, None);
    assert_eq!(emergency.look(&broken).await["state"], "closed");
    emergency.sweep().await;
    emergency.sweep().await;
    assert_eq!(emergency.pulled().await, None);
    let ended = emergency.story.leaves("break_glass.expire").await;
    assert_eq!((ended.len(), &ended[0]["actor"]["kind"]), (1, &json!("system")));
    // What comes next is somebody's decision.
    let promotion = emergency.story.measured_version(3).await;
    let approved = emergency.story.approved(&promotion).await;
    emergency.story.activate(&approved).await.expect(201);
    assert_eq!(emergency.pulled().await, Some(3));
}

#[actix_web::test]
async fn a_rollback_leaves_an_emergency_and_its_end_takes_nothing_else_down() {
    let emergency = Emergency::begin().await;
    let broken = emergency.active().await;
    emergency.story.roll_back(None).await.expect(201);
    assert_eq!(emergency.pulled().await, Some(1));
    emergency.advance(TimeDelta::hours(5));
    emergency.sweep().await;
    assert_eq!(emergency.pulled().await, Some(1));
    assert_eq!(emergency.look(&broken).await["state"], "closed");
}

#[actix_web::test]
async fn it_is_not_allowed_where_the_policy_does_not_say_so() {
    let story = Story::measured().await;
    let emergency = Emergency { risk: story.app.user("rosa", &["risk_officer"]).await, story };
    let refused = emergency.invoke(&emergency.story.tom, "1", 1).await.expect(403);
    assert_eq!(refused.code(), "break_glass_not_allowed");
    assert!(refused.text().contains("policy"), "{}", refused.text());
    assert_eq!(emergency.pulled().await, None);
}

#[actix_web::test]
async fn only_the_people_whom_the_policy_names_break_the_glass_and_only_for_its_hours() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    let machine = story.app.robot("bot", &["environment_manager"]).await;
    for (token, code) in [
        (&story.ines, "forbidden"),
        (&story.ada, "forbidden"),
        (&story.robot, "forbidden"),
        (&story.mara, "break_glass_role"),
        (&machine, "robot_cannot_invoke"),
    ] {
        assert_eq!(emergency.invoke(token, "2", 1).await.expect(403).code(), code);
    }
    for hours in [0, 9, 24, 25, u32::MAX] {
        let refused = emergency.invoke(&story.tom, "2", hours).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "hours", "{hours}");
    }
    let silent = json!({"model": MODEL, "version": "2", "environment": ENVIRONMENT, "hours": 1, "justification": " "});
    story.app.post(&story.tom, "/api/v1/break-glass", silent).await.expect(422);
    assert_eq!(emergency.pulled().await, Some(1));
    emergency.invoke(&emergency.risk, "2", 8).await.expect(201);
    assert_eq!(emergency.invoke(&story.tom, "2", 1).await.expect(409).code(), "break_glass_open");
}

#[actix_web::test]
async fn no_emergency_lets_a_revoked_or_an_unsigned_version_out() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    story.revoke_version("2").await.expect(200);
    let refused = emergency.invoke(&story.tom, "2", 1).await.expect(412);
    assert_eq!(
        (refused.code().as_str(), &refused.json()["failed_checks"][0]["check"]),
        ("release_blocked", &json!("version_revoked"))
    );
    let draft = story.draft(MODEL, &scorer(3)).await;
    let refused = emergency.invoke(&story.tom, &draft, 1).await.expect(412).json();
    assert_eq!(refused["failed_checks"][0]["check"], "version_not_sealed");
    story.signed(MODEL, &scorer(4)).await;
    story.revoke_key().await.expect(200);
    let refused = emergency.invoke(&story.tom, "4", 1).await.expect(412).json();
    assert_eq!(refused["failed_checks"][0]["check"], "signing_key_not_valid");
    assert!(story.leaves("break_glass.invoke").await.iter().all(|leaf| leaf["outcome"] == "denied"));
}

#[actix_web::test]
async fn who_broke_the_glass_neither_reviews_it_nor_approves_what_follows() {
    let emergency = Emergency::begin().await;
    let broken = emergency.invoke(&emergency.risk, "2", 4).await.expect(201).json();
    assert_eq!(
        emergency.review(&emergency.story.mara, &broken, "justified").await.expect(409).code(),
        "break_glass_state"
    );
    emergency.close(&emergency.story.tom, &broken).await.expect(200);
    assert_eq!(emergency.pulled().await, None);
    assert_eq!(
        emergency.review(&emergency.risk, &broken, "justified").await.expect(403).code(),
        "separation_of_duties"
    );
    assert_eq!(emergency.review(&emergency.story.tom, &broken, "justified").await.expect(403).code(), "forbidden");
    let reviewed = emergency.review(&emergency.story.mara, &broken, "justified").await.expect(200).json();
    assert_eq!((&reviewed["state"], &reviewed["reviewed_by"]), (&json!("justified"), &json!("mara")));
    assert!(emergency.findings().await.is_empty());
    assert_eq!(
        emergency.review(&emergency.story.rui, &broken, "unjustified").await.expect(409).code(),
        "break_glass_state"
    );
    // A regular request for the version: whoever broke the glass for it is a party.
    emergency.story.run(MODEL, "2", ENVIRONMENT).await;
    let request = emergency.story.request(MODEL, "2", ENVIRONMENT).await;
    let refused = emergency.story.approve(&emergency.risk, &request).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    emergency.story.approve(&emergency.story.mara, &request).await.expect(200);
}

#[actix_web::test]
async fn an_unjustified_emergency_stays_a_finding() {
    let emergency = Emergency::begin().await;
    let broken = emergency.active().await;
    emergency.close(&emergency.story.tom, &broken).await.expect(200);
    emergency.review(&emergency.story.mara, &broken, "unjustified").await.expect(200);
    let mut codes: Vec<_> = emergency.findings().await.into_iter().map(|(code, _)| code).collect();
    codes.sort();
    assert_eq!(codes, ["break_glass", "break_glass_unjustified"]);
}

#[actix_web::test]
async fn an_overdue_review_stops_the_next_emergency_and_is_a_finding() {
    let emergency = Emergency::begin().await;
    let broken = emergency.active().await;
    emergency.advance(TimeDelta::hours(72));
    let refused = emergency.invoke(&emergency.story.tom, "2", 1).await.expect(409);
    assert_eq!(refused.code(), "review_overdue", "{}", refused.text());
    assert_eq!(emergency.look(&broken).await["review_overdue"], true);
    emergency.sweep().await;
    emergency.sweep().await;
    let overdue = emergency.findings().await.iter().filter(|(code, _)| code == "review_overdue").count();
    assert_eq!(overdue, 1);
    emergency.review(&emergency.story.mara, &broken, "justified").await.expect(200);
    assert!(emergency.findings().await.is_empty());
    emergency.invoke(&emergency.story.tom, "2", 1).await.expect(201);
}

#[actix_web::test]
async fn an_overdue_review_of_a_rollback_stops_the_next_emergency() {
    let emergency = Emergency::begin().await;
    let third = emergency.story.measured_version(3).await;
    let approved = emergency.story.approved(&third).await;
    emergency.story.activate(&approved).await.expect(201);
    emergency.story.roll_back(None).await.expect(201);
    emergency.advance(TimeDelta::days(8));
    let refused = emergency.invoke(&emergency.story.tom, "2", 1).await.expect(409);
    assert_eq!(refused.code(), "review_overdue", "{}", refused.text());
    assert!(refused.text().contains("rollback"), "{}", refused.text());
}

#[actix_web::test]
async fn where_two_persons_are_asked_for_nothing_happens_before_the_second_confirms() {
    let emergency = Emergency::begin_with(allowing(json!({"second_person": true}))).await;
    let story = &emergency.story;
    let proposed = emergency.invoke(&story.tom, "2", 4).await.expect(201).json();
    assert_eq!((&proposed["state"], &proposed["release"]), (&json!("proposed"), &Value::Null));
    assert_eq!(emergency.pulled().await, Some(1));
    let own = emergency.step(&story.tom, &proposed, "confirmation", json!({})).await.expect(403);
    assert_eq!(own.code(), "separation_of_duties");
    let other = emergency.step(&story.mara, &proposed, "confirmation", json!({})).await.expect(403);
    assert_eq!(other.code(), "break_glass_role");
    let active = emergency.step(&emergency.risk, &proposed, "confirmation", json!({})).await.expect(200).json();
    assert_eq!((&active["state"], &active["second_by"]), (&json!("active"), &json!("rosa")));
    assert_eq!(emergency.pulled().await, Some(2));
    emergency.close(&story.tom, &active).await.expect(200);
    let refused = emergency.review(&emergency.risk, &active, "justified").await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties", "the second person is no reviewer either");
}

#[actix_web::test]
async fn what_nobody_confirms_within_an_hour_never_happens() {
    let emergency = Emergency::begin_with(allowing(json!({"second_person": true}))).await;
    let proposed = emergency.invoke(&emergency.story.tom, "2", 4).await.expect(201).json();
    emergency.advance(TimeDelta::hours(1));
    let late = emergency.step(&emergency.risk, &proposed, "confirmation", json!({})).await.expect(409);
    assert_eq!(late.code(), "break_glass_state");
    emergency.sweep().await;
    assert_eq!(emergency.look(&proposed).await["state"], "unconfirmed");
    assert_eq!((emergency.pulled().await, emergency.findings().await.len()), (Some(1), 0));
    emergency.invoke(&emergency.story.tom, "2", 1).await.expect(201);
}

#[actix_web::test]
async fn open_requests_end_with_the_release_that_they_were_to_replace() {
    let emergency = Emergency::begin().await;
    let third = emergency.story.measured_version(3).await;
    let approved = emergency.story.approved(&third).await;
    emergency.active().await;
    assert_eq!(emergency.story.look(&approved).await["state"], "invalidated");
}
