//! Chapters 7.4 and 7.5 at the moment that counts: what a credential may do is asked again when a change is
//! committed, however long its body took.

use super::{PASSWORD, session};
use crate::{
    harness::{TestApp, reply},
    pages::stage::Stage,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request whose head has come, and nothing of its body.
struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    async fn new(t: &TestApp, (method, path): (&str, &str), credential: &str, kind: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(t.url.strip_prefix("http://").expect("http")).await.expect("connect");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {credential}\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        // Long enough to be let in.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Self { stream, body: body.to_owned() }
    }

    async fn end(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.expect("sent");
        let mut piece = [0; 4096];
        let n = self.stream.read(&mut piece).await.expect("an answer");
        String::from_utf8_lossy(&piece[..n]).into_owned()
    }
}

const TOKENS: (&str, &str) = ("POST", "/api/v1/tokens");

fn mine() -> String {
    json!({"name": "mine", "expires_in_days": 365}).to_string()
}

#[actix_web::test]
async fn v7_5_3_a_body_that_takes_its_time_makes_no_password_count_for_longer() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let current = session(&t, "vera").await;
    t.app.db.clock().advance(TimeDelta::minutes(14));
    let begun = Begun::new(&t, TOKENS, &current, "application/json", &mine()).await;
    t.app.db.clock().advance(TimeDelta::minutes(1));
    let answer = begun.end().await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("reauthentication_required"), "{answer}");
}

#[actix_web::test]
async fn v7_4_1_a_session_that_ends_while_a_body_is_on_its_way_makes_no_other_credential() {
    let t = TestApp::start().await;
    let own = t.user("vera", &["viewer"]).await;
    let (stolen, kept) = (session(&t, "vera").await, session(&t, "vera").await);
    let begun = Begun::new(&t, TOKENS, &stolen, "application/json", &mine()).await;
    reply(t.request(&kept, "DELETE", "/api/v1/sessions")).await.expect(200);
    let before = t.get(&own, "/api/v1/tokens").await.expect(200).json()["items"].as_array().map(Vec::len);
    let answer = begun.end().await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let after = t.get(&own, "/api/v1/tokens").await.expect(200).json()["items"].as_array().map(Vec::len);
    assert_eq!(before, after);
}

#[actix_web::test]
async fn v7_4_2_an_upload_whose_token_ends_meanwhile_is_not_kept() {
    let t = TestApp::start().await;
    let ada = t.user("ada", &["admin"]).await;
    let token = t.user("ines", &["contributor"]).await;
    t.post(&token, "/api/v1/models", json!({"name": "m", "intended_use": "x", "risk_tier": "low"})).await.expect(201);
    let sha256 = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let files = json!({"files": [{"path": "a", "sha256": sha256, "size_bytes": 1}]});
    t.post(&token, "/api/v1/models/m/versions", files).await.expect(201);
    let put = ("PUT", "/api/v1/models/m/versions/1/files/a");
    let begun = Begun::new(&t, put, &token, "application/octet-stream", "x").await;
    reply(t.request(&ada, "DELETE", "/api/v1/accounts/ines")).await.expect(200);
    let answer = begun.end().await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let draft = t.get(&ada, "/api/v1/models/m/versions/1").await.expect(200).json();
    assert_eq!(draft["files"][0]["uploaded"], false);
}

#[actix_web::test]
async fn v7_5_3_confirming_in_one_tab_leaves_the_forms_of_the_others_working() {
    let stage = Stage::set().await;
    let mut mara = stage.sign_in("mara").await;
    let (other_tab, cookies) = (mara.token.clone(), mara.cookies.clone());
    stage.app.app.db.clock().advance(TimeDelta::minutes(16));
    for _ in 0..2 {
        let fields = [("to", "tom"), ("valid_until", "2030-01-01"), ("confirm_password", PASSWORD)];
        let answer = mara.send("/delegations", &fields).await;
        mara.keep(&answer);
    }
    assert_ne!(mara.cookies, cookies, "it was confirmed");
    let form = mara.form("/account/sessions/end-others", &[], &other_tab);
    reply(form.header("origin", &stage.app.url)).await.expect(303);
    // And another session of the same person has other forms.
    let again = stage.sign_in("mara").await;
    let form = again.form("/account/sessions/end-others", &[], &other_tab);
    reply(form.header("origin", &stage.app.url)).await.expect(403);
}

