use super::*;
use serde_json::json;

fn seen(labels: &[&str], probabilities: &[&[f64]], values: &[f64], nanos: &[u64]) -> Observation {
    let load = json!({"batch": 1, "concurrency": 1, "warm_up": 0, "samples": nanos.len(), "max_seconds": 1});
    let latency = json!({"load": load, "nanos": nanos, "wall_nanos": nanos.iter().sum::<u64>(), "rows": nanos.len(),
        "cpu_seconds": 0.1});
    let mut classes: Vec<&str> = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let spent = json!({"cpu_seconds": 0.1, "rows": labels.len()});
    let isolation = json!({"rlimits": true, "no_new_privileges": true, "parent_death_signal": true, "landlock": "full", "seccomp": true,
        "network_denied": true, "files_denied": true, "notes": []});
    let host = json!({"cpu_model": "a CPU", "cores": 2, "memory_bytes": 1, "os": "", "kernel": "", "arch": "", "threads": 1, "runtime": "ONNX Runtime",
        "runtime_version": "1.28.0"});
    let written = json!({"labels": labels, "counted_classes": false, "classes": classes, "probabilities": probabilities, "values": values,
        "latencies": [latency], "load_time_ms": 4.0, "later_loads_ms": [2.0, 3.0], "peak_memory_bytes": 100,
        "baseline_memory_bytes": 60, "predicting": spent, "threads": 1, "host": host, "isolation": isolation,
        "model": {"producer": "", "graph_name": "", "opset": 17, "inputs": [], "outputs": []}});
    serde_json::from_value(written).expect("an observation")
}

fn named(number: i64) -> Named {
    Named { number, version: format!("sha256:{number}"), artifact_bytes: 10 }
}

fn load() -> Load {
    serde_json::from_value(json!({"batch": 1, "concurrency": 1, "warm_up": 0, "samples": 10, "max_seconds": 1}))
        .expect("a load")
}

fn compared(
    before: &Observation,
    after: &Observation,
    truth: &[&str],
    groups: &[(String, Vec<String>)],
) -> Result<ComparisonBody, String> {
    let truth: Vec<String> = truth.iter().map(|cell| (*cell).to_owned()).collect();
    let basis = Basis { version: String::new(), dataset: String::new(), constraints: String::new(), rows: 0 };
    let rows = Rows { basis, truth: &truth, groups };
    let (left, right) = ([before.clone(), before.clone()], [after.clone(), after.clone()]);
    compare(rows, (&named(1), &left), (&named(2), &right), &[load()], None)
}

#[test]
fn flips_accuracy_and_scores_are_compared_row_by_row() {
    let before = seen(&["a", "b", "b", "a"], &[&[0.9, 0.1], &[0.4, 0.6], &[0.2, 0.8], &[0.7, 0.3]], &[], &[10, 30]);
    let after = seen(&["a", "a", "b", "b"], &[&[0.8, 0.2], &[0.6, 0.4], &[0.2, 0.8], &[0.45, 0.55]], &[], &[20, 40]);
    let body = compared(&before, &after, &["a", "a", "b", "a"], &[]).expect("compared");
    let flips = body.flips.expect("a rate");
    assert_eq!((flips.count, flips.total, body.flips_to_right, body.flips_to_wrong), (2, 4, 1, 1));
    assert_eq!((body.baseline.quality.value, body.candidate.quality.value), (Some(0.75), Some(0.75)));
    assert_eq!((body.quality_metric.as_str(), body.quality_difference.value), ("accuracy", Some(0.0)));
    assert!((body.max_score_change.expect("scores") - 0.25).abs() < 1e-12);
    let mean = body.mean_score_change.and_then(|figure| figure.value).expect("scores");
    assert!((mean - (0.1 + 0.2 + 0.0 + 0.25) / 4.0).abs() < 1e-12);
    // Both turns together: 10, 10, 30, 30 nanoseconds.
    let run = &body.baseline.loads[0];
    assert_eq!((run.latency.n(), run.load.samples, run.latency.p50.value), (4, 4, Some(1e-8)));
    assert_eq!(ratio(run.latency.p50, body.candidate.loads[0].latency.p50), Some(2.0));
    assert_eq!((body.baseline.load_time_s.value, body.baseline.load_time_s.n), (Some(0.003), 6));
    assert_eq!((body.baseline.peak_memory_bytes, body.baseline.model_memory_bytes), (100, 40));
}

