//! What the evidence of a run says about groups, and what it never says.

use crate::story::{ENVIRONMENT, MODEL, Story, evidence, fixture, group, policy, scorer, spec, table};
use serde_json::{Value, json};

#[actix_web::test]
async fn a_binary_model_has_everything_about_its_groups() {
    let story = Story::stage().await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let bias = evidence(&run, "bias");
    let attributes: Vec<&Value> = bias["tables"].as_array().expect("tables").iter().map(|t| &t["attribute"]).collect();
    assert_eq!(attributes, ["sex", "region", "sex*region"]);

    // 76 women: 40 labelled 1, 32 answered 1, 29 both.
    let women = group(&run, "sex", "female");
    for (rate, count, total) in [
        ("npv", 33, 44),
        ("false_omission_rate", 11, 44),
        ("false_discovery_rate", 3, 32),
        ("tnr", 33, 36),
        ("selection_rate", 32, 76),
    ] {
        assert_eq!((&women[rate]["count"], &women[rate]["total"]), (&json!(count), &json!(total)), "{rate}");
        assert_eq!(women[rate]["interval"]["method"], "wilson", "{rate}");
    }
    for figure in ["auc", "ece", "log_loss", "brier", "mean_score", "calibration_gap", "f1", "balanced_accuracy", "mcc"]
    {
        let found = &women["figures"][figure];
        let [low, value, high] = [&found["interval"]["low"], &found["value"], &found["interval"]["high"]];
        assert!(low.as_f64() < value.as_f64() && value.as_f64() < high.as_f64(), "{figure}: {found}");
    }
    let crossed = group(&run, "sex*region", "female & north");
    assert_eq!(crossed["too_small"], false);
    assert_eq!(crossed["base_rate"]["total"], 41);

    for attribute in ["sex", "region", "sex*region"] {
        let table = table(&run, attribute);
        let plan = json!({"resamples": 100, "seed": 1, "scheme": "stratified_by_group"});
        assert_eq!((&table["bootstrap"]["plan"], &table["row_bootstrap"]["plan"]), (&plan, &plan), "{attribute}");
        assert_ne!(table["bootstrap"]["generator"], "", "{attribute}");
        assert_eq!(table["contrasts"]["reference"], json!({"highest": "selection_rate"}), "{attribute}");
        let impact = &table["impact"];
        assert!(impact["selection"]["scoring"].is_null() && impact["scoring"]["scoring"]["median"].is_number());
        assert!(impact["four_fifths"]["lowest_impact_ratio"].is_number(), "{attribute}");
    }
    // Three people whose region nobody knows and four islanders: counted, and nothing of what the
    // model said about them.
    let impact = &table(&run, "region")["impact"];
    let small =
        json!([{"category": "(missing)", "n": 3, "known": false}, {"category": "island", "n": 4, "known": true}]);
    assert_eq!(impact["too_small"], small);
    for form in ["selection", "scoring", "four_fifths"] {
        let categories = impact[form]["categories"].as_array().expect("a list");
        let names: Vec<&Value> = categories.iter().map(|c| &c["count"]["category"]).collect();
        assert_eq!(names, ["north", "south"], "{form}");
    }
    // Two sexes, two large regions, and their four crossings: 1 + 1 + 3 comparisons.
    assert_eq!((&bias["comparisons"]["groups"], &bias["comparisons"]["comparisons"]), (&json!(8), &json!(5)));
}

#[actix_web::test]
async fn no_row_of_the_data_is_in_a_run() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    let text = String::from_utf8(crate::story::read(&fixture("people.csv"))).expect("text");
    let mark = |(i, line): (usize, &str)| match i {
        0 => format!("{line},diary\n"),
        _ => format!("{line},secret-of-row-{i:04}\n"),
    };
    let marked: String = text.lines().enumerate().map(mark).collect();
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["sex", "region"], "source": "made up"});
    story.dataset("people", marked.as_bytes(), &description).await.expect(201);
    let mut few = spec();
    few["bootstrap"] = json!({"resamples": 200});
    story.environment(ENVIRONMENT, few, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed");
    let said = run.to_string();
    let amounts = text.lines().skip(1).filter_map(|line| line.split(',').next());
    for cell in amounts.filter(|amount| amount.len() == 7).chain(["secret-of-row"]) {
        assert!(!said.contains(cell), "{cell} is a cell of the data");
    }
}

#[actix_web::test]
async fn the_same_run_gives_the_same_bytes_and_another_seed_only_other_intervals() {
    let mut few = spec();
    few["bootstrap"] = json!({"resamples": 200});
    let story = Story::stage_with(&[], few, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let digest = |run: &Value, kind: &str| {
        let all = run["evidence"].as_array().expect("a list");
        all.iter().find(|e| e["kind"] == kind).map(|e| e["digest"].clone())
    };
    let [first, second] =
        [story.run(MODEL, &version, ENVIRONMENT).await, story.run(MODEL, &version, ENVIRONMENT).await];
    for kind in ["bias", "quality"] {
        assert_eq!(digest(&first, kind), digest(&second, kind), "{kind}");
    }
    let mut other = spec();
    other["bootstrap"] = json!({"resamples": 200, "seed": 2});
    story.revise(ENVIRONMENT, "constraints", other).await;
    let third = story.run(MODEL, &version, ENVIRONMENT).await;
    let [a, b] = [&first, &third].map(|run| evidence(run, "bias"));
    assert_ne!(table(&first, "sex")["row_bootstrap"], table(&third, "sex")["row_bootstrap"]);
    assert_ne!(group(&first, "sex", "female")["figures"], group(&third, "sex", "female")["figures"]);
    assert_eq!(without_chance(a), without_chance(b));
}

/// Without what resamples and the revision of the spec decide.
fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let chance = ["interval", "simultaneous_interval", "bootstrap", "row_bootstrap", "constraints"];
            let kept = map.iter().filter(|(key, _)| !chance.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), without_chance(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(without_chance).collect(),
        other => other.clone(),
    }
}
