//! What becomes of limits on perturbations, repetitions and certainty: the worst decides, and nothing unmeasured passes.

use crate::story::{ENVIRONMENT, MODEL, Story, evidence, fixture, policy, single};
use serde_json::{Value, json};

fn limit(name: &str, dimension: &str, metric: &str, operator: &str, limit: f64) -> Value {
    json!({"name": name, "dimension": dimension, "metric": metric, "operator": operator, "limit": limit,
        "unit": "1", "owner": "mara"})
}

fn with(mut limit: Value, field: &str, value: Value) -> Value {
    limit[field] = value;
    limit
}

async fn run(file: &str, spec: Value) -> Value {
    let story = Story::stage_with(&[], spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture(file))).await;
    story.run(MODEL, &version, ENVIRONMENT).await
}

fn verdict<'a>(run: &'a Value, name: &str) -> &'a Value {
    let all = run["verdicts"].as_array().expect("verdicts");
    all.iter().find(|verdict| verdict["constraint"] == name).expect("a verdict")
}

#[actix_web::test]
async fn the_worst_perturbation_decides_and_one_that_could_not_be_made_is_never_a_pass() {
    let suite = json!([
        {"name": "still", "kind": "shift", "by_std": 1e-9},
        {"name": "wild", "kind": "noise", "sigma": 3, "seeds": 4},
        {"name": "gaps", "kind": "missing", "share": 0.2, "seeds": 2},
    ]);
    let flips = |name: &str, most: f64| limit(name, "robustness", "flip_rate", "<=", most);
    let spec = json!({"datasets": {MODEL: "people"}, "perturbations": suite, "repeats": 2, "constraints": [
        flips("worst", 0.05),
        with(flips("still", 0.05), "perturbation", json!("still")),
        with(limit("answers", "robustness", "non_finite_rate", "<=", 0.01), "perturbation", json!("gaps")),
        with(limit("drop", "robustness", "accuracy_drop", "<=", 0.01), "perturbation", json!("wild")),
        limit("again", "robustness", "repeats", ">=", 3.0),
        with(limit("held-back", "abstention", "abstained_rate", "<=", 0.9), "threshold", json!(0.6)),
        with(limit("kept", "abstention", "retained_accuracy", ">=", 0.7), "threshold", json!(0.6)),
        with(limit("nobody", "abstention", "retained_accuracy", ">=", 0.7), "threshold", json!(1)),
    ]});
    let found = run("tensor_binary.onnx", spec).await;
    assert_eq!(found["evidence"].as_array().map(Vec::len), Some(4), "{found:#}");
    for (name, wanted) in [
        ("worst", "fail"),
        ("still", "pass"),
        // A sum with a missing value is no number, and so is the answer.
        ("answers", "fail"),
        ("drop", "fail"),
        ("again", "pass"),
        ("held-back", "pass"),
        ("kept", "pass"),
        ("nobody", "inconclusive"),
    ] {
        assert_eq!(verdict(&found, name)["verdict"], wanted, "{:#}", verdict(&found, name));
    }
    let reason = verdict(&found, "worst")["reason"].as_str().expect("a reason");
    assert!(reason.contains("under gaps") || reason.contains("under wild"), "{reason}");
    let record = &evidence(&found, "robustness")["perturbations"];
    assert_eq!(record[0]["figures"]["flip_rate"]["figure"]["value"], 0.0);
    assert_eq!(record[1]["perturbation"]["seeds"], 4);
    assert!(record[1]["columns"].as_array().is_some_and(|columns| !columns.is_empty()), "{record:#}");
    assert!(record[1]["figures"]["accuracy"]["spread"]["sd"].is_f64(), "{record:#}");
    assert!(evidence(&found, "quality")["abstention"]["0.6"]["abstained_rate"]["value"].is_f64());
}

#[actix_web::test]
async fn a_perturbation_that_cannot_be_made_is_not_measured() {
    let suite = json!([
        {"name": "unknown", "kind": "noise", "sigma": 1, "columns": ["no_such_column"]},
        {"name": "texts", "kind": "unseen_category", "share": 1},
        {"name": "noise", "kind": "noise", "sigma": 0.01, "seeds": 1},
    ]);
    let flips = |name: &str| limit(name, "robustness", "flip_rate", "<=", 1.0);
    let spec = json!({"datasets": {MODEL: "people"}, "perturbations": suite, "constraints": [
        with(flips("unknown"), "perturbation", json!("unknown")),
        with(flips("texts"), "perturbation", json!("texts")),
        with(flips("noise"), "perturbation", json!("noise")),
        flips("worst"),
    ]});
    let found = run("tensor_binary.onnx", spec).await;
    for (name, wanted, said) in [
        ("unknown", "not_measured", "no column `no_such_column`"),
        ("texts", "not_measured", "no column that it could change"),
        ("noise", "pass", "flip rate under noise"),
        // One of those that are missing could have been the worst.
        ("worst", "not_measured", "isn't known"),
    ] {
        let verdict = verdict(&found, name);
        assert_eq!(verdict["verdict"], wanted, "{verdict:#}");
        assert!(verdict["reason"].as_str().is_some_and(|reason| reason.contains(said)), "{verdict:#}");
    }
    assert_eq!(found["state"], "inconclusive");
    let record = &evidence(&found, "robustness")["perturbations"];
    assert!(record[0]["absent"].as_str().is_some_and(|why| why.contains("no_such_column")), "{record:#}");
}

