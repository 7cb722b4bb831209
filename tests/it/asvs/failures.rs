//! Chapters 14 and 16: what a failure leaves behind, and what the log never holds.

use super::{PASSWORD, session, sign_in};
use crate::{
    harness::{TestApp, reply},
    pages::stage::Browser,
};
use actix_web::{App, HttpResponse, HttpServer, middleware::from_fn, web};
use plimsoll::{
    app,
    core::{clock::Clock, ids::AccountId},
    db::entity::account,
    http::headers,
};
use sea_orm::{EntityTrait, Set};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// Writes half of something, and comes to grief.
#[expect(clippy::panic, reason = "that is what this is about")]
async fn come_to_grief(app: web::Data<app::App>) -> HttpResponse {
    let tx = app.db.begin().await.expect("a transaction");
    let half = account::ActiveModel {
        id: Set(AccountId::generate()),
        name: Set("half-stored".to_owned()),
        display_name: Set(String::new()),
        kind: Set("user".to_owned()),
        password_hash: Set(None),
        state: Set("active".to_owned()),
        owner_id: Set(None),
        created_at: Set(tx.at()),
        ..Default::default()
    };
    account::Entity::insert(half).exec_without_returning(&tx.conn()).await.expect("inserted");
    panic!("the secret of the handler");
}

#[actix_web::test]
async fn v16_5_4_a_panic_leaves_an_answer_nothing_half_stored_and_a_living_process() {
    let t = TestApp::start().await;
    let data = web::Data::from(Arc::clone(&t.app));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let service = HttpServer::new(move || {
        let app = App::new().wrap(from_fn(headers::surround)).app_data(data.clone());
        app.route("/grief", web::post().to(come_to_grief)).route("/well", web::get().to(async || HttpResponse::Ok()))
    });
    actix_web::rt::spawn(service.workers(1).listen(listener).expect("listen").run());
    let before = t.events().await;
    for _ in 0..5 {
        let answer = reqwest::Client::new().post(format!("{url}/grief")).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 500);
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(headers.contains_key("content-security-policy") && headers.contains_key("strict-transport-security"));
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(
            (&problem["code"], &problem["request_id"]),
            (&json!("internal"), &json!(headers["x-request-id"].to_str().expect("text")))
        );
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    assert_eq!(reqwest::get(format!("{url}/well")).await.expect("an answer").status().as_u16(), 200);
    let all = account::Entity::find().all(t.app.db.raw_for_tests()).await.expect("accounts");
    assert!(all.iter().all(|account| account.name != "half-stored"));
    assert_eq!(t.events().await, before);
    // The one writer is free again.
    t.user("vera", &["viewer"]).await;
}

/// The real program with everything that it says, which is read as it comes.
pub struct Logged {
    process: std::process::Child,
    pub said: Arc<Mutex<String>>,
    pub url: String,
}

impl Logged {
    pub fn start(t: &TestApp, more: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "0", "--log", "plimsoll=trace,info", "--data"]);
        command.arg(t.data()).args(more).args(t.database().iter().flat_map(|url| ["--db-url", *url]));
        // The tokens of this test were made by its own clock.
        let ahead = t.app.db.clock().now() - Clock::System.now();
        command.arg(format!("--clock-ahead-seconds={}", ahead.num_seconds()));
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("service");
        let mut log = BufReader::new(process.stderr.take().expect("stderr"));
        let said = Arc::new(Mutex::new(String::new()));
        let mut first = String::new();
        while !first.contains("listens on ") {
            assert_ne!(log.read_line(&mut first).expect("a line"), 0, "it ended before it listened");
        }
        let url = first.rsplit("listens on ").next().expect("an address").trim().to_owned();
        let heard = said.clone();
        heard.lock().expect("lock").push_str(&first);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                heard.lock().expect("lock").push_str(&(line + "\n"));
            }
        });
        Self { process, said, url }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[actix_web::test]
async fn v16_2_5_no_line_of_the_log_holds_a_secret() {
    let mut t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    t.user("vera", &["viewer"]).await;
    let service = Logged::start(&t, &[]);
    t.url.clone_from(&service.url);
    let (wrong, typed, new) =
        ("a wrong one, mistyped here", "typed-into-the-wrong-field", "another one of some length");
    sign_in(&t, "vera", wrong).await.expect(401);
    sign_in(&t, typed, PASSWORD).await.expect(401);
    let first = session(&t, "vera").await;
    let confirm = json!({"password": PASSWORD});
    let renewed = t.post(&first, "/api/v1/sessions/current/confirmation", confirm).await.expect(201).json();
    let renewed = renewed["token"].as_str().expect("token").to_owned();
    t.post(&renewed, "/api/v1/sessions/current/confirmation", json!({"password": wrong})).await.expect(422);
    let made =
        t.post(&renewed, "/api/v1/tokens", json!({"name": "mine", "expires_in_days": 1})).await.expect(201).json();
    let browser = Browser::open(&t).await.sign_in("vera").await;
    browser.send("/account/password", &[("current_password", wrong), ("new_password", new)]).await.expect(422);
    let reset = t.post(&admin, "/api/v1/accounts/vera/password-reset", json!({})).await.expect(201).json();
    let code = reset["code"].as_str().expect("code").to_owned();
    t.post("", "/api/v1/password-resets", json!({"code": code, "new_password": new})).await.expect_success();
    // Where people put secrets by mistake, and what is refused.
    reply(t.request("", "GET", &format!("/api/v1/models?token={code}"))).await.expect(401);
    t.get(&admin, "/api/v1/models/no-such-model?key=hunter-in-the-query").await.expect(404);
    let basic = t.request("", "GET", "/api/v1/models").header("authorization", "Basic dmVyYTpodW50ZXI=");
    reply(basic).await.expect(401);
    for _ in 0..10 {
        sign_in(&t, "vera", wrong).await;
    }
    let cookies = browser.cookies.split("; ").filter_map(|cookie| Some(cookie.split_once('=')?.1.to_owned()));
    let mut secrets: Vec<String> = cookies.collect();
    assert!(2 <= secrets.len(), "{secrets:?}");
    secrets.extend([PASSWORD, wrong, typed, new, "hunter-in-the-query", "dmVyYTpodW50ZXI"].map(str::to_owned));
    secrets.extend([
        first,
        renewed,
        made["token"].as_str().expect("token").to_owned(),
        code,
        admin,
        browser.token.clone(),
    ]);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let said = service.said.lock().expect("lock").clone();
    assert!(said.contains("too many sign-ins failed") && 20 < said.lines().count(), "{said}");
    for secret in secrets {
        assert!(8 <= secret.len() && !said.contains(&secret), "{secret} stands in the log");
    }
}
