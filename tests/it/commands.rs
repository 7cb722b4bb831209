//! The client's program: accounts, records, the state on a date, and services that are older than it.

use crate::{
    harness::TestApp,
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
};
use plimsoll::{audit::verify::ProofFile, core::canonical};
use serde_json::{Value, json};
use std::process::{Output, Stdio};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};

pub struct Client {
    url: String,
    token: String,
    pub folder: tempfile::TempDir,
}

pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Client {
    pub fn of(url: &str, token: &str) -> Self {
        Self { url: url.to_owned(), token: token.to_owned(), folder: tempfile::tempdir().expect("folder") }
    }

    pub async fn run(&self, words: &[&str]) -> Ran {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(words).args(["--url", &self.url]).current_dir(self.folder.path()).stdin(Stdio::null());
        program.env("PLIMSOLL_TOKEN", &self.token).env("PLIMSOLL_CONFIG_DIR", self.folder.path());
        Ran::from(program.output().await.expect("the program"))
    }

    pub async fn well(&self, words: &[&str]) -> String {
        let ran = self.run(words).await;
        assert_eq!(ran.code, Some(0), "{words:?}: {}{}", ran.out, ran.err);
        ran.out
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: said(&output.stdout), err: said(&output.stderr) }
    }
}

#[actix_web::test]
async fn accounts_are_listed_deactivated_and_erased() {
    let t = TestApp::start().await;
    let olga = Client::of(&t.url, &t.user("olga", &["admin"]).await);
    t.user("mara", &["reviewer", "contributor"]).await;
    let listed = olga.well(&["user", "list"]).await;
    let row = |list: &str, name: &str| list.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    let mara = row(&listed, "mara");
    assert!(
        mara.contains("active") && mara.contains("contributor, reviewer") && mara.contains("2026-01-02"),
        "{listed}"
    );
    let accounts: Value = serde_json::from_str(&olga.well(&["user", "list", "--json"]).await).expect("json");
    assert_eq!(accounts.as_array().map(Vec::len), Some(2));

    let refused = olga.run(&["user", "erase", "mara", "--yes"]).await;
    assert!(refused.code == Some(7) && refused.err.contains("deactivate it first"), "{}", refused.err);
    let said = olga.well(&["user", "deactivate", "mara"]).await;
    assert!(said.starts_with("mara is deactivated; its sessions and tokens no longer work"), "{said}");
    assert_eq!(olga.well(&["user", "deactivate", "mara"]).await, said);
    assert!(row(&olga.well(&["user", "list"]).await, "mara").contains("deactivated"));

    let unsure = olga.run(&["user", "erase", "mara"]).await;
    assert_eq!(unsure.code, Some(2));
    assert!(unsure.err.contains("no terminal to ask at") && unsure.err.contains("mara --yes"), "{}", unsure.err);
    assert!(olga.well(&["user", "list"]).await.contains("mara"), "nothing was erased");
    let said = olga.well(&["user", "erase", "mara", "--yes"]).await;
    for part in ["erased ", "called erased-", "stays on record", "its id"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!olga.well(&["user", "list"]).await.contains("mara"));
    let unknown = olga.run(&["user", "deactivate", "mara"]).await;
    assert!(unknown.code == Some(3) && unknown.err.contains("no such account"), "{}", unknown.err);
}

#[actix_web::test]
async fn a_code_for_a_lost_password_is_issued_and_nobody_learns_the_password() {
    let t = TestApp::start().await;
    let olga = Client::of(&t.url, &t.user("olga", &["admin"]).await);
    t.user("mara", &["reviewer"]).await;
    let ran = olga.run(&["user", "reset", "mara"]).await;
    assert!(ran.code == Some(0) && ran.err.contains("it works once, at http://"), "{}", ran.err);
    let new = json!({"code": ran.out.trim(), "new_password": "another one of some length"});
    t.post("", "/api/v1/password-resets", new).await.expect(204);
    let refused = olga.run(&["user", "reset", "nobody"]).await;
    assert!(refused.code != Some(0) && refused.err.contains("no such account"), "{}", refused.err);
}

