//! Answers that cannot be held against the labels of the data, or are no numbers. Pure.
//!
//! Figures of such answers would be computed without a fault, and be about something else; so the run fails and says why.

use crate::{
    constraints::{Constraint, ConstraintSpec, Dimension, Metric},
    datasets::{Description, data::Data},
    sandbox::{Failure, FailureKind, Observation, Outcome},
};
use std::collections::BTreeSet;

/// Classes that a message lists.
const LISTED: usize = 8;

/// The outcome, or a failure where the model's classes are not those of the data, or its numbers are none and nobody asked
/// how many may be.
pub fn held_against(outcome: Outcome, data: &Data, description: &Description, spec: &ConstraintSpec) -> Outcome {
    let Outcome::Completed(seen) = outcome else { return outcome };
    let failure = unlike(&seen, data, description)
        .map(|why| Failure::new(FailureKind::InputMismatch, why))
        .or_else(|| not_numbers(&seen, data, spec).map(|why| Failure::new(FailureKind::InvalidOutput, why)));
    failure.map_or(Outcome::Completed(seen), Outcome::Failed)
}

/// A row without a number that no limit looks at would pass in silence. Recorded answers may hold NaN themselves, and decide
/// where a limit holds the answers against them.
fn not_numbers(seen: &Observation, data: &Data, spec: &ConstraintSpec) -> Option<String> {
    let rows = seen.non_finite_rows.filter(|rows| *rows != 0)?;
    let asks = |of: fn(&Constraint) -> bool| spec.constraints().iter().any(of);
    let is_limited = asks(|limit| (limit.dimension, limit.metric) == (Dimension::Quality, Metric::NonFiniteRate));
    let is_recorded = data.tensors.as_ref().is_some_and(|tensors| !tensors.expected.is_empty());
    let is_compared = is_recorded && asks(|limit| limit.dimension == Dimension::Agreement);
    (!is_compared && !is_limited).then(|| {
        format!(
            "{} of {} rows have an answer with NaN or infinity in it; a limit on non_finite_rate (dimension quality) says how many may",
            rows,
            data.rows()
        )
    })
}

