//! Predictions that were recorded beside the rows of a table: where the model answers otherwise, a limit says so.

use super::tensors::{
    limit,
    material::{FLOAT, model, node, port},
    run as run_on, verdict,
};
use crate::{
    bias::expected::{Case, Kind, cases},
    story::{ENVIRONMENT, MODEL, Story, close, evidence, policy, read, single},
};
use serde_json::{Value, json};

/// Larger cases take long in a development build.
const MAXIMUM_ROWS: u64 = 4000;

fn spec(data: &str) -> Value {
    json!({"datasets": {MODEL: data}, "bootstrap": {"resamples": 100}, "constraints": [
        limit("far", "agreement", "max_difference", "<=", 0.01),
        limit("near", "agreement", "within_tolerance", ">=", 1.0),
        limit("flips", "agreement", "flip_rate", "<=", 0.0),
    ]})
}

/// Answers with its input.
fn echo() -> Vec<u8> {
    model(&[node("Identity", &["x"], "y")], &[port("x", FLOAT, &[0, 1])], &[port("y", FLOAT, &[0, 1])])
}

#[actix_web::test]
async fn one_row_that_was_answered_otherwise_is_found() {
    let story = Story::begin().await;
    let csv = b"x,truth,said\n1,1,1\n2,2,2\n3,3,3.5\n4,4,4.00001\n";
    let description = json!({"label": "truth", "features": ["x"], "recorded": {"prediction": "said"}});
    let run = run_on(&story, &echo(), csv, &description, spec("tensors")).await;
    let (far, near) = (verdict(&run, "far"), verdict(&run, "near"));
    assert_eq!((&far["verdict"], &far["measured"]), (&json!("fail"), &json!(0.5)), "{run:#}");
    assert_eq!((&near["verdict"], &near["measured"]), (&json!("fail"), &json!(0.75)));
    let flips = verdict(&run, "flips");
    assert_eq!(flips["verdict"], "not_measured", "numbers decide nothing: {flips:#}");
}

#[actix_web::test]
async fn what_was_recorded_never_reaches_the_model() {
    let story = Story::begin().await;
    let description = json!({"label": "truth", "recorded": {"prediction": "x"}});
    let run = run_on(&story, &echo(), b"x,truth\n1,1\n2,2\n", &description, spec("tensors")).await;
    assert_eq!((&run["state"], &run["reason"]["code"]), (&json!("failed"), &json!("input_mismatch")), "{run:#}");
}

#[actix_web::test]
async fn without_recorded_predictions_the_limit_says_what_to_do() {
    let story = Story::begin().await;
    let description = json!({"label": "truth", "features": ["x"]});
    let run = run_on(&story, &echo(), b"x,truth\n1,1\n2,2\n", &description, spec("tensors")).await;
    let far = verdict(&run, "far");
    assert_eq!(far["verdict"], "not_measured");
    assert!(far["reason"].as_str().is_some_and(|why| why.contains("under `recorded`")), "{far:#}");
}

/// The rows of a case, with what was recorded of its model under names of their own.
fn with_predictions(case: &Case) -> (Vec<u8>, Vec<String>) {
    let cells = |file: &str| {
        let bytes = read(&case.folder.join(file));
        let records = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice()).into_records();
        records.map(|record| record.expect("a record")).collect::<Vec<_>>()
    };
    let (rows, mut recorded) = (cells("test.csv"), cells("predictions.csv"));
    assert_eq!(rows.len(), recorded.len(), "{}", case.name);
    recorded[0] = recorded[0].iter().map(|name| format!("recorded {name}")).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (row, recorded) in rows.iter().zip(&recorded) {
        writer.write_record(row.iter().chain(recorded)).expect("written");
    }
    (writer.into_inner().expect("bytes"), recorded[0].iter().map(str::to_owned).collect())
}

/// What the training framework said of numbers; what the model itself said of classes.
fn recorded(case: &Case, columns: &[String]) -> Value {
    let of_classes = |name: &String| Some((name.strip_prefix("recorded p_")?.to_owned(), json!(name)));
    match case.kind {
        Kind::Regression => json!({"prediction": "recorded sk_pred"}),
        Kind::Binary => json!({"prediction": "recorded y_pred", "scores": {case.positive_label(): "recorded score"}}),
        Kind::Multiclass => {
            let scores: serde_json::Map<_, _> = columns.iter().filter_map(of_classes).collect();
            json!({"prediction": "recorded y_pred", "scores": scores})
        }
    }
}

async fn run(case: &Case) -> Value {
    let (csv, columns) = with_predictions(case);
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    let features = if inputs.len() == 1 { inputs[0]["columns"].clone() } else { json!([]) };
    let mut description = json!({"label": case.schema["label_column"], "features": features,
        "recorded": recorded(case, &columns)});
    if case.kind == Kind::Binary {
        description["positive_label"] = case.positive_label().into();
    }
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("case", &csv, &description).await.expect(201);
    story.environment(ENVIRONMENT, spec("case"), policy(1)).await;
    let version = story.signed(MODEL, &single(&case.folder.join("model.onnx"))).await;
    story.run(MODEL, &version, ENVIRONMENT).await
}

#[actix_web::test]
async fn a_model_that_disagrees_with_the_one_that_it_was_converted_from_is_exposed() {
    let Some(all) = cases() else { return };
    let (mut held, mut exposed) = (0, 0);
    for case in &all {
        let rows = case.expected["overall"]["n"].as_u64();
        let is_complete = case.folder.join("model.onnx").is_file() && case.schema["label_column"].is_string();
        if !is_complete || rows.is_none_or(|rows| MAXIMUM_ROWS < rows) {
            continue;
        }
        let run = run(case).await;
        let far = verdict(&run, "far");
        let found = far["measured"].as_f64().unwrap_or_default();
        match case.expected["onnx_vs_sklearn"]["max_abs_difference"].as_f64().filter(|_| case.kind == Kind::Regression)
        {
            Some(wanted) => {
                close(&case.name, found, wanted, 1e-4 * wanted.max(1.0));
                let expected = if wanted <= 0.01 { "pass" } else { "fail" };
                assert_eq!(far["verdict"], expected, "{} {far:#}", case.name);
                exposed += u32::from(expected == "fail");
            }
            None => assert_eq!(far["verdict"], "pass", "{} {far:#}", case.name),
        }
        if case.kind != Kind::Regression {
            assert_eq!(verdict(&run, "flips")["verdict"], "pass", "{} {run:#}", case.name);
            assert!(evidence(&run, "quality")["agreement"]["scores"]["max_difference"]["value"].is_number());
        }
        held += 1;
    }
    eprintln!("{held} models held against what was recorded of them, {exposed} exposed");
    assert!(0 < exposed && 5 < held, "{held} {exposed}");
}
