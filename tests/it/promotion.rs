//! Requests, decisions and what ends them.

mod states;

use crate::story::{ENVIRONMENT, MODEL, Story, checks, give_role, policy, scorer, spec, strict_spec, text};
use chrono::TimeDelta;
use plimsoll::{
    core::digest::Digest,
    db::entity::{account, membership},
    promotions,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use serde_json::{Value, json};

async fn asked(story: &Story) -> Value {
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(promotion["state"], "awaiting_approval", "{:#}", promotion["failed_checks"]);
    promotion
}

async fn stage_of_two_seats() -> Story {
    let story = Story::stage_with(&[], spec(), policy(2)).await;
    story.measured_version(1).await;
    story
}

#[actix_web::test]
async fn a_failed_limit_is_named_with_its_owner_and_nobody_can_approve_it_away() {
    let story = Story::stage_with(&[], strict_spec(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    assert_eq!(story.run(MODEL, &version, ENVIRONMENT).await["state"], "failed");
    let refused = story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(refused["state"], "checks_failed");
    assert_eq!(checks(&refused), ["constraint_fail"]);
    assert_eq!(refused["failed_checks"][0]["owner"], "ines");
    assert!(text(&refused["failed_checks"][0]["detail"]).contains("0.785"), "{refused:#}");
    assert_eq!(story.approve(&story.mara, &refused).await.expect(409).code(), "gate_red");
    assert_eq!(story.activate(&refused).await.expect(409).code(), "promotion_state");
}

#[actix_web::test]
async fn without_a_run_there_is_nothing_to_approve() {
    let story = Story::stage().await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let refused = story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!((refused["state"].as_str(), checks(&refused)), (Some("checks_failed"), vec!["evidence_missing".into()]));
    // Queued is not passed.
    story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201);
    assert_eq!(checks(&story.request(MODEL, &version, ENVIRONMENT).await), ["evidence_missing"]);
}

#[actix_web::test]
async fn an_approval_of_another_digest_changes_nothing() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let mut other = promotion.clone();
    other["decision_digest"] = Digest::of(b"another decision").to_string().into();
    assert_eq!(story.approve(&story.mara, &other).await.expect(409).code(), "decision_changed");
    let now = story.look(&promotion).await;
    assert_eq!(
        (now["state"].as_str(), now["approvals"].as_array().map(Vec::len)),
        (Some("awaiting_approval"), Some(0))
    );
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn a_revised_spec_invalidates_the_request_and_says_what_changed() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let mut spec = spec();
    spec["constraints"][0]["limit"] = 0.71.into();
    story.revise(ENVIRONMENT, "constraints", spec).await;
    let refused = story.approve(&story.mara, &promotion).await.expect(409);
    assert_eq!(refused.code(), "promotion_state");
    assert!(refused.text().contains("changed since it was asked: constraints"), "{}", refused.text());
    let now = story.look(&promotion).await;
    assert_eq!(now["state"], "invalidated");
    assert!(text(&now["closed_reason"]).contains("constraints"), "{now:#}");
    assert_eq!(story.approve(&story.mara, &promotion).await.expect(409).code(), "promotion_state");
}

#[actix_web::test]
async fn a_revised_document_ends_approved_requests_without_anyone_looking() {
    let story = Story::measured().await;
    for document in ["profile", "policy"] {
        let approved = story.approved("1").await;
        let body = match document {
            "profile" => json!({"class": "edge", "operating_mode": "advisory"}),
            _ => policy(2),
        };
        story.revise(ENVIRONMENT, document, body).await;
        let now = story.look(&approved).await;
        assert_eq!(now["state"], "invalidated", "{document}");
        assert!(text(&now["closed_reason"]).contains(document), "{now:#}");
        assert_eq!(story.activate(&approved).await.expect(409).code(), "promotion_state");
    }
}

#[actix_web::test]
async fn the_same_document_again_leaves_requests_alone() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let before = story.app.events().await;
    assert_eq!(story.revise(ENVIRONMENT, "constraints", spec()).await["revision"], 1);
    assert_eq!(story.app.events().await, before);
    story.app.work().await;
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn one_rejection_ends_a_request() {
    let story = stage_of_two_seats().await;
    let promotion = asked(&story).await;
    let mut silent = json!({"decision_digest": promotion["decision_digest"], "outcome": "reject"});
    let path = format!("/api/v1/promotions/{}/decisions", text(&promotion["id"]));
    story.app.post(&story.mara, &path, silent.clone()).await.expect(422);
    silent["outcome"] = "maybe".into();
    story.app.post(&story.mara, &path, silent).await.expect(422);
    let rejected = story.decide(&story.mara, &promotion, "reject").await.expect(200).json();
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(story.approve(&story.rui, &promotion).await.expect(409).code(), "promotion_state");
    assert_eq!(asked(&story).await["state"], "awaiting_approval", "a new request may be made");
}

#[actix_web::test]
async fn a_closed_request_takes_no_decision_from_anyone() {
    let story = stage_of_two_seats().await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    story.withdraw(&story.ines, &promotion).await.expect(200);
    for token in [&story.mara, &story.rui] {
        assert_eq!(story.approve(token, &promotion).await.expect(409).code(), "promotion_state");
        assert_eq!(story.decide(token, &promotion, "reject").await.expect(409).code(), "promotion_state");
    }
}

#[actix_web::test]
async fn a_request_that_nobody_decides_on_expires() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    story.app.app.db.clock().advance(TimeDelta::hours(72));
    assert_eq!(story.approve(&story.mara, &promotion).await.expect(409).code(), "promotion_expired");
    assert_eq!(story.look(&promotion).await["state"], "expired");

    let approved = story.approved("1").await;
    story.app.app.db.clock().advance(TimeDelta::hours(71));
    promotions::ops::expire_due(&story.app.app).await.expect("sweep");
    assert_eq!(story.look(&approved).await["state"], "approved");
    story.app.app.db.clock().advance(TimeDelta::hours(1));
    promotions::ops::expire_due(&story.app.app).await.expect("sweep");
    assert_eq!(story.look(&approved).await["state"], "expired", "approved and forgotten is no as well");
    assert_eq!(story.activate(&approved).await.expect(409).code(), "promotion_state");
    assert_eq!(story.leaves("promotion.expire").await.len(), 2);
}

