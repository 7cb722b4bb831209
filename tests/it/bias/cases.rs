//! Reference cases the whole way: a model and its data are registered, the registry runs the model
//! in the sandbox, and what the evidence says is held against the figures of other libraries.

use super::{
    expected::{Case, Kind, of_kind, report},
    tables::{Checked, Wanted},
};
use crate::story::{self, ENVIRONMENT, MODEL, Story, evidence, policy, single};
use serde_json::{Value, json};

/// Larger cases take long in a development build; `command` covers their figures.
const MAXIMUM_ROWS: u64 = 4000;

#[actix_web::test]
async fn binary_models_agree_with_other_libraries() {
    for case in of_kind(Kind::Binary).iter().filter(|case| is_runnable(case)) {
        let run = run(case, "demographic_parity_difference").await;
        let mut checked = Checked::default();
        checked.overall(&case.name, &evidence(&run, "quality")["figures"], &case.expected["overall"]);
        let tables = &evidence(&run, "bias")["tables"];
        for attribute in case.attributes() {
            for minimum in [1, 30] {
                let what = format!("{} {attribute} of {minimum}", case.name);
                let table = super::tables::table(tables, Wanted { attribute, class: None, minimum });
                let wanted = &case.expected["disparities"][attribute];
                let wanted = if minimum == 1 { wanted } else { &wanted["with_min_group_size_30"] };
                checked.groups(&what, table, &case.expected["by_group"][attribute]);
                checked.disparities(&what, table, wanted);
                let scoring = &case.expected["ll144"]["scoring"][attribute];
                checked.impact(&what, table, &case.expected["four_fifths"][attribute], scoring);
            }
        }
        report(case, checked);
    }
}

#[actix_web::test]
async fn models_of_several_classes_agree_with_other_libraries() {
    for case in of_kind(Kind::Multiclass).iter().filter(|case| is_runnable(case)) {
        let run = run(case, "accuracy_difference").await;
        let mut checked = Checked::default();
        let (quality, bias) = (evidence(&run, "quality"), evidence(&run, "bias"));
        checked.multiclass(case, &quality["figures"], &bias["tables"], 30);
        report(case, checked);
    }
}

#[actix_web::test]
async fn models_of_numbers_agree_with_other_libraries() {
    for case in of_kind(Kind::Regression).iter().filter(|case| is_runnable(case)) {
        let run = run(case, "mae_difference").await;
        let mut checked = Checked::default();
        checked.regression(case, &evidence(&run, "quality")["figures"], &evidence(&run, "bias")["tables"]);
        report(case, checked);
    }
}

fn is_runnable(case: &Case) -> bool {
    let rows = case.expected["overall"]["n"].as_u64();
    case.schema["label_column"].is_string() && rows.is_some_and(|rows| rows <= MAXIMUM_ROWS)
}

/// A finished run of the case's model with tables of every attribute, whatever the group sizes.
async fn run(case: &Case, metric: &str) -> Value {
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    let features = if inputs.len() == 1 { inputs[0]["columns"].clone() } else { json!([]) };
    let mut description = json!({"label": case.schema["label_column"], "features": features,
        "sensitive": case.sensitive(), "source": "reference case"});
    if case.kind == Kind::Binary {
        description["positive_label"] = case.positive_label().into();
    }
    let limit = |(i, (attribute, minimum)): (usize, (&str, u64))| {
        json!({"name": format!("of-{i}"), "dimension": "bias", "metric": metric, "attribute": attribute,
            "operator": "<=", "limit": 1, "unit": "1", "minimum_group_size": minimum, "severity": "info",
            "owner": "mara"})
    };
    let tables = case.attributes().into_iter().flat_map(|attribute| [(attribute, 1), (attribute, 30)]);
    let limits: Vec<Value> = tables.enumerate().map(limit).collect();
    let spec = json!({"datasets": {MODEL: "case"}, "bootstrap": {"resamples": 100}, "constraints": limits});
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("case", &story::read(&case.folder.join("test.csv")), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&case.folder.join("model.onnx"))).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert!(run["evidence"].as_array().is_some_and(|all| all.len() == 3), "{}: {run:#}", case.name);
    assert_eq!(evidence(&run, "bias")["basis"]["rows"], case.expected["overall"]["n"], "{}", case.name);
    run
}