#[actix_web::test]
async fn people_are_linked_put_into_teams_and_delegate() {
    let t = TestApp::start().await;
    let olga = Client::of(&t.url, &t.user("olga", &["admin"]).await);
    let mara = Client::of(&t.url, &t.user("mara", &["reviewer"]).await);
    for name in ["mara-old", "rui"] {
        t.user(name, &["reviewer"]).await;
    }
    let linked = olga.well(&["user", "link", "mara-old", "--same-as", "mara"]).await;
    assert!(linked.contains("other accounts of the person  mara"), "{linked}");
    let team = olga.well(&["user", "team", "mara", "second-line"]).await;
    assert!(team.contains("mara-old") && team.contains("second-line"), "{team}");
    assert!(olga.well(&["user", "team", "mara", "--none"]).await.contains("none"));
    assert!(olga.well(&["user", "link", "mara-old", "--alone"]).await.contains("none"));
    assert_eq!(olga.run(&["user", "link", "mara-old"]).await.code, Some(2));

    let said = mara.well(&["delegate", "to", "rui", "--until", "2026-01-09T00:00:00Z"]).await;
    assert!(said.starts_with("rui may decide in your stead from 2026-01-02"), "{said}");
    let all: Value = serde_json::from_str(&mara.well(&["delegate", "list", "--json"]).await).expect("json");
    assert!(mara.well(&["delegate", "list"]).await.contains("in force"));
    let ended = mara.well(&["delegate", "end", &text(&all[0]["id"])]).await;
    assert_eq!(ended.trim(), "rui no longer decides in the stead of mara");
    let refused = olga.run(&["delegate", "to", "rui", "--until", "2026-01-09T00:00:00Z"]).await;
    assert!(refused.code == Some(5) && refused.err.contains("olga (admin)"), "{}", refused.err);
}

#[actix_web::test]
async fn an_approval_has_conditions_and_a_request_is_talked_about() {
    let mut lenient = policy(1);
    lenient["conditions_allowed"] = true.into();
    let story = Story::stage_with(&[], spec(), lenient).await;
    story.measured_version(1).await;
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    let (id, digest) = (text(&promotion["id"]), text(&promotion["decision_digest"]));
    let (ines, mara) = (Client::of(&story.app.url, &story.ines), Client::of(&story.app.url, &story.mara));
    assert_eq!(ines.well(&["promotion", "comments", &id]).await.trim(), "nobody said anything");
    ines.well(&["promotion", "comment", &id, "Fitted on new data."]).await;
    let said = mara.well(&["promotion", "comments", &id]).await;
    assert!(said.contains("ines on 2026-01-02") && said.contains("Fitted on new data."), "{said}");
    let refused = mara.run(&["approve", &id, "--digest", &digest, "--on-behalf-of", "rui"]).await;
    assert!(refused.code == Some(5) && refused.err.contains("not the delegate of rui"), "{}", refused.err);
    let words = ["approve", &id, "--digest", &digest, "--condition", "Look again.", "--condition", "And again."];
    let approved = mara.well(&words).await;
    assert!(approved.contains("reviewer: mara"), "{approved}");
    assert_eq!(story.look(&promotion).await["approvals"][0]["conditions"], json!(["Look again.", "And again."]));
}

#[actix_web::test]
async fn what_an_erasure_leaves_is_also_told_as_json() {
    let t = TestApp::start().await;
    let olga = Client::of(&t.url, &t.user("olga", &["admin"]).await);
    t.user("mara", &["reviewer"]).await;
    let json = async |words: &[&str]| serde_json::from_str::<Value>(&olga.well(words).await).expect("json");
    let left = json(&["user", "deactivate", "mara", "--json"]).await;
    assert_eq!((&left["name"], &left["state"]), (&json!("mara"), &json!("deactivated")));
    let erased = json(&["user", "erase", "mara", "--yes", "--json"]).await;
    assert_eq!((&erased["id"], &erased["state"]), (&left["id"], &json!("deactivated")));
    assert!(text(&erased["name"]).starts_with("erased-"));
}

#[actix_web::test]
async fn a_record_is_written_byte_for_byte_and_verifies_with_its_proof() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let ada = Client::of(&story.app.url, &story.ada);
    let found = ada.well(&["audit", "search", "--action", "model.register", "--json"]).await;
    let event = serde_json::from_str::<Value>(&found).expect("json")[0].clone();
    let index = event["index"].as_u64().expect("index").to_string();
    ada.well(&["audit", "record", &index, "-o", "record.json"]).await;
    let record = std::fs::read_to_string(ada.folder.path().join("record.json")).expect("record");
    assert_eq!(record, canonical::to_string(&event["leaf"]).expect("leaf"));
    assert_eq!(ada.well(&["audit", "record", &index]).await, format!("{record}\n"));
    ada.well(&["audit", "proof", &index, "-o", "record.proof"]).await;
    let proof = std::fs::read_to_string(ada.folder.path().join("record.proof")).expect("proof");
    let key = story.verifier_key().await;
    assert_eq!(ProofFile::verify(&proof, &record, &key).expect("proven").index.to_string(), index);
    let beyond = ada.run(&["audit", "record", "999999"]).await;
    assert!(beyond.code == Some(3) && beyond.err.contains("no such log entry"), "{}", beyond.err);
}

