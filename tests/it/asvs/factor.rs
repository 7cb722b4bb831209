//! Chapters 6.3.3 and 6.5: a second factor.

use super::{PASSWORD, session, sign_in};
use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::Browser,
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use plimsoll::crypto::totp::Secret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What a person has in their pocket.
pub struct Authenticator(Secret);

impl Authenticator {
    pub fn of(secret: &str) -> Self {
        let bytes = totp_rs::Secret::try_from_base32(secret).expect("base32").as_bytes().to_vec();
        Self(Secret::from_bytes(Zeroizing::new(bytes)).expect("a secret"))
    }

    pub fn base32(&self) -> String {
        self.0.base32()
    }

    /// The code of so many steps from now.
    pub fn code(&self, t: &TestApp, steps: i64) -> String {
        let at = t.app.db.clock().now().timestamp() + 30 * steps;
        self.0.code(u64::try_from(at).expect("after 1970"))
    }
}

/// Adds a second factor; the codes on paper come with it. The code of now is used then.
pub async fn enrol(t: &TestApp, session: &str) -> (Authenticator, Vec<String>) {
    let begun = t.post(session, "/api/v1/second-factor", json!({})).await.expect(201).json();
    let authenticator = Authenticator::of(begun["secret"].as_str().expect("a secret"));
    let code = json!({"code": authenticator.code(t, 0)});
    let confirmed = t.post(session, "/api/v1/second-factor/confirmation", code).await.expect(201).json();
    (authenticator, papers(&confirmed))
}

fn papers(answer: &Value) -> Vec<String> {
    let codes = answer["recovery_codes"].as_array().expect("codes");
    codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect()
}

fn next_step(t: &TestApp) {
    t.app.db.clock().advance(TimeDelta::seconds(30));
}

async fn with(t: &TestApp, name: &str, code: &str) -> Reply {
    t.post("", "/api/v1/sessions", json!({"name": name, "password": PASSWORD, "code": code})).await
}

/// The newest events of the log, by name, the newest first.
async fn told(t: &TestApp, auditor: &str, count: usize) -> Vec<String> {
    let page = t.get(auditor, &format!("/api/v1/audit/events?limit={count}")).await.expect(200).json();
    let events = page["items"].as_array().expect("events").iter();
    events.map(|event| event["leaf"]["detail"]["event"].as_str().expect("an event").to_owned()).collect()
}

fn anonymous(answer: &Reply) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status, body)
}

#[actix_web::test]
async fn v6_3_3_an_account_with_a_second_factor_needs_a_code_of_it() {
    let t = TestApp::start().await;
    let auditor = t.user("otto", &["auditor"]).await;
    let token = t.user("vera", &["viewer"]).await;
    let (own, other) = (session(&t, "vera").await, session(&t, "vera").await);
    assert_eq!(t.get(&own, "/api/v1/second-factor").await.expect(200).json()["state"], "none");
    // An API token adds none: whoever found it could shut its owner out.
    let refused = t.post(&token, "/api/v1/second-factor", json!({})).await.expect(403);
    assert_eq!(refused.code(), "session_needed");
    // What was begun is asked for nowhere, and a first code has to be right.
    t.post(&own, "/api/v1/second-factor", json!({})).await.expect(201);
    let wrong = t.post(&own, "/api/v1/second-factor/confirmation", json!({"code": "123"})).await.expect(422);
    assert_eq!(wrong.json()["errors"][0]["field"], "code");
    sign_in(&t, "vera", PASSWORD).await.expect(201);
    let (authenticator, papers) = enrol(&t, &own).await;
    assert_eq!(papers.len(), 10);
    assert_eq!(told(&t, &auditor, 2).await, ["second_factor_added", "second_factor_begun"]);
    // Sessions that were opened without it end; the one that showed it goes on.
    t.get(&other, "/api/v1/whoami").await.expect(401);
    assert_eq!(t.get(&own, "/api/v1/whoami").await.expect(200).json()["second_factor"], "active");
    assert_eq!(t.post(&own, "/api/v1/second-factor", json!({})).await.expect(409).code(), "second_factor_active");
    next_step(&t);
    let asked = sign_in(&t, "vera", PASSWORD).await.expect(401);
    assert_eq!(asked.code(), "second_factor_required");
    assert_eq!(told(&t, &auditor, 1).await, ["second_factor_asked"]);
    // Whoever does not know the password learns nothing of it: not whether there is a factor, nor whether a code is right.
    let plain = anonymous(&sign_in(&t, "otto", "a wrong guess of some length").await);
    for code in [None, Some("000000".to_owned()), Some(authenticator.code(&t, 0)), Some(papers[0].clone())] {
        let guess = json!({"name": "vera", "password": "a wrong guess of some length", "code": code});
        assert_eq!(anonymous(&t.post("", "/api/v1/sessions", guess).await), plain);
    }
    assert_eq!(with(&t, "vera", "000000").await.expect(401).code(), "second_factor_wrong");
    assert_eq!(told(&t, &auditor, 1).await, ["second_factor_refused"]);
    with(&t, "vera", &authenticator.code(&t, 0)).await.expect(201);
    // Who has none may send whatever the form had.
    with(&t, "otto", "123456").await.expect(201);
}

