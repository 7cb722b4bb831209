//! Perturbations of what is no column of single numbers: named tensors, and cells that hold lists.

use super::tensors::{
    limit,
    material::{FLOAT, model, node, npz, port, tensor},
    run, verdict,
};
use crate::story::{MODEL, Story, evidence};
use plimsoll::formats::tensor::Values;
use serde_json::{Value, json};

const ROWS: usize = 40;

/// The larger of two numbers is the class.
fn chooser() -> Vec<u8> {
    model(&[node("Identity", &["pair"], "scores")], &[port("pair", FLOAT, &[0, 2])], &[port("scores", FLOAT, &[0, 2])])
}

/// Odd rows have the larger number behind.
fn pair(row: usize) -> [f32; 2] {
    if row.is_multiple_of(2) { [3.0, 1.0] } else { [1.0, 2.0 + row as f32] }
}

fn spec() -> Value {
    let of = |name: &str, metric: &str, operator: &str, most: f64, perturbation: &str| {
        let mut limit = limit(name, "robustness", metric, operator, most);
        limit["perturbation"] = json!(perturbation);
        limit
    };
    json!({"datasets": {MODEL: "tensors"},
    "perturbations": [
        {"name": "turned", "kind": "scale", "factor": -1},
        {"name": "louder", "kind": "scale", "factor": 2},
        {"name": "gone", "kind": "missing", "share": 1},
        {"name": "hiss", "kind": "noise", "sigma": 0.1, "seeds": 3},
        {"name": "storm", "kind": "noise", "sigma": 20, "seeds": 3},
            {"name": "elsewhere", "kind": "shift", "by_std": 1, "columns": ["nothing"]},
    ],
    "constraints": [
        of("turned", "flip_rate", "<=", 0.0, "turned"),
        of("louder", "flip_rate", "<=", 0.0, "louder"),
        of("gone", "non_finite_rate", "<=", 0.0, "gone"),
        of("hiss", "flip_rate", "<=", 0.2, "hiss"),
        of("storm", "flip_rate", "<=", 0.2, "storm"),
            of("elsewhere", "flip_rate", "<=", 0.2, "elsewhere"),
    ]})
}

fn check(run: &Value, changed: &str) {
    let of = |name: &str| {
        let verdict = verdict(run, name);
        (verdict["verdict"].as_str().expect("a verdict").to_owned(), verdict["measured"].as_f64())
    };
    assert_eq!(of("turned"), ("fail".to_owned(), Some(1.0)), "{run:#}");
    assert_eq!(of("louder"), ("pass".to_owned(), Some(0.0)), "{run:#}");
    assert_eq!(of("gone"), ("fail".to_owned(), Some(1.0)), "{run:#}");
    assert_eq!((of("hiss").0.as_str(), of("storm").0.as_str()), ("pass", "fail"), "{run:#}");
    assert_eq!(of("elsewhere"), ("not_measured".to_owned(), None), "{run:#}");
    let perturbations = &evidence(run, "robustness")["perturbations"];
    assert_eq!(perturbations[0]["columns"], json!([changed]), "{perturbations:#}");
}

#[actix_web::test]
async fn named_tensors_are_perturbed_as_columns_are() {
    let story = Story::begin().await;
    let pairs = Values::Float32((0..ROWS).flat_map(pair).collect());
    let labels = Values::Int64((0..ROWS).map(|row| i64::from(row % 2 == 1)).collect());
    let arrays = npz(&[("pair", tensor(&[ROWS, 2], pairs)), ("y", tensor(&[ROWS], labels))]);
    let described = json!({"source": "made up", "label": "y", "tensors": {"inputs": {"pair": {}}}});
    let run = run(&story, &chooser(), &arrays, &described, spec()).await;
    check(&run, "pair");
}

#[actix_web::test]
async fn cells_that_hold_lists_are_perturbed_number_by_number() {
    let story = Story::begin().await;
    // As an image: one channel of one row with two dots.
    let image = model(
        &[node("Flatten", &["pair"], "flat"), node("Softmax", &["flat"], "scores")],
        &[port("pair", FLOAT, &[0, 1, 2])],
        &[port("scores", FLOAT, &[0, 2])],
    );
    let rows = (0..ROWS).map(|row| format!("\"[[{}, {}]]\",{}\n", pair(row)[0], pair(row)[1], row % 2));
    let csv = format!("pair,y\n{}", rows.collect::<String>());
    let described = json!({"source": "made up", "label": "y", "features": ["pair"]});
    let run = run(&story, &image, csv.as_bytes(), &described, spec()).await;
    check(&run, "pair");
}