#[actix_web::test]
async fn an_approval_does_not_outlive_its_request() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    story.app.app.db.clock().advance(TimeDelta::hours(73));
    assert_eq!(story.activate(&approved).await.expect(409).code(), "promotion_expired");
    assert_eq!(story.look(&approved).await["state"], "expired");
}

#[actix_web::test]
async fn one_person_fills_one_seat_however_often_they_approve() {
    let story = stage_of_two_seats().await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    let session = json!({"name": "mara", "password": "a password of some length"});
    let session = text(&story.app.post("", "/api/v1/sessions", session).await.expect(201).json()["token"]);
    let before = story.app.events().await;
    for token in [&story.mara, &session] {
        let again = story.approve(token, &promotion).await.expect(200).json();
        assert_eq!((&again["seats_filled"], again["seats"].as_array().map(Vec::len)), (&json!(1), Some(2)));
        assert_eq!(again["approvals"].as_array().map(Vec::len), Some(1));
        assert_eq!(again["state"], "awaiting_approval");
    }
    assert_eq!(story.app.events().await, before, "nothing happened, so nothing is logged");
    assert_eq!(story.activate(&promotion).await.expect(409).code(), "promotion_state");
}

#[actix_web::test]
async fn two_seats_need_two_people() {
    let story = stage_of_two_seats().await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    let approved = story.approve(&story.rui, &promotion).await.expect(200).json();
    assert_eq!((approved["state"].as_str(), &approved["seats_filled"]), (Some("approved"), &json!(2)));
    story.activate(&promotion).await.expect(201);
    let quorum: Vec<_> =
        story.leaves("promotion.approve").await.iter().map(|l| l["detail"]["quorum"].clone()).collect();
    assert_eq!(quorum, [true, false]);
}

#[actix_web::test]
async fn a_robot_with_a_reviewers_role_approves_nothing() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let body = json!({"name": "approver", "kind": "service", "roles": ["reviewer"]});
    story.app.post(&story.olga, "/api/v1/accounts", body).await.expect(422);
    give_role(&story, "pipeline", "reviewer").await;
    for outcome in ["approve", "reject"] {
        assert_eq!(story.decide(&story.robot, &promotion, outcome).await.expect(403).code(), "robot_cannot_approve");
    }
    assert_eq!(story.look(&promotion).await["state"], "awaiting_approval");
}

