//! Workers on machines of their own: what they get, what they may hand in, and what they may not.

use crate::{
    harness::{Reply, TestApp, ort_library, reply},
    story::{self, ENVIRONMENT, MODEL, Story, close, evidence, figure, fixture, policy, scorer, single, spec, text},
    workers::edge,
};
use chrono::TimeDelta;
use plimsoll::sandbox::{ModelSource, Outcome, Task};
use serde_json::{Value, json};
use std::{fs, path::Path};

const CLAIMS: &str = "/api/v1/worker/claims";

/// A token of a new service account that Olga owns.
pub async fn account(story: &Story, name: &str) -> String {
    let body = json!({"name": name, "kind": "service", "roles": ["worker"]});
    story.app.post(&story.olga, "/api/v1/accounts", body).await.expect(201);
    let body = json!({"name": "on the device", "account": name, "expires_in_days": 30});
    text(&story.app.post(&story.olga, "/api/v1/tokens", body).await.expect(201).json()["token"])
}

/// The real program as a worker of this service over HTTP alone.
pub fn program(app: &TestApp, token: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["worker", "--url", &app.url, "--token-file"]).arg(token);
    command.arg("--ort-lib").arg(ort_library().expect("a runtime")).args(arguments);
    command
}

async fn claim(story: &Story, token: &str) -> Reply {
    story.app.post(token, CLAIMS, json!({"name": "cam-1", "labels": ["hardware=edge-cam"]})).await
}

/// Where a claim is spoken of.
fn at(claim: &Value, rest: &str) -> String {
    format!("{CLAIMS}/{}{rest}?attempt={}", text(&claim["id"]), claim["attempt"])
}

async fn renew(story: &Story, token: &str, claim: &Value) -> Reply {
    let body = json!({"phase": "measuring", "percent": 40});
    reply(story.app.request(token, "PUT", &at(claim, "")).json(&body)).await
}

async fn hand_in(story: &Story, token: &str, claim: &Value, result: &Value) -> Reply {
    story.app.post(token, &at(claim, "/result"), result.clone()).await
}

/// A staged story whose runs ask for an edge camera, with one that waits.
async fn waiting() -> (Story, String) {
    let story = Story::stage_with(&[], edge(), policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture("tensor_binary.onnx"))).await;
    let id = ask(&story, &version).await;
    (story, id)
}

async fn ask(story: &Story, version: &str) -> String {
    text(&story.ask_for_run(MODEL, version, ENVIRONMENT).await.expect(201).json()["id"])
}