#[actix_web::test]
async fn an_action_that_there_is_not_is_refused_with_what_is_near() {
    let story = Story::begin_without_runtime(&[]).await;
    let ada = Client::of(&story.app.url, &story.ada);
    let refused = ada.run(&["audit", "search", "--action", "promotion.aprove"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("action: no action is called that; near are promotion.approve"), "{}", refused.err);
    let all = ada.well(&["audit", "search", "--action", "account.", "--json"]).await;
    assert!(all.contains("account.create"), "{all}");
    assert_eq!(ada.well(&["audit", "search", "--action", "account.*", "--json"]).await, all);
}

#[actix_web::test]
async fn the_state_on_a_date_shows_people_and_their_roles() {
    let story = Story::begin_without_runtime(&[]).await;
    let ada = Client::of(&story.app.url, &story.ada);
    let olga = Client::of(&story.app.url, &story.olga);
    olga.well(&["user", "deactivate", "mara"]).await;
    let said = ada.well(&["asof", "2026-01-02T03:04:05Z"]).await;
    let people = said.split_once("people and robots").expect("a table of people").1;
    let row = |name: &str| people.lines().find(|line| line.trim_start().starts_with(name)).expect("a row").to_owned();
    assert!(row("mara").contains("deactivated") && row("mara").contains("reviewer"), "{people}");
    assert!(row("ines").contains(" active ") && row("ines").contains("contributor"), "{people}");
}

#[actix_web::test]
async fn verifier_keys_are_whole_where_they_are_listed() {
    let origin = ["--origin", "a-registry-with-a-long-name.plimsoll.example.org/its-audit-log"];
    let t = TestApp::start_with(&origin).await;
    let listed = Ran::from(t.program(&[["admin", "key", "list"].as_slice(), &origin].concat()).await);
    let key = t.get("", "/api/v1/registry").await.expect(200).json()["verifier_key"].clone();
    assert!(listed.out.lines().any(|line| line.ends_with(&text(&key))), "{}{}", listed.out, listed.err);
}

/// A service that answers as an earlier one would: always with the first of these whose address fits.
async fn earlier(answers: &'static [(&'static str, u16, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    actix_web::rt::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut piece = [0; 4_096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece).await {
                    Ok(read) if 0 < read => request.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let fits = answers.iter().find(|(start, ..)| path.starts_with(start));
            let (_, status, body) = fits.unwrap_or(&("", 404, "{}"));
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

const NO_ROUTE: &str = r#"{"type":"/problems/no_route","title":"Not Found","status":404,"code":"no_route","detail":"there is nothing at this address; see /docs"}"#;

#[actix_web::test]
async fn an_older_service_is_said_to_be_older() {
    let url = earlier(&[
        ("/api/v1/registry", 200, r#"{"version": "0.0.9", "origin": "log"}"#),
        ("/api/v1/audit/events", 200, r#"{"items": [{"id": 1, "at": "2026-01-01T00:00:00Z"}], "next_cursor": null}"#),
        ("/api/v1/asof", 200, r#"{"at": "2026-01-01T00:00:00Z", "records": 1, "environments": [], "models": []}"#),
        ("/", 404, NO_ROUTE),
    ])
    .await;
    let client = Client::of(&url, "a-token");
    for (words, field) in [(vec!["audit", "search"], "action"), (vec!["asof", "2026-01-01"], "open_requests")] {
        let ran = client.run(&words).await;
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains(&format!("the service is older than this program: its answer has no \"{field}\"")));
        assert!(ran.err.contains("it is version 0.0.9; this program is "), "{}", ran.err);
    }
    let dossier = vec!["dossier", "--profile", "sr-26-2", "--model", "m", "-o", "m.zip"];
    for words in [vec!["audit", "history", "model:m"], vec!["audit", "record", "1"], dossier] {
        let ran = client.run(&words).await;
        assert!(ran.code == Some(3) && ran.err.contains("it may be older than this program"), "{}", ran.err);
    }
    let silent = Client::of(&earlier(&[("/api/v1/audit/events", 200, "{}")]).await, "a-token");
    let ran = silent.run(&["audit", "search"]).await;
    assert!(
        ran.err.contains("older than this program") && ran.err.contains("does not say which version"),
        "{}",
        ran.err
    );
}