#[actix_web::test]
async fn v6_3_3_what_weighs_much_needs_a_code_too() {
    let t = TestApp::start().await;
    t.user("ada", &["admin"]).await;
    let own = session(&t, "ada").await;
    let (authenticator, _) = enrol(&t, &own).await;
    t.app.db.clock().advance(TimeDelta::minutes(16));
    let robot = json!({"name": "ci", "kind": "service", "roles": ["deployer"]});
    assert_eq!(t.post(&own, "/api/v1/accounts", robot.clone()).await.expect(403).code(), "reauthentication_required");
    for weighty in ["/api/v1/second-factor/recovery-codes"] {
        assert_eq!(t.post(&own, weighty, json!({})).await.expect(403).code(), "reauthentication_required");
    }
    let removal = reply(t.request(&own, "DELETE", "/api/v1/second-factor")).await.expect(403);
    assert_eq!(removal.code(), "reauthentication_required");
    let confirm = |body: Value| t.post(&own, "/api/v1/sessions/current/confirmation", body);
    for (code, said) in [(json!(null), "second factor"), (json!("000000"), "no code of now")] {
        let refused = confirm(json!({"password": PASSWORD, "code": code})).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "code");
        assert!(refused["errors"][0]["detail"].as_str().is_some_and(|text| text.contains(said)), "{refused}");
    }
    let code = authenticator.code(&t, 0);
    let renewed = confirm(json!({"password": PASSWORD, "code": code})).await.expect(201).json();
    let renewed = renewed["token"].as_str().expect("token");
    t.post(renewed, "/api/v1/accounts", robot).await.expect(201);
    let again = json!({"password": PASSWORD, "code": code});
    t.post(renewed, "/api/v1/sessions/current/confirmation", again).await.expect(422);
    reply(t.request(renewed, "DELETE", "/api/v1/second-factor")).await.expect(204);
    sign_in(&t, "ada", PASSWORD).await.expect(201);
}

#[actix_web::test]
async fn v6_5_1_a_code_is_used_once() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let (authenticator, _) = enrol(&t, &session(&t, "vera").await).await;
    with(&t, "vera", &authenticator.code(&t, 0)).await.expect(401);
    next_step(&t);
    let code = authenticator.code(&t, 0);
    with(&t, "vera", &code).await.expect(201);
    assert_eq!(with(&t, "vera", &code).await.expect(401).code(), "second_factor_wrong");
    // The one before was not used, and is over all the same.
    with(&t, "vera", &authenticator.code(&t, -1)).await.expect(401);
}

