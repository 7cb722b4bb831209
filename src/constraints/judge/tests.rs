use super::super::{
    measured::{Attributes, Grouping, Predictions},
    metric::Metric,
    spec::{Load, Severity},
    verdict::blocks,
};
use super::*;
use crate::stats::{figure::Figure, interval::IntervalMethod};
use proptest::prelude::*;
use serde_json::{Value, json};

mod groups;

/// One constraint from its differences to a simple one.
fn spec(changes: Value) -> ConstraintSpec {
    let mut constraint = json!({
        "name": "limit", "dimension": "latency", "metric": "latency", "statistic": "p95",
        "operator": "<=", "limit": 20, "unit": "ms", "owner": "mara"
    });
    for (name, value) in changes.as_object().expect("object") {
        constraint[name] = value.clone();
    }
    let hardware = json!({"cpu_model": "Cortex-A76", "cores": 4});
    ConstraintSpec::parse(&json!({"hardware": hardware, "constraints": [constraint]})).expect("a legal spec")
}

fn quality(changes: Value) -> ConstraintSpec {
    let mut all = json!({
        "dimension": "quality", "metric": "accuracy", "statistic": null,
        "operator": ">=", "limit": 0.8, "unit": "1"
    });
    for (name, value) in changes.as_object().expect("object") {
        all[name] = value.clone();
    }
    spec(all)
}

fn bias(changes: Value) -> ConstraintSpec {
    let mut all = json!({
        "dimension": "bias", "metric": "demographic_parity_ratio", "attribute": "sex",
        "minimum_group_size": 10, "minimum_samples": 5
    });
    for (name, value) in changes.as_object().expect("object") {
        all[name] = value.clone();
    }
    quality(all)
}

fn calls(nanos: &[u64]) -> Measured {
    let mut measured = Measured::default();
    measured.add_run(Load::default(), nanos, 1.0);
    measured
}

fn figure(metric: Metric, figure: Figure) -> Measured {
    let mut measured = Measured::default();
    measured.figures.insert(metric, figure);
    measured
}

