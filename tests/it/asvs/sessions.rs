//! Chapters 3.3 and 7: cookies and sessions.

use super::{PASSWORD, session, sign_in};
use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::{Browser, Stage},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn confirm(t: &TestApp, session: &str) -> Reply {
    t.post(session, "/api/v1/sessions/current/confirmation", json!({"password": PASSWORD})).await
}

async fn sessions(t: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let list = t.get(token, &format!("/api/v1/sessions{query}")).await.expect(200).json();
    list["items"].as_array().expect("items").clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[actix_web::test]
async fn v3_3_1_to_v3_3_4_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let browser = Browser::open(&t).await;
    let fields = [("name", "vera"), ("password", PASSWORD), ("next", "/")];
    let answers = [browser.get("/login").await, browser.send("/login", &fields).await.expect(303)];
    let mut names = BTreeSet::new();
    for cookie in answers.iter().flat_map(|answer| answer.headers.get_all("set-cookie")) {
        let cookie = cookie.to_str().expect("text");
        for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie} lacks {part}");
        }
        assert!(cookie.starts_with("__Host-") && !cookie.contains("Domain"), "{cookie}");
        names.extend(cookie.split('=').next().map(str::to_owned));
    }
    assert_eq!(names.len(), 3, "{names:?}");
    let signed_in = Browser::open(&t).await.sign_in("vera").await;
    let secret = signed_in.cookies.split("; ").find_map(|cookie| cookie.strip_prefix("__Host-plimsoll="));
    for address in ["/", "/account", "/models"] {
        let page = signed_in.get(address).await.expect(200).text();
        assert!(!page.contains(secret.expect("a session")), "{address}");
    }
}

#[actix_web::test]
async fn v7_2_3_session_secrets_are_long_random_and_never_the_same() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        seen.insert(session(&t, "vera").await);
    }
    assert_eq!(seen.len(), 20);
    // The generator itself, many times: 43 characters of 62 are 256 bits.
    let many: BTreeSet<_> = (0..10_000)
        .map(|_| plimsoll::crypto::tokens::Token::generate().expect("token").reveal()[4..47].to_owned())
        .collect();
    assert_eq!(many.len(), 10_000);
    let mut counts = [0_u32; 128];
    many.iter().flat_map(|secret| secret.bytes()).for_each(|byte| counts[usize::from(byte)] += 1);
    let expected = 430_000.0 / 62.0;
    let used = counts.iter().filter(|count| **count != 0);
    let chi_square: f64 = used.clone().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    // Of 61 degrees of freedom, more than 120 happens once in 100,000 times.
    assert!(used.count() == 62 && chi_square < 120.0, "{chi_square}");
}

