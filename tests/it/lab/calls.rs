//! How the data set is predicted: rows of a call, threads, and answers that are no numbers.

use super::tensors::{
    limit,
    material::{FLOAT, model, node, npz, port, tensor},
    run, verdict,
};
use crate::story::{Story, evidence};
use plimsoll::formats::tensor::Values;
use serde_json::{Value, json};

const ROWS: usize = 40;

fn rows(of: impl Fn(usize) -> f32) -> Values {
    Values::Float32((0..ROWS).map(of).collect())
}

fn spec(more: &Value, limits: &[Value]) -> Value {
    let mut spec = json!({"datasets": {crate::story::MODEL: "tensors"}, "constraints": limits});
    for (name, value) in more.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    spec
}

#[actix_web::test]
async fn a_spec_says_how_many_rows_go_into_a_call_and_how_many_threads_work() {
    // What a row gets depends on its neighbours: alone, each is its own mean.
    let nodes = [node("ReduceMean", &["x"], "mean"), node("Sub", &["x", "mean"], "y")];
    let lonely = model(&nodes, &[port("x", FLOAT, &[0])], &[port("y", FLOAT, &[0])]);
    let arrays = npz(&[("x", tensor(&[ROWS], rows(|i| i as f32))), ("y", tensor(&[ROWS], rows(|_| 0.0)))]);
    let described = json!({"source": "made up", "tensors": {"inputs": {"x": {}}, "expected": {"y": {}}}});
    let limits = [limit("alone", "agreement", "within_tolerance", ">=", 1.0)];
    for (rows_per_call, state) in [(1, "passed"), (1_024, "failed")] {
        let story = Story::begin().await;
        let more = json!({"rows_per_call": rows_per_call, "threads": 2});
        let run = run(&story, &lonely, &arrays, &described, spec(&more, &limits)).await;
        assert_eq!(run["state"], state, "{rows_per_call}: {run:#}");
        let performance = evidence(&run, "performance");
        assert_eq!(performance["host"]["threads"], 2);
        assert_eq!(performance["figures"]["threads_used"]["value"], 2.0, "{performance:#}");
        let verdict = verdict(&run, "alone");
        let reason = verdict["reason"].as_str().expect("a reason");
        assert!(reason.contains("within 0.0001 of what was recorded"), "{reason}");
        assert!(verdict["method"].as_str().is_some_and(|method| method.contains("absolute + relative")), "{verdict:#}");
    }
}

#[actix_web::test]
async fn answers_that_are_no_numbers_fail_a_run_of_which_nothing_was_recorded() {
    let roots = model(&[node("Sqrt", &["x"], "y")], &[port("x", FLOAT, &[0])], &[port("y", FLOAT, &[0])]);
    // Ten of forty have no root.
    let arrays = npz(&[("x", tensor(&[ROWS], rows(|i| i as f32 - 10.0)))]);
    let described = json!({"source": "made up", "tensors": {"inputs": {"x": {}}}});
    let size = limit("operators", "compute", "operators", "<=", 5.0);

    let story = Story::begin().await;
    let run = run(&story, &roots, &arrays, &described, spec(&json!({}), std::slice::from_ref(&size))).await;
    assert_eq!((&run["state"], &run["reason"]["code"]), (&json!("failed"), &json!("invalid_output")), "{run:#}");
    assert!(run["reason"]["detail"].as_str().is_some_and(|why| why.starts_with("10 of 40 rows")), "{run:#}");

    for (most, expected) in [(0.2, "fail"), (0.25, "pass")] {
        let story = Story::begin().await;
        let asked = spec(&json!({}), &[size.clone(), limit("numbers", "quality", "non_finite_rate", "<=", most)]);
        let run = super::tensors::run(&story, &roots, &arrays, &described, asked).await;
        let verdict = verdict(&run, "numbers");
        assert_eq!((&verdict["verdict"], &verdict["measured"]), (&json!(expected), &json!(0.25)), "{run:#}");
    }
}

#[actix_web::test]
async fn what_was_recorded_excuses_nothing_that_no_limit_compares() {
    let roots = model(&[node("Sqrt", &["x"], "y")], &[port("x", FLOAT, &[0])], &[port("y", FLOAT, &[0])]);
    let root = |i: usize| (i as f32 - 10.0).sqrt();
    let arrays = npz(&[("x", tensor(&[ROWS], rows(|i| i as f32 - 10.0))), ("y", tensor(&[ROWS], rows(root)))]);
    let described = json!({"source": "made up", "tensors": {"inputs": {"x": {}}, "expected": {"y": {}}}});
    let size = limit("operators", "compute", "operators", "<=", 5.0);
    let story = Story::begin().await;
    let run = run(&story, &roots, &arrays, &described, spec(&json!({}), std::slice::from_ref(&size))).await;
    assert_eq!(run["reason"]["code"], "invalid_output", "{run:#}");
    // NaN agrees with NaN, where somebody asks.
    let story = Story::begin().await;
    let asked = spec(&json!({}), &[size, limit("as-recorded", "agreement", "within_tolerance", ">=", 1.0)]);
    let run = super::tensors::run(&story, &roots, &arrays, &described, asked).await;
    assert_eq!(run["state"], "passed", "{run:#}");
}

#[actix_web::test]
async fn an_output_that_is_no_prediction_is_looked_at_all_the_same() {
    // A map of two by two for each row: no class and no number.
    let maps =
        |op: &str| model(&[node(op, &["x"], "y")], &[port("x", FLOAT, &[0, 2, 2])], &[port("y", FLOAT, &[0, 2, 2])]);
    let values = Values::Float32((0..ROWS * 4).map(|i| i as f32 - 40.0).collect());
    let labels = Values::Int64((0..ROWS).map(|row| i64::from(row % 2 == 1)).collect());
    let arrays = npz(&[("x", tensor(&[ROWS, 2, 2], values)), ("label", tensor(&[ROWS], labels))]);
    let described = json!({"source": "made up", "label": "label", "tensors": {"inputs": {"x": {}}}});
    for (op, verdict_of_numbers, share) in [("Sqrt", "fail", 0.25), ("Abs", "pass", 0.0)] {
        let story = Story::begin().await;
        let asked = spec(&json!({}), &[limit("numbers", "quality", "non_finite_rate", "<=", 0.0)]);
        let run = run(&story, &maps(op), &arrays, &described, asked).await;
        let verdict = verdict(&run, "numbers");
        assert_eq!(
            (&verdict["verdict"], &verdict["measured"]),
            (&json!(verdict_of_numbers), &json!(share)),
            "{op}: {run:#}"
        );
    }
}