fn only(spec: &ConstraintSpec, measured: &Measured) -> ConstraintVerdict {
    let mut verdicts = judge(spec, measured);
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

/// Rows of (group, truth, label, count).
fn groups(spec: &ConstraintSpec, rows: &[(&str, &str, &str, usize)]) -> Measured {
    let (mut cells, mut truth, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (group, row_truth, label, count) in rows {
        cells.extend(vec![(*group).to_owned(); *count]);
        truth.extend(vec![(*row_truth).to_owned(); *count]);
        labels.extend(vec![(*label).to_owned(); *count]);
    }
    let mut measured = Measured::default();
    let predictions = Predictions {
        labels: &labels,
        truth: &truth,
        scores: None,
        positive_label: Some("1"),
        attributes: Attributes { columns: &[("sex".to_owned(), cells)], unknown: &[] },
    };
    let requests = spec.bias_requests();
    let grouping = Grouping { requests: &requests, plan: spec.bootstrap().plan(), exclusions: spec.exclusions() };
    measured.add_classification(&predictions, &grouping);
    measured
}

#[test]
fn a_pass_says_what_was_found() {
    let got = only(&spec(json!({})), &calls(&[3_100_000; 500]));
    assert_eq!(got.verdict, Verdict::Pass);
    assert_eq!(got.reason, "p95 is 3.1 ms over 500 calls; the limit is 20 ms");
    assert_eq!((got.measured, got.samples), (Some(3.1), Some(500)));
    assert!((got.margin.expect("a margin") - 0.845).abs() < 1e-12);
    assert_eq!((got.owner.as_str(), got.severity), ("mara", Severity::Block));
}

#[test]
fn the_limit_itself_belongs_to_at_most_and_not_to_below() {
    for (operator, nanos, want) in [
        ("<=", 20_000_000, Verdict::Pass),
        ("<=", 20_000_001, Verdict::Fail),
        ("<", 20_000_000, Verdict::Fail),
        ("<", 19_999_999, Verdict::Pass),
        (">=", 20_000_000, Verdict::Pass),
        (">=", 19_999_999, Verdict::Fail),
        (">", 20_000_000, Verdict::Fail),
        (">", 20_000_001, Verdict::Pass),
    ] {
        for (limit, unit) in [(20.0, "ms"), (0.02, "s"), (20_000.0, "us"), (2e7, "ns")] {
            let spec = spec(json!({"operator": operator, "limit": limit, "unit": unit}));
            let got = only(&spec, &calls(&[nanos; 200]));
            assert_eq!(got.verdict, want, "{nanos} ns {operator} {limit} {unit}");
        }
    }
}

#[test]
fn a_failure_just_beyond_the_limit_does_not_read_like_the_limit() {
    let got = only(&spec(json!({})), &calls(&[20_000_100; 200]));
    assert_eq!(got.reason, "p95 is 20.0001 ms over 200 calls; the limit is 20 ms");
    assert!(got.margin.expect("a margin") < 0.0);
}

#[test]
fn too_few_samples_are_inconclusive_and_never_a_pass() {
    let got = only(&spec(json!({})), &calls(&[1_000_000; 99]));
    assert_eq!(got.verdict, Verdict::Inconclusive);
    assert_eq!(got.reason, "p95 is 1 ms over 99 calls; at least 100 are asked for");
    let none = only(&spec(json!({})), &calls(&[]));
    assert_eq!((none.verdict, none.measured), (Verdict::Inconclusive, None));
    let rows = Figure::point(Some(0.99), 29);
    let got = only(&quality(json!({})), &figure(Metric::Accuracy, rows));
    assert_eq!(got.verdict, Verdict::Inconclusive);
}

#[test]
fn what_is_missing_is_not_measured_and_says_why() {
    let mut measured = Measured::default();
    assert_eq!(only(&spec(json!({})), &measured).verdict, Verdict::NotMeasured);
    let other = Load { batch: 2, ..Load::default() };
    measured.add_run(other, &[1; 500], 1.0);
    assert_eq!(only(&spec(json!({})), &measured).verdict, Verdict::NotMeasured);
    measured.set_absent("accuracy", "the model answered 3 of 10 rows");
    let got = only(&quality(json!({})), &measured);
    assert_eq!(got.verdict, Verdict::NotMeasured);
    assert!(got.reason.contains("3 of 10 rows"), "{}", got.reason);
    let got = only(&bias(json!({})), &measured);
    assert_eq!((got.verdict, got.samples), (Verdict::NotMeasured, None));
}

fn host(cpu_model: &str, cores: u32) -> HostFingerprint {
    HostFingerprint {
        cpu_model: cpu_model.to_owned(),
        cores,
        memory_bytes: None,
        accelerator: None,
        runtime: None,
        threads: None,
        label: None,
    }
}

fn labelled(word: &str) -> HostFingerprint {
    HostFingerprint { label: Some(word.to_owned()), ..host("Cortex-A76", 4) }
}

/// The spec with another `hardware`; `null` is a spec that says nothing of it.
fn with_hardware(spec: &ConstraintSpec, hardware: Value) -> ConstraintSpec {
    let mut written = serde_json::to_value(spec).expect("JSON");
    written["hardware"] = hardware;
    ConstraintSpec::parse(&written).expect("a legal spec")
}

#[test]
fn no_machine_is_representative_of_hardware_that_nobody_named() {
    let asked = spec(json!({"representative_hardware": true}));
    for (hardware, host, want) in [
        (json!(null), Some(host("Cortex-A76", 4)), Verdict::NotRepresentative),
        (json!({}), Some(host("Cortex-A76", 4)), Verdict::NotRepresentative),
        (json!("any"), Some(host("Xeon", 64)), Verdict::Pass),
        (json!("any"), None, Verdict::NotRepresentative),
        (json!({"label": "edge-cam"}), Some(host("Cortex-A76", 4)), Verdict::NotRepresentative),
        (json!({"label": "edge-cam"}), Some(labelled("edge-box")), Verdict::NotRepresentative),
        (json!({"label": "edge-cam"}), Some(labelled("edge-cam")), Verdict::Pass),
        (json!({"label": "edge-cam", "cores": 8}), Some(labelled("edge-cam")), Verdict::NotRepresentative),
    ] {
        let mut measured = calls(&[3_000_000; 500]);
        measured.host = host;
        let got = only(&with_hardware(&asked, hardware.clone()), &measured);
        assert_eq!(got.verdict, want, "{hardware}: {}", got.reason);
    }
    let places = |hardware: Value| with_hardware(&asked, hardware).without_hardware();
    assert_eq!(places(json!(null))[0].path, "constraints[0].representative_hardware");
    assert_eq!((places(json!({})).len(), places(json!("any")).len(), places(json!({"cores": 4})).len()), (1, 0, 0));
}

#[test]
fn a_figure_of_some_machine_says_so_where_the_spec_names_no_hardware() {
    let mut measured = calls(&[3_000_000; 500]);
    measured.host = Some(host("Xeon", 64));
    measured.figures.insert(Metric::Accuracy, Figure::point(Some(0.9), 500));
    let says = |spec: &ConstraintSpec, hardware: Value| {
        let got = only(&with_hardware(spec, hardware), &measured);
        assert_eq!(got.verdict, Verdict::Pass, "{}", got.reason);
        got.reason.contains("`Xeon` with 64 cores")
    };
    assert!(says(&spec(json!({})), json!(null)));
    assert!(!says(&spec(json!({})), json!("any")));
    assert!(!says(&spec(json!({})), json!({"cores": 64})));
    assert!(!says(&quality(json!({})), json!(null)), "accuracy is the same on every machine");
}

#[test]
fn any_hardware_is_kept_as_it_was_written() {
    let any = with_hardware(&spec(json!({})), json!("any"));
    let explicit = any.explicit().expect("JSON");
    assert_eq!(explicit["hardware"], "any");
    assert_eq!(ConstraintSpec::parse(&explicit).expect("parses").hardware(), any.hardware());
    assert!(ConstraintSpec::parse(&json!({"hardware": "fast", "constraints": explicit["constraints"]})).is_err());
}

#[test]
fn representative_means_the_named_hardware() {
    let asked = spec(json!({"representative_hardware": true}));
    for (host, want) in [
        (None, Verdict::NotRepresentative),
        (Some(host("Xeon", 4)), Verdict::NotRepresentative),
        (Some(host("Cortex-A76", 8)), Verdict::NotRepresentative),
        (Some(host("Cortex-A76", 4)), Verdict::Pass),
    ] {
        let mut measured = calls(&[3_000_000; 500]);
        measured.host = host;
        let got = only(&asked, &measured);
        assert_eq!(got.verdict, want, "{}", got.reason);
        assert_eq!(got.measured, Some(3.0));
        assert_eq!(only(&spec(json!({})), &measured).verdict, Verdict::Pass);
    }
}

#[test]
fn the_whole_interval_has_to_satisfy_the_limit_if_that_is_asked() {
    let asked = quality(json!({"confidence": "interval"}));
    let accuracy = |low, high| {
        let interval = Interval::new(low, high, IntervalMethod::Wilson);
        figure(Metric::Accuracy, Figure::with_interval(Some((low + high) / 2.0), interval, 500))
    };
    for (low, high, want) in [
        (0.8, 0.9, Verdict::Pass),
        (0.79, 0.9, Verdict::Inconclusive),
        (0.7, 0.8, Verdict::Inconclusive),
        (0.7, 0.79, Verdict::Fail),
    ] {
        let got = only(&asked, &accuracy(low, high));
        assert_eq!(got.verdict, want, "{}", got.reason);
        assert!(got.reason.contains("95 % interval"), "{}", got.reason);
    }
    let bare = figure(Metric::Accuracy, Figure::point(Some(1.0), 500));
    assert_eq!(only(&asked, &bare).verdict, Verdict::Inconclusive);
    assert_eq!(only(&quality(json!({})), &accuracy(0.7, 0.95)).verdict, Verdict::Pass);
}

#[test]
fn an_interval_comes_in_the_unit_of_the_constraint() {
    let nanos: Vec<u64> = (1..=400).map(|i| i * 10_000).collect();
    let got = only(&spec(json!({"confidence": "interval"})), &calls(&nanos));
    let interval = got.interval.expect("enough calls");
    assert_eq!(got.verdict, Verdict::Pass);
    assert!(3.5 < interval.low && interval.high <= 4.0, "{interval:?}");
    assert_eq!(interval.method, IntervalMethod::OrderStatistic);
}

#[test]
fn what_is_not_a_number_never_passes() {
    for operator in ["<=", "<", ">=", ">"] {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let asked = spec(json!({
                "dimension": "memory", "metric": "peak_memory", "statistic": null,
                "operator": operator, "unit": "MiBy"
            }));
            let got = only(&asked, &figure(Metric::PeakMemory, Figure::point(Some(value), 1)));
            assert_eq!(got.verdict, Verdict::Inconclusive, "{value} {operator}");
            assert_eq!((got.measured, got.margin), (None, None));
        }
    }
    let undefined = figure(Metric::Accuracy, Figure::point(None, 500));
    assert_eq!(only(&quality(json!({})), &undefined).verdict, Verdict::Inconclusive);
}

#[test]
fn memory_reads_as_a_sentence() {
    let asked = spec(json!({
        "dimension": "memory", "metric": "peak_memory", "statistic": null,
        "limit": 256, "unit": "MiBy"
    }));
    let mut measured = Measured::default();
    measured.set(Metric::PeakMemory, 125_829_120.0, 1);
    let got = only(&asked, &measured);
    assert_eq!(got.reason, "peak memory is 120 MiBy; the limit is 256 MiBy");
    assert_eq!(got.margin, Some(136.0 / 256.0));
}

#[test]
fn only_blocking_constraints_block_and_only_a_pass_frees_them() {
    for (severity, nanos, want) in
        [("block", 1, false), ("block", 30_000_000, true), ("warn", 30_000_000, false), ("info", 30_000_000, false)]
    {
        let verdicts = judge(&spec(json!({"severity": severity})), &calls(&[nanos; 200]));
        assert_eq!(blocks(&verdicts), want, "{severity} {nanos}");
    }
    let mut verdicts = judge(&spec(json!({})), &calls(&[1; 200]));
    for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::NotMeasured, Verdict::NotRepresentative] {
        verdicts[0].verdict = verdict;
        assert!(blocks(&verdicts), "{verdict}");
    }
}

proptest! {
    #[test]
    fn a_pass_stays_a_pass_when_the_limit_is_loosened(
        value in 0.0f64..1.0, half in 0.0f64..0.2, limit in 0.0f64..1.0, more in 0.0f64..1.0,
        upper in any::<bool>(), strict in any::<bool>(), whole in any::<bool>(),
    ) {
        let operator = match (upper, strict) {
            (true, false) => "<=", (true, true) => "<", (false, false) => ">=", (false, true) => ">",
        };
        let loosened = if upper { (limit + more).min(1.0) } else { (limit - more).max(0.0) };
        let confidence = if whole { "interval" } else { "point" };
        let at = |limit: f64| {
            let spec = quality(json!({"operator": operator, "limit": limit, "confidence": confidence}));
            let interval = Interval::new(value - half, value + half, IntervalMethod::Wilson);
            let accuracy = Figure::with_interval(Some(value), interval, 500);
            only(&spec, &figure(Metric::Accuracy, accuracy)).verdict
        };
        let (before, after) = (at(limit), at(loosened));
        if before == Verdict::Pass {
            prop_assert_eq!(after, Verdict::Pass);
        }
        if after == Verdict::Fail {
            prop_assert_eq!(before, Verdict::Fail);
        }
    }
}