#[actix_web::test]
async fn cost_size_of_the_graph_and_load_time_are_measured() {
    let cost = json!({"currency": "{EUR}", "cpu_hour": 3600, "memory_gib_hour": 0});
    let mut euros = limit("euros", "cost", "cost_per_thousand", "<=", 1e6);
    euros["unit"] = json!("{EUR}");
    // As many calls as it takes for a clock that counts CPU time in steps of milliseconds.
    let latency = json!({"name": "p95", "dimension": "latency", "metric": "latency", "statistic": "p95", "operator": "<=",
        "limit": 5, "unit": "s", "load": {"samples": 20_000}, "minimum_samples": 10, "owner": "mara"});
    let load = json!({"name": "load", "dimension": "load_time", "metric": "load_time", "operator": "<=", "limit": 60,
        "unit": "s", "confidence": "interval", "owner": "mara"});
    let spec = json!({"datasets": {MODEL: "people"}, "cost": cost, "constraints": [euros, latency, load,
        limit("operators", "compute", "operators", ">=", 1.0),
        limit("alone", "connectivity", "network_free", ">=", 1.0),
        limit("whole", "connectivity", "external_data", "<=", 0.0), limit("parameters", "compute", "parameters", ">=", 0.0)]});
    let found = run("tensor_binary.onnx", spec).await;
    assert_eq!(found["state"], "passed", "{found:#}");
    let record = evidence(&found, "performance");
    let of = |metric: &str| record["figures"][metric]["value"].as_f64().expect("a figure");
    // One euro for a second of a core, so that a thousand rows cost a thousand times the CPU time of one.
    let wanted = 1000.0 * of("cpu_per_inference");
    assert!((of("cost_per_thousand") - wanted).abs() < wanted * 1e-9, "{record:#}");
    let buckets = record["loads"][0]["histogram"]["buckets"].as_array().expect("buckets");
    let calls: u64 = buckets.iter().filter_map(|bucket| bucket["calls"].as_u64()).sum();
    assert_eq!(Some(calls), record["loads"][0]["latency"]["max"]["n"].as_u64(), "{record:#}");
}

#[actix_web::test]
async fn columns_of_texts_and_numbers_are_perturbed_by_their_kind() {
    let suite = json!([
        {"name": "categories", "kind": "category", "share": 1, "seeds": 2},
        {"name": "noise", "kind": "noise", "sigma": 1, "seeds": 2},
    ]);
    let spec = json!({"datasets": {MODEL: "people"}, "perturbations": suite, "constraints": [
        limit("worst", "robustness", "flip_rate", "<=", 1.0),
    ]});
    let found = run("columns_binary.onnx", spec).await;
    assert_eq!(verdict(&found, "worst")["verdict"], "pass", "{found:#}");
    let record = &evidence(&found, "robustness")["perturbations"];
    let columns = |i: usize| record[i]["columns"].as_array().expect("columns").clone();
    assert!(columns(0).iter().all(|column| !columns(1).contains(column)), "{record:#}");
    let flips = |i: usize| record[i]["figures"]["flip_rate"]["figure"]["value"].as_f64().expect("a rate");
    assert!(0.0 < flips(0) && 0.0 < flips(1), "{record:#}");
}

#[actix_web::test]
async fn a_predicted_number_has_errors_under_perturbation() {
    let suite = json!([{"name": "noise", "kind": "noise", "sigma": 0.5, "seeds": 3}]);
    let spec = json!({"datasets": {MODEL: "pairs"}, "perturbations": suite, "constraints": [
        limit("increase", "robustness", "mae_increase", "<=", 1000.0),
        limit("change", "robustness", "max_score_change", ">", 0.0),
        limit("flips", "robustness", "flip_rate", "<=", 1.0),
    ]});
    let story = Story::stage_with(&[], spec, policy(1)).await;
    let rows: String = (0..60).map(|i| format!("{i},{},{}\n", i % 2, 2 * i)).collect();
    let description = json!({"label": "y", "features": ["a", "b"]});
    story.dataset("pairs", format!("a,b,y\n{rows}").as_bytes(), &description).await.expect(201);
    let version = story.signed(MODEL, &single(&fixture("tensor_regression.onnx"))).await;
    let found = story.run(MODEL, &version, ENVIRONMENT).await;
    let record = &evidence(&found, "robustness")["perturbations"];
    // A column of two values is a code, and is only changed when it is named.
    assert_eq!(record[0]["columns"], json!(["a"]), "{record:#}");
    for (name, wanted) in [("increase", "pass"), ("change", "pass"), ("flips", "not_measured")] {
        assert_eq!(verdict(&found, name)["verdict"], wanted, "{found:#}");
    }
}
