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
        assert_eq!(evidence(&run, "performance")["host"]["threads"], 2);
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
