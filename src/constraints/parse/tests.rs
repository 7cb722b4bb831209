use super::super::{metric::Statistic, spec::Load, words::Words};
use super::*;
use crate::stats::disparity::Against;
use serde_json::json;

mod robustness;

fn full() -> Value {
    json!({
        "datasets": {"credit-risk": "german-credit-holdout"},
        "hardware": {"cpu_model": "Cortex-A76", "cores": 4},
        "constraints": [
            {
                "name": "latency-p95", "dimension": "latency", "metric": "latency",
                "statistic": "p95", "operator": "<=", "limit": 20, "unit": "ms",
                "load": {"batch": 1, "concurrency": 1, "warm_up": 20, "samples": 500, "max_seconds": 20},
                "minimum_samples": 100, "confidence": "point", "severity": "block",
                "representative_hardware": false, "maximum_evidence_age_days": 90,
                "owner": "mara", "rationale": "The teller waits."
            },
            {
                "name": "parity", "dimension": "bias", "metric": "demographic_parity_ratio",
                "attribute": "sex*age_group", "operator": ">=", "limit": 0.8, "unit": "1",
                "minimum_group_size": 30, "owner": "mara"
            },
            {
                "name": "memory", "dimension": "memory", "metric": "peak_memory",
                "operator": "<=", "limit": 256, "unit": "MiBy", "owner": "jo"
            }
        ]
    })
}

/// Sets one field of the first constraint and gives the places of the problems.
fn problems(changes: Value) -> Vec<(String, String)> {
    let mut spec = full();
    let first = spec["constraints"][0].as_object_mut().expect("object");
    for (name, value) in changes.as_object().expect("object") {
        first.insert(name.clone(), value.clone());
    }
    let errors = ConstraintSpec::parse(&spec).expect_err("a problem");
    errors.into_iter().map(|e| (e.path, e.detail)).collect()
}

fn one(changes: Value) -> (String, String) {
    let mut found = problems(changes.clone());
    assert_eq!(found.len(), 1, "{changes}: {found:?}");
    found.remove(0)
}

#[test]
fn a_spec_serialises_to_what_was_written() {
    let written = full();
    let spec = ConstraintSpec::parse(&written).expect("legal");
    assert_eq!(serde_json::to_value(&spec).expect("json"), written);
    let again: ConstraintSpec = serde_json::from_value(written).expect("legal");
    assert_eq!(again, spec);
    assert_eq!(spec.dataset("credit-risk"), Some("german-credit-holdout"));
    assert_eq!(spec.constraints()[0].statistic, Some(Statistic::P95));
}

#[test]
fn the_explicit_form_has_every_default_and_means_the_same() {
    let spec = ConstraintSpec::parse(&full()).expect("legal");
    let explicit = spec.explicit().expect("json");
    assert_eq!(explicit["constraints"][2]["minimum_samples"], 1);
    assert_eq!(explicit["constraints"][2]["severity"], "block");
    let again = ConstraintSpec::parse(&explicit).expect("legal");
    assert_eq!(again.constraints(), spec.constraints());
    assert_eq!(again.explicit().expect("json"), explicit);
}

#[test]
fn yaml_and_json_are_the_same_spec() {
    let yaml = "
constraints:
  - {name: size, dimension: size, metric: artifact_size, operator: '<=', limit: 8, unit: MBy, owner: jo}
  - {name: speed, dimension: throughput, metric: throughput, operator: '>=', limit: 50, unit: /s, owner: jo, load: {batch: 16}}
";
    let value: Value = yaml_serde::from_str(yaml).expect("yaml");
    let spec = ConstraintSpec::parse(&value).expect("legal");
    assert_eq!(spec.loads(), [Load { batch: 16, ..Load::default() }]);
    assert_eq!(spec.constraints()[0].limit_in_base(), 8_000_000.0);
}

#[test]
fn loads_and_tables_to_make_are_named_once() {
    let spec = ConstraintSpec::parse(&full()).expect("legal");
    assert_eq!(spec.loads(), [Load::default()]);
    let requests = spec.bias_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].attribute.as_str(), requests[0].minimum_group_size), ("sex*age_group", 30));
}

