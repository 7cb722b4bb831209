//! Perturbed inputs: the reference cases' figures, and what verdicts make of them.

use crate::{
    bias::expected::{Case, Kind, of_kind},
    story::{ENVIRONMENT, MODEL, Story, close, evidence, policy, read, single},
};
use serde_json::{Map, Value, json};

/// As many as the references drew.
const SEEDS: u32 = 30;
/// A service with its own random numbers lands within so many standard deviations of the references' mean.
const SPREAD: f64 = 4.0;

#[actix_web::test]
async fn noise_shifts_and_imputation_do_what_the_references_say() {
    let cases = of_kind(Kind::Binary);
    for case in cases.iter().filter(|case| !columns(case).is_empty()) {
        let suite = suite(case);
        let run = run(case, &suite).await;
        let record = evidence(&run, "robustness");
        let found = record["perturbations"].as_array().expect("perturbations");
        assert_eq!(found.len(), suite.len(), "{}: {run:#}", case.name);
        for (one, wanted) in found.iter().zip(suite.iter().map(|(_, wanted)| wanted)) {
            let what = format!("{} {}", case.name, one["perturbation"]["name"]);
            assert_eq!(one["absent"], Value::Null, "{what}");
            match wanted.get("flips") {
                Some(flips) => exactly(&what, case, one, flips, &wanted["accuracy"]),
                None => about(&what, one, wanted),
            }
        }
        eprintln!("{}: {} perturbations", case.name, found.len());
    }
}

/// Nothing is random: counts agree.
fn exactly(what: &str, case: &Case, one: &Value, flips: &Value, accuracy: &Value) {
    let rows = case.expected["overall"]["n"].as_f64().or_else(|| one["figures"]["flip_rate"]["figure"]["n"].as_f64());
    let rate = one["figures"]["flip_rate"]["figure"]["value"].as_f64().expect("a rate");
    close(&format!("{what} flips"), rate * rows.expect("rows"), flips.as_f64().expect("a count"), 1e-6);
    let found = one["figures"]["accuracy"]["figure"]["value"].as_f64().expect("accuracy");
    close(&format!("{what} accuracy"), found, accuracy.as_f64().expect("accuracy"), 1e-12);
}

fn about(what: &str, one: &Value, wanted: &Value) {
    let names =
        [("accuracy", "accuracy"), ("flip_rate", "prediction_flip_rate"), ("max_score_change", "max_abs_score_change")];
    for (metric, name) in names {
        let (mean, sd) = (wanted[name]["mean"].as_f64().expect("mean"), wanted[name]["sd"].as_f64().expect("sd"));
        let found = one["figures"][metric]["figure"]["value"].as_f64().expect("a figure");
        close(&format!("{what} {metric}"), found, mean, SPREAD * sd + 1e-6);
    }
    assert_eq!(one["figures"]["non_finite_rate"]["figure"]["value"], 0.0, "{what}");
    let (drop, accuracy) = (&one["figures"]["accuracy_drop"]["figure"], &one["figures"]["accuracy"]["figure"]);
    let (drop, accuracy) = (drop["value"].as_f64().expect("drop"), accuracy["value"].as_f64().expect("accuracy"));
    let wanted = wanted["baseline"].as_f64().expect("baseline") - accuracy;
    close(&format!("{what} drop"), drop, wanted, 1e-9);
}

/// Continuous features of the case that its references perturb.
fn columns(case: &Case) -> Vec<&str> {
    let named = case.expected["robustness"]["continuous_features"].as_array();
    named.map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Perturbations of the spec, each with the figures that the case expects.
fn suite(case: &Case) -> Vec<(Value, Value)> {
    let robustness = &case.expected["robustness"];
    let all = columns(case);
    let mut suite = Vec::new();
    for (name, wanted) in robustness["noise"].as_object().expect("noise") {
        let sigma: f64 = name.trim_start_matches("sigma_").parse().expect("a number");
        let mut wanted = wanted.clone();
        wanted["baseline"] = robustness["baseline_accuracy"].clone();
        let spec = json!({"name": name.replace(['_', '.'], "-"), "kind": "noise", "sigma": sigma,
            "columns": all, "seeds": SEEDS});
        suite.push((spec, wanted));
    }
    for (index, (name, wanted)) in robustness["deterministic"].as_object().expect("deterministic").iter().enumerate() {
        let mut spec = match name.as_str() {
            "all_plus_0.1_std" => json!({"kind": "shift", "by_std": 0.1, "columns": all}),
            "all_minus_0.1_std" => json!({"kind": "shift", "by_std": -0.1, "columns": all}),
            "all_at_train_mean" => json!({"kind": "mean", "columns": all}),
            one => match one.strip_prefix("mean_imputed:") {
                Some(column) => json!({"kind": "mean", "columns": [column]}),
                None => continue,
            },
        };
        spec["name"] = format!("fixed-{index}").into();
        suite.push((spec, wanted.clone()));
    }
    suite
}

async fn run(case: &Case, suite: &[(Value, Value)]) -> Value {
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    let features = if inputs.len() == 1 { inputs[0]["columns"].clone() } else { json!([]) };
    let robustness = &case.expected["robustness"];
    let scale = |name: &&str| {
        let scale = json!({"mean": robustness["train_mean"][name], "std": robustness["train_std_ddof0"][name]});
        ((*name).to_owned(), scale)
    };
    let scales: Map<String, Value> = columns(case).iter().map(scale).collect();
    let description = json!({"label": case.schema["label_column"], "features": features, "scales": scales,
        "positive_label": case.positive_label(), "source": "reference case"});
    let perturbations: Vec<&Value> = suite.iter().map(|(spec, _)| spec).collect();
    let limit = json!({"name": "worst", "dimension": "robustness", "metric": "flip_rate", "operator": "<=",
        "limit": 100, "unit": "%", "owner": "mara"});
    let spec = json!({"datasets": {MODEL: "case"}, "bootstrap": {"resamples": 100},
        "perturbations": perturbations, "constraints": [limit]});
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("case", &read(&case.folder.join("test.csv")), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&case.folder.join("model.onnx"))).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed", "{}: {run:#}", case.name);
    run
}
