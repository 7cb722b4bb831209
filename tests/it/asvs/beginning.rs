//! Chapters 6.3.2 and 6.4.1: how accounts begin.

use super::{PASSWORD, sign_in};
use crate::{harness::TestApp, pages::stage::Browser};
use chrono::TimeDelta;
use plimsoll::accounts::founding::ops;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

async fn found(t: &TestApp, code: &str, name: &str) -> crate::harness::Reply {
    t.post("", "/api/v1/first-account", json!({"code": code, "name": name, "password": PASSWORD})).await
}

#[actix_web::test]
async fn v6_3_2_the_first_account_is_made_with_a_code_that_works_once_and_only_while_there_is_none() {
    let t = TestApp::start().await;
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    assert!(ops::first_code(&t.app).await.expect("asked").is_none(), "never a second time");
    for dead in ["", "admin", "plm_nonsense"] {
        assert_eq!(found(&t, dead, "ada").await.expect(422).json()["errors"][0]["field"], "code");
    }
    // Whoever has the machine makes another, and the one before is dead.
    let console = t.console().await;
    let next = ops::replace_code(&t.app, &console).await.expect("another").secret;
    found(&t, &code, "ada").await.expect(422);
    t.app.db.clock().advance(TimeDelta::hours(24));
    found(&t, &next, "ada").await.expect(422);
    let last = ops::replace_code(&t.app, &console).await.expect("another").secret;
    let made = found(&t, &last, "ada").await.expect(201).json();
    assert_eq!((&made["name"], &made["roles"]), (&json!("ada"), &json!(["admin"])));
    sign_in(&t, "ada", PASSWORD).await.expect(201);
    found(&t, &last, "eve").await.expect(422);
    assert!(ops::replace_code(&t.app, &console).await.is_err(), "there is an account");
    let replayed = plimsoll::audit::replay::ops::compare_tables(&t.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn v6_3_2_a_code_for_the_first_account_is_none_for_a_second() {
    let t = TestApp::start().await;
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    // Somebody with the machine was faster.
    t.user("ada", &["admin"]).await;
    assert_eq!(found(&t, &code, "eve").await.expect(409).code(), "has_accounts");
    let t = TestApp::start().await;
    t.user("ada", &["admin"]).await;
    assert!(ops::first_code(&t.app).await.expect("asked").is_none(), "there are accounts");
}

#[actix_web::test]
async fn v6_3_2_of_many_who_have_the_code_one_makes_the_account() {
    let t = TestApp::start().await;
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    let names: Vec<_> = (0..8).map(|n| format!("ada-{n}")).collect();
    let made = futures_util::future::join_all(names.iter().map(|name| found(&t, &code, name))).await;
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[actix_web::test]
async fn v6_3_2_the_first_account_is_made_on_a_page() {
    let t = TestApp::start().await;
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    let mut browser = Browser::open(&t).await;
    let page = browser.get("/first").await.expect(200);
    browser.keep(&page);
    let wrong = [("code", code.as_str()), ("name", "ada"), ("password", "too short")];
    let wrong = browser.send("/first", &wrong).await.expect(422).text();
    assert!(
        wrong.contains("password: use 15 to 256") && !wrong.contains(&code) && !wrong.contains("too short"),
        "{wrong}"
    );
    let right = [("code", code.as_str()), ("name", "ada"), ("password", PASSWORD)];
    let done = browser.send("/first", &right).await.expect(303);
    assert!(browser.get(done.header("location")).await.expect(200).text().contains("The first account is made"));
    sign_in(&t, "ada", PASSWORD).await.expect(201);
}

/// What the real program prints to standard output before it is stopped.
fn printed(data: &std::path::Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "0", "--data"]).arg(data);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the service");
    let mut told = BufReader::new(process.stderr.take().expect("stderr"));
    let mut line = String::new();
    while !line.contains("listens on") {
        line.clear();
        assert_ne!(told.read_line(&mut line).expect("a line"), 0, "it ended before it listened");
    }
    // Whatever is printed is printed right after; then it is asked to stop, and does when all is done.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    let mut rest = String::new();
    while told.read_line(&mut rest).is_ok_and(|read| read != 0) {}
    assert!(!rest.contains("plm_") && !line.contains("plm_"), "the log has no code: {rest}");
    let output = process.wait_with_output().expect("output");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn v6_3_2_a_service_prints_the_code_once() {
    let folder = tempfile::tempdir().expect("folder");
    let first = printed(folder.path());
    assert!(first.contains("There is no account yet") && first.contains("plm_"), "{first}");
    assert_eq!(printed(folder.path()), "");
}

#[actix_web::test]
async fn v6_4_1_whoever_makes_an_account_learns_and_chooses_no_password() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let asked = json!({"name": "ines", "kind": "user", "roles": ["viewer"]});
    let mut chosen = asked.clone();
    chosen["password"] = json!("chosen by the administrator");
    t.post(&admin, "/api/v1/accounts", chosen).await.expect(400);
    let made = t.post(&admin, "/api/v1/accounts", asked).await.expect(201).json();
    assert_eq!(made["name"], "ines");
    let code = made["invitation"]["code"].as_str().expect("a code").to_owned();
    let set = |code: &str, password: &str| {
        t.post("", "/api/v1/password-resets", json!({"code": code, "new_password": password}))
    };
    // Nobody signs in before, with nothing, with the code, or with a guess.
    for guess in ["", &code, PASSWORD] {
        sign_in(&t, "ines", guess).await.expect(401);
    }
    t.get(&code, "/api/v1/whoami").await.expect(401);
    t.app.db.clock().advance(TimeDelta::hours(71));
    set(&code, "short").await.expect(422);
    set(&code, PASSWORD).await.expect(204);
    set(&code, "another password of some length").await.expect(422);
    sign_in(&t, "ines", PASSWORD).await.expect(201);
    // One that nobody used is over after three days, and a code for a lost password takes its place.
    let late = json!({"name": "omar", "kind": "user", "roles": ["viewer"]});
    let late = t.post(&admin, "/api/v1/accounts", late).await.expect(201).json();
    t.app.db.clock().advance(TimeDelta::hours(72));
    set(late["invitation"]["code"].as_str().expect("a code"), PASSWORD).await.expect(422);
    let again = t.post(&admin, "/api/v1/accounts/omar/password-reset", json!({})).await.expect(201).json();
    set(again["code"].as_str().expect("a code"), PASSWORD).await.expect(204);
    // The log says who made and who used which code, and no code.
    let auditor = t.user("otto", &["auditor"]).await;
    let log = t.get(&auditor, "/api/v1/audit/events?limit=100").await.expect(200).json();
    let events = log["items"].as_array().expect("events");
    let of = |name: &str| -> Vec<&Value> { events.iter().filter(|e| e["leaf"]["detail"]["event"] == name).collect() };
    assert_eq!((of("account_invited").len(), of("password_was_reset").len()), (2, 2));
    let (invited, used) = (&of("account_invited")[1]["leaf"], &of("password_was_reset")[1]["leaf"]);
    assert_eq!(invited["detail"]["reset"], used["detail"]["reset"]);
    assert_ne!(invited["actor"]["id"], used["actor"]["id"]);
    assert!(!log.to_string().contains(&code[8..]));
}