#[actix_web::test]
async fn v6_5_1_of_many_uses_of_one_code_at_once_one_wins() {
    let t = TestApp::start_with(&["--trusted-proxy", "127.0.0.0/8"]).await;
    t.user("vera", &["viewer"]).await;
    let (authenticator, papers) = enrol(&t, &session(&t, "vera").await).await;
    for code in [authenticator.code(&t, 1), papers[0].clone()] {
        let tries = (0..32).map(|n| {
            let request = t.request("", "POST", "/api/v1/sessions").header("x-forwarded-for", format!("192.0.2.{n}"));
            reply(request.json(&json!({"name": "vera", "password": PASSWORD, "code": code})))
        });
        let statuses: Vec<_> = join_all(tries).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        // Codes that are looked at all at once wait for each other, as guesses would.
        assert!(statuses.iter().all(|status| [201, 401, 429].contains(status)), "{statuses:?}");
        t.app.db.clock().advance(TimeDelta::hours(1));
    }
}

#[actix_web::test]
async fn v6_5_5_a_code_is_of_now_give_or_take_half_a_minute() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let (authenticator, _) = enrol(&t, &session(&t, "vera").await).await;
    t.app.db.clock().advance(TimeDelta::minutes(10));
    for (steps, status) in [(-2, 401), (2, 401), (-1, 201), (1, 201), (0, 401)] {
        with(&t, "vera", &authenticator.code(&t, steps)).await.expect(status);
    }
}

#[actix_web::test]
async fn v6_5_1_a_recovery_code_works_once_and_new_ones_end_it() {
    let t = TestApp::start().await;
    let auditor = t.user("otto", &["auditor"]).await;
    t.user("vera", &["viewer"]).await;
    let own = session(&t, "vera").await;
    let (_, papers_before) = enrol(&t, &own).await;
    let typed = papers_before[0].to_uppercase().replace('-', " ");
    with(&t, "vera", &typed).await.expect(201);
    assert_eq!(told(&t, &auditor, 2).await, ["recovery_code_used", "session_opened"]);
    with(&t, "vera", &papers_before[0]).await.expect(401);
    assert_eq!(t.get(&own, "/api/v1/second-factor").await.expect(200).json()["recovery_codes_left"], 9);
    let renewed = t.post(&own, "/api/v1/second-factor/recovery-codes", json!({})).await.expect(201).json();
    with(&t, "vera", &papers_before[1]).await.expect(401);
    with(&t, "vera", &papers(&renewed)[1]).await.expect(201);
}

#[actix_web::test]
async fn v6_3_3_wrong_codes_wait_and_the_owners_browser_does_not() {
    let t = TestApp::start_with(&["--trusted-proxy", "127.0.0.0/8"]).await;
    t.user("vera", &["viewer"]).await;
    let browser = Browser::open(&t).await.sign_in("vera").await;
    let (authenticator, _) = enrol(&t, &session(&t, "vera").await).await;
    next_step(&t);
    let from = |n: usize, password: &'static str, code: String| {
        let request = t.request("", "POST", "/api/v1/sessions").header("x-forwarded-for", format!("192.0.2.{n}"));
        reply(request.json(&json!({"name": "vera", "password": password, "code": code})))
    };
    // A stranger without the password uses no try of a code up.
    for n in 0..30 {
        assert_eq!(from(n, "a wrong guess of some length", "000000".to_owned()).await.status, 401);
    }
    for n in 30..50 {
        assert_eq!(from(n, PASSWORD, format!("9999{n}")).await.code(), "second_factor_wrong");
    }
    let waits = from(50, PASSWORD, authenticator.code(&t, 0)).await;
    assert_eq!((waits.status, waits.code().as_str()), (429, "too_many_attempts"));
    // Whoever has been here before signs in.
    let code = authenticator.code(&t, 0);
    let fields = [("name", "vera"), ("password", PASSWORD), ("code", code.as_str()), ("next", "/")];
    let known = browser.cookies.split("; ").filter(|cookie| !cookie.starts_with("__Host-plimsoll="));
    let mut browser = Browser { app: &t, cookies: known.collect::<Vec<_>>().join("; "), token: String::new() };
    let page = browser.get("/login").await.expect(200);
    browser.keep(&page);
    browser.send("/login", &fields).await.expect(303);
}

