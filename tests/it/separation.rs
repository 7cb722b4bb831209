//! Separation of duties over persons: whoever is one with somebody who took part in it does not
//! decide, and fills no second seat. Each test was a fault of some other registry.

mod seats;
mod spoken;

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, give_role, policy, scorer, spec, text},
};
use plimsoll::{
    audit::invariants,
    core::digest::Digest,
    db::entity::{account, membership},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use serde_json::{Value, json};

const WEEK: &str = "2026-01-09T00:00:00Z";

async fn asked(story: &Story) -> Value {
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(promotion["state"], "awaiting_approval", "{:#}", promotion["failed_checks"]);
    promotion
}

async fn put(story: &Story, account: &str, what: &str, body: Value) {
    let path = format!("/api/v1/accounts/{account}/{what}");
    reply(story.app.request(&story.olga, "PUT", &path).json(&body)).await.expect(200);
}

async fn link(story: &Story, account: &str, same_as: Option<&str>) {
    put(story, account, "person", json!({"same_as": same_as})).await;
}

pub async fn delegate(story: &Story, from: &str, to: &str) -> Value {
    let body = json!({"to": to, "valid_until": WEEK});
    story.app.post(from, "/api/v1/delegations", body).await.expect(201).json()
}

async fn end(story: &Story, token: &str, delegation: &Value) {
    let path = format!("/api/v1/delegations/{}", text(&delegation["id"]));
    reply(story.app.request(token, "DELETE", &path)).await.expect(200);
}

/// The decision of a request with these things said.
async fn say(story: &Story, token: &str, promotion: &Value, more: Value) -> Reply {
    let mut body = json!({"decision_digest": promotion["decision_digest"], "outcome": "approve"});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    story.app.post(token, &format!("/api/v1/promotions/{}/decisions", text(&promotion["id"])), body).await
}

/// Neither approves nor rejects, and nothing changes by trying.
async fn barred(story: &Story, token: &str, promotion: &Value, because: &str) {
    for outcome in ["approve", "reject"] {
        let refused = story.decide(token, promotion, outcome).await.expect(403);
        assert_eq!(refused.code(), "separation_of_duties", "{because}");
        assert!(refused.text().contains(because), "{because}: {}", refused.text());
    }
    let now = story.look(promotion).await;
    assert_eq!((now["state"].as_str(), &now["approvals"]), (Some("awaiting_approval"), &json!([])), "{because}");
}

async fn take_roles(story: &Story, name: &str) {
    let db = story.app.app.db.raw_for_tests();
    let found = account::Entity::find().filter(account::COLUMN.name.eq(name)).one(db).await.expect("read");
    let tx = db.begin().await.expect("begin");
    let held = membership::COLUMN.account_id.eq(found.expect(name).id);
    membership::Entity::delete_many().filter(held).exec(&tx).await.expect("delete");
    crate::harness::commit_unlogged(tx).await;
}

#[actix_web::test]
async fn an_author_decides_by_no_other_account_of_theirs() {
    let story = Story::measured().await;
    let second = story.app.user("ines-private", &["reviewer"]).await;
    let third = story.app.user("ines-old", &["risk_officer"]).await;
    let promotion = asked(&story).await;
    let seen = story.app.get(&second, &format!("/api/v1/promotions/{}", text(&promotion["id"]))).await.json();
    assert_eq!(seen["your_conflicts"], json!([]), "nobody knows of it yet");
    link(&story, "ines-private", Some("ines")).await;
    link(&story, "ines-old", Some("ines-private")).await;
    for token in [&second, &third] {
        barred(&story, token, &promotion, "the same person, by another account").await;
    }
    let seen = story.app.get(&third, &format!("/api/v1/promotions/{}", text(&promotion["id"]))).await.json();
    assert_eq!(seen["your_conflicts"].as_array().map(Vec::len), Some(1), "{:#}", seen["your_conflicts"]);
    // An account that is deactivated is of the same person still.
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/ines-private")).await.expect(200);
    barred(&story, &third, &promotion, "the same person").await;
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn an_authors_delegate_and_delegator_do_not_decide_while_it_lasts() {
    let story = Story::measured().await;
    give_role(&story, "ines", "reviewer").await;
    let promotion = asked(&story).await;
    let to_mara = delegate(&story, &story.ines, "mara").await;
    barred(&story, &story.mara, &promotion, "a delegate or delegator").await;
    end(&story, &story.mara, &to_mara).await;
    let from_rui = delegate(&story, &story.rui, "ines").await;
    barred(&story, &story.rui, &promotion, "a delegate or delegator").await;
    end(&story, &story.rui, &from_rui).await;
    // Over a linked account of the author too.
    let second = story.app.user("ines-private", &["reviewer"]).await;
    link(&story, "ines-private", Some("ines")).await;
    delegate(&story, &second, "mara").await;
    barred(&story, &story.mara, &promotion, "a delegate or delegator").await;
    story.approve(&story.rui, &promotion).await.expect(200);
}

#[actix_web::test]
async fn what_a_robot_measured_its_owner_does_not_judge_by_any_account() {
    let story = Story::measured().await;
    let rosa = story.app.user("rosa", &["reviewer", "admin"]).await;
    let second = story.app.user("rosa-private", &["reviewer"]).await;
    let robot = json!({"name": "bench", "kind": "service", "roles": ["contributor"]});
    story.app.post(&rosa, "/api/v1/accounts", robot).await.expect(201);
    let token = json!({"name": "ci", "account": "bench", "expires_in_days": 1});
    let token = text(&story.app.post(&rosa, "/api/v1/tokens", token).await.expect(201).json()["token"]);
    let run = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT});
    story.app.post(&token, "/api/v1/runs", run).await.expect(201);
    story.app.work().await;
    let promotion = asked(&story).await;
    link(&story, "rosa-private", Some("rosa")).await;
    barred(&story, &rosa, &promotion, "the owner of a robot").await;
    barred(&story, &second, &promotion, "the same person").await;
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn whoever_began_a_version_does_not_judge_it_after_it_was_taken_over() {
    let story = Story::stage().await;
    let noa = story.app.user("noa", &["contributor", "reviewer"]).await;
    let begun = crate::story::declaration(&scorer(1));
    story.app.post(&noa, &format!("/api/v1/models/{MODEL}/versions"), begun).await.expect(201);
    // The same files, declared by Ines, are her draft from then on.
    let number = {
        let made = story.declare(MODEL, &scorer(1)).await.expect_success().json();
        for (path, bytes) in scorer(1) {
            story.upload(&story.ines, MODEL, &made["number"].to_string(), &path, bytes).await.expect(204);
        }
        made["number"].to_string()
    };
    let files = scorer(1);
    let body = json!({"signature": crate::story::sign(&files, MODEL, &story.key)});
    story.seal(MODEL, &number, body).await.expect(200);
    assert_eq!(story.run(MODEL, &number, ENVIRONMENT).await["state"], "passed");
    let promotion = asked(&story).await;
    barred(&story, &noa, &promotion, "who began the version").await;
    story.approve(&story.rui, &promotion).await.expect(200);
}

#[actix_web::test]
async fn an_approval_of_what_is_not_there_to_be_approved_is_refused() {
    let story = Story::measured().await;
    // By the author (S36); of another digest (S38).
    give_role(&story, "ines", "reviewer").await;
    let promotion = asked(&story).await;
    barred(&story, &story.ines, &promotion, "the version's author").await;
    let mut other = promotion.clone();
    other["decision_digest"] = Digest::of(b"other").to_string().into();
    assert_eq!(story.approve(&story.mara, &other).await.expect(409).code(), "decision_changed");
    // After a new policy, after the end, and once more when it is closed (S39).
    let mut longer = policy(1);
    longer["request_expires_after_hours"] = 71.into();
    story.revise(ENVIRONMENT, "policy", longer).await;
    story.approve(&story.mara, &promotion).await.expect(409);
    let promotion = asked(&story).await;
    story.app.app.db.clock().advance(chrono::TimeDelta::hours(71));
    assert_eq!(story.approve(&story.mara, &promotion).await.expect(409).code(), "promotion_expired");
    for outcome in ["approve", "reject"] {
        story.decide(&story.mara, &promotion, outcome).await.expect(409);
    }
    assert_eq!(story.look(&promotion).await["approvals"], json!([]));
}

#[actix_web::test]
async fn whoever_loses_the_role_between_the_form_and_the_button_decides_nothing() {
    use crate::pages::stage::Stage;
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let asked = stage.ask(version).await;
    let (id, digest) = (text(&asked["id"]), text(&asked["decision_digest"]));
    let mara = stage.sign_in("mara").await;
    let page = mara.get(&format!("/promotions/{id}")).await.expect(200).text();
    assert!(page.contains("Continue to check and sign"));
    let db = stage.app.app.db.raw_for_tests();
    let found = account::Entity::find().filter(account::COLUMN.name.eq("mara")).one(db).await.expect("read");
    let tx = db.begin().await.expect("begin");
    let held = membership::COLUMN.account_id.eq(found.expect("mara").id);
    membership::Entity::update_many()
        .col_expr(membership::Column::Role, sea_orm::sea_query::Expr::value("viewer"))
        .filter(held)
        .exec(&tx)
        .await
        .expect("changed");
    crate::harness::commit_unlogged(tx).await;
    for outcome in ["approve", "reject"] {
        let fields = [("decision_digest", digest.as_str()), ("outcome", outcome), ("reason", "no")];
        assert_eq!(mara.send(&format!("/promotions/{id}"), &fields).await.status, 403, "{outcome}");
    }
    let now = stage.app.get(&stage.ines, &format!("/api/v1/promotions/{id}")).await.expect(200).json();
    assert_eq!((now["state"].as_str(), &now["approvals"]), (Some("awaiting_approval"), &json!([])));
}
