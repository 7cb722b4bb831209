//! `Idempotency-Key`: the same request twice has one effect and one answer.

use crate::harness::{Reply, TestApp, reply};
use futures_util::future::join_all;
use plimsoll::{db::entity::idempotency_claim, sweeps};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

fn model(name: &str) -> Value {
    json!({"name": name, "intended_use": "x", "risk_tier": "low"})
}

async fn post(t: &TestApp, token: &str, path: &str, key: &str, body: &Value) -> Reply {
    reply(t.request(token, "POST", path).header("idempotency-key", key).json(body)).await
}

#[actix_web::test]
async fn the_same_request_twice_has_one_effect_and_one_answer() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let before = t.events().await;
    let first = post(&t, &ines, "/api/v1/models", "key-00001", &model("scorer")).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    for _ in 0..3 {
        let again = post(&t, &ines, "/api/v1/models", "key-00001", &model("scorer")).await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.body, first.body);
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    assert_eq!(t.events().await, before + 1);
}

#[actix_web::test]
async fn a_key_stands_for_one_request_only() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor", "environment_manager"]).await;
    post(&t, &ines, "/api/v1/models", "key-00001", &model("scorer")).await.expect(201);
    let before = t.events().await;
    let other_body = post(&t, &ines, "/api/v1/models", "key-00001", &model("other")).await.expect(422);
    assert_eq!(other_body.code(), "idempotency_mismatch");
    let other_path = post(&t, &ines, "/api/v1/tokens", "key-00001", &model("scorer")).await.expect(422);
    assert_eq!(other_path.code(), "idempotency_mismatch");
    assert_eq!(t.events().await, before);
    t.get(&ines, "/api/v1/models/other").await.expect(404);
}

#[actix_web::test]
async fn the_keys_of_two_people_have_nothing_to_do_with_each_other() {
    let t = TestApp::start().await;
    let (ines, omar) = (t.user("ines", &["contributor"]).await, t.user("omar", &["contributor"]).await);
    post(&t, &ines, "/api/v1/models", "key-00001", &model("hers")).await.expect(201);
    let his = post(&t, &omar, "/api/v1/models", "key-00001", &model("his")).await.expect(201);
    assert_eq!((his.header("idempotency-replayed"), &his.json()["name"]), ("", &json!("his")));
}

#[actix_web::test]
async fn an_answer_is_for_the_token_that_asked_and_no_other_of_the_account() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    post(&t, &ines, "/api/v1/models", "key-00001", &model("first")).await.expect(201);
    let narrow = json!({"name": "narrow", "expires_in_days": 1, "scope": {"actions": ["run.request"]}});
    let narrow = t.post(&ines, "/api/v1/tokens", narrow).await.expect(201).json();
    let narrow = narrow["token"].as_str().expect("a token");
    let refused = post(&t, narrow, "/api/v1/models", "key-00001", &model("first")).await.expect(422);
    assert_eq!((refused.code().as_str(), refused.header("idempotency-replayed")), ("idempotency_mismatch", ""));
    assert!(!refused.text().contains("first"), "{}", refused.text());
}

#[actix_web::test]
async fn a_key_is_8_to_128_printable_characters() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let before = t.events().await;
    for key in ["", "short", "with a space", "ümlaut-key", &"x".repeat(129)] {
        let refused = post(&t, &ines, "/api/v1/models", key, &model("scorer")).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "idempotency_key_invalid"), "{key:?}");
    }
    assert_eq!(t.events().await, before);
    post(&t, &ines, "/api/v1/models", &"x".repeat(128), &model("scorer")).await.expect(201);
}

#[actix_web::test]
async fn a_refused_request_frees_its_key() {
    let t = TestApp::start().await;
    let (ines, eve) = (t.user("ines", &["contributor"]).await, t.user("eve", &["viewer"]).await);
    post(&t, &ines, "/api/v1/models", "key-00001", &model("Not A Name")).await.expect(422);
    post(&t, &ines, "/api/v1/models", "key-00001", &model("scorer")).await.expect(201);
    post(&t, &ines, "/api/v1/models", "key-00002", &model("scorer")).await.expect(409);
    post(&t, &ines, "/api/v1/models", "key-00002", &model("other")).await.expect(201);
    let before = t.events().await;
    for _ in 0..2 {
        let refused = post(&t, &eve, "/api/v1/models", "key-00003", &model("hers")).await.expect(403);
        assert_eq!(refused.code(), "forbidden");
    }
    assert_eq!(t.events().await, before + 2, "each refusal is in the log");
}