#[test]
fn each_problem_is_named_with_its_place() {
    for (change, field, part) in [
        (json!({"name": "P95"}), "name", "a-z"),
        (json!({"name": ""}), "name", "1 to 64"),
        (json!({"dimension": "speed"}), "dimension", "throughput"),
        (json!({"metric": "auc"}), "metric", "latency"),
        (json!({"statistic": null}), "statistic", "p99"),
        (json!({"statistic": "p42"}), "statistic", "`p42`"),
        (json!({"attribute": "sex"}), "attribute", "only bias"),
        (json!({"minimum_group_size": 5}), "minimum_group_size", "only bias"),
        (json!({"operator": "=="}), "operator", "<="),
        (json!({"unit": "MiBy"}), "unit", "`s`"),
        (json!({"unit": "millis"}), "unit", "ms"),
        (json!({"dimension": "compute", "metric": "threads_used", "statistic": null, "load": null}), "unit", "`1`"),
        (json!({"limit": "20"}), "limit", "number"),
        (json!({"limit": -1}), "limit", "outside"),
        (json!({"limit": 1e300}), "limit", "number"),
        (json!({"load": {"batch": 0}}), "load.batch", "4096"),
        (json!({"load": {"concurrency": 65}}), "load.concurrency", "64"),
        (json!({"load": {"samples": 9}}), "load.samples", "10"),
        (json!({"load": {"max_seconds": 301}}), "load.max_seconds", "300"),
        (json!({"load": {"duration": 3}}), "load.duration", "unknown"),
        (json!({"load": 3}), "load", "object"),
        (json!({"minimum_samples": 501}), "minimum_samples", "never"),
        (json!({"confidence": "99"}), "confidence", "interval"),
        (json!({"confidence": "interval", "statistic": "max"}), "confidence", "point"),
        (json!({"severity": "fatal"}), "severity", "warn"),
        (json!({"representative_hardware": "yes"}), "representative_hardware", "true"),
        (json!({"maximum_evidence_age_days": 0}), "maximum_evidence_age_days", "3650"),
        (json!({"owner": null}), "owner", "answers"),
        (json!({"rationale": "bell \u{7}"}), "rationale", "control"),
        (json!({"limits": 3}), "limits", "unknown"),
    ] {
        let (place, detail) = one(change.clone());
        assert_eq!(place, format!("constraints[0].{field}"), "{change}");
        assert!(detail.contains(part), "{change}: {detail}");
    }
}

#[test]
fn a_name_is_used_once() {
    let (place, detail) = one(json!({"name": "memory"}));
    assert_eq!(place, "constraints[2].name");
    assert!(detail.contains("constraints[0]"), "{detail}");
}

#[test]
fn all_problems_come_at_once() {
    let found = problems(json!({"unit": "By", "owner": 3, "severity": "x", "typo": 1}));
    let places: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    let want = ["typo", "unit", "severity", "owner"].map(|f| format!("constraints[0].{f}"));
    assert_eq!(places, want);
}

#[test]
fn a_document_of_the_wrong_shape_is_refused() {
    let mut long = full();
    long["constraints"] = Value::Array(vec![full()["constraints"][0].clone(); 201]);
    for (document, path) in [
        (json!(null), ""),
        (json!([]), ""),
        (json!({}), "constraints"),
        (json!({"constraints": []}), "constraints"),
        (json!({"constraints": {}}), "constraints"),
        (json!({"constraints": [3]}), "constraints[0]"),
        (long, "constraints"),
    ] {
        let errors = ConstraintSpec::parse(&document).expect_err("refused");
        assert_eq!((errors.len(), errors[0].path.as_str()), (1, path), "{errors:?}");
    }
    let mut spec = full();
    spec["datasets"] = json!({"m": 3});
    spec["hardware"] = json!({"cores": 0, "gpu": "x", "label": "Edge Cam"});
    spec["extra"] = json!(1);
    let errors = ConstraintSpec::parse(&spec).expect_err("refused");
    let places: Vec<&str> = errors.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(places, ["extra", "datasets", "hardware.gpu", "hardware.cores", "hardware.label"]);
}

#[test]
fn a_hostile_document_has_a_bounded_answer() {
    let many: serde_json::Map<String, Value> =
        (0..5000).map(|i| (format!("{i}{}", "x".repeat(500)), json!(1))).collect();
    let errors = ConstraintSpec::parse(&Value::Object(many)).expect_err("refused");
    assert_eq!(errors.len(), 100);
    assert!(errors.iter().all(|e| e.path.len() < 100 && e.detail.len() < 200));
}

#[test]
fn an_attribute_is_any_number_of_different_columns() {
    let with = |attribute: &str| {
        let mut spec = full();
        spec["constraints"][1]["attribute"] = json!(attribute);
        ConstraintSpec::parse(&spec)
    };
    for good in ["sex", "sex*age", "a*b*c*d*e", "Age group"] {
        assert!(with(good).is_ok(), "{good}");
    }
    let many = (0..21).map(|i| i.to_string()).collect::<Vec<_>>().join("*");
    for bad in ["", "*", "sex*", "sex*sex", many.as_str()] {
        let errors = with(bad).expect_err("refused");
        assert_eq!(errors[0].path, "constraints[1].attribute", "{bad}");
    }
}

