//! What proves a release: with the client's program, online and offline.

use crate::{
    harness::reply,
    story::{ENVIRONMENT, MODEL, Story, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::{path::Path, process::Stdio};
use tokio::process::Command;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// As a deployment tool that pinned nothing.
async fn run(story: &Story, folder: &Path, words: &[&str]) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    program.args(words).args(["--url", &story.app.url]).current_dir(folder).stdin(Stdio::null());
    program.env("PLIMSOLL_TOKEN", &story.robot).env("PLIMSOLL_CONFIG_DIR", folder);
    let output = program.output().await.expect("the program");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: said(&output.stdout), err: said(&output.stderr) }
}

fn statement(bundle: &Value) -> Value {
    let payload = STANDARD.decode(text(&bundle["dsseEnvelope"]["payload"])).expect("base64");
    serde_json::from_slice(&payload).expect("a statement")
}

#[actix_web::test]
async fn the_summary_is_what_the_specification_asks_for() {
    let story = Story::stage().await;
    let promotion = story.released(1).await;
    let pulled = story.pull(None).await.expect(200).json();
    let summary = statement(&pulled["verification_summary"]);
    println!("{summary}");
    assert_eq!(summary["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(summary["predicateType"], "https://slsa.dev/verification_summary/v1");
    let hex = text(&pulled["release"]["version_digest"]).replace("sha256:", "");
    assert_eq!(summary["subject"], json!([{"name": format!("{MODEL}@1"), "digest": {"sha256": hex}}]));
    let predicate = &summary["predicate"];
    for (field, beginning) in [("/verifier/id", "https://"), ("/resourceUri", "https://"), ("/policy/uri", "https://")]
    {
        let uri = text(predicate.pointer(field).expect(field));
        assert!(uri.starts_with(beginning), "{field}: {uri}");
    }
    assert_eq!(predicate["timeVerified"], pulled["release"]["activated_at"]);
    assert_eq!(predicate["verificationResult"], "PASSED");
    let levels = predicate["verifiedLevels"].as_array().expect("levels");
    assert!(!levels.is_empty() && levels.iter().all(|level| !text(level).starts_with("SLSA_")), "{levels:?}");
    let policy = story.app.get(&story.tom, &format!("/api/v1/environments/{ENVIRONMENT}/policy")).await.expect(200);
    assert_eq!(predicate["policy"]["digest"]["sha256"], text(&policy.json()["digest"]).replace("sha256:", ""));
    let inputs = predicate["inputAttestations"].as_array().expect("inputs");
    let is_part = |input: &Value, part: &str| text(&input["uri"]).ends_with(&format!("#{part}"));
    let count = |part: &str| inputs.iter().filter(|input| is_part(input, part)).count();
    let decision = &promotion["decision"];
    let listed = |name: &str| decision[name].as_array().map_or(0, Vec::len);
    assert_eq!((count("approval"), count("evidence"), count("attestation")), (1, listed("evidence"), 1));
    assert!(inputs.iter().all(|input| text(&input["digest"]["sha256"]).len() == 64), "{inputs:#?}");
    let approval = statement(&pulled["approvals"][0]);
    assert_eq!(approval["predicate"]["decision_digest"], promotion["decision_digest"]);
}

/// The accounts whose approvals a pull shows, and how many the summary names.
async fn approvers(story: &Story) -> (Vec<Value>, usize) {
    let pulled = story.pull(None).await.expect(200).json();
    let shown = pulled["approvals"].as_array().expect("approvals").iter();
    let accounts = shown.map(|approval| statement(approval)["predicate"]["decided_by"].clone()).collect();
    let summary = statement(&pulled["verification_summary"]);
    let inputs = summary["predicate"]["inputAttestations"].as_array().expect("inputs").clone();
    (accounts, inputs.iter().filter(|input| text(&input["uri"]).ends_with("#approval")).count())
}

#[actix_web::test]
async fn an_approval_that_was_taken_back_or_counts_no_longer_proves_nothing() {
    for objection in ["withdrawn", "linked"] {
        let story = Story::measured().await;
        let promotion = story.approved("1").await;
        match objection {
            "withdrawn" => {
                let path = format!("/api/v1/promotions/{}/decisions/withdrawal", text(&promotion["id"]));
                story.app.post(&story.mara, &path, json!({"reason": "I found a leak."})).await.expect(200);
            }
            _ => {
                let same = story.app.request(&story.olga, "PUT", "/api/v1/accounts/mara/person");
                reply(same.json(&json!({"same_as": "ines"}))).await.expect(200);
                plimsoll::sweeps::run(&story.app.app).await.expect("swept");
            }
        }
        let approved = story.approve(&story.rui, &promotion).await.expect(200).json();
        assert_eq!(approved["state"], "approved", "{objection}");
        story.activate(&approved).await.expect(201);
        let (accounts, named) = approvers(&story).await;
        let all = story.app.get(&story.olga, "/api/v1/accounts").await.expect(200).json();
        let rui = all["items"].as_array().expect("accounts").iter().find(|account| account["name"] == "rui");
        assert_eq!((accounts, named), (vec![rui.expect("rui")["id"].clone()], 1), "{objection}");
    }
}

#[actix_web::test]
async fn what_comes_back_is_proven_by_what_was_verified_then() {
    let story = Story::stage().await;
    story.released(1).await;
    let first = story.pull(None).await.expect(200).json();
    story.app.app.db.clock().advance(TimeDelta::days(1));
    story.released(2).await;
    story.app.app.db.clock().advance(TimeDelta::days(1));
    let back = story.roll_back(None).await.expect(201).json();
    let pulled = story.pull(None).await.expect(200).json();
    assert_eq!(pulled["release"]["id"], back["id"]);
    assert_eq!(pulled["verification_summary"], first["verification_summary"], "nothing was verified anew");
    let verified = statement(&pulled["verification_summary"])["predicate"]["timeVerified"].clone();
    assert_eq!(verified, first["release"]["activated_at"]);
    assert_eq!(pulled["approvals"], first["approvals"]);
    // The new statement names the old summary, so the whole still verifies offline.
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("registry.vkey"), story.verifier_key().await).expect("key");
    let pull = ["pull", MODEL, "--env", ENVIRONMENT, "-o", "model", "--registry-key", "registry.vkey"];
    let ran = run(&story, folder.path(), &pull).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

#[actix_web::test]
async fn an_assertion_is_an_exit_code() {
    let story = Story::stage().await;
    let folder = tempfile::tempdir().expect("folder");
    let ask = async |version: &str| {
        let wanted = format!("{MODEL}@{version}");
        run(&story, folder.path(), &["assert", &wanted, "--env", ENVIRONMENT]).await
    };
    assert_eq!(ask("1").await.code, Some(5), "nothing is active");
    story.released(1).await;
    let good = ask("1").await;
    assert_eq!(good.code, Some(0), "{}", good.err);
    assert!(good.out.starts_with(&format!("approved: {MODEL}@1 sha256:")), "{}", good.out);
    let refused = ask("2").await;
    assert!(refused.code == Some(5) && refused.err.contains("not approved"), "{}", refused.err);
    assert_eq!(run(&story, folder.path(), &["assert", "absent@1", "--env", ENVIRONMENT]).await.code, Some(3));
    assert_eq!(run(&story, folder.path(), &["assert", MODEL, "--env", ENVIRONMENT]).await.code, Some(2));
    assert_eq!(story.leaves("release.pull").await.iter().filter(|leaf| leaf["outcome"] == "done").count(), 0);
    story.revoke_version("1").await.expect(200);
    assert_eq!(ask("1").await.code, Some(5));
}

#[actix_web::test]
async fn what_was_pulled_verifies_offline_and_nothing_else_does() {
    let story = Story::stage().await;
    story.released(1).await;
    let folder = tempfile::tempdir().expect("folder");
    let key = folder.path().join("registry.vkey");
    std::fs::write(&key, story.verifier_key().await).expect("key");
    let pull = ["pull", MODEL, "--env", ENVIRONMENT, "-o", "model", "--registry-key", "registry.vkey"];
    let pulled = run(&story, folder.path(), &pull).await;
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    assert!(pulled.out.contains("1, each verified"), "{}", pulled.out);
    let offline = async |wanted: &str, place: &str| {
        let words =
            ["assert", wanted, "--env", place, "--offline", "model/release.json", "--registry-key", "registry.vkey"];
        run(&story, folder.path(), &words).await
    };
    let wanted = format!("{MODEL}@1");
    let good = offline(&wanted, ENVIRONMENT).await;
    assert_eq!(good.code, Some(0), "{}", good.err);
    assert!(good.out.contains("verified offline"), "{}", good.out);
    assert_eq!(offline(&format!("{MODEL}@2"), ENVIRONMENT).await.code, Some(5));
    assert_eq!(offline(&wanted, "elsewhere").await.code, Some(5));
    let record = folder.path().join("model/release.json");
    let honest = std::fs::read_to_string(&record).expect("record");
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 4] = [
        ("no approvals", |r| r["approvals"] = json!([])),
        ("no summary", |r| r["verification_summary"] = Value::Null),
        ("another mode", |r| r["release"]["mode"] = "automated".into()),
        ("another digest", |r| r["release"]["version_digest"] = format!("sha256:{}", "0".repeat(64)).into()),
    ];
    for (name, change) in changes {
        let mut record_now: Value = serde_json::from_str(&honest).expect("json");
        change(&mut record_now);
        std::fs::write(&record, record_now.to_string()).expect("write");
        let found = offline(&wanted, ENVIRONMENT).await;
        assert_eq!(found.code, Some(6), "{name}: {}{}", found.out, found.err);
    }
    std::fs::write(&record, "[]").expect("write");
    assert_eq!(offline(&wanted, ENVIRONMENT).await.code, Some(2));
}