#[actix_web::test]
async fn an_answer_with_a_secret_is_not_kept() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let ask = json!({"name": "laptop", "expires_in_days": 1});
    post(&t, &ines, "/api/v1/tokens", "key-00001", &ask).await.expect(201);
    let before = t.events().await;
    let again = post(&t, &ines, "/api/v1/tokens", "key-00001", &ask).await.expect(409);
    assert_eq!(again.code(), "idempotency_answer_lost");
    assert_eq!(t.events().await, before);
    let tokens = t.get(&ines, "/api/v1/tokens").await.expect(200).json();
    let made = tokens["items"].as_array().expect("items").iter().filter(|token| token["name"] == "laptop").count();
    assert_eq!(made, 1, "{tokens}");
}

#[actix_web::test]
async fn an_answer_is_kept_for_a_day_and_not_longer_than_its_account() {
    let t = TestApp::start().await;
    let (ines, olga) = (t.user("ines", &["contributor"]).await, t.user("olga", &["admin"]).await);
    let kept = async || idempotency_claim::Entity::find().count(t.app.db.raw_for_tests()).await.expect("claims");
    post(&t, &ines, "/api/v1/models", "key-00001", &model("scorer")).await.expect(201);
    t.app.db.clock().advance(chrono::TimeDelta::hours(23));
    post(&t, &ines, "/api/v1/models", "key-00002", &model("other")).await.expect(201);
    sweeps::run(&t.app).await.expect("swept");
    assert_eq!(kept().await, 2);
    t.app.db.clock().advance(chrono::TimeDelta::hours(2));
    sweeps::run(&t.app).await.expect("swept");
    assert_eq!(kept().await, 1, "the first is older than a day");

    for (method, path) in [("DELETE", "/api/v1/accounts/ines"), ("POST", "/api/v1/accounts/ines/erasure")] {
        reply(t.request(&olga, method, path)).await.expect(200);
    }
    assert_eq!(kept().await, 0, "what it said goes with the account");
}

#[actix_web::test]
async fn of_eight_equal_requests_at_once_one_takes_effect() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let before = t.events().await;
    let body = model("scorer");
    let answers = join_all((0..8).map(|_| post(&t, &ines, "/api/v1/models", "key-00001", &body))).await;
    let made: Vec<_> = answers.iter().filter(|a| a.status == 201).collect();
    assert!(!made.is_empty());
    assert!(made.iter().all(|a| a.body == made[0].body), "every success is the same answer");
    for other in answers.iter().filter(|a| a.status != 201) {
        let code = other.code();
        assert_eq!(other.status, 409, "{}", other.text());
        assert!(["idempotency_in_flight", "idempotency_answer_lost"].contains(&code.as_str()), "{code}");
    }
    assert_eq!(t.events().await, before + 1);
    let models = t.get(&ines, "/api/v1/models").await.expect(200).json();
    assert_eq!(models["items"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn every_post_that_creates_takes_a_key() {
    let t = TestApp::start().await;
    let all = t.user("mara", &["contributor", "environment_manager", "admin"]).await;
    let profile = json!({"class": "edge", "operating_mode": "advisory"});
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]});
    for (i, (path, body)) in [
        ("/api/v1/models", model("scorer")),
        ("/api/v1/models/scorer/versions", files),
        ("/api/v1/accounts", json!({"name": "robot", "kind": "service", "roles": ["deployer"]})),
        ("/api/v1/environments", json!({"name": "production", "profile": profile})),
        ("/api/v1/promotions", json!({"model": "scorer", "version": "1", "environment": "production"})),
    ]
    .iter()
    .enumerate()
    {
        let key = format!("key-{i:05}");
        let first = post(&t, &all, path, &key, body).await.expect(201);
        let before = t.events().await;
        let again = post(&t, &all, path, &key, body).await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body), "{path}");
        assert_eq!(t.events().await, before, "{path}");
    }
}
