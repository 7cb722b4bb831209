//! Which worker gets a run, what people see while none does, and runs that are called off.

use crate::{
    harness::{Reply, TestApp},
    pages::stage::Browser,
    processes,
    story::{ENVIRONMENT, MODEL, Story, evidence, policy, scorer, spec, text},
};
use chrono::TimeDelta;
use plimsoll::{core::ids::WorkerId, workers};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The spec of the other tests, for an edge camera.
pub fn edge() -> Value {
    let mut spec = spec();
    spec["hardware"] = json!({"label": "edge-cam"});
    for limit in spec["constraints"].as_array_mut().expect("limits") {
        limit["representative_hardware"] = true.into();
    }
    spec
}

/// The same with a load that takes this long on any machine: more calls are asked for than one can do.
pub fn slow(mut spec: Value, seconds: u32) -> Value {
    spec["constraints"][1]["load"] =
        json!({"batch": 4096, "concurrency": 1, "warm_up": 2, "samples": 100_000, "max_seconds": seconds});
    spec
}

async fn with_label(story: &Story, label: &str) -> TestApp {
    let other = story.app.again(&["--label", label]).await;
    workers::ops::announce_once(&other.app, WorkerId::generate()).await;
    other
}

#[actix_web::test]
async fn a_run_that_asks_for_a_label_waits_for_a_worker_that_has_it() {
    let story = Story::stage_with(&[], edge(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let id = text(&story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json()["id"]);
    let waits = |run: &Value| (text(&run["state"]), text(&run["waiting"]), text(&run["requires"]));
    let expected = |since: &str| {
        let sentence = format!("waiting for a worker with hardware=edge-cam; none {since}");
        ("queued".to_owned(), sentence, "hardware=edge-cam".to_owned())
    };
    // Neither a worker without labels nor one with others takes it.
    let other = with_label(&story, "hardware=edge-box").await;
    story.app.work().await;
    other.work().await;
    assert_eq!(waits(&story.find_run(&id).await), expected("was ever seen"));
    let camera = with_label(&story, "hardware=edge-cam").await;
    story.app.app.db.clock().advance(TimeDelta::hours(2));
    assert_eq!(waits(&story.find_run(&id).await), expected("seen since 2026-01-02 03:04 UTC"));
    let page = Browser::open(&story.app).await.sign_in("ines").await.get(&format!("/runs/{id}")).await;
    let page = page.expect(200).text();
    assert!(page.contains(&expected("seen since 2026-01-02 03:04 UTC").1), "{page}");

    camera.work().await;
    let run = story.find_run(&id).await;
    assert_eq!((run["state"].as_str(), &run["waiting"]), (Some("passed"), &Value::Null), "{run:#}");
    assert_eq!(evidence(&run, "performance")["host"]["label"], "edge-cam");
    assert_eq!(run["measured_by"], Value::Null, "a worker of the registry itself");
}

#[actix_web::test]
async fn a_worker_with_labels_takes_what_asks_for_none() {
    let story = Story::stage_with(&["--label", "hardware=edge-cam"], spec(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!((run["state"].as_str(), &run["requires"]), (Some("passed"), &Value::Null));
    assert_eq!(evidence(&run, "performance")["host"]["label"], Value::Null);
}

async fn cancel(story: &Story, token: &str, run: &str) -> Reply {
    let body = json!({"reason": "The wrong version."});
    story.app.post(token, &format!("/api/v1/runs/{run}/cancellation"), body).await
}

#[actix_web::test]
async fn a_run_is_called_off_by_the_one_who_asked_or_by_an_environment_manager() {
    let story = Story::stage().await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let passed = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(cancel(&story, &story.ines, &text(&passed["id"])).await.expect(409).code(), "run_finished");
    let colleague = story.app.user("otto", &["contributor"]).await;
    for canceller in [&story.ines, &story.tom] {
        let id = text(&story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json()["id"]);
        assert_eq!(cancel(&story, &colleague, &id).await.expect(403).code(), "not_yours");
        assert_eq!(cancel(&story, &story.mara, &id).await.expect(403).code(), "forbidden");
        let run = cancel(&story, canceller, &id).await.expect(200).json();
        assert_eq!(run["state"], "cancelled");
        assert_eq!(run["reason"], json!({"code": "cancelled", "detail": "The wrong version."}));
        story.app.work().await;
        let run = story.find_run(&id).await;
        assert_eq!((&run["state"], &run["evidence"]), (&json!("cancelled"), &json!([])), "and it stays so");
        assert_eq!(cancel(&story, canceller, &id).await.expect(409).code(), "run_finished");
    }
    // Refusals are in the log, too.
    let cancelled = story.leaves("run.cancel").await.iter().filter(|leaf| leaf["outcome"] == "done").count();
    assert_eq!((story.leaves("run.finish").await.len(), cancelled), (1, 2));
    // What was called off says nothing about the version: the run before it counts as before.
    assert_eq!(story.request(MODEL, &version, ENVIRONMENT).await["state"], "awaiting_approval");
}

#[actix_web::test]
async fn calling_a_run_off_ends_the_models_process() {
    let story = Story::stage_with(&[], slow(spec(), 60), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let id = text(&story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json()["id"]);
    let called_off = async {
        while story.find_run(&id).await["phase"] != "measuring" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!processes::below(std::process::id()).is_empty(), "the model runs");
        cancel(&story, &story.tom, &id).await.expect(200);
    };
    let began = Instant::now();
    futures_util::future::join(story.app.work(), called_off).await;
    assert!(began.elapsed() < Duration::from_secs(20), "the worker did not go on");
    processes::are_gone(&processes::below(std::process::id())).await;
    let run = story.find_run(&id).await;
    assert_eq!((&run["state"], &run["evidence"]), (&json!("cancelled"), &json!([])));
    assert_eq!(story.leaves("run.finish").await.len(), 0);
}
