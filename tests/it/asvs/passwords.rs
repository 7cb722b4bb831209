//! Chapter 6: how somebody proves with a password who they are.

use super::{PASSWORD, session, sign_in};
use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::Browser,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn create(t: &TestApp, admin: &str, name: &str, password: &str) -> Reply {
    let input = json!({"name": name, "kind": "user", "roles": ["viewer"]});
    choose(t, &t.post(admin, "/api/v1/accounts", input).await.expect(201), password).await
}

/// The person of a new account chooses their password.
async fn choose(t: &TestApp, made: &Reply, password: &str) -> Reply {
    let code = made.json()["invitation"]["code"].as_str().expect("a code").to_owned();
    t.post("", "/api/v1/password-resets", json!({"code": code, "new_password": password})).await
}

async fn change(t: &TestApp, token: &str, body: Value) -> Reply {
    reply(t.request(token, "PUT", "/api/v1/password").json(&body)).await
}

#[actix_web::test]
async fn v6_2_1_and_v6_2_9_a_password_has_15_to_256_characters_and_none_is_cut() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let words = "four words in a row, and then some more of them; ".repeat(30);
    for (n, (length, status)) in
        [(7, 422), (8, 422), (14, 422), (15, 204), (64, 204), (128, 204), (256, 204), (257, 422), (1025, 422)]
            .into_iter()
            .enumerate()
    {
        let (name, password) = (format!("user-{n}"), &words[..length]);
        let made = create(&t, &admin, &name, password).await.expect(status);
        if status == 422 {
            assert_eq!(made.json()["errors"][0]["field"], "new_password");
            continue;
        }
        sign_in(&t, &name, password).await.expect(201);
        sign_in(&t, &name, &password[..length - 1]).await.expect(401);
    }
}

#[actix_web::test]
async fn v6_2_4_and_v6_2_12_a_password_that_is_tried_first_is_refused() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    for (n, bad) in [
        "passwordpassword",
        "Password12345678",
        "password-iloveyou",
        "123456789012345",
        "123456789123456789",
        "qwertyuiopasdfghjkl",
        "QWERTYUIOPASDFGH",
        "1qaz2wsx3edc4rfv",
        "1q2w3e4r5t6y7u8i",
        "zyxwvutsrqponmlk",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "iloveyou!!!!!2024",
        "monkey.dragon.99",
        "2024-football-2024",
        "chelsea-liverpool!",
        "princess-sunshine",
        "letmeinletmeinletmein",
        "111111111111111111",
        "dragon1234567890",
    ]
    .into_iter()
    .enumerate()
    {
        let refused = create(&t, &admin, &format!("user-{n}"), bad).await;
        assert_eq!(
            (refused.status, refused.json()["errors"][0]["field"].as_str()),
            (422, Some("new_password")),
            "{bad}"
        );
    }
}

#[actix_web::test]
async fn v6_2_5_and_v6_2_8_a_password_is_any_text_and_only_exactly_that_text() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    for (n, (password, other)) in [
        ("only lower case and spaces", "only lower case and Spaces"),
        ("  spaces at both ends  ", "spaces at both ends"),
        ("\u{e9}t\u{e9} comme hiver, caf\u{e9}", "e\u{301}te\u{301} comme hiver, cafe\u{301}"),
        ("🦀🐙🦑🐡🐠🦐🦞🐟🐬🐳🐋🦈🦭🐚🪸", "🦀🐙🦑🐡🐠🦐🦞🐟🐬🐳🐋🦈🦭🐚"),
        ("дом стоит на холме", "Дом стоит на холме"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user-{n}");
        create(&t, &admin, &name, password).await.expect(204);
        sign_in(&t, &name, password).await.expect(201);
        sign_in(&t, &name, other).await.expect(401);
    }
}

#[actix_web::test]
async fn v6_2_11_a_password_is_not_built_from_names_that_everybody_knows() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let input =
        json!({"name": "konstantin", "display_name": "Konstantin Feodora", "kind": "user", "roles": ["viewer"]});
    let made = t.post(&admin, "/api/v1/accounts", input).await.expect(201);
    for bad in ["plimsoll-is-my-registry", "my own PLIMSOLL here", "konstantin-2024!", "Feodora konstantin"] {
        choose(&t, &made, bad).await.expect(422);
    }
}