#[test]
fn classes_in_another_order_are_the_same_classes() {
    let before = seen(&["a", "b"], &[&[0.9, 0.1], &[0.4, 0.6]], &[], &[1]);
    let mut after = before.clone();
    after.classes.reverse();
    after.probabilities.iter_mut().for_each(|row| row.reverse());
    assert_eq!(compared(&before, &after, &["a", "b"], &[]).expect("compared").max_score_change, Some(0.0));
    after.classes[0] = "c".to_owned();
    let other = compared(&before, &after, &["a", "b"], &[]).expect("compared");
    assert_eq!((other.max_score_change, other.mean_score_change), (None, None));
}

#[test]
fn predicted_numbers_have_errors_and_no_flips() {
    let (before, after) = (seen(&[], &[], &[1.0, 2.0], &[1]), seen(&[], &[], &[1.5, 2.0], &[1]));
    let body = compared(&before, &after, &["1", "4"], &[]).expect("compared");
    assert_eq!((body.quality_metric.as_str(), body.flips), ("mae", None));
    assert_eq!((body.baseline.quality.value, body.candidate.quality.value), (Some(1.0), Some(1.25)));
    assert_eq!((body.quality_difference.value, body.max_score_change), (Some(0.25), Some(0.5)));
    let unread = compared(&before, &after, &["1", "?"], &[]).expect("compared");
    assert_eq!((unread.baseline.quality.value, unread.quality_difference.value), (None, None));
}

#[test]
fn a_small_group_has_a_count_and_no_rate() {
    let labels: Vec<&str> = vec!["a"; 40];
    let mut moved = labels.clone();
    moved[0] = "b";
    moved[39] = "b";
    let group: Vec<String> = (0..40).map(|row| if row < 30 { "large" } else { "" }.to_owned()).collect();
    let groups = [("region".to_owned(), group)];
    let body = compared(&seen(&labels, &[], &[], &[1]), &seen(&moved, &[], &[], &[1]), &labels, &groups);
    let groups = body.expect("compared").groups;
    assert_eq!((groups[0].group.as_str(), groups[0].rows, groups[0].flips), ("(missing)", 10, None));
    assert_eq!(groups[1].flips.map(|rate| (rate.count, rate.total)), Some((1, 30)));
}

#[test]
fn what_can_not_be_compared_is_said() {
    let (classes, numbers) = (seen(&["a"], &[], &[], &[1]), seen(&[], &[], &[1.0], &[1]));
    assert!(compared(&classes, &numbers, &["a"], &[]).expect_err("two kinds").contains("classes"));
    let basis = Basis { version: String::new(), dataset: String::new(), constraints: String::new(), rows: 0 };
    let other = seen(&["b"], &[], &[], &[1]);
    let (steady, restless) = ([classes.clone(), classes.clone()], [classes, other]);
    let rows = Rows { basis, truth: &["a".to_owned()], groups: &[] };
    let said = compare(rows, (&named(1), &steady), (&named(2), &restless), &[load()], None).expect_err("two answers");
    assert!(said.contains("version 2 gave the same rows other answers"), "{said}");
}

#[test]
fn an_attribute_with_a_group_for_each_row_is_named_and_left_out() {
    let rows = MAXIMUM_GROUPS + 1;
    let labels = vec!["a"; rows];
    let one = seen(&labels, &[], &[], &[1]);
    let ids: Vec<String> = (0..rows).map(|row| row.to_string()).collect();
    let sexes = vec!["f".to_owned(); rows];
    let groups = [("id".to_owned(), ids), ("sex".to_owned(), sexes)];
    let body = compared(&one, &one, &labels, &groups).expect("compared");
    assert_eq!(body.groups.iter().map(|group| group.attribute.as_str()).collect::<Vec<_>>(), ["sex"]);
    assert!(body.ungrouped["id"].starts_with("it has more than 1000 groups"), "{:?}", body.ungrouped);
}