#[actix_web::test]
async fn v6_3_3_a_second_factor_is_required_of_roles() {
    let t = TestApp::start_with(&["--require-second-factor", "admin,reviewer"]).await;
    let token = t.user("ada", &["admin", "viewer"]).await;
    let viewer = t.user("vera", &["viewer"]).await;
    t.get(&viewer, "/api/v1/models").await.expect(200);
    let own = session(&t, "ada").await;
    assert_eq!(t.get(&own, "/api/v1/whoami").await.expect(200).json()["second_factor"], "required");
    let robot = json!({"name": "ci", "kind": "service", "roles": ["deployer"]});
    for credential in [&own, &token] {
        for path in ["/api/v1/models", "/api/v1/accounts", "/api/v1/audit/events"] {
            assert_eq!(t.get(credential, path).await.expect(403).code(), "second_factor_required", "{path}");
        }
        let refused = t.post(credential, "/api/v1/accounts", robot.clone()).await.expect(403);
        assert_eq!(refused.code(), "second_factor_required");
        let minted = json!({"name": "mine", "expires_in_days": 1});
        assert_eq!(t.post(credential, "/api/v1/tokens", minted).await.expect(403).code(), "second_factor_required");
    }
    enrol(&t, &own).await;
    for credential in [&own, &token] {
        t.get(credential, "/api/v1/models").await.expect(200);
    }
    t.post(&own, "/api/v1/accounts", robot).await.expect(201);
    // Whoever takes it off is where they began.
    reply(t.request(&own, "DELETE", "/api/v1/second-factor")).await.expect(204);
    t.get(&own, "/api/v1/models").await.expect(403);
}

#[actix_web::test]
async fn v6_3_3_who_has_to_add_a_second_factor_is_led_to_it_on_pages() {
    let t = TestApp::start_with(&["--require-second-factor", "everybody"]).await;
    t.user("vera", &["viewer"]).await;
    let mut browser = Browser::open(&t).await;
    let fields = [("name", "vera"), ("password", PASSWORD), ("next", "/models")];
    let answer = browser.send("/login", &fields).await.expect(303);
    browser.keep(&answer);
    for address in ["/", "/models", "/audit"] {
        assert_eq!(browser.get(address).await.expect(303).header("location"), "/account");
    }
    let page = browser.get("/account").await.expect(200);
    assert!(page.text().contains("A second factor is required of you"), "{}", page.text());
    browser.keep(&page);
    let begun = browser.send("/account/second-factor", &[]).await.expect(200).text();
    assert!(begun.contains("<svg class=\"qr\"") && !begun.contains("<script"), "{begun}");
    let secret = begun.split_once("<dd><code>").and_then(|(_, rest)| rest.split_once('<')).expect("a secret").0;
    let authenticator = Authenticator::of(secret);
    let wrong = browser.send("/account/second-factor/confirmation", &[("code", "12345")]).await.expect(422).text();
    assert!(wrong.contains("no code of now") && wrong.contains(secret), "{wrong}");
    let code = authenticator.code(&t, 0);
    let done = browser.send("/account/second-factor/confirmation", &[("code", &code)]).await.expect(200).text();
    assert_eq!(done.matches("<li><code>").count(), 10, "{done}");
    browser.get("/models").await.expect(200);
    assert!(browser.get("/account").await.expect(200).text().contains("of which 10 are left"));
    // A page that asks once more asks for both.
    t.app.db.clock().advance(TimeDelta::minutes(16));
    let address = "/account/second-factor/recovery-codes";
    let asked = browser.send(address, &[]).await.expect(403).text();
    assert!(asked.contains("confirm_password") && asked.contains("confirm_code"), "{asked}");
    let half = [("confirm_password", PASSWORD), ("confirm_code", "123456")];
    let half = browser.send(address, &half).await.expect(403).text();
    assert!(half.contains("This is no code of now") && half.contains("confirm_code"), "{half}");
    let code = authenticator.code(&t, 0);
    let both = [("confirm_password", PASSWORD), ("confirm_code", code.as_str())];
    let renewed = browser.send(address, &both).await.expect(200).text();
    assert!(renewed.contains("take the place of those before"), "{renewed}");
    let form = Browser::open(&t).await.send("/login", &fields).await.expect(401).text();
    assert!(form.contains("The account has a second factor"), "{form}");
}