fn unlike(seen: &Observation, data: &Data, description: &Description) -> Option<String> {
    if seen.labels.is_empty() || !description.has_label() {
        return None;
    }
    let truth: BTreeSet<&str> = data.table.column(&description.label)?.iter().map(String::as_str).collect();
    // Rows that nobody labelled are held against nothing.
    if truth.iter().all(|label| label.is_empty()) {
        return None;
    }
    let classes: BTreeSet<&str> = seen.classes.iter().map(String::as_str).collect();
    let listed = seen.classes.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if LISTED < seen.classes.len() { ", …" } else { "" };
    if truth.is_disjoint(&classes) {
        return Some(format!(
            "the model answers with {listed}{more}, and no row of the data has such a label; spell them the same way, or name the classes in interface.json"
        ));
    }
    // A model of other scores would never select anybody, and treat all groups alike.
    let positive = description.positive_label.as_deref().filter(|_| !seen.probabilities.is_empty());
    if let Some(positive) = positive.filter(|positive| !classes.contains(positive)) {
        return Some(format!(
            "the positive label `{positive}` of the data is none of the model's classes {listed}{more}; spell it the same way, or name the classes in interface.json"
        ));
    }
    // Nobody named the classes: that the columns count from 0 was taken for granted.
    (seen.counted_classes && !truth.is_subset(&classes)).then(|| {
        format!(
            "the model does not name the classes of its {} columns of scores, and the data have other labels than {listed}{more}; name the classes in interface.json",
            seen.classes.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::table::Table;
    use serde_json::{Value, json};

    fn seen(labels: &[&str], classes: &[&str], counted: bool) -> Observation {
        let isolation = json!({"rlimits": true, "no_new_privileges": true, "parent_death_signal": true, "landlock": "full",
            "seccomp": true, "network_denied": true, "files_denied": true, "notes": []});
        let host = json!({"cpu_model": "a CPU", "cores": 2, "memory_bytes": 1, "os": "", "kernel": "", "arch": "",
            "threads": 1, "runtime": "ONNX Runtime", "runtime_version": "1"});
        let written = json!({"labels": labels, "classes": classes, "counted_classes": counted, "probabilities": [],
            "values": [], "latencies": [], "load_time_ms": 1.0, "later_loads_ms": [], "peak_memory_bytes": 1,
            "baseline_memory_bytes": 1, "predicting": {"cpu_seconds": 0.1, "rows": labels.len()}, "threads": 1,
            "host": host, "isolation": isolation,
            "model": {"producer": "", "graph_name": "", "opset": 17, "inputs": [], "outputs": []}});
        serde_json::from_value(written).expect("an observation")
    }

    /// With this limit beside one that has nothing to do with answers.
    fn spec(limit: Value) -> ConstraintSpec {
        let size = json!({"name": "size", "dimension": "size", "metric": "artifact_size", "operator": "<=", "limit": 1,
            "unit": "GiBy", "owner": "mara"});
        let limits: Vec<Value> = [size, limit].into_iter().filter(|limit| !limit.is_null()).collect();
        ConstraintSpec::parse(&json!({"constraints": limits})).expect("a spec")
    }

    #[test]
    fn answers_that_are_no_numbers_fail_the_run_unless_a_limit_says_how_many_may_be() {
        let csv = "y\nno\nyes\n";
        let data = Data { table: Table::parse(csv.as_bytes()).expect("a table"), tensors: None };
        let with_nan = Observation { non_finite_rows: Some(1), ..seen(&[], &[], false) };
        let why = not_numbers(&with_nan, &data, &spec(Value::Null)).expect("refused");
        assert!(why.starts_with("1 of 2 rows") && why.contains("non_finite_rate"), "{why}");
        let limit = json!({"name": "numbers", "dimension": "quality", "metric": "non_finite_rate", "operator": "<=",
            "limit": 50, "unit": "%", "owner": "mara"});
        assert_eq!(not_numbers(&with_nan, &data, &spec(limit)), None);
        assert_eq!(not_numbers(&seen(&[], &[], false), &data, &spec(Value::Null)), None);
    }

    fn said(seen: Observation, csv: &str) -> Option<String> {
        let description = Description::parse(&json!({"label": "y"})).expect("a description");
        let data = Data { table: Table::parse(csv.as_bytes()).expect("a table"), tensors: None };
        match held_against(Outcome::Completed(Box::new(seen)), &data, &description, &spec(Value::Null)) {
            Outcome::Completed(_) => None,
            Outcome::Failed(failure) => Some(failure.detail),
        }
    }

    #[test]
    fn labels_that_are_spelt_otherwise_end_the_run_instead_of_counting_as_wrong() {
        let why = said(seen(&["0", "1"], &["0", "1"], false), "y\nno\nyes\n").expect("unlike");
        assert!(why.contains("answers with 0, 1, and no row"), "{why}");
        assert_eq!(said(seen(&["0", "1"], &["0", "1"], false), "y\n0\n1\n"), None);
        assert_eq!(said(seen(&["0", "1"], &["0", "1"], false), "y,x\n,1\n,2\n"), None, "nobody labelled them");
        // A class that the model was never shown is its fault, and counts as wrong.
        assert_eq!(said(seen(&["a", "b"], &["a", "b"], false), "y\na\nc\n"), None);
    }

    #[test]
    fn columns_that_nobody_named_count_from_zero_only_where_the_data_do() {
        assert_eq!(said(seen(&["0", "2"], &["0", "1", "2"], true), "y\n0\n2\n"), None);
        let why = said(seen(&["0", "2"], &["0", "1", "2"], true), "y\n1\n3\n").expect("unlike");
        assert!(why.contains("3 columns") && why.contains("interface.json"), "{why}");
    }
}
