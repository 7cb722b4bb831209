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

#[test]
fn representative_means_the_named_hardware() {
    let asked = spec(json!({"representative_hardware": true}));
    let host = |cpu_model: &str, cores| HostFingerprint {
        cpu_model: cpu_model.to_owned(),
        cores,
        memory_bytes: None,
        accelerator: None,
        runtime: None,
        threads: None,
    };
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
fn four_fifths_passes_on_the_limit_and_names_the_groups() {
    let asked = bias(json!({}));
    let rows = [("f", "1", "1", 12), ("f", "0", "0", 13), ("m", "1", "1", 15), ("m", "0", "0", 10)];
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!((got.verdict, got.measured), (Verdict::Pass, Some(0.8)));
    assert_eq!(
        got.reason,
        "demographic parity ratio over sex (f lowest, m highest) is 0.8 over 25 rows or more on each side; the limit is at least 0.8"
    );
    let interval = bias(json!({"confidence": "interval"}));
    assert_eq!(only(&interval, &groups(&interval, &rows)).verdict, Verdict::Inconclusive);
}

#[test]
fn fewer_than_two_usable_groups_are_inconclusive() {
    let asked = bias(json!({"metric": "accuracy_difference", "operator": "<=", "limit": 0.1}));
    let rows = [("f", "1", "1", 9), ("m", "1", "1", 40)];
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!(got.verdict, Verdict::Inconclusive);
    assert!(got.reason.contains("1 of 2 groups"), "{}", got.reason);
    let lowest = bias(json!({"metric": "accuracy", "limit": 0.1}));
    assert_eq!(only(&lowest, &groups(&lowest, &rows)).verdict, Verdict::Inconclusive);
}

#[test]
fn groups_that_are_left_out_are_named() {
    let asked = bias(json!({}));
    let rows = [("f", "1", "1", 20), ("m", "1", "1", 20), ("x", "1", "0", 3)];
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!(got.verdict, Verdict::Pass);
    assert!(got.reason.ends_with("too small and left out: x"), "{}", got.reason);
}

#[test]
fn half_of_equalized_odds_is_inconclusive() {
    let asked = bias(json!({"metric": "equalized_odds_difference", "operator": "<=", "limit": 0.5}));
    let rows = [("f", "1", "1", 20), ("f", "0", "0", 20), ("m", "0", "0", 40)];
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!((got.verdict, got.measured), (Verdict::Inconclusive, Some(0.0)));
}

#[test]
fn a_rate_under_bias_has_to_hold_in_every_group() {
    let rows = [("f", "1", "1", 12), ("f", "1", "0", 8), ("m", "1", "1", 19), ("m", "1", "0", 1)];
    for (limit, want) in [(0.6, Verdict::Pass), (0.61, Verdict::Fail)] {
        let asked = bias(json!({"metric": "tpr", "limit": limit}));
        let got = only(&asked, &groups(&asked, &rows));
        assert_eq!((got.verdict, got.measured), (want, Some(0.6)), "{}", got.reason);
        assert!(got.reason.starts_with("tpr of f (12 of 20) is 0.6"), "{}", got.reason);
    }
    // No negatives: the false positive rate is undefined in both groups.
    let asked = bias(json!({"metric": "fpr", "operator": "<=", "limit": 0.9}));
    assert_eq!(only(&asked, &groups(&asked, &rows)).verdict, Verdict::Inconclusive);
}

#[test]
fn a_disparity_can_be_held_against_all_rows_or_one_group() {
    let rows = [("f", "1", "1", 12), ("f", "0", "0", 28), ("m", "1", "1", 20), ("m", "0", "0", 20)];
    let asked = bias(json!({"against": "overall", "limit": 0.75}));
    let got = only(&asked, &groups(&asked, &rows));
    // 12 of 40 over 32 of 80.
    assert_eq!((got.verdict, got.measured), (Verdict::Pass, Some(0.75)), "{}", got.reason);
    assert!(got.reason.contains("(f lowest, (all rows) highest)"), "{}", got.reason);
    let asked = bias(json!({"against": {"group": "f"}}));
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!((got.verdict, got.measured), (Verdict::Fail, Some(0.6)), "{}", got.reason);
    let asked = bias(json!({"against": {"group": "x"}}));
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!(got.verdict, Verdict::Inconclusive);
    assert!(got.reason.contains("the reference group x is absent"), "{}", got.reason);
}

#[test]
fn an_interval_from_the_bootstrap_can_be_asked_for() {
    let rows = [("f", "1", "1", 45), ("f", "0", "0", 55), ("m", "1", "1", 50), ("m", "0", "0", 50)];
    for (limit, want) in [(0.5, Verdict::Pass), (0.8, Verdict::Inconclusive)] {
        let asked = bias(json!({"confidence": "interval", "limit": limit}));
        let got = only(&asked, &groups(&asked, &rows));
        assert_eq!(got.verdict, want, "{}", got.reason);
        assert_eq!(got.interval.map(|i| i.method), Some(IntervalMethod::BootstrapOrClosedForm));
    }
}

#[test]
fn impact_ratios_are_judged_category_by_category() {
    let rows = [("f", "1", "1", 9), ("f", "0", "0", 11), ("m", "1", "1", 10), ("m", "0", "0", 10), ("", "1", "1", 15)];
    let asked = bias(json!({"metric": "impact_ratio", "minimum_group_size": 20}));
    let got = only(&asked, &groups(&asked, &rows));
    // The missing ones are counted and not compared, though all of them are selected.
    assert_eq!((got.verdict, got.measured), (Verdict::Pass, Some(0.9)), "{}", got.reason);
    assert!(got.reason.contains("impact ratio of f over m"), "{}", got.reason);
    assert!(got.reason.ends_with("unknown: (missing)"), "{}", got.reason);
    let scoring = bias(json!({"metric": "scoring_impact_ratio"}));
    assert_eq!(only(&scoring, &groups(&scoring, &rows)).verdict, Verdict::NotMeasured);
}

#[test]
fn a_tiny_category_is_counted_and_not_compared() {
    let rows = [("f", "1", "1", 19), ("f", "0", "0", 1), ("m", "1", "1", 20), ("x", "1", "1", 2)];
    let asked = bias(json!({"metric": "impact_ratio", "minimum_group_size": 20, "limit": 0.9}));
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!((got.verdict, got.measured, got.samples), (Verdict::Pass, Some(0.95), Some(20)), "{}", got.reason);
    assert!(got.reason.ends_with("too small and left out: x"), "{}", got.reason);
}

#[test]
fn what_rests_on_few_rows_is_inconclusive_however_many_there_are() {
    // One positive in each group of 500: both are found, and nothing is known of the TPR.
    let rows = [("f", "1", "1", 1), ("f", "0", "0", 495), ("f", "0", "1", 4), ("m", "1", "1", 1), ("m", "0", "0", 499)];
    for (metric, operator, limit) in [("tpr", ">=", 0.8), ("equal_opportunity_difference", "<=", 0.1)] {
        let asked = bias(json!({"metric": metric, "operator": operator, "limit": limit, "minimum_samples": 30}));
        let got = only(&asked, &groups(&asked, &rows));
        assert_eq!((got.verdict, got.samples), (Verdict::Inconclusive, Some(1)), "{metric}: {}", got.reason);
    }
    for metric in ["equalized_odds_difference", "average_odds_difference", "equal_opportunity_difference"] {
        let asked = bias(json!({"metric": metric, "operator": "<=", "limit": 0.1, "confidence": "interval",
            "minimum_samples": 1}));
        let got = only(&asked, &groups(&asked, &rows));
        assert_eq!(got.verdict, Verdict::Inconclusive, "{metric}: {}", got.reason);
    }
}

#[test]
fn one_large_group_is_compared_with_nothing_not_with_all_rows_either() {
    let rows = [("f", "1", "1", 700), ("f", "0", "0", 280), ("m", "1", "0", 9)];
    let asked = bias(json!({"against": "overall"}));
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!((got.verdict, got.measured), (Verdict::Inconclusive, None), "{}", got.reason);
}

#[test]
fn a_large_group_without_the_rate_leaves_a_comparison_open() {
    let rows = [("f", "1", "1", 30), ("m", "1", "1", 30), ("x", "0", "0", 30)];
    let asked = bias(json!({"metric": "equal_opportunity_difference", "operator": "<=", "limit": 0.1}));
    let got = only(&asked, &groups(&asked, &rows));
    assert_eq!(got.verdict, Verdict::Inconclusive, "{}", got.reason);
    assert!(got.reason.contains("undefined for x"), "{}", got.reason);
}

#[test]
fn the_farthest_of_many_groups_fails_only_what_all_pairs_together_break() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let group = |name: &'static str, selected: usize| [(name, "1", "1", selected), (name, "0", "0", 40 - selected)];
    let asked = |groups: &[(&'static str, usize)]| -> Vec<(&'static str, &'static str, &'static str, usize)> {
        groups.iter().flat_map(|(name, selected)| group(name, *selected)).collect()
    };
    let spec = bias(json!({"metric": "demographic_parity_difference", "operator": "<=", "limit": 0.05,
        "confidence": "interval"}));
    // Between 15 and 26 of 40: the extreme pair alone looks apart, all eight groups together don't.
    let noise: Vec<_> = names.iter().copied().zip([15, 18, 19, 20, 20, 21, 22, 26]).collect();
    let got = only(&spec, &groups(&spec, &asked(&noise)));
    assert_eq!(got.verdict, Verdict::Inconclusive, "{}", got.reason);
    let apart: Vec<_> = names.iter().copied().zip([2, 18, 19, 20, 20, 21, 22, 38]).collect();
    let got = only(&spec, &groups(&spec, &asked(&apart)));
    assert_eq!(got.verdict, Verdict::Fail, "{}", got.reason);
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