#[actix_web::test]
async fn v7_2_4_signing_in_and_confirming_give_a_new_secret_and_kill_the_old_one() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let first = session(&t, "vera").await;
    let renewed = confirm(&t, &first).await.expect(201).json();
    let second = text(&renewed["token"]);
    assert_ne!(first, second);
    t.get(&first, "/api/v1/whoami").await.expect(401);
    confirm(&t, &first).await.expect(401);
    t.get(&second, "/api/v1/whoami").await.expect(200);
    // The end that was set at sign-in stays.
    t.app.db.clock().advance(TimeDelta::minutes(20));
    let third = confirm(&t, &second).await.expect(201).json();
    assert_eq!(third["expires_at"], renewed["expires_at"]);
    let wrong = json!({"password": "not the password at all"});
    t.post(&text(&third["token"]), "/api/v1/sessions/current/confirmation", wrong).await.expect(422);
    t.get(&text(&third["token"]), "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn v7_3_1_a_session_that_nobody_uses_ends_after_half_an_hour() {
    let t = TestApp::start().await;
    let token = t.user("vera", &["viewer"]).await;
    let (used, left) = (session(&t, "vera").await, session(&t, "vera").await);
    let browser = Browser::open(&t).await.sign_in("vera").await;
    t.app.db.clock().advance(TimeDelta::minutes(29));
    t.get(&used, "/api/v1/whoami").await.expect(200);
    t.app.db.clock().advance(TimeDelta::minutes(1));
    t.get(&used, "/api/v1/whoami").await.expect(200);
    t.get(&left, "/api/v1/whoami").await.expect(401);
    assert!(browser.get("/models").await.expect(303).header("location").starts_with("/login"));
    assert_eq!(sessions(&t, &token, "").await.len(), 1, "what is left alone is not listed");
    t.app.db.clock().advance(TimeDelta::minutes(31));
    t.get(&used, "/api/v1/whoami").await.expect(401);
    t.get(&token, "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn v7_3_1_using_a_session_is_no_event() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let used = session(&t, "vera").await;
    let before = t.events().await;
    for _ in 0..3 {
        t.app.db.clock().advance(TimeDelta::minutes(20));
        t.get(&used, "/api/v1/whoami").await.expect(200);
    }
    assert_eq!(t.events().await, before);
    let replayed = plimsoll::audit::replay::ops::compare_tables(&t.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn v7_3_2_a_session_ends_after_twelve_hours_however_often_it_is_used_and_confirmed() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let mut current = session(&t, "vera").await;
    for _ in 0..35 {
        t.app.db.clock().advance(TimeDelta::minutes(20));
        current = text(&confirm(&t, &current).await.expect(201).json()["token"]);
    }
    t.app.db.clock().advance(TimeDelta::minutes(20));
    t.get(&current, "/api/v1/whoami").await.expect(401);
}

#[actix_web::test]
async fn v7_4_1_signing_out_kills_the_session_on_the_server() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let browser = Browser::open(&t).await.sign_in("vera").await;
    browser.get("/models").await.expect(200);
    browser.send("/logout", &[]).await.expect(303);
    assert!(
        browser.get("/models").await.expect(303).header("location").starts_with("/login"),
        "the cookie is replayed"
    );
}

#[actix_web::test]
async fn v7_4_3_a_new_password_ends_the_other_sessions_unless_they_are_to_stay() {
    let t = TestApp::start().await;
    let token = t.user("vera", &["viewer"]).await;
    let (own, other) = (session(&t, "vera").await, session(&t, "vera").await);
    let change = |from: &'static str, to: &'static str, keep: bool| {
        let body = json!({"current_password": from, "new_password": to, "keep_other_sessions": keep});
        reply(t.request(&own, "PUT", "/api/v1/password").json(&body))
    };
    assert_eq!(change(PASSWORD, "another one of some length", true).await.expect(200).json()["ended"], 0);
    t.get(&other, "/api/v1/whoami").await.expect(200);
    assert_eq!(change("another one of some length", PASSWORD, false).await.expect(200).json()["ended"], 1);
    t.get(&other, "/api/v1/whoami").await.expect(401);
    for goes_on in [&own, &token] {
        t.get(goes_on, "/api/v1/whoami").await.expect(200);
    }
}

#[actix_web::test]
async fn v7_4_5_and_v7_5_2_people_see_and_end_their_sessions_and_administrators_everybodys() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let omar = t.user("omar", &["viewer"]).await;
    t.user("vera", &["viewer"]).await;
    let (own, other) = (session(&t, "vera").await, session(&t, "vera").await);
    let third = t.request("", "POST", "/api/v1/sessions").header("user-agent", "A phone, probably");
    let third = reply(third.json(&json!({"name": "vera", "password": PASSWORD}))).await.expect(201).json();
    let seen = sessions(&t, &own, "").await;
    assert_eq!(seen.len(), 3);
    assert_eq!((&seen[0]["id"], &seen[2]["current"]), (&third["id"], &json!(true)));
    assert!(!seen.iter().any(|one| one.to_string().contains("plm_")), "no secret is shown");
    let end = |by: &String, id: &Value| reply(t.request(by, "DELETE", &format!("/api/v1/sessions/{}", text(id))));
    end(&omar, &seen[0]["id"]).await.expect(404);
    t.get(&omar, "/api/v1/sessions?account=vera").await.expect(403);
    end(&own, &seen[0]["id"]).await.expect(204);
    t.get(&text(&third["token"]), "/api/v1/whoami").await.expect(401);
    assert_eq!(sessions(&t, &admin, "?account=vera").await.len(), 2);
    let before = t.events().await;
    end(&admin, &seen[1]["id"]).await.expect(204);
    end(&admin, &seen[1]["id"]).await.expect(204);
    assert_eq!(t.events().await, before + 1, "ending what has ended is no event");
    t.get(&other, "/api/v1/whoami").await.expect(401);
    for _ in 0..2 {
        session(&t, "vera").await;
    }
    assert_eq!(reply(t.request(&own, "DELETE", "/api/v1/sessions")).await.expect(200).json()["ended"], 2);
    assert_eq!(sessions(&t, &own, "").await.len(), 1);
}

