//! Credentials: what lets a caller in, and what ends that.

use crate::harness::{Reply, TestApp, reply};
use chrono::TimeDelta;
use plimsoll::db::entity::{
    account, api_token, audit_event, idempotency_claim, password_reset, recovery_code, second_factor,
};
use sea_orm::EntityTrait;
use serde_json::json;

const PASSWORD: &str = "a password of some length";

async fn sign_in(t: &TestApp, name: &str, password: &str) -> Reply {
    t.post("", "/api/v1/sessions", json!({"name": name, "password": password})).await
}

async fn session(t: &TestApp, name: &str) -> String {
    sign_in(t, name, PASSWORD).await.expect(201).json()["token"].as_str().expect("token").to_owned()
}

async fn token(t: &TestApp, by: &str, account: &str) -> (String, String) {
    let ask = json!({"name": "laptop", "account": account, "expires_in_days": 30});
    let made = t.post(by, "/api/v1/tokens", ask).await.expect(201).json();
    (made["id"].as_str().expect("id").to_owned(), made["token"].as_str().expect("token").to_owned())
}

#[actix_web::test]
async fn a_person_signs_in_and_out() {
    let t = TestApp::start().await;
    t.user("ines", &["contributor", "viewer"]).await;
    let session = session(&t, "ines").await;
    let who = t.get(&session, "/api/v1/whoami").await.expect(200).json();
    assert_eq!(who["name"], "ines");
    assert_eq!((&who["kind"], &who["credential"]), (&json!("user"), &json!("session")));
    assert_eq!(who["roles"], json!(["viewer", "contributor"]));
    let out = reply(t.request(&session, "DELETE", "/api/v1/sessions/current")).await.expect(204);
    assert!(out.body.is_empty());
    t.get(&session, "/api/v1/whoami").await.expect(401);
    reply(t.request(&session, "DELETE", "/api/v1/sessions/current")).await.expect(401);
}

#[actix_web::test]
async fn a_failed_sign_in_does_not_say_why() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    t.user("ines", &["viewer"]).await;
    t.user("gone", &["viewer"]).await;
    reply(t.request(&mara, "DELETE", "/api/v1/accounts/gone")).await.expect(200);
    t.robot("ci", &["deployer"]).await;
    let before = t.events().await;
    let elsewhere = json!({"name": "ines", "password": PASSWORD, "workspace": "elsewhere"});
    let attempts = [
        sign_in(&t, "ines", "a wrong password entirely").await,
        sign_in(&t, "ines", "").await,
        sign_in(&t, "nobody", PASSWORD).await,
        sign_in(&t, "' OR 1=1 --", PASSWORD).await,
        sign_in(&t, "gone", PASSWORD).await,
        sign_in(&t, "ci", PASSWORD).await,
        sign_in(&t, "ci", "").await,
        t.post("", "/api/v1/sessions", elsewhere).await,
    ];
    let shown = |reply: &Reply| {
        let mut body = reply.json();
        body["request_id"] = json!(null);
        (reply.status, body)
    };
    for attempt in &attempts {
        assert_eq!(shown(attempt), shown(&attempts[0]));
        assert_eq!((attempt.status, attempt.code().as_str()), (401, "unauthenticated"));
    }
    assert_eq!(t.events().await, before + attempts.len(), "every attempt is in the log");
    session(&t, "ines").await;
}

#[actix_web::test]
async fn a_session_ends_after_twelve_hours() {
    let t = TestApp::start().await;
    t.user("ines", &["viewer"]).await;
    let session = session(&t, "ines").await;
    // It is used all the time.
    for _ in 0..35 {
        t.app.db.clock().advance(TimeDelta::minutes(20));
        t.get(&session, "/api/v1/whoami").await.expect(200);
    }
    t.app.db.clock().advance(TimeDelta::minutes(20) - TimeDelta::microseconds(1));
    t.get(&session, "/api/v1/whoami").await.expect(200);
    t.app.db.clock().advance(TimeDelta::microseconds(1));
    t.get(&session, "/api/v1/whoami").await.expect(401);
}