#[actix_web::test]
async fn a_device_measures_and_the_registry_concludes() {
    let (story, id) = waiting().await;
    let folder = tempfile::tempdir().expect("folder");
    let token = folder.path().join("token");
    fs::write(&token, account(&story, "edge-cam").await).expect("written");
    // One without the label has nothing to do.
    let mut idle = program(&story.app, &token, &["--once"]);
    assert!(tokio::task::spawn_blocking(move || idle.status()).await.expect("joined").expect("run").success());
    assert_eq!(story.find_run(&id).await["state"], "queued");
    let mut device = program(&story.app, &token, &["--once", "--name", "cam-1", "--label", "hardware=edge-cam"]);
    let ended = tokio::task::spawn_blocking(move || device.output()).await.expect("joined").expect("run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    let run = story.find_run(&id).await;
    assert_eq!((run["state"].as_str(), run["measured_by"].as_str()), (Some("passed"), Some("edge-cam")), "{run:#}");
    assert_eq!(evidence(&run, "performance")["host"]["label"], "edge-cam");
    // The published figures of this model, as the registry's own worker finds them.
    close("accuracy", figure(&run, "accuracy"), 157.0 / 200.0, 1e-12);
    close("auc", figure(&run, "auc"), 0.859_393_817_743_877_9, 1e-6);
    let left = story.leaves("run.carry_out").await;
    let materials: Vec<_> = left.iter().map(|leaf| text(&leaf["detail"]["material"])).collect();
    assert_eq!(materials, ["model", "rows"], "what left is in the log, newest first");
    assert_eq!(story.leaves("run.finish").await.len(), 1);

    let known = story.app.get(&story.ines, "/api/v1/workers").await.expect(200).json();
    let cam = known["items"].as_array().expect("workers").iter().find(|worker| worker["name"] == "cam-1");
    let cam = cam.expect("the device");
    assert_eq!((&cam["account"], &cam["labels"]), (&json!("edge-cam"), &json!(["hardware=edge-cam"])), "{cam:#}");
    assert_eq!(cam["is_live"], true);

    // Who owns the account of the device has measured the version.
    story::give_role(&story, "olga", "reviewer").await;
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    let refused = story.approve(&story.olga, &promotion).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties", "{}", refused.text());
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn a_device_gets_what_the_model_takes_and_never_the_answers() {
    let (story, _) = waiting().await;
    let token = account(&story, "edge-cam").await;
    let claimed = claim(&story, &token).await.expect(200).json();
    let task = story.app.get(&token, &at(&claimed, "/task")).await.expect(200).json();
    let columns: Vec<_> = task["columns"].as_array().expect("columns").iter().map(|c| text(&c["name"])).collect();
    assert_eq!(columns, ["amount", "age"], "neither the label nor what people are grouped by");
    assert_eq!(task["columns"][0]["values"].as_array().map(Vec::len), Some(200));
    let model = story.app.get(&token, &at(&claimed, "/model")).await.expect(200);
    assert!(model.body == story::read(&fixture("tensor_binary.onnx")));
    // Nor by any other way.
    for path in ["datasets", "datasets/people", "models", "runs", "accounts", "tokens", "environments"] {
        assert_eq!(story.app.get(&token, &format!("/api/v1/{path}")).await.expect(403).code(), "forbidden", "{path}");
    }
    let file = format!("/api/v1/models/{MODEL}/versions/1/files/model.onnx");
    story.app.get(&token, &file).await.expect(403);
    story.app.post(&token, "/api/v1/tokens", json!({"name": "more", "expires_in_days": 300})).await.expect(403);
}

#[actix_web::test]
async fn what_an_earlier_attempt_hands_in_is_refused() {
    let (story, id) = waiting().await;
    let (first, second) = (account(&story, "edge-cam").await, account(&story, "edge-cam-2").await);
    let old = claim(&story, &first).await.expect(200).json();
    assert_eq!(claim(&story, &second).await.expect(204).status, 204, "one run, one worker");
    renew(&story, &first, &old).await.expect(204);
    assert_eq!(story.find_run(&id).await["phase"], "measuring");
    // Whoever learns the number of a claim has no part in it.
    assert_eq!(renew(&story, &second, &old).await.expect(409).code(), "lease_lost");
    story.app.app.db.clock().advance(TimeDelta::seconds(31));
    // A lease that is over gives nothing out any more.
    assert_eq!(story.app.get(&first, &at(&old, "/model")).await.expect(409).code(), "lease_lost");
    let new = claim(&story, &second).await.expect(200).json();
    assert_eq!((&new["run"], &new["attempt"]), (&json!(id), &json!(2)));
    let failed = json!({"failed": {"kind": "runtime_error", "detail": "Out of luck."}});
    for path in ["/task", "/model"] {
        assert_eq!(story.app.get(&first, &at(&old, path)).await.expect(409).code(), "lease_lost", "{path}");
    }
    assert_eq!(renew(&story, &first, &old).await.expect(409).code(), "lease_lost");
    assert_eq!(hand_in(&story, &first, &old, &failed).await.expect(409).code(), "lease_lost");
    let mut guessed = old.clone();
    guessed["attempt"] = 2.into();
    assert_eq!(hand_in(&story, &first, &guessed, &failed).await.expect(409).code(), "lease_lost");
    hand_in(&story, &second, &new, &failed).await.expect(204);
    assert_eq!(hand_in(&story, &second, &new, &failed).await.expect(409).code(), "lease_lost", "once");
    let run = story.find_run(&id).await;
    assert_eq!((&run["state"], &run["measured_by"]), (&json!("failed"), &json!("edge-cam-2")));
    assert_eq!(run["reason"], json!({"code": "runtime_error", "detail": "Out of luck."}));
    assert_eq!(story.leaves("run.finish").await.len(), 1);
}

/// What an honest worker would hand in for a claim.
async fn honest(story: &Story, token: &str, claimed: &Value) -> Value {
    let task = story.app.get(token, &at(claimed, "/task")).await.expect(200).body;
    let task: Task = serde_json::from_slice(&task).expect("a task");
    let model = story.app.get(token, &at(claimed, "/model")).await.expect(200).body;
    let size_bytes = model.len() as u64;
    let source = ModelSource::new(std::io::Cursor::new(model), size_bytes);
    let outcome: Outcome = story.app.app.sandbox.run(task, source, |_| {}).await;
    serde_json::to_value(outcome).expect("JSON")
}

#[actix_web::test]
async fn what_a_device_hands_in_is_distrusted() {
    type Lie = fn(&mut Value);
    let (story, mut id) = waiting().await;
    let token = account(&story, "edge-cam").await;
    let lies: [(&str, Lie); 12] = [
        ("crashed", |v| *v = json!({})),
        ("crashed", |v| *v = json!("passed")),
        ("crashed", |v| v["completed"]["labels"] = json!(["1"])),
        ("crashed", |v| v["completed"]["probabilities"][0][0] = json!(1.5)),
        ("crashed", |v| v["completed"]["latencies"][0]["nanos"] = json!([1])),
        ("crashed", |v| v["completed"]["verdict"] = json!("pass")),
        ("crashed", |v| v["completed"]["repeated"]["rows"] = json!(1_000_000_000)),
        ("crashed", |v| v["completed"]["repeated"]["times"] = json!(100)),
        ("crashed", |v| v["completed"]["peak_memory_bytes"] = json!(0)),
        ("crashed", |v| v["completed"]["host"]["threads"] = json!(64)),
        ("", |v| v["completed"]["host"]["cpu_model"] = json!("x".repeat(100_000))),
        ("", |_| {}),
    ];
    for (number, (reason, lie)) in lies.into_iter().enumerate() {
        let claimed = claim(&story, &token).await.expect(200).json();
        assert_eq!(claimed["run"], json!(id));
        let mut result = honest(&story, &token, &claimed).await;
        lie(&mut result);
        hand_in(&story, &token, &claimed, &result).await.expect(204);
        let run = story.find_run(&id).await;
        let state = if reason.is_empty() { "passed" } else { "failed" };
        assert_eq!(run["state"], state, "lie {number}: {}", run["reason"]);
        assert_eq!(run["reason"]["code"].as_str().unwrap_or_default(), reason, "lie {number}");
        assert_eq!(run["evidence"].as_array().map(Vec::len), Some(if reason.is_empty() { 3 } else { 0 }));
        assert!(!run.to_string().contains(&"x".repeat(300)), "lie {number}: what a device says is kept short");
        id = ask(&story, "1").await;
    }
    let claimed = claim(&story, &token).await.expect(200).json();
    let plain = story.app.request(&token, "POST", &at(&claimed, "/result")).body("{}");
    assert_eq!(reply(plain).await.expect(415).code(), "unsupported_media_type");
    let phase = json!({"phase": "<b>done</b>", "percent": 100});
    let shown = story.app.request(&token, "PUT", &at(&claimed, "")).json(&phase);
    assert_eq!(reply(shown).await.expect(422).code(), "invalid");
}

#[actix_web::test]
async fn a_device_learns_that_its_run_was_called_off_or_its_version_revoked() {
    let (story, id) = waiting().await;
    let token = account(&story, "edge-cam").await;
    let claimed = claim(&story, &token).await.expect(200).json();
    let why = json!({"reason": "The wrong version."});
    story.app.post(&story.ines, &format!("/api/v1/runs/{id}/cancellation"), why).await.expect(200);
    assert_eq!(renew(&story, &token, &claimed).await.expect(409).code(), "lease_lost");
    let failed = json!({"failed": {"kind": "runtime_error", "detail": "x"}});
    assert_eq!(hand_in(&story, &token, &claimed, &failed).await.expect(409).code(), "lease_lost");
    assert_eq!(story.find_run(&id).await["state"], "cancelled");
    let taken = ask(&story, "1").await;
    let claimed = claim(&story, &token).await.expect(200).json();
    assert_eq!(claimed["run"], json!(taken));
    story.app.get(&token, &at(&claimed, "/model")).await.expect(200);
    let id = ask(&story, "1").await;
    story.revoke_version("1").await.expect(200);
    for bytes in ["/model", "/task"] {
        assert_eq!(story.app.get(&token, &at(&claimed, bytes)).await.expect(409).code(), "version_blocked");
    }
    claim(&story, &token).await.expect(204);
    let run = story.find_run(&id).await;
    assert_eq!((&run["state"], &run["reason"]["code"]), (&json!("errored"), &json!("not_carried_out")));
}

#[actix_web::test]
async fn a_device_without_a_runtime_is_no_verdict_about_the_model() {
    let (story, id) = waiting().await;
    let token = account(&story, "edge-cam").await;
    let claimed = claim(&story, &token).await.expect(200).json();
    let failed = json!({"failed": {"kind": "unavailable", "detail": "there is no library"}});
    hand_in(&story, &token, &claimed, &failed).await.expect(204);
    let run = story.find_run(&id).await;
    assert!(!["failed", "passed", "errored"].contains(&run["state"].as_str().expect("a state")), "{run:#}");
    assert!(text(&run["waiting"]).contains("the last attempt failed"), "{}", run["waiting"]);
    claim(&story, &token).await.expect(204);
    story.app.app.db.clock().advance(TimeDelta::minutes(1));
    assert_eq!(claim(&story, &token).await.expect(200).json()["attempt"], 2);
}

#[actix_web::test]
async fn a_device_works_for_its_own_workspace_with_plain_labels() {
    let story = Story::stage_with(&[], spec(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    ask(&story, &version).await;
    let token = account(&story, "box").await;
    for (body, code) in [
        (json!({"name": "cam", "labels": ["hardware"]}), "invalid"),
        (json!({"name": "Cam 1"}), "invalid"),
        (json!({"name": "cam", "labels": vec!["a=b"; 33]}), "invalid"),
    ] {
        assert_eq!(story.app.post(&token, CLAIMS, body).await.expect(422).code(), code);
    }
    assert_eq!(claim(&story, &story.robot).await.expect(403).code(), "forbidden");
    assert_eq!(claim(&story, &story.ines).await.expect(403).code(), "forbidden");
    // A run that asks for no device is measured by the registry itself.
    claim(&story, &token).await.expect(204);
    story.app.work().await;
    claim(&story, &token).await.expect(204);
}

#[actix_web::test]
async fn a_device_holds_no_run_for_ever() {
    let (story, _) = waiting().await;
    let token = account(&story, "edge-cam").await;
    let claimed = claim(&story, &token).await.expect(200).json();
    let mut renewed = 0;
    let refusal = loop {
        story.app.app.db.clock().advance(TimeDelta::seconds(20));
        let answer = renew(&story, &token, &claimed).await;
        if answer.status != 204 {
            break answer;
        }
        renewed += 1;
        assert!(renewed < 1_000, "it is renewed for ever");
    };
    assert_eq!((refusal.status, refusal.code()), (409, "run_overdue".to_owned()));
    assert!(40 < renewed, "a quarter of an hour at the least");
}
