//! One spec with every dimension, on real models: each has its figures, its verdicts, and agrees with the references.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use crate::{
    bias::expected::{Case, Kind, cases},
    story::{ENVIRONMENT, MODEL, Story, close, evidence, policy, read, single},
};
use serde_json::{Value, json};

/// Larger cases take long in a development build.
const MAXIMUM_ROWS: u64 = 4000;
/// As many models as have to be there for this to say anything.
const LEAST_MODELS: usize = 6;

#[actix_web::test]
async fn a_spec_of_all_dimensions_is_measured_on_the_reference_models() {
    let Some(all) = cases() else { return };
    let mut measured = 0;
    for case in all.iter().filter(|case| is_runnable(case)) {
        let run = run(case).await;
        every_dimension_has_its_verdict(case, &run);
        figures_are_those_of_the_references(case, &run);
        measured += 1;
    }
    eprintln!("{measured} models with all dimensions");
    assert!(LEAST_MODELS <= measured, "{measured}");
}

fn is_runnable(case: &Case) -> bool {
    let rows = case.expected["overall"]["n"].as_u64();
    case.schema["label_column"].is_string() && rows.is_some_and(|rows| rows <= MAXIMUM_ROWS)
}

fn every_dimension_has_its_verdict(case: &Case, run: &Value) {
    assert_eq!(run["state"], "passed", "{}: {run:#}", case.name);
    let verdicts = run["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts.len(), limits(case).len());
    for verdict in verdicts {
        let name = verdict["constraint"].as_str().expect("a name");
        // Only a host whose energy counters can be read has a figure, and then it is none that was guessed.
        if name == "energy" && verdict["verdict"] == "not_measured" {
            let reason = verdict["reason"].as_str().expect("a reason");
            assert!(reason.starts_with("energy_per_inference was not measured: "), "{reason}");
            continue;
        }
        // What a tree does for unseen categories or how many operations text takes may be unknown; it is never a pass.
        assert_eq!(verdict["verdict"], "pass", "{} {verdict:#}", case.name);
        assert!(verdict["measured"].is_number() && verdict["reason"].is_string(), "{verdict:#}");
    }
    for kind in ["performance", "quality", "bias", "robustness"] {
        let record = evidence(run, kind);
        assert!(record["method"].as_str().is_some_and(|method| method.len() > 100), "{kind}: {record:#}");
    }
}

fn figures_are_those_of_the_references(case: &Case, run: &Value) {
    let (performance, quality) = (&evidence(run, "performance")["figures"], &evidence(run, "quality")["figures"]);
    let (model, overall) = (&case.expected["model"], &case.expected["overall"]);
    let of = |record: &Value, metric: &str| record[metric]["value"].as_f64().unwrap_or_else(|| panic!("{metric}"));
    assert_eq!(of(performance, "artifact_size"), model["bytes"].as_f64().expect("bytes"), "{}", case.name);
    assert_eq!(of(performance, "operators"), model["n_nodes"].as_f64().expect("nodes"), "{}", case.name);
    let wanted = model["initializer_elements"].as_f64().expect("elements");
    assert_eq!(of(performance, "parameters"), wanted, "{}", case.name);
    // Process, runtime, model and first answer take longer than the model alone.
    let load = of(performance, "load_time");
    assert!(load < of(performance, "cold_start") && of(performance, "cold_start") < 60.0, "{performance:#}");
    // A tensor of 32-bit floats takes four bytes for each column.
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    if let ([input], Some(columns)) = (inputs.as_slice(), inputs[0]["columns"].as_array())
        && model["inputs"][0]["type"] == "FLOAT"
    {
        assert_eq!(of(performance, "bytes_in"), 4.0 * columns.len() as f64, "{} {input}", case.name);
    }
    let bytes = of(performance, "bytes_in") + of(performance, "bytes_out");
    close(&case.name, of(performance, "transfer_time"), 0.04 + 8.0 * bytes / 2e6, 1e-12);
    assert_eq!(of(performance, "maximum_offline_time"), 72.0 * 3600.0);
    match case.kind {
        Kind::Regression => {
            for (metric, name, tolerance) in [("mae", "mae", 1e-6), ("rmse", "rmse", 1e-6), ("r2", "r2", 1e-6)] {
                let wanted = overall[name].as_f64().expect(name);
                close(
                    &format!("{} {metric}", case.name),
                    of(quality, metric),
                    wanted,
                    tolerance * wanted.abs().max(1.0),
                );
            }
        }
        Kind::Binary | Kind::Multiclass => {
            // From labels alone: exactly.
            let wanted = overall["accuracy"].as_f64().expect("accuracy");
            close(&format!("{} accuracy", case.name), of(quality, "accuracy"), wanted, 1e-12);
        }
    }
}

fn limits(case: &Case) -> Vec<Value> {
    let limit = |name: &str, dimension: &str, metric: &str, operator: &str, limit: f64, unit: &str| {
        json!({"name": name, "dimension": dimension, "metric": metric, "operator": operator, "limit": limit, "unit": unit,
            "minimum_samples": 1, "owner": "mara"})
    };
    let load = json!({"batch": 1, "warm_up": 5, "samples": 20_000, "max_seconds": 10});
    let crowd = json!({"batch": 16, "concurrency": 2, "warm_up": 5, "samples": 200, "max_seconds": 10});
    let mut p95 = limit("p95", "latency", "latency", "<=", 5.0, "s");
    p95["statistic"] = json!("p95");
    p95["confidence"] = json!("interval");
    p95["load"] = load;
    let mut throughput = limit("rows", "throughput", "throughput", ">=", 1.0, "/s");
    throughput["load"] = crowd;
    let mut energy = limit("energy", "power", "energy_per_inference", "<=", 1.0, "kJ");
    energy["severity"] = json!("info");
    let mut all = vec![
        p95,
        throughput,
        limit("memory", "memory", "peak_memory", "<=", 4.0, "GiBy"),
        limit("size", "size", "artifact_size", "<=", 1.0, "GiBy"),
        limit("loading", "load_time", "load_time", "<=", 1.0, "min"),
        limit("cold", "load_time", "cold_start", "<=", 1.0, "min"),
        limit("cpu", "compute", "cpu_per_inference", "<=", 1.0, "s"),
        limit("threads", "compute", "threads_used", "<=", 64.0, "1"),
        limit("operators", "compute", "operators", "<=", 1e4, "1"),
        limit("parameters", "compute", "parameters", "<=", 1e9, "1"),
        limit("flops", "compute", "flops", "<=", 1e12, "1"),
        energy,
        limit("alone", "connectivity", "network_free", ">=", 1.0, "1"),
        limit("whole", "connectivity", "external_data", "<=", 0.0, "1"),
        limit("in", "connectivity", "bytes_in", "<=", 1.0, "MiBy"),
        limit("out", "connectivity", "bytes_out", "<=", 1.0, "MiBy"),
        limit("transfer", "connectivity", "transfer_time", "<=", 1.0, "s"),
        limit("offline", "connectivity", "maximum_offline_time", ">=", 48.0, "h"),
        limit("again", "robustness", "repeats", ">=", 3.0, "1"),
        limit("price", "cost", "cost_per_thousand", "<=", 1e6, "{EUR}"),
    ];
    let (quality, bias, robustness) = match case.kind {
        Kind::Regression => ("mae", "mae_difference", "mae_increase"),
        Kind::Multiclass => ("accuracy", "accuracy_difference", "flip_rate"),
        Kind::Binary => ("accuracy", "demographic_parity_difference", "flip_rate"),
    };
    let (far, at_least) = if case.kind == Kind::Regression { (1e9, "<=") } else { (0.0, ">=") };
    let unit_most = if case.kind == Kind::Regression { 1e9 } else { 1.0 };
    all.push(limit("quality", "quality", quality, at_least, far, "1"));
    if let Some(attribute) = case.attributes().first() {
        let mut fair = limit("fair", "bias", bias, "<=", unit_most, "1");
        fair["attribute"] = json!(attribute);
        fair["minimum_group_size"] = json!(1);
        all.push(fair);
    }
    let mut noise = limit("noise", "robustness", robustness, "<=", unit_most, "1");
    noise["perturbation"] = json!("sensor-noise");
    all.push(noise);
    if case.kind != Kind::Regression {
        let mut held = limit("held-back", "abstention", "abstained_rate", "<=", 1.0, "1");
        held["threshold"] = json!(0.4);
        all.push(held);
    }
    all
}

async fn run(case: &Case) -> Value {
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    let features = if inputs.len() == 1 { inputs[0]["columns"].clone() } else { json!([]) };
    let mut description = json!({"label": case.schema["label_column"], "features": features,
        "sensitive": case.sensitive(), "source": "reference case"});
    if case.kind == Kind::Binary {
        description["positive_label"] = case.positive_label().into();
    }
    let spec = json!({"datasets": {MODEL: "case"}, "bootstrap": {"resamples": 200}, "repeats": 2,
        "cost": {"currency": "{EUR}", "cpu_hour": 0.04, "memory_gib_hour": 0.005},
        "perturbations": [{"name": "sensor-noise", "kind": "noise", "sigma": 0.1, "seeds": 2}],
        "constraints": limits(case)});
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("case", &read(&case.folder.join("test.csv")), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let link = json!({"mode": "intermittent", "rate": {"value": 2, "unit": "Mbit/s"},
        "round_trip": {"value": 40, "unit": "ms"}, "maximum_offline_time": {"value": 72, "unit": "h"}});
    let profile = json!({"class": "edge", "operating_mode": "advisory", "connectivity": link});
    story.revise(ENVIRONMENT, "profile", profile).await;
    let version = story.signed(MODEL, &single(&case.folder.join("model.onnx"))).await;
    story.run(MODEL, &version, ENVIRONMENT).await
}