#[actix_web::test]
async fn v6_2_3_a_change_needs_the_current_password() {
    let t = TestApp::start().await;
    let token = t.user("ines", &["viewer"]).await;
    let other = "another password of some length";
    let before = t.events().await;
    let wrong = json!({"current_password": "not this one at all", "new_password": other});
    let refused = change(&t, &token, wrong).await.expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "current_password");
    assert_eq!(t.events().await, before + 1, "the attempt is in the log");
    change(&t, &token, json!({"new_password": other})).await.expect(400);
    let weak = json!({"current_password": PASSWORD, "new_password": "short"});
    assert_eq!(change(&t, &token, weak).await.expect(422).json()["errors"][0]["field"], "new_password");
    sign_in(&t, "ines", PASSWORD).await.expect(201);
    change(&t, &token, json!({"current_password": PASSWORD, "new_password": other})).await.expect(200);
    sign_in(&t, "ines", PASSWORD).await.expect(401);
    sign_in(&t, "ines", other).await.expect(201);
    let robot = t.robot("ci", &["deployer"]).await;
    let refused = change(&t, &robot, json!({"current_password": PASSWORD, "new_password": other})).await.expect(403);
    assert_eq!(refused.code(), "no_password");
}

#[actix_web::test]
async fn v6_3_1_who_fails_too_often_waits_and_nobody_else_does() {
    let t = TestApp::start().await;
    t.user("ines", &["viewer"]).await;
    t.user("omar", &["viewer"]).await;
    // The owner has been here before.
    let known = Browser::open(&t).await.sign_in("ines").await;
    known.get("/").await.expect(200);
    let mut waited = 0;
    for n in 0..200 {
        let tried = sign_in(&t, "ines", &format!("a wrong guess, number {n}")).await;
        assert!([401, 429].contains(&tried.status), "{}", tried.text());
        waited += usize::from(tried.status == 429);
    }
    assert_eq!(waited, 190, "ten guesses, and no more");
    let refused = sign_in(&t, "ines", PASSWORD).await.expect(429);
    assert_eq!(refused.code(), "too_many_attempts");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=300).contains(&seconds)));
    // Neither the sessions that there are, nor another account, nor the owner's own browser.
    known.get("/").await.expect(200);
    sign_in(&t, "omar", PASSWORD).await.expect(201);
    let fields = [("name", "ines"), ("password", PASSWORD), ("next", "/")];
    let mut back = Browser::open(&t).await;
    let device = known.cookies.split("; ").find(|cookie| cookie.starts_with("__Host-plimsoll-device="));
    back.cookies = format!("{}; {}", back.cookies, device.expect("a device"));
    back.send("/login", &fields).await.expect(303);
    // A browser that was never here waits, and sees until when.
    let stranger = Browser::open(&t).await;
    let page = stranger.send("/login", &fields).await.expect(429);
    assert!(page.text().contains("try again in 5 min") && !page.header("retry-after").is_empty());
    t.app.db.clock().advance(TimeDelta::minutes(5));
    sign_in(&t, "ines", PASSWORD).await.expect(201);
}