#[actix_web::test]
async fn v7_5_3_who_confirms_with_the_wrong_password_too_often_waits_and_loses_nothing() {
    let stage = Stage::set().await;
    let mara = stage.sign_in("mara").await;
    let typed = [("to", "rui"), ("reason", "what was typed"), ("confirm_password", "not the password at all")];
    let mut last = mara.send("/delegations", &typed).await.expect(403);
    for _ in 0..10 {
        last = mara.send("/delegations", &typed).await;
    }
    assert_eq!(last.status, 429);
    let page = last.text();
    assert!(page.contains("too many failed attempts") && page.contains("what was typed"), "{page}");
    assert!(!page.contains("not the password at all"), "{page}");
}

/// The client's program, with its own folder of sign-ins.
async fn login(t: &TestApp, config: &Path, name: &str, password: &str) -> std::process::Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["login", &t.url, "--user", name, "--password-stdin", "--config-dir"]).arg(config);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("client");
    child.stdin.take().expect("stdin").write_all(password.as_bytes()).await.expect("written");
    child.wait_with_output().await.expect("output")
}

fn stored(config: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(config.join("profiles/default.json")).expect("a profile")).expect("json")
}

#[actix_web::test]
async fn v7_2_4_the_command_line_confirms_its_session_and_leaves_none_behind() {
    let t = TestApp::start().await;
    let token = t.user("vera", &["viewer"]).await;
    t.user("omar", &["viewer"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let live = async || t.get(&token, "/api/v1/sessions").await.expect(200).json()["items"].as_array().map(Vec::len);
    assert!(login(&t, folder.path(), "vera", PASSWORD).await.status.success());
    let first = stored(folder.path());
    t.app.db.clock().advance(TimeDelta::minutes(16));
    assert!(login(&t, folder.path(), "vera", PASSWORD).await.status.success());
    let second = stored(folder.path());
    assert_ne!(first["token"], second["token"]);
    assert_eq!((first["device"].as_str(), live().await), (second["device"].as_str(), Some(1)));
    t.post(second["token"].as_str().expect("token"), TOKENS.1, json!({"name": "mine", "expires_in_days": 1}))
        .await
        .expect(201);
    let wrong = login(&t, folder.path(), "vera", "not the password at all").await;
    assert_eq!(wrong.status.code(), Some(4), "{}", String::from_utf8_lossy(&wrong.stderr));
    // Somebody else at the same place: what was stored ends.
    assert!(login(&t, folder.path(), "omar", PASSWORD).await.status.success());
    assert_eq!(live().await, Some(0));
}

#[actix_web::test]
async fn v6_3_1_a_command_line_that_is_known_does_not_wait_for_those_who_guess() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let folder = tempfile::tempdir().expect("folder");
    assert!(login(&t, folder.path(), "vera", PASSWORD).await.status.success());
    for _ in 0..10 {
        super::sign_in(&t, "vera", "not the password at all").await.expect(401);
    }
    super::sign_in(&t, "vera", PASSWORD).await.expect(429);
    // Its session is over, so it signs in anew.
    t.app.db.clock().advance(TimeDelta::minutes(2));
    let session = stored(folder.path())["token"].as_str().expect("token").to_owned();
    reply(t.request(&session, "DELETE", "/api/v1/sessions/current")).await.expect(204);
    let again = login(&t, folder.path(), "vera", PASSWORD).await;
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let malformed = json!({"name": "vera", "password": PASSWORD, "device": "mine"});
    t.post("", "/api/v1/sessions", malformed).await.expect(422);
}