#[test]
fn a_percentage_written_without_its_unit_is_refused() {
    let mut spec = full();
    spec["constraints"][1]["limit"] = json!(80);
    let errors = ConstraintSpec::parse(&spec).expect_err("refused");
    assert_eq!(errors[0].path, "constraints[1].limit");
    spec["constraints"][1]["unit"] = json!("%");
    let legal = ConstraintSpec::parse(&spec).expect("80 % is 0.8");
    assert_eq!(legal.constraints()[1].limit_in_base(), 0.8);
}

#[test]
fn a_minimum_of_samples_never_exceeds_what_the_load_counts() {
    let spec = json!({"constraints": [{
        "name": "a", "dimension": "latency", "metric": "latency", "statistic": "p50",
        "operator": "<", "limit": 1, "unit": "s", "owner": "jo", "load": {"samples": 10}
    }]});
    let spec = ConstraintSpec::parse(&spec).expect("legal");
    assert_eq!(spec.constraints()[0].minimum_samples, 10);
}

#[test]
fn the_schema_knows_every_word() {
    use utoipa::PartialSchema;
    let schema = serde_json::to_string(&Unit::schema()).expect("json");
    for unit in Unit::ALL {
        assert!(schema.contains(&format!("\"{unit}\"")), "{unit}");
    }
    let spec = serde_json::to_value(ConstraintSpec::schema()).expect("json");
    assert_eq!(spec["required"], json!(["constraints"]));
    assert!(spec["properties"].get("written").is_none());
    let constraint = serde_json::to_value(Constraint::schema()).expect("json");
    let required = ["name", "dimension", "metric", "operator", "limit", "unit", "owner"];
    assert_eq!(constraint["required"], json!(required));
}

#[test]
fn what_only_bias_has_is_read_and_comes_back() {
    let mut written = full();
    written["constraints"][1]["against"] = json!({"group": "male"});
    written["bootstrap"] = json!({"resamples": 500, "seed": 9});
    written["exclusions"] = json!({"race": [{"category": "other", "justification": "eleven people"}]});
    let spec = ConstraintSpec::parse(&written).expect("legal");
    assert_eq!(spec.constraints()[1].against, Some(Against::Group("male".to_owned())));
    assert_eq!((spec.bootstrap().plan().resamples, spec.bootstrap().plan().seed), (500, 9));
    assert_eq!(spec.exclusions()["race"][0].category, "other");
    assert_eq!(
        ConstraintSpec::parse(&spec.explicit().expect("json")).expect("legal").constraints(),
        spec.constraints()
    );
    written["constraints"][1]["against"] = json!("overall");
    let spec = ConstraintSpec::parse(&written).expect("legal");
    assert_eq!(spec.bias_requests()[0].against, Against::Overall);
}

#[test]
fn what_only_bias_has_is_refused_where_it_has_no_meaning() {
    let bias = |change: Value| {
        let mut spec = full();
        for (name, value) in change.as_object().expect("object") {
            spec["constraints"][1][name] = value.clone();
        }
        spec
    };
    let top = |name: &str, value: Value| {
        let mut spec = full();
        spec[name] = value;
        spec
    };
    let mut latency = full();
    latency["constraints"][0]["class"] = json!("a");
    for (spec, path) in [
        (bias(json!({"against": "best"})), "constraints[1].against"),
        (bias(json!({"against": {"group": ""}})), "constraints[1].against.group"),
        (bias(json!({"against": {"name": "x"}})), "constraints[1].against.name"),
        (bias(json!({"metric": "tpr", "against": "overall"})), "constraints[1].against"),
        (bias(json!({"metric": "ece", "class": "a"})), "constraints[1].class"),
        (bias(json!({"metric": "impact_ratio", "class": "a"})), "constraints[1].class"),
        (latency, "constraints[0].class"),
        (top("bootstrap", json!({"resamples": 99})), "bootstrap.resamples"),
        (top("bootstrap", json!({"seed": -1})), "bootstrap.seed"),
        (top("exclusions", json!([])), "exclusions"),
        (top("exclusions", json!({"a*a": []})), "exclusions"),
        (top("exclusions", json!({"race": [{"category": "x"}]})), "exclusions.race"),
        (top("exclusions", json!({"race": [{"category": "x", "justification": " "}]})), "exclusions.race"),
        (top("exclusions", json!({"race": [{"category": "x", "justification": "y", "z": 1}]})), "exclusions.race"),
    ] {
        let errors = ConstraintSpec::parse(&spec).expect_err(path);
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