#[actix_web::test]
async fn v6_3_1_many_guesses_at_once_are_no_way_around_the_wait() {
    let t = TestApp::start().await;
    t.user("ines", &["viewer"]).await;
    let guesses = (0..40).map(|n| {
        let t = &t;
        async move { sign_in(t, "ines", &format!("a wrong guess, number {n}")).await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
}

#[actix_web::test]
async fn v6_3_1_a_session_is_no_place_to_guess_its_owners_password() {
    let t = TestApp::start().await;
    t.user("ines", &["viewer"]).await;
    let stolen = session(&t, "ines").await;
    let confirm = |password: &'static str| {
        t.post(&stolen, "/api/v1/sessions/current/confirmation", json!({"password": password}))
    };
    for _ in 0..10 {
        confirm("a wrong guess of some length").await.expect(422);
    }
    assert_eq!(confirm(PASSWORD).await.expect(429).code(), "too_many_attempts");
    // The owner signs in anew all the same.
    sign_in(&t, "ines", PASSWORD).await.expect(201);
}

#[actix_web::test]
async fn v4_1_3_who_asks_is_not_who_a_header_says() {
    let attempts = |t: &TestApp, name: &'static str| {
        let requests = (0..12).map(|n| {
            let request = t.request("", "POST", "/api/v1/sessions").header("x-forwarded-for", format!("192.0.2.{n}"));
            request.json(&json!({"name": name, "password": "a wrong guess of some length"}))
        });
        requests.collect::<Vec<_>>()
    };
    let t = TestApp::start().await;
    let mut statuses = Vec::new();
    for request in attempts(&t, "ines") {
        statuses.push(reply(request).await.status);
    }
    assert_eq!(&statuses[9..], [401, 429, 429], "the header is ignored");
    let behind = TestApp::start_with(&["--trusted-proxy", "127.0.0.0/8"]).await;
    for request in attempts(&behind, "ines") {
        assert_eq!(reply(request).await.status, 401, "the proxy is believed");
    }
}

#[actix_web::test]
async fn v6_3_8_a_name_that_exists_is_not_told_from_one_that_does_not() {
    let t = TestApp::start().await;
    t.user("ines", &["viewer"]).await;
    let mut best = [Duration::MAX; 2];
    let mut said = Vec::new();
    // The kinds take turns, so that a busy machine slows both alike; each name is tried less often than would wait.
    for _ in 0..8 {
        for (best, name) in best.iter_mut().zip(["ines", "nobody"]) {
            let started = Instant::now();
            let tried = sign_in(&t, name, "a wrong guess of some length").await;
            *best = started.elapsed().min(*best);
            let mut body = tried.json();
            body["request_id"] = Value::Null;
            let headers: std::collections::BTreeSet<_> = tried.headers.keys().map(ToString::to_string).collect();
            said.push((tried.status, body, headers));
        }
    }
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    let [known, unknown] = best;
    assert!(known < unknown * 2 && unknown < known * 2, "{known:?} {unknown:?}");
    for name in ["ines", "nobody"] {
        for _ in 0..2 {
            sign_in(&t, name, "a wrong guess of some length").await.expect(401);
        }
        let waits = sign_in(&t, name, PASSWORD).await;
        assert_eq!((waits.status, waits.code().as_str()), (429, "too_many_attempts"), "{name}");
    }
}

#[actix_web::test]
async fn v6_4_1_and_v6_4_6_a_lost_password_is_set_by_its_person_with_a_code_that_works_once() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let token = t.user("ines", &["viewer"]).await;
    let open = session(&t, "ines").await;
    let issue = || t.post(&admin, "/api/v1/accounts/ines/password-reset", json!({}));
    let set = |code: String, password: &'static str| {
        t.post("", "/api/v1/password-resets", json!({"code": code, "new_password": password}))
    };
    let code = |reply: Reply| reply.json()["code"].as_str().expect("code").to_owned();
    // Nobody chooses a password for somebody else.
    let chosen = json!({"new_password": "chosen by the administrator"});
    t.post(&admin, "/api/v1/accounts/ines/password-reset", chosen).await.expect(201);
    sign_in(&t, "ines", "chosen by the administrator").await.expect(401);
    let replaced = code(issue().await.expect(201));
    let current = code(issue().await.expect(201));
    let other = "another password of some length";
    for dead in [replaced, "plm_nonsense".to_owned(), String::new(), admin.clone()] {
        let refused = set(dead, other).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "code");
        assert!(refused["errors"][0]["detail"].as_str().is_some_and(|said| said.starts_with("it does not work")));
    }
    assert_eq!(set(current.clone(), "short").await.expect(422).json()["errors"][0]["field"], "new_password");
    // The code opens nothing by itself, and nothing has ended yet.
    t.get(&current, "/api/v1/whoami").await.expect(401);
    t.get(&open, "/api/v1/whoami").await.expect(200);
    set(current.clone(), other).await.expect(204);
    set(current, other).await.expect(422);
    sign_in(&t, "ines", PASSWORD).await.expect(401);
    sign_in(&t, "ines", other).await.expect(201);
    for ended in [&token, &open] {
        t.get(ended, "/api/v1/whoami").await.expect(401);
    }
    let late = code(issue().await.expect(201));
    t.app.db.clock().advance(TimeDelta::hours(1));
    set(late, other).await.expect(422);
    let robot = json!({"name": "ci", "kind": "service", "roles": ["deployer"]});
    t.post(&admin, "/api/v1/accounts", robot).await.expect(201);
    assert_eq!(t.post(&admin, "/api/v1/accounts/ci/password-reset", json!({})).await.expect(409).code(), "no_password");
}

#[actix_web::test]
async fn a_lost_password_is_set_on_its_page() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    t.user("ines", &["viewer"]).await;
    let issued = t.post(&admin, "/api/v1/accounts/ines/password-reset", json!({})).await.expect(201).json();
    let code = issued["code"].as_str().expect("code");
    let mut browser = Browser::open(&t).await;
    let page = browser.get("/reset").await.expect(200);
    browser.keep(&page);
    let wrong = browser.send("/reset", &[("code", code), ("new_password", "too short")]).await.expect(422);
    assert!(wrong.text().contains("New password: use 15 to 256 characters"), "{}", wrong.text());
    assert!(!wrong.text().contains("too short") && !wrong.text().contains(code), "neither comes back");
    let new = "another password of some length";
    let done = browser.send("/reset", &[("code", code), ("new_password", new)]).await.expect(303);
    assert!(browser.get(done.header("location")).await.expect(200).text().contains("Your new password is set"));
    sign_in(&t, "ines", new).await.expect(201);
}

#[actix_web::test]
async fn v6_3_2_a_new_service_has_no_account() {
    let t = TestApp::start().await;
    for (name, password) in [("admin", "admin"), ("root", "root"), ("admin", ""), ("plimsoll", "plimsoll")] {
        sign_in(&t, name, password).await.expect(401);
    }
    let ada = t.user("ada", &["admin"]).await;
    let accounts = t.get(&ada, "/api/v1/accounts").await.expect(200).json();
    assert_eq!(accounts["items"].as_array().map(Vec::len), Some(1), "{accounts}");
}
