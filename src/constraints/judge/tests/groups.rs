//! Limits on the groups of an attribute.

use super::*;

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
fn a_model_that_selects_nobody_passes_no_limit_on_differences() {
    let never = [("f", "1", "0", 40), ("f", "0", "0", 60), ("m", "1", "0", 50), ("m", "0", "0", 50)];
    for (metric, operator, limit) in
        [("demographic_parity_difference", "<=", 0.1), ("equalized_odds_difference", "<=", 0.1), ("fpr", "<", 0.5)]
    {
        let spec = bias(json!({"metric": metric, "operator": operator, "limit": limit}));
        let verdict = only(&spec, &groups(&spec, &never));
        assert_eq!(verdict.verdict, Verdict::Inconclusive, "{metric}");
        assert!(verdict.reason.contains("answers no row with the label"), "{}", verdict.reason);
    }
    // What the model did not decide, and what it has to reach, is judged as ever.
    let labels = bias(json!({"metric": "accuracy_difference", "operator": "<=", "limit": 0.2}));
    assert_eq!(only(&labels, &groups(&labels, &never)).verdict, Verdict::Pass);
    let least = bias(json!({"metric": "selection_rate", "operator": ">=", "limit": 0.1}));
    assert_eq!(only(&least, &groups(&least, &never)).verdict, Verdict::Fail);
    // One row is enough to speak of rates.
    let once = [("f", "1", "1", 1), ("f", "0", "0", 99), ("m", "1", "0", 50), ("m", "0", "0", 50)];
    let spec = bias(json!({"metric": "demographic_parity_difference", "operator": "<=", "limit": 0.1}));
    assert_eq!(only(&spec, &groups(&spec, &once)).verdict, Verdict::Pass);
}
