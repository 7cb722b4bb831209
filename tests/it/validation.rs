//! Real models in the real sandbox: figures, failures, and attempts that come too late.

use crate::{
    harness::ort_library,
    story::{
        ENVIRONMENT, MODEL, Story, checks, close, evidence, figure, fixture, group, policy, scorer, single, spec,
        table, text,
    },
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::Duration;

/// Answered 1, and labelled 1 among them, per group: female, male, north, south.
type Groups = [(u64, u64); 4];
const TENSOR: ([u64; 4], Groups, f64) =
    ([73, 10, 33, 84], [(32, 29), (51, 44), (38, 33), (42, 37)], 0.859_393_817_743_877_9);
const COLUMNS: ([u64; 4], Groups, f64) =
    ([80, 12, 26, 82], [(30, 27), (62, 53), (41, 34), (48, 43)], 0.903_753_712_654_523_8);

#[actix_web::test]
async fn every_form_of_input_and_output_gives_the_published_figures() {
    let story = Story::stage().await;
    for (file, (matrix, groups, auc)) in [
        ("tensor_binary.onnx", TENSOR),
        ("columns_binary.onnx", COLUMNS),
        ("zipmap_binary.onnx", TENSOR),
        ("fixed_batch.onnx", TENSOR),
    ] {
        let version = story.signed(MODEL, &single(&fixture(file))).await;
        let run = story.run(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(run["state"], "passed", "{file}: {run:#}");
        let [tp, fp, fn_, tn] = matrix;
        #[expect(clippy::cast_precision_loss, reason = "200 rows")]
        let of = |count: u64, total: u64| count as f64 / total as f64;
        close(file, figure(&run, "accuracy"), of(tp + tn, 200), 1e-12);
        close(file, figure(&run, "tpr"), of(tp, tp + fn_), 1e-12);
        close(file, figure(&run, "fpr"), of(fp, fp + tn), 1e-12);
        close(file, figure(&run, "auc"), auc, 1e-6);
        for ((attribute, name), (answered, both)) in
            [("sex", "female"), ("sex", "male"), ("region", "north"), ("region", "south")].into_iter().zip(groups)
        {
            let counts = &group(&run, attribute, name)["counts"];
            assert_eq!((&counts["selected"], &counts["tp"]), (&json!(answered), &json!(both)), "{file} {name}");
        }
        for (name, rows) in [("island", 4), ("(missing)", 3)] {
            let small = group(&run, "region", name);
            assert_eq!((&small["n"], &small["too_small"]), (&json!(rows), &json!(true)), "{file}");
            assert_eq!((&small["selection_rate"], &small["counts"]), (&Value::Null, &Value::Null), "{file}");
        }
        let parity = &table(&run, "region")["disparities"][1];
        assert_eq!(parity["metric"], "demographic_parity_ratio");
        assert_eq!(parity["groups_used"], json!(["north", "south"]), "{file}");
    }
}

#[actix_web::test]
async fn a_regression_is_measured_as_one() {
    let spec = json!({"datasets": {MODEL: "pairs"}, "constraints": [
        {"name": "mae", "dimension": "quality", "metric": "mae", "operator": "<=", "limit": 0.3, "unit": "1",
            "minimum_samples": 4, "owner": "ines"},
        {"name": "accuracy", "dimension": "quality", "metric": "accuracy", "operator": ">=", "limit": 0.1, "unit": "1",
            "severity": "warn", "minimum_samples": 4, "owner": "ines"}]});
    let story = Story::begin().await;
    story.model(MODEL).await;
    // prediction = 2 a - 3 b + 0.5; the truth is off by 0, 0.5, 0 and 0.5.
    let csv = b"a,b,y\n1,1,-0.5\n2,1,1\n0,0,0.5\n3,2,1\n";
    let description = json!({"label": "y", "features": ["a", "b"], "source": "made up"});
    story.dataset("pairs", csv, &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture("tensor_regression.onnx"))).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed", "{run:#}");
    close("mae", figure(&run, "mae"), 0.25, 1e-6);
    close("rmse", figure(&run, "rmse"), 0.125_f64.sqrt(), 1e-6);
    assert_eq!(run["verdicts"][1]["verdict"], "not_measured", "never called a classifier");
}

#[actix_web::test]
async fn a_hostile_or_broken_model_fails_and_the_service_goes_on() {
    let limits = ["--sandbox-seconds", "8", "--sandbox-memory-mib", "1024"];
    let story = Story::stage_with(&limits, spec(), policy(1)).await;
    for (file, state, reasons) in [
        ("nan_scores.onnx", "failed", &["invalid_output"][..]),
        ("random_noise.onnx", "failed", &["non_deterministic"]),
        ("memory_bomb.onnx", "failed", &["memory_limit"]),
        ("infinite_loop.onnx", "timed_out", &["time_limit"]),
    ] {
        let version = story.signed(MODEL, &single(&fixture(file))).await;
        let asked = story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json();
        let work = story.app.work();
        let ((), slowest) = futures_util::future::join(work, others_are_served(&story)).await;
        assert!(slowest < Duration::from_secs(2), "{file}: another request took {slowest:?}");
        let run = story.find_run(&text(&asked["id"])).await;
        assert_eq!(run["state"], state, "{file}: {}", run["reason"]);
        assert!(reasons.contains(&run["reason"]["code"].as_str().unwrap_or_default()), "{file}: {}", run["reason"]);
        if state != "timed_out" && reasons == ["memory_limit"] {
            let detail = text(&run["reason"]["detail"]);
            assert!(detail.contains("MiB of address space were allowed, it reached "), "{file}: {detail}");
        }
        assert_eq!(
            (run["evidence"].as_array().map(Vec::len), run["verdicts"].as_array().map(Vec::len)),
            (Some(0), Some(0))
        );
        let refused = story.request(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(
            (refused["state"].as_str(), checks(&refused)),
            (Some("checks_failed"), vec!["run_not_passed".into()])
        );
    }
    // The next honest model is measured as if nothing had been.
    let version = story.signed(MODEL, &scorer(1)).await;
    assert_eq!(story.run(MODEL, &version, ENVIRONMENT).await["state"], "passed");
}

/// Asks for something else a few times; returns how long the slowest answer took.
pub async fn others_are_served(story: &Story) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = std::time::Instant::now();
        story.app.get(&story.mara, "/api/v1/models").await.expect(200);
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    slowest
}

#[actix_web::test]
async fn a_file_that_can_be_no_model_is_never_sealed() {
    let story = Story::stage().await;
    for (file, status, said) in [
        ("garbage.onnx", 422, "not a readable ONNX model"),
        ("truncated.onnx", 422, "not a readable ONNX model"),
        ("external_data.onnx", 403, "outside of the version"),
        ("deep_functions.onnx", 422, "written out"),
    ] {
        let version = story.draft(MODEL, &single(&fixture(file))).await;
        let refused = story.seal(MODEL, &version, json!({})).await.expect(status);
        assert!(refused.text().contains("model.onnx") && refused.text().contains(said), "{file}: {}", refused.text());
        let path = format!("/api/v1/models/{MODEL}/versions/{version}");
        assert_eq!(story.app.get(&story.ines, &path).await.expect(200).json()["state"], "draft", "{file}");
    }
}

#[actix_web::test]
async fn compute_is_what_the_timed_calls_cost_and_nothing_around_them() {
    let mut long = spec();
    long["constraints"][1]["load"]["samples"] = 20_000.into();
    let story = Story::stage_with(&[], long, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let body = evidence(&run, "performance");
    let cpu = &body["figures"]["cpu_per_inference"];
    let (each, rows) = (cpu["value"].as_f64().expect("a figure"), cpu["n"].as_u64().expect("a count"));
    let load = &body["loads"][0];
    assert_eq!(json!(rows), load["latency"]["p50"]["n"], "rows of the timed calls, and neither warm-up nor data set");
    // One caller with one thread: no more CPU time than wall time, but for the step of the system's clock.
    let elapsed = load["elapsed_s"].as_f64().expect("seconds");
    #[expect(clippy::cast_precision_loss, reason = "20,000 rows")]
    let all = each * rows as f64;
    assert!(all > 0.0 && all <= elapsed * 1.1 + 0.02, "{all} s of CPU in {elapsed} s");
    assert_eq!(body["figures"]["threads_used"]["value"].as_f64(), Some(1.0));
}

#[actix_web::test]
async fn a_run_without_onnx_runtime_is_not_a_pass() {
    let folder = tempfile::tempdir().expect("folder");
    let broken = folder.path().join("libonnxruntime.so");
    std::fs::write(&broken, b"no library").expect("written");
    let story = Story::begin_without_runtime(&["--ort-lib", &broken.display().to_string()]).await;
    story.model(MODEL).await;
    story.people().await;
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let asked = story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json();
    for _ in 0..10 {
        story.app.work().await;
        let run = story.find_run(&text(&asked["id"])).await;
        assert_ne!(run["state"], "passed");
        assert_eq!(run["evidence"], json!([]));
        story.app.app.db.clock().advance(TimeDelta::hours(2));
    }
    let run = story.find_run(&text(&asked["id"])).await;
    assert_eq!((run["state"].as_str(), run["reason"]["code"].as_str()), (Some("errored"), Some("not_carried_out")));
    assert_eq!(story.request(MODEL, &version, ENVIRONMENT).await["state"], "checks_failed");
}

#[actix_web::test]
async fn too_few_samples_are_inconclusive_and_block() {
    let mut demanding = spec();
    demanding["constraints"][0]["minimum_samples"] = 201.into();
    let story = Story::stage_with(&[], demanding, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!((run["state"].as_str(), &run["verdicts"][0]["verdict"]), (Some("inconclusive"), &json!("inconclusive")));
    let refused = story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(refused["state"], "checks_failed");
    assert_eq!(checks(&refused), ["constraint_inconclusive"]);
}

#[actix_web::test]
async fn groups_that_are_all_too_small_never_make_a_fairness_limit_pass() {
    let mut fair = spec();
    let limits = fair["constraints"].as_array_mut().expect("list");
    limits.push(
        json!({"name": "parity", "dimension": "bias", "metric": "demographic_parity_difference", "attribute": "sex",
        "operator": "<=", "limit": 0.9, "unit": "1", "minimum_group_size": 100, "owner": "mara"}),
    );
    let story = Story::stage_with(&[], fair, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "inconclusive", "76 women are below the minimum; one group has no difference");
    assert_eq!(checks(&story.request(MODEL, &version, ENVIRONMENT).await), ["constraint_inconclusive"]);
}

#[actix_web::test]
async fn data_that_lack_what_the_model_asks_for_fail_the_run() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount"]});
    story.dataset("people", b"amount,y\n1,0\n2,1\n", &description).await.expect(201);
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture("columns_binary.onnx"))).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!((run["state"].as_str(), run["reason"]["code"].as_str()), (Some("failed"), Some("input_mismatch")));
}

#[actix_web::test]
async fn an_earlier_attempts_result_is_refused() {
    let mut slow = spec();
    slow["constraints"][1]["load"] =
        json!({"batch": 256, "concurrency": 1, "warm_up": 2, "samples": 100_000, "max_seconds": 3});
    let story = Story::stage_with(&[], slow, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let id = text(&story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json()["id"]);
    let second = async {
        while story.find_run(&id).await["state"] != "running" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The first worker is silent for longer than its lease, and goes on all the same.
        story.app.app.db.clock().advance(TimeDelta::seconds(31));
        story.app.work().await;
    };
    futures_util::future::join(story.app.work(), second).await;
    let run = story.find_run(&id).await;
    assert_eq!((run["state"].as_str(), run["evidence"].as_array().map(Vec::len)), (Some("passed"), Some(3)));
    let finished = story.leaves("run.finish").await;
    assert_eq!(finished.len(), 1, "one recorded result");
    assert_eq!(finished[0]["detail"]["attempt"], 2, "of the attempt that holds the lease");
}

#[actix_web::test]
async fn only_a_sealed_version_is_measured() {
    let story = Story::stage().await;
    let number = story.draft(MODEL, &scorer(1)).await;
    assert_eq!(story.ask_for_run(MODEL, &number, ENVIRONMENT).await.expect(409).code(), "version_not_sealed");
    story.seal(MODEL, &number, json!({})).await.expect(200);
    story.model("other").await;
    let other = story.signed("other", &scorer(1)).await;
    assert_eq!(story.ask_for_run("other", &other, ENVIRONMENT).await.expect(409).code(), "dataset_not_named");
    story.ask_for_run(MODEL, &number, "nowhere").await.expect(404);
    story.ask_for_run(MODEL, "9", ENVIRONMENT).await.expect(404);
}

#[test]
fn the_runtime_library_is_where_the_tests_look_for_it() {
    assert!(ort_library().is_some(), "run scripts/fetch-ort.sh; make test does");
}