#[actix_web::test]
async fn nobody_decides_on_what_they_had_a_hand_in() {
    let story = Story::measured().await;
    let una = story.app.user("una", &["contributor", "reviewer"]).await;
    let vera = story.app.user("vera", &["environment_manager", "reviewer"]).await;
    let body = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT});

    // The one who asks.
    let hers = story.app.post(&una, "/api/v1/promotions", body.clone()).await.expect(201).json();
    let refused = story.approve(&una, &hers).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    assert!(refused.text().contains("the one who asked"), "{}", refused.text());
    let seen = story.app.get(&una, &format!("/api/v1/promotions/{}", text(&hers["id"]))).await.expect(200).json();
    assert_eq!(seen["your_conflicts"], json!(["the one who asked"]));
    story.withdraw(&una, &hers).await.expect(200);

    // The one who had it measured.
    story.app.post(&una, "/api/v1/runs", body).await.expect(201);
    story.app.work().await;
    let measured = asked(&story).await;
    assert!(story.approve(&una, &measured).await.expect(403).text().contains("the producer of its evidence"));
    assert_eq!(story.decide(&una, &measured, "reject").await.expect(403).code(), "separation_of_duties");
    story.withdraw(&story.ines, &measured).await.expect(200);

    // The one who wrote the policy.
    let path = format!("/api/v1/environments/{ENVIRONMENT}/policy");
    story.app.put(&vera, &path, "\"1\"", json!({"approvals": [{"role": "reviewer", "count": 1}]})).await.expect(200);
    let judged = asked(&story).await;
    assert!(story.approve(&vera, &judged).await.expect(403).text().contains("an editor of the promotion policy"));
    assert_eq!(story.leaves("promotion.approve").await.iter().filter(|l| l["outcome"] == "denied").count(), 3);
}

#[actix_web::test]
async fn an_approver_who_is_deactivated_no_longer_counts() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let path = "/api/v1/accounts/mara";
    crate::harness::reply(story.app.request(&story.olga, "DELETE", path)).await.expect(200);
    let refused = story.activate(&approved).await.expect(412);
    assert_eq!(refused.code(), "quorum_lost");
    assert_eq!(refused.json()["unblock"], json!(["rui"]));
    assert_eq!(story.pull(None).await.expect(412).code(), "nothing_active");
}

#[actix_web::test]
async fn an_approver_who_loses_the_role_no_longer_counts() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let db = story.app.app.db.raw_for_tests();
    let mara =
        account::Entity::find().filter(account::COLUMN.name.eq("mara")).one(db).await.expect("read").expect("mara");
    let tx = db.begin().await.expect("begin");
    membership::Entity::delete_many()
        .filter(membership::COLUMN.account_id.eq(mara.id))
        .exec(&tx)
        .await
        .expect("delete");
    crate::harness::commit_unlogged(tx).await;
    assert_eq!(story.activate(&approved).await.expect(412).code(), "quorum_lost");
    assert_eq!(story.approve(&story.mara, &approved).await.expect(403).code(), "forbidden");
}

#[actix_web::test]
async fn only_the_one_who_asked_withdraws() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let other = story.app.user("other", &["contributor"]).await;
    assert_eq!(story.withdraw(&other, &promotion).await.expect(403).code(), "not_yours");
    assert_eq!(story.withdraw(&story.mara, &promotion).await.expect(403).code(), "forbidden");
    assert_eq!(story.withdraw(&story.ines, &promotion).await.expect(200).json()["state"], "withdrawn");
}

#[actix_web::test]
async fn evidence_that_is_too_old_does_not_count() {
    let mut patient = policy(1);
    patient["request_expires_after_hours"] = 2_000.into();
    let story = Story::stage_with(&[], spec(), patient).await;
    story.measured_version(1).await;
    let open = asked(&story).await;
    story.app.app.db.clock().advance(TimeDelta::days(31));
    let refused = story.approve(&story.mara, &open).await.expect(409);
    assert_eq!(refused.code(), "decision_changed");
    assert!(refused.text().contains("older than 30 days"), "{}", refused.text());
    assert_eq!(story.look(&open).await["state"], "invalidated");
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["evidence_expired"]);
}