#[actix_web::test]
async fn a_token_ends_on_its_day() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["viewer"]).await;
    let (_, laptop) = token(&t, &ines, "ines").await;
    t.app.db.clock().advance(TimeDelta::days(30) - TimeDelta::microseconds(1));
    t.get(&laptop, "/api/v1/whoami").await.expect(200);
    t.app.db.clock().advance(TimeDelta::microseconds(1));
    t.get(&laptop, "/api/v1/whoami").await.expect(401);
    t.get(&ines, "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn deactivating_an_account_ends_all_its_access_at_once() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    let own = t.user("ines", &["contributor", "reviewer"]).await;
    let session = session(&t, "ines").await;
    let (_, laptop) = token(&t, &own, "ines").await;
    for credential in [&own, &session, &laptop] {
        t.get(credential, "/api/v1/models").await.expect(200);
    }
    let gone = reply(t.request(&mara, "DELETE", "/api/v1/accounts/ines")).await.expect(200).json();
    assert_eq!(gone["state"], "deactivated");
    for credential in [&own, &session, &laptop] {
        t.get(credential, "/api/v1/models").await.expect(401);
    }
    sign_in(&t, "ines", PASSWORD).await.expect(401);
    let model = json!({"name": "m", "intended_use": "x", "risk_tier": "low"});
    t.post(&own, "/api/v1/models", model).await.expect(401);
}

#[actix_web::test]
async fn a_robot_stops_with_the_person_who_owns_it() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    let tom = t.user("tom", &["admin"]).await;
    let robot = json!({"name": "ci", "kind": "service", "roles": ["deployer"]});
    t.post(&tom, "/api/v1/accounts", robot).await.expect(201);
    let (_, ci) = token(&t, &mara, "ci").await;
    t.get(&ci, "/api/v1/whoami").await.expect(200);
    reply(t.request(&mara, "DELETE", "/api/v1/accounts/tom")).await.expect(200);
    t.get(&ci, "/api/v1/whoami").await.expect(401);
}

#[actix_web::test]
async fn nobody_deactivates_their_own_account() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    let refused = reply(t.request(&mara, "DELETE", "/api/v1/accounts/mara")).await.expect(409);
    assert_eq!(refused.code(), "own_account");
    t.get(&mara, "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn a_revoked_token_is_dead_and_others_live() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["viewer"]).await;
    let (id, laptop) = token(&t, &ines, "ines").await;
    let (_, phone) = token(&t, &ines, "ines").await;
    reply(t.request(&ines, "DELETE", &format!("/api/v1/tokens/{id}"))).await.expect(204);
    t.get(&laptop, "/api/v1/whoami").await.expect(401);
    t.get(&phone, "/api/v1/whoami").await.expect(200);
    let listed = t.get(&ines, "/api/v1/tokens").await.expect(200).json();
    let revoked: Vec<_> =
        listed["items"].as_array().expect("items").iter().filter(|t| !t["revoked_at"].is_null()).collect();
    assert_eq!((revoked.len(), &revoked[0]["id"]), (1, &json!(id)));
}

#[actix_web::test]
async fn ending_what_has_ended_answers_the_same_and_is_no_event() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    t.user("ines", &["viewer"]).await;
    let (id, _) = token(&t, &mara, "mara").await;
    let token_path = format!("/api/v1/tokens/{id}");
    let left = |account: &str| format!("/api/v1/accounts/{account}");
    for (method, path, status) in
        [("DELETE", token_path, 204), ("DELETE", left("ines"), 200), ("POST", left("ines/erasure"), 200)]
    {
        let before = t.events().await;
        let first = reply(t.request(&mara, method, &path)).await.expect(status);
        assert_eq!(t.events().await, before + 1, "{path}");
        // An erased account is found under the name that is left.
        let path = match path.ends_with("erasure") {
            true => left(&format!("{}/erasure", first.json()["name"].as_str().expect("name"))),
            false => path,
        };
        for _ in 0..2 {
            let again = reply(t.request(&mara, method, &path)).await.expect(status);
            assert_eq!(again.text(), first.text(), "{path}");
        }
        assert_eq!(t.events().await, before + 1, "{path}");
    }
    let refused = t.user("otto", &["auditor"]).await;
    reply(t.request(&refused, "DELETE", &left("ines"))).await.expect(403);
}