#[actix_web::test]
async fn v7_5_2_sessions_are_ended_and_the_password_is_changed_on_ones_own_page() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let other = session(&t, "vera").await;
    let browser = Browser::open(&t).await.sign_in("vera").await;
    let page = browser.get("/account").await.expect(200).text();
    assert!(page.contains("this one") && page.contains("End all but this one"), "{page}");
    let id = text(&sessions(&t, &other, "").await[1]["id"]);
    browser.send(&format!("/account/sessions/{id}/end"), &[]).await.expect(303);
    t.get(&other, "/api/v1/whoami").await.expect(401);
    let other = session(&t, "vera").await;
    browser.send("/account/sessions/end-others", &[]).await.expect(303);
    t.get(&other, "/api/v1/whoami").await.expect(401);
    let change = |from: &'static str, to: &'static str| {
        let fields = [("current_password", from), ("new_password", to), ("others", "end")];
        let browser = &browser;
        async move { browser.send("/account/password", &fields).await }
    };
    let failed = change("not the password at all", "another one of some length").await.expect(422).text();
    assert!(failed.contains("this is not your password") && !failed.contains("another one of some length"), "{failed}");
    change(PASSWORD, "another one of some length").await.expect(303);
    browser.get("/account?changed=1").await.expect(200);
    sign_in(&t, "vera", "another one of some length").await.expect(201);
}

#[actix_web::test]
async fn v7_5_3_what_weighs_much_needs_the_password_of_the_last_quarter_of_an_hour() {
    let t = TestApp::start().await;
    t.user("ada", &["admin"]).await;
    let current = session(&t, "ada").await;
    let weighty = [
        ("/api/v1/tokens", json!({"name": "mine", "expires_in_days": 1})),
        ("/api/v1/accounts", json!({"name": "ci", "kind": "service", "roles": ["deployer"]})),
        ("/api/v1/accounts/ada/password-reset", json!({})),
    ];
    t.app.db.clock().advance(TimeDelta::minutes(15) - TimeDelta::microseconds(1));
    t.post(&current, weighty[0].0, weighty[0].1.clone()).await.expect(201);
    t.app.db.clock().advance(TimeDelta::microseconds(1));
    for (path, body) in &weighty {
        let before = t.events().await;
        let refused = t.post(&current, path, body.clone()).await.expect(403);
        assert_eq!(refused.code(), "reauthentication_required", "{path}");
        assert_eq!(t.events().await, before + 1, "{path}: a refusal is in the log");
    }
    // Looking, and what weighs less, goes on.
    t.get(&current, "/api/v1/accounts").await.expect(200);
    let current = text(&confirm(&t, &current).await.expect(201).json()["token"]);
    for (path, body) in weighty {
        t.post(&current, path, body).await.expect(201);
    }
}

#[actix_web::test]
async fn v7_5_3_a_page_asks_for_the_password_keeps_what_was_typed_and_goes_on() {
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let asked = stage.ask(version).await;
    let (id, digest) = (text(&asked["id"]), text(&asked["decision_digest"]));
    let mut mara = stage.sign_in("mara").await;
    stage.app.app.db.clock().advance(TimeDelta::minutes(16));
    let address = format!("/promotions/{id}");
    let typed = "It holds its limits, says \"mara\" <b>";
    let fields = [("decision_digest", digest.as_str()), ("outcome", "approve"), ("reason", typed)];
    let before = stage.app.events().await;
    let page = mara.send(&address, &fields).await.expect(403);
    assert!(page.text().contains("Your password once more") && page.text().contains("confirm_password"));
    assert!(page.text().contains("It holds its limits, says &#34;mara&#34; &#60;b&#62;"), "{}", page.text());
    assert!(page.text().contains(&digest) && page.text().contains(&format!("action=\"{address}\"")));
    assert_eq!(stage.app.events().await, before, "asking is no refusal");
    let with = |password: &'static str| {
        let mut all = fields.to_vec();
        all.push(("confirm_password", password));
        all
    };
    let wrong = mara.send(&address, &with("not the password at all")).await.expect(403);
    assert!(wrong.text().contains("This is not your password") && wrong.text().contains(&digest));
    assert!(!wrong.text().contains("not the password at all"));
    assert_eq!(stage.promotion(&id).await["state"], "awaiting_approval");
    let old = mara.cookies.clone();
    let done = mara.send(&address, &with(PASSWORD)).await.expect(303);
    mara.keep(&done);
    assert_ne!(mara.cookies, old, "the session goes on under another secret");
    let approval = &stage.promotion(&id).await["approvals"][0];
    assert_eq!((&approval["outcome"], &approval["reason"]), (&json!("approve"), &json!(typed)));
    mara.get("/").await.expect(200);
    let dead = Browser { app: &stage.app, cookies: old, token: String::new() };
    dead.get("/").await.expect(303);
}
