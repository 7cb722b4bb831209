//! Waivers: who may except one limit, from when to when, and what that changes.

mod successors;

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, give_role, policy, scorer, spec, text},
};
use chrono::TimeDelta;
use plimsoll::audit::invariants;
use serde_json::{Value, json};

/// A version that misses the limit `accuracy`, which Rui owns. Nobody else reviews but Mara and a
/// risk officer, Rosa.
struct Missed {
    story: Story,
    risk: String,
}

impl Missed {
    async fn begin() -> Self {
        Self::owned_by("rui").await
    }

    async fn owned_by(owner: &str) -> Self {
        let mut spec = spec();
        spec["constraints"][0]["limit"] = 0.99.into();
        spec["constraints"][0]["owner"] = owner.into();
        Self::of(spec).await
    }

    async fn of(spec: Value) -> Self {
        let story = Story::stage_with(&[], spec, policy(1)).await;
        let risk = story.app.user("rosa", &["risk_officer"]).await;
        let version = story.signed(MODEL, &scorer(1)).await;
        let run = story.run(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(run["state"], "failed", "{run:#}");
        Self { story, risk }
    }

    async fn ask_with(&self, token: &str, changes: Value) -> Reply {
        let mut body = json!({
            "model": MODEL, "version": "1", "environment": ENVIRONMENT, "constraint": "accuracy",
            "reason": "The season ends soon.", "compensating_control": "A person looks at each.",
            "expires_at": "2026-01-12T00:00:00Z"
        });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.story.app.post(token, "/api/v1/waivers", body).await
    }

    async fn asked(&self) -> Value {
        self.ask_with(&self.story.ines, json!({})).await.expect(201).json()
    }

    async fn decide(&self, token: &str, waiver: &Value, outcome: &str) -> Reply {
        let path = format!("/api/v1/waivers/{}/decisions", text(&waiver["id"]));
        self.story.app.post(token, &path, json!({"outcome": outcome, "reason": "A test."})).await
    }

    async fn granted(&self) -> Value {
        let waiver = self.asked().await;
        let granted = self.decide(&self.story.rui, &waiver, "grant").await.expect(200).json();
        assert_eq!(granted["state"], "granted", "{granted:#}");
        granted
    }

    async fn revoke(&self, token: &str, waiver: &Value) -> Reply {
        let path = format!("/api/v1/waivers/{}/revocation", text(&waiver["id"]));
        self.story.app.post(token, &path, json!({"reason": "A test."})).await
    }

    async fn look(&self, waiver: &Value) -> Value {
        let path = format!("/api/v1/waivers/{}", text(&waiver["id"]));
        self.story.app.get(&self.story.mara, &path).await.expect(200).json()
    }

    /// The codes that stop a new request, which is withdrawn if nothing does.
    async fn stopped_by(&self) -> Vec<String> {
        let request = self.story.request(MODEL, "1", ENVIRONMENT).await;
        if request["state"] == "awaiting_approval" {
            self.story.withdraw(&self.story.ines, &request).await.expect(200);
        }
        request["failed_checks"].as_array().expect("checks").iter().map(|check| text(&check["check"])).collect()
    }

    fn advance(&self, by: TimeDelta) {
        self.story.app.app.db.clock().advance(by);
    }
}

#[actix_web::test]
async fn a_limit_that_an_overlay_tightened_is_excepted_as_it_is_for_the_model() {
    let mut tightened = spec();
    tightened["constraints"][0]["owner"] = "rui".into();
    tightened["overlays"] = json!({MODEL: [{"name": "accuracy", "limit": 0.99}]});
    let missed = Missed::of(tightened).await;
    missed.granted().await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{:#}", request["failed_checks"]);
    missed.story.approve(&missed.story.mara, &request).await.expect(200);
    let report = invariants::ops::check(&missed.story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

#[actix_web::test]
async fn a_granted_waiver_lets_one_missed_limit_pass_and_is_part_of_what_is_decided_on() {
    let missed = Missed::begin().await;
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
    let waiver = missed.asked().await;
    assert_eq!((&waiver["state"], &waiver["owner"]), (&json!("requested"), &json!("rui")));
    assert_eq!(missed.stopped_by().await, ["constraint_fail"], "nothing is excepted before it is granted");
    let granted = missed.decide(&missed.story.rui, &waiver, "grant").await.expect(200).json();
    assert_eq!((&granted["state"], &granted["grants"][0]["by"]), (&json!("granted"), &json!("rui")));
    let statement = text(&granted["grants"][0]["statement"]["mediaType"]);
    assert!(statement.contains("sigstore"), "{granted:#}");

    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{:#}", request["failed_checks"]);
    assert_eq!(request["decision"]["waivers"][0]["waiver"], waiver["id"]);
    let verdict = &request["verdicts"][0];
    assert_eq!((&verdict["constraint"], &verdict["verdict"]), (&json!("accuracy"), &json!("waived")));
    assert!(text(&verdict["reason"]).contains("measured: fail"), "{verdict:#}");
    // What was measured stays what it was.
    let run = missed.story.find_run(&text(&request["run"])).await;
    assert_eq!((&run["verdicts"][0]["verdict"], &run["state"]), (&json!("fail"), &json!("failed")));
    let page = missed.story.app.get(&missed.story.mara, &format!("/api/v1/promotions/{}", text(&request["id"]))).await;
    assert_eq!(page.expect(200).json()["verdicts"][0]["verdict"], "waived");

    // Who granted it does not approve what rests on it; somebody else does.
    let refused = missed.story.approve(&missed.story.rui, &request).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    missed.story.approve(&missed.story.mara, &request).await.expect(200);
    missed.story.activate(&request).await.expect(201);
}

#[actix_web::test]
async fn the_end_of_a_waiver_ends_what_rests_on_it_whether_or_not_anybody_wrote_so() {
    let missed = Missed::begin().await;
    missed.granted().await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    missed.story.approve(&missed.story.mara, &request).await.expect(200);
    // To its last moment it counts, and from its end on it does not; nobody sweeps.
    missed
        .story
        .revise(
            ENVIRONMENT,
            "policy",
            json!({"approvals": [{"role": "reviewer", "count": 1}],
        "request_expires_after_hours": 2_000, "evidence_maximum_age_days": 90}),
        )
        .await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    let approved = missed.story.approve(&missed.story.mara, &request).await.expect(200).json();
    assert_eq!(approved["state"], "approved");
    missed.advance(TimeDelta::days(10));
    let refused = missed.story.activate(&request).await.expect(409);
    assert_eq!(refused.code(), "decision_changed", "{}", refused.text());
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
}

#[actix_web::test]
async fn the_sweep_writes_down_the_end_of_a_waiver_once_and_ends_open_requests_with_it() {
    let missed = Missed::begin().await;
    missed
        .story
        .revise(
            ENVIRONMENT,
            "policy",
            json!({"approvals": [{"role": "reviewer", "count": 1}],
        "request_expires_after_hours": 2_000, "evidence_maximum_age_days": 90}),
        )
        .await;
    let waiver = missed.granted().await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    missed.advance(TimeDelta::days(10));
    for _ in 0..2 {
        plimsoll::sweeps::run(&missed.story.app.app).await.expect("swept");
    }
    let ended = missed.story.leaves("waiver.expire").await;
    assert_eq!((ended.len(), &ended[0]["actor"]["kind"]), (1, &json!("system")));
    assert_eq!(missed.look(&waiver).await["state"], "expired");
    assert_eq!(missed.story.look(&request).await["state"], "invalidated");
    let invalidated = missed.story.leaves("promotion.invalidate").await;
    assert_eq!(invalidated[0]["at"], ended[0]["at"]);
}

#[actix_web::test]
async fn a_revoked_waiver_ends_open_requests_at_once() {
    let missed = Missed::begin().await;
    let waiver = missed.granted().await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    missed.revoke(&missed.risk, &waiver).await.expect(200);
    assert_eq!(missed.story.look(&request).await["state"], "invalidated");
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
    let again = missed.revoke(&missed.risk, &waiver).await.expect(409);
    assert_eq!(again.code(), "waiver_state");
}

#[actix_web::test]
async fn a_waiver_is_asked_for_with_everything_that_it_needs() {
    let missed = Missed::begin().await;
    for (changes, field) in [
        (json!({"reason": " "}), "reason"),
        (json!({"compensating_control": ""}), "compensating_control"),
        (json!({"expires_at": null}), "expires_at"),
        (json!({"expires_at": "2026-01-02T03:04:05Z"}), "expires_at"),
        (json!({"expires_at": "2025-12-31T00:00:00Z"}), "expires_at"),
        (json!({"expires_at": "2026-04-03T00:00:00Z"}), "expires_at"),
        (json!({"constraint": "nothing"}), "constraint"),
        (json!({"version": "latest"}), "version"),
    ] {
        let refused = missed.ask_with(&missed.story.ines, changes.clone()).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{changes}");
    }
    for (changes, status) in [
        (json!({"expires_at": "soon"}), 400),
        (json!({"more": 1}), 400),
        (json!({"model": "other"}), 404),
        (json!({"version": "9"}), 404),
        (json!({"environment": "moon"}), 404),
    ] {
        missed.ask_with(&missed.story.ines, changes).await.expect(status);
    }
    // 90 days are allowed to the last moment.
    missed.ask_with(&missed.story.ines, json!({"expires_at": "2026-04-02T03:04:05Z"})).await.expect(201);
    let second = missed.ask_with(&missed.story.ines, json!({})).await.expect(409);
    assert_eq!(second.code(), "waiver_open");
    // For another version, or every one, it is another waiver.
    missed.ask_with(&missed.story.ines, json!({"version": null})).await.expect(201);
}

#[actix_web::test]
async fn only_those_who_may_grant_do_and_the_owner_of_the_limit_is_among_them() {
    let missed = Missed::begin().await;
    let story = &missed.story;
    // A manager's robot, and one who only looks, ask for nothing.
    let machine = story.app.robot("bot", &["contributor", "environment_manager"]).await;
    assert_eq!(missed.ask_with(&machine, json!({})).await.expect(403).code(), "robot_cannot_request");
    missed.ask_with(&story.ada, json!({})).await.expect(403);
    missed.ask_with(&story.robot, json!({})).await.expect(403);
    let waiver = missed.asked().await;
    for (who, code) in [(&story.ines, "forbidden"), (&story.ada, "forbidden"), (&machine, "robot_cannot_grant")] {
        assert_eq!(missed.decide(who, &waiver, "grant").await.expect(403).code(), code);
    }
    // Tom wrote the limits that are to be excepted.
    let party = missed.decide(&story.tom, &waiver, "grant").await.expect(403);
    assert_eq!(party.code(), "separation_of_duties");
    // Others may agree; without the owner it does not hold.
    for other in [&missed.risk, &story.mara] {
        let now = missed.decide(other, &waiver, "grant").await.expect(200).json();
        assert_eq!(now["state"], "requested", "{now:#}");
    }
    assert_eq!(missed.decide(&story.mara, &waiver, "grant").await.expect(409).code(), "already_decided");
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
    let now = missed.decide(&story.rui, &waiver, "grant").await.expect(200).json();
    assert_eq!(now["state"], "granted");
    assert!(missed.stopped_by().await.is_empty());
    assert_eq!(missed.decide(&story.rui, &waiver, "grant").await.expect(409).code(), "waiver_state");
}

#[actix_web::test]
async fn an_owner_with_a_part_in_it_does_not_grant_alone() {
    let missed = Missed::owned_by("ines").await;
    let story = &missed.story;
    let waiver = missed.asked().await;
    // Being named in the spec gives no right by itself.
    assert_eq!(missed.decide(&story.ines, &waiver, "grant").await.expect(403).code(), "forbidden");
    give_role(story, "ines", "reviewer").await;
    let now = missed.decide(&story.ines, &waiver, "grant").await.expect(200).json();
    assert_eq!(now["state"], "requested", "the author is not enough");
    let now = missed.decide(&missed.risk, &waiver, "grant").await.expect(200).json();
    assert_eq!(now["state"], "granted");
}

#[actix_web::test]
async fn a_waiver_for_every_version_takes_two_persons() {
    let missed = Missed::begin().await;
    let waiver = missed.ask_with(&missed.story.ines, json!({"version": null})).await.expect(201).json();
    let now = missed.decide(&missed.story.rui, &waiver, "grant").await.expect(200).json();
    assert_eq!(now["state"], "requested");
    let now = missed.decide(&missed.risk, &waiver, "grant").await.expect(200).json();
    assert_eq!((&now["state"], &now["version"]), (&json!("granted"), &Value::Null));
    assert!(missed.stopped_by().await.is_empty());
}

#[actix_web::test]
async fn one_refusal_ends_a_waiver() {
    let missed = Missed::begin().await;
    let waiver = missed.asked().await;
    let now = missed.decide(&missed.story.mara, &waiver, "refuse").await.expect(200).json();
    assert_eq!((&now["state"], &now["closed_by"]), (&json!("refused"), &json!("mara")));
    assert_eq!(missed.decide(&missed.story.rui, &waiver, "grant").await.expect(409).code(), "waiver_state");
}

#[actix_web::test]
async fn where_the_owner_of_a_limit_has_left_nobody_can_grant_and_the_answer_says_what_to_do() {
    let missed = Missed::owned_by("rui").await;
    let story = &missed.story;
    let waiver = missed.ask_with(&story.ines, json!({})).await.expect(201).json();
    assert_eq!((&waiver["owner"], &waiver["vacancy"]), (&json!("rui"), &Value::Null));
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/rui")).await.expect(200);
    let refused = missed.ask_with(&story.ines, json!({"version": null})).await.expect(409);
    let said =
        |text: &str| ["rui", "(tom)", "names another owner in the constraint spec"].iter().all(|w| text.contains(w));
    assert_eq!(refused.code(), "constraint_owner_unknown");
    assert!(said(&refused.text()), "{}", refused.text());
    // What was asked for before says it too, and nobody grants it in nobody's name.
    let now = missed.look(&waiver).await;
    assert!(said(&text(&now["vacancy"])) && now["state"] == "requested", "{now:#}");
    for token in [&story.mara, &story.tom] {
        for outcome in ["grant", "refuse"] {
            let refused = missed.decide(token, &waiver, outcome).await.expect(409);
            assert_eq!(refused.code(), "constraint_owner_unknown", "{}", refused.text());
            assert!(said(&refused.text()), "{}", refused.text());
        }
    }
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
    // The way out: another owner, and another waiver.
    let mut owned = crate::story::strict_spec();
    owned["constraints"][0]["owner"] = "mara".into();
    story.revise(ENVIRONMENT, "constraints", owned).await;
    story.run(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(missed.decide(&story.mara, &waiver, "grant").await.expect(409).code(), "constraint_changed");
    missed.revoke(&story.ines, &waiver).await;
    let again = missed.ask_with(&story.ines, json!({})).await.expect(201).json();
    assert_eq!(missed.decide(&story.mara, &again, "grant").await.expect(200).json()["state"], "granted");
    assert_eq!(missed.stopped_by().await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_revised_limit_is_another_limit() {
    let missed = Missed::begin().await;
    let waiver = missed.granted().await;
    let mut stricter = spec();
    stricter["constraints"][0]["limit"] = 0.995.into();
    stricter["constraints"][0]["owner"] = "rui".into();
    missed.story.revise(ENVIRONMENT, "constraints", stricter).await;
    missed.story.run(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(missed.stopped_by().await, ["constraint_fail"]);
    assert_eq!(missed.look(&waiver).await["state"], "granted");
}

#[actix_web::test]
async fn a_waiver_opens_nothing_but_its_limit() {
    let missed = Missed::begin().await;
    missed.granted().await;
    let story = &missed.story;
    // Not what was never measured.
    let other = story.signed(MODEL, &scorer(2)).await;
    missed.ask_with(&story.ines, json!({"version": other})).await.expect(201);
    let request = story.request(MODEL, &other, ENVIRONMENT).await;
    assert_eq!(request["failed_checks"][0]["check"], "evidence_missing");
    // Not what is too old.
    missed.advance(TimeDelta::days(9));
    story
        .revise(
            ENVIRONMENT,
            "policy",
            json!({"approvals": [{"role": "reviewer", "count": 1}],
        "evidence_maximum_age_days": 1}),
        )
        .await;
    assert_eq!(missed.stopped_by().await, ["evidence_expired"]);
    // Not a version that was revoked.
    story.revoke_version("1").await.expect(200);
    assert!(missed.stopped_by().await.contains(&"version_revoked".to_owned()));
}

#[actix_web::test]
async fn nobody_approves_what_they_asked_to_be_excepted() {
    let missed = Missed::begin().await;
    let story = &missed.story;
    let both = story.app.user("both", &["reviewer", "contributor"]).await;
    let waiver = missed.ask_with(&both, json!({})).await.expect(201).json();
    missed.decide(&story.rui, &waiver, "grant").await.expect(200);
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(story.approve(&both, &request).await.expect(403).code(), "separation_of_duties");
}

#[actix_web::test]
async fn a_red_gate_is_not_approved_away() {
    let missed = Missed::begin().await;
    let request = missed.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(request["state"], "checks_failed");
    let refused = missed.story.approve(&missed.story.mara, &request).await.expect(409);
    assert_eq!(refused.code(), "gate_red", "{}", refused.text());
    assert!(refused.text().contains("waiver"), "{}", refused.text());
    assert_eq!(missed.story.look(&request).await["state"], "checks_failed");
}