#[actix_web::test]
async fn other_peoples_tokens_are_out_of_sight() {
    let t = TestApp::start().await;
    let (ines, omar) = (t.user("ines", &["viewer"]).await, t.user("omar", &["viewer"]).await);
    let mara = t.user("mara", &["admin"]).await;
    let (id, laptop) = token(&t, &ines, "ines").await;
    let seen = t.get(&omar, "/api/v1/tokens").await.expect(200).text();
    assert!(!seen.contains(&id));
    reply(t.request(&omar, "DELETE", &format!("/api/v1/tokens/{id}"))).await.expect(404);
    let ask = json!({"name": "mine now", "account": "ines", "expires_in_days": 30});
    let refused = t.post(&omar, "/api/v1/tokens", ask).await.expect(403);
    assert_eq!(refused.code(), "not_yours");
    t.get(&laptop, "/api/v1/whoami").await.expect(200);
    assert!(t.get(&mara, "/api/v1/tokens").await.expect(200).text().contains(&id));
    reply(t.request(&mara, "DELETE", &format!("/api/v1/tokens/{id}"))).await.expect(204);
    t.get(&laptop, "/api/v1/whoami").await.expect(401);
}

#[actix_web::test]
async fn no_table_and_no_answer_holds_a_secret() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["admin"]).await;
    let session = session(&t, "ines").await;
    let ask = json!({"name": "laptop", "expires_in_days": 1});
    let request = t.request(&ines, "POST", "/api/v1/tokens").header("idempotency-key", "key-00001").json(&ask);
    let laptop = reply(request).await.expect(201).json()["token"].as_str().expect("token").to_owned();
    let (authenticator, papers) = crate::asvs::factor::enrol(&t, &session).await;
    let shown = authenticator.base32();
    let invited = json!({"name": "omar", "kind": "user", "roles": ["viewer"]});
    let invited = t.post(&ines, "/api/v1/accounts", invited).await.expect(201).json();
    let invitation = invited["invitation"]["code"].as_str().expect("a code").to_owned();
    let reset = t.post(&ines, "/api/v1/accounts/omar/password-reset", json!({})).await.expect(201).json();
    let reset = reset["code"].as_str().expect("a code").to_owned();
    let db = t.app.db.raw_for_tests();
    let tables = [
        format!("{:?}", api_token::Entity::find().all(db).await.expect("tokens")),
        format!("{:?}", idempotency_claim::Entity::find().all(db).await.expect("claims")),
        format!("{:?}", audit_event::Entity::find().all(db).await.expect("events")),
        format!("{:?}", account::Entity::find().all(db).await.expect("accounts")),
        format!("{:?}", second_factor::Entity::find().all(db).await.expect("factors")),
        format!("{:?}", recovery_code::Entity::find().all(db).await.expect("codes")),
        format!("{:?}", password_reset::Entity::find().all(db).await.expect("resets")),
        t.get(&session, "/api/v1/second-factor").await.expect(200).text(),
        t.get(&ines, "/api/v1/tokens").await.expect(200).text(),
        t.get(&ines, "/api/v1/accounts").await.expect(200).text(),
        t.get(&ines, "/api/v1/audit/events").await.expect(200).text(),
        t.get(&ines, "/api/v1/whoami").await.expect(200).text(),
    ];
    let mut secrets = vec![ines.as_str(), &session, &laptop, PASSWORD, &shown, &invitation, &reset];
    secrets.extend(papers.iter().map(String::as_str));
    for secret in secrets {
        // The end of a token is its random part; the beginning names its kind.
        let random = &secret[secret.len().saturating_sub(20)..];
        assert!(tables.iter().all(|table| !table.contains(random)), "{random}");
    }
    assert!(tables[0].contains("laptop") && tables[1].contains("key-00001"), "the rows are there");
    let rows = account::Entity::find().all(db).await.expect("accounts");
    assert!(rows.iter().all(|row| row.password_hash.as_ref().is_none_or(|h| h.starts_with("$argon2id$"))));
}

#[actix_web::test]
async fn nobody_makes_a_token_in_another_persons_name() {
    let t = TestApp::start().await;
    let mara = t.user("mara", &["admin"]).await;
    t.user("ines", &["reviewer"]).await;
    let ask = json!({"name": "mine now", "account": "ines", "expires_in_days": 30});
    assert_eq!(t.post(&mara, "/api/v1/tokens", ask).await.expect(403).code(), "not_yours");
}
