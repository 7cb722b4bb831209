//! Perturbations, thresholds and classes in a spec.

use super::*;
use crate::constraints::perturbation::Change;

fn spec(perturbations: Value, limit: Value) -> Value {
    let mut constraint = json!({"name": "holds", "dimension": "robustness", "metric": "flip_rate", "operator": "<=",
        "limit": 5, "unit": "%", "owner": "mara"});
    for (name, value) in limit.as_object().expect("object") {
        constraint[name] = value.clone();
    }
    json!({"perturbations": perturbations, "repeats": 3, "constraints": [constraint]})
}

fn refused(perturbations: Value, limit: Value) -> Vec<(String, String)> {
    let errors = ConstraintSpec::parse(&spec(perturbations, limit)).expect_err("a problem");
    errors.into_iter().map(|error| (error.path, error.detail)).collect()
}

#[test]
fn perturbations_are_read_with_their_defaults_and_written_out() {
    let suite = json!([
        {"name": "noise", "kind": "noise", "sigma": 0.1, "columns": ["age"], "seeds": 3, "seed": 9},
        {"name": "gaps", "kind": "missing", "share": 0.5},
        {"name": "all-gaps", "kind": "missing", "share": 1},
        {"name": "feet", "kind": "scale", "factor": 3.28},
        {"name": "mean", "kind": "mean"},
        {"name": "far", "kind": "outlier", "share": 0.01, "by_std": 6},
        {"name": "coarse", "kind": "round", "digits": 3},
        {"name": "swapped", "kind": "category", "share": 0.1},
    ]);
    let spec = ConstraintSpec::parse(&spec(suite, json!({"perturbation": "feet"}))).expect("legal");
    let all = spec.perturbations();
    assert_eq!(all[0].draws(), [9, 10, 11]);
    assert_eq!(all[1].draws().len(), 10);
    assert_eq!((all[2].seeds, all[2].draws().len()), (None, 1));
    assert_eq!(all[3].change, Change::Scale { factor: 3.28 });
    assert_eq!(all[6].change, Change::Round { digits: 3 });
    assert_eq!((spec.repeats(), spec.constraints()[0].perturbation.as_deref()), (3, Some("feet")));
    let again = ConstraintSpec::parse(&spec.explicit().expect("JSON")).expect("legal");
    assert_eq!((again.perturbations(), again.constraints()), (all, spec.constraints()));
    assert_eq!(again.explicit().expect("JSON"), spec.explicit().expect("JSON"));
}

#[test]
fn what_is_wrong_with_a_perturbation_has_its_place() {
    let noise = json!({"name": "noise", "kind": "noise", "sigma": 0.1});
    let cases = [
        (json!("noise"), "perturbations", "a list"),
        (json!([1]), "perturbations[0]", "an object"),
        (json!([{"name": "n", "kind": "loud"}]), "perturbations[0].kind", "none of noise"),
        (json!([{"name": "N!", "kind": "mean"}]), "perturbations[0].name", "a-z"),
        (json!([{"name": "n", "kind": "noise"}]), "perturbations[0].sigma", "missing"),
        (json!([{"name": "n", "kind": "noise", "sigma": -1}]), "perturbations[0].sigma", "above 0"),
        (json!([{"name": "n", "kind": "missing", "share": 1.5}]), "perturbations[0].share", "to 1"),
        (
            json!([{"name": "n", "kind": "noise", "sigma": 1, "share": 1}]),
            "perturbations[0].share",
            "noise takes sigma",
        ),
        (json!([{"name": "n", "kind": "shift", "by_std": 0}]), "perturbations[0].by_std", "other than 0"),
        (json!([{"name": "n", "kind": "mean", "seeds": 3}]), "perturbations[0].seeds", "random"),
        (json!([{"name": "n", "kind": "round", "digits": 99}]), "perturbations[0].digits", "1 to 15"),
        (json!([{"name": "n", "kind": "mean", "columns": ["a", "a"]}]), "perturbations[0].columns", "different"),
        (json!([{"name": "n", "kind": "noise", "sigma": 1, "seeds": 101}]), "perturbations[0].seeds", "1 to 100"),
        (json!([noise, noise]), "perturbations[1].name", "unique"),
        (json!([]), "constraints[0].dimension", "no `perturbations`"),
    ];
    for (suite, path, said) in cases {
        let found = refused(suite.clone(), json!({}));
        assert!(found.iter().any(|(at, detail)| at == path && detail.contains(said)), "{suite}: {found:?}");
    }
    let found = refused(json!([noise]), json!({"perturbation": "nois"}));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "constraints[0].perturbation");
    assert!(found[0].1.contains("it has noise"), "{found:?}");
}

#[test]
fn what_belongs_to_one_dimension_is_refused_in_another() {
    let latency = |field: &str, value: Value| one(json!({ field: value }));
    assert_eq!(latency("perturbation", json!("noise")).0, "constraints[0].perturbation");
    assert_eq!(latency("threshold", json!(0.7)).0, "constraints[0].threshold");
    let abstention = json!({"dimension": "abstention", "metric": "abstained_rate"});
    assert!(
        refused(json!([]), abstention)
            .iter()
            .any(|(at, said)| at == "constraints[0].threshold" && said.contains("missing"))
    );
    let quality = |metric: &str| json!({"dimension": "quality", "metric": metric, "class": "a"});
    assert!(ConstraintSpec::parse(&spec(json!([]), quality("recall"))).is_ok());
    assert_eq!(refused(json!([]), quality("accuracy"))[0].0, "constraints[0].class");
}

#[test]
fn a_limit_on_cost_needs_prices_in_its_currency() {
    let with = |cost: Value, unit: &str| {
        let limit = json!({"name": "cost", "dimension": "cost", "metric": "cost_per_thousand", "operator": "<=",
            "limit": 0.01, "unit": unit, "owner": "mara"});
        let spec = json!({"cost": cost, "constraints": [limit]});
        ConstraintSpec::parse(&spec)
            .map_err(|errors| errors.into_iter().map(|e| (e.path, e.detail)).collect::<Vec<_>>())
    };
    let euro = json!({"currency": "{EUR}", "cpu_hour": 0.04, "memory_gib_hour": 0.005});
    let spec = with(euro.clone(), "{EUR}").expect("legal");
    let again = ConstraintSpec::parse(&spec.explicit().expect("JSON")).expect("legal");
    assert_eq!((again.cost(), spec.cost().map(|cost| cost.cpu_hour)), (spec.cost(), Some(0.04)));
    for (cost, unit, path, said) in [
        (Value::Null, "{EUR}", "constraints[0].dimension", "no prices"),
        (euro.clone(), "{USD}", "constraints[0].unit", "`{EUR}`"),
        (euro, "ms", "constraints[0].unit", "isn't measured in"),
        (json!({"currency": "s", "cpu_hour": 1, "memory_gib_hour": 0}), "{EUR}", "cost.currency", "no currency"),
        (json!({"currency": "{EUR}", "cpu_hour": -1, "memory_gib_hour": 0}), "{EUR}", "cost.cpu_hour", "from 0 on"),
        (json!({"currency": "{EUR}"}), "{EUR}", "cost.cpu_hour", "missing"),
    ] {
        let found = with(cost.clone(), unit).expect_err(said);
        assert!(found.iter().any(|(at, detail)| at == path && detail.contains(said)), "{cost}: {found:?}");
    }
}
