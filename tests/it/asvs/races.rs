//! What holds between the moment in which something is looked at and that in which it counts.

use super::{PASSWORD, session, sign_in};
use crate::harness::{TestApp, reply};
use chrono::{DateTime, TimeDelta, Utc};
use plimsoll::crypto::keys::SigningKey;
use serde_json::{Value, json};

#[actix_web::test]
async fn v7_4_3_a_sign_in_with_the_old_password_does_not_survive_its_change() {
    let t = TestApp::start().await;
    let token = t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    // The sign-in has read what is stored of the password, and waits for its turn.
    let places = t.app.strangers.acquire_many(2).await.expect("places");
    let change = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let body = json!({"current_password": PASSWORD, "new_password": "another one of some length"});
        reply(t.request(&own, "PUT", "/api/v1/password").json(&body)).await.expect(200);
        drop(places);
    };
    let (late, ()) = futures_util::future::join(sign_in(&t, "vera", PASSWORD), change).await;
    late.expect(401);
    let live = t.get(&token, "/api/v1/sessions").await.expect(200).json();
    assert_eq!(live["items"].as_array().map(Vec::len), Some(1), "only the one that changed it");
    sign_in(&t, "vera", "another one of some length").await.expect(201);
}

#[actix_web::test]
async fn v2_4_1_strangers_wait_for_a_turn_only_so_long_and_who_is_signed_in_does_not_wait_for_them() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    let places = t.app.strangers.acquire_many(2).await.expect("places");
    let confirm = t.post(&own, "/api/v1/sessions/current/confirmation", json!({"password": PASSWORD}));
    let (refused, confirmed) = futures_util::future::join(sign_in(&t, "vera", PASSWORD), confirm).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "sign_in_busy"));
    assert!(!refused.header("retry-after").is_empty());
    confirmed.expect(201);
    drop(places);
    // What was not looked at is no failure.
    for _ in 0..10 {
        sign_in(&t, "vera", "not the password at all").await.expect(401);
    }
    sign_in(&t, "vera", PASSWORD).await.expect(429);
}

#[actix_web::test]
async fn v7_4_5_all_other_sessions_end_however_many_there_are() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    let oldest = session(&t, "vera").await;
    for _ in 0..204 {
        session(&t, "vera").await;
    }
    let ended = reply(t.request(&own, "DELETE", "/api/v1/sessions")).await.expect(200).json();
    assert_eq!(ended["ended"], 205);
    t.get(&oldest, "/api/v1/whoami").await.expect(401);
    t.get(&own, "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn who_is_signed_in_goes_on_reading_while_nothing_can_be_written() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    t.app.db.clock().advance(TimeDelta::minutes(5));
    let writing = t.app.db.begin().await.expect("the one writer");
    t.get(&own, "/api/v1/models").await.expect(200);
    drop(writing);
    t.get(&own, "/api/v1/models").await.expect(200);
}

#[actix_web::test]
async fn v7_5_3_a_token_that_a_token_made_ends_with_it_at_the_latest() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    let make = async |by: &str, days: u32| {
        let made = t.post(by, "/api/v1/tokens", json!({"name": "mine", "expires_in_days": days})).await;
        made.expect(201).json()
    };
    let secret = |made: &Value| made["token"].as_str().expect("token").to_owned();
    let ends = |made: &Value| made["expires_at"].as_str().expect("a time").parse::<DateTime<Utc>>().expect("RFC 3339");
    let parent = make(&own, 2).await;
    let child = make(&secret(&parent), 365).await;
    let grandchild = make(&secret(&child), 365).await;
    assert_eq!((ends(&child), ends(&grandchild)), (ends(&parent), ends(&parent)));
    assert!(ends(&make(&secret(&parent), 1).await) < ends(&parent));
    t.app.db.clock().advance(TimeDelta::days(2));
    for made in [parent, child, grandchild] {
        t.get(&secret(&made), "/api/v1/whoami").await.expect(401);
    }
}

#[actix_web::test]
async fn two_trusted_keys_do_not_have_one_name() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let add = async || {
        let pem = SigningKey::generate().expect("key").verifying_key().to_pem();
        t.post(&admin, "/api/v1/trust-keys", json!({"name": "laptop", "public_key_pem": pem})).await
    };
    let first = add().await.expect(201).json();
    let second = add().await.expect(409);
    assert_eq!(second.code(), "trust_key_name_taken");
    // A name is free again when its key is revoked.
    let path = format!("/api/v1/trust-keys/{}", first["id"].as_str().expect("id"));
    reply(t.request(&admin, "DELETE", &path)).await.expect_success();
    add().await.expect(201);
}