#[actix_web::test]
async fn v6_3_3_another_sealing_key_opens_nobody_and_says_so() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let (authenticator, _) = enrol(&t, &session(&t, "vera").await).await;
    let other = t.data().join("other.key");
    // One that is there, of 32 other bytes, and nobody's but the service's.
    std::fs::copy(t.data().join("keys/sealing.key"), &other).expect("a file with its mode");
    std::fs::write(&other, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").expect("another key");
    let again = t.again(&["--sealing-key-file", other.to_str().expect("text")]).await;
    again.app.db.clock().advance(TimeDelta::seconds(30));
    let closed = with(&again, "vera", &authenticator.code(&again, 0)).await.expect(503);
    assert_eq!(closed.code(), "second_factor_unreadable");
    // A wrong password hears nothing of it.
    sign_in(&again, "vera", "a wrong guess of some length").await.expect(401);
    next_step(&t);
    with(&t, "vera", &authenticator.code(&t, 0)).await.expect(201);
}

#[actix_web::test]
async fn v6_3_3_an_administrator_takes_a_second_factor_away_and_a_reset_does_not() {
    let t = TestApp::start().await;
    let auditor = t.user("otto", &["auditor"]).await;
    let (admin, _) = (t.user("ada", &["admin"]).await, t.user("vera", &["viewer"]).await);
    let own = session(&t, "vera").await;
    let (authenticator, papers) = enrol(&t, &own).await;
    next_step(&t);
    let code = t.post(&admin, "/api/v1/accounts/vera/password-reset", json!({})).await.expect(201).json();
    let new = json!({"code": code["code"], "new_password": PASSWORD});
    t.post("", "/api/v1/password-resets", new).await.expect(204);
    assert_eq!(sign_in(&t, "vera", PASSWORD).await.expect(401).code(), "second_factor_required");
    let own = with(&t, "vera", &authenticator.code(&t, 0)).await.expect(201).json();
    let own = own["token"].as_str().expect("token").to_owned();
    let take = |by: &str, name: &str| reply(t.request(by, "DELETE", &format!("/api/v1/accounts/{name}/second-factor")));
    assert_eq!(take(&auditor, "vera").await.expect(403).code(), "forbidden");
    // Nobody does it by a token that may have been found.
    assert_eq!(take(&admin, "vera").await.expect(403).code(), "session_needed");
    let admin = session(&t, "ada").await;
    assert_eq!(take(&admin, "ada").await.expect(403).code(), "own_account");
    assert_eq!(take(&admin, "otto").await.expect(409).code(), "no_second_factor");
    take(&admin, "vera").await.expect(204);
    assert_eq!(told(&t, &auditor, 1).await, ["second_factor_taken"]);
    t.get(&own, "/api/v1/whoami").await.expect(401);
    // The password alone signs in, to nothing but adding another one.
    let again = session(&t, "vera").await;
    assert_eq!(t.get(&again, "/api/v1/models").await.expect(403).code(), "second_factor_required");
    with(&t, "vera", &papers[0]).await.expect(201);
    let again = session(&t, "vera").await;
    enrol(&t, &again).await;
    t.get(&again, "/api/v1/models").await.expect(200);
    assert_eq!(with(&t, "vera", &papers[1]).await.expect(401).code(), "second_factor_wrong");
    let replayed = plimsoll::audit::replay::ops::compare_tables(&t.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn v6_3_3_a_sealing_key_that_is_lost_is_not_made_anew() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    enrol(&t, &session(&t, "vera").await).await;
    let lost = t.data().join("nowhere.key");
    let file = lost.to_str().expect("text");
    let started = t.program(&["serve", "--listen", "127.0.0.1:0", "--workers", "0", "--sealing-key-file", file]).await;
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(!started.status.success() && said.contains("put it back from where it is backed up"), "{said}");
    assert!(!lost.exists(), "nothing was made in its place");
}