#[actix_web::test]
async fn a_limit_may_ask_for_fresher_evidence_than_the_policy() {
    let mut fresh = spec();
    fresh["constraints"][1]["maximum_evidence_age_days"] = 7.into();
    let mut patient = policy(1);
    patient["request_expires_after_hours"] = 2_000.into();
    let story = Story::stage_with(&[], fresh, patient).await;
    story.measured_version(1).await;
    let open = asked(&story).await;
    story.app.app.db.clock().advance(TimeDelta::days(8));
    let refused = story.approve(&story.mara, &open).await.expect(409);
    assert_eq!(refused.code(), "decision_changed");
    let again = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&again), ["constraint_evidence_expired"]);
    let check = &again["failed_checks"][0];
    assert_eq!(check["owner"], "tom");
    let detail = text(&check["detail"]);
    assert!(detail.starts_with("latency-p95: ") && detail.contains("since 20"), "{detail}");
    // Measured anew, it counts again.
    story.run(MODEL, "1", ENVIRONMENT).await;
    asked(&story).await;
}

#[actix_web::test]
async fn what_a_revoked_key_signed_is_neither_approved_nor_activated() {
    let story = Story::measured().await;
    story.measured_version(2).await;
    let (approved, open) = (story.approved("1").await, story.request(MODEL, "2", ENVIRONMENT).await);
    story.revoke_key().await.expect(200);
    assert_eq!(story.activate(&approved).await.expect(409).code(), "promotion_state");
    assert_eq!(story.approve(&story.mara, &open).await.expect(409).code(), "promotion_state");
    for promotion in [&approved, &open] {
        assert_eq!(story.look(promotion).await["state"], "invalidated");
    }
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["signing_key_not_valid"]);
}

#[actix_web::test]
async fn a_revoked_version_is_neither_approved_nor_activated() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    story.revoke_version("1").await.expect(200);
    let refused = story.activate(&approved).await.expect(409);
    assert_eq!(refused.code(), "promotion_state");
    assert!(refused.text().contains("revoked: It learnt from leaked data."), "{}", refused.text());
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["version_revoked"]);
}

#[actix_web::test]
async fn a_version_without_a_signature_is_blocked() {
    let story = Story::stage().await;
    let number = story.draft(MODEL, &scorer(1)).await;
    story.seal(MODEL, &number, json!({})).await.expect(200);
    assert_eq!(story.run(MODEL, &number, ENVIRONMENT).await["state"], "passed");
    assert_eq!(checks(&story.request(MODEL, &number, ENVIRONMENT).await), ["signature_missing"]);
}

#[actix_web::test]
async fn a_version_has_one_open_request_per_environment() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    assert_eq!(story.ask(MODEL, "1", ENVIRONMENT).await.expect(409).code(), "promotion_open");
    story.approve(&story.mara, &promotion).await.expect(200);
    assert_eq!(story.ask(MODEL, "1", ENVIRONMENT).await.expect(409).code(), "promotion_open");
}

#[actix_web::test]
async fn an_approver_who_finds_a_defect_can_still_reject() {
    let story = Story::measured().await;
    let promotion = story.approved("1").await;
    let rejected = story.decide(&story.mara, &promotion, "reject").await.expect(200).json();
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(story.activate(&promotion).await.expect(409).code(), "promotion_state");
}

#[actix_web::test]
async fn nobody_approves_what_their_own_robot_asked_for() {
    let story = Story::measured().await;
    // Rosa reviews, administers, and owns a robot that may ask.
    let rosa = story.app.user("rosa", &["reviewer", "admin", "viewer"]).await;
    let robot = json!({"name": "rosas-robot", "kind": "service", "roles": ["contributor"]});
    story.app.post(&rosa, "/api/v1/accounts", robot).await.expect(201);
    let token = json!({"name": "ci", "account": "rosas-robot", "expires_in_days": 1});
    let token = story.app.post(&rosa, "/api/v1/tokens", token).await.expect(201).json();
    let ask = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT});
    let asked = story.app.post(&text(&token["token"]), "/api/v1/promotions", ask).await.expect(201).json();
    let refused = story.approve(&rosa, &asked).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    assert!(refused.text().contains("robot"), "{}", refused.text());
    story.approve(&story.mara, &asked).await.expect(200);
}
