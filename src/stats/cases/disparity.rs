//! Disparities between the groups of a table, with the convention of the references for one group.

use super::{
    super::{
        disparity::DisparityMetric,
        fairness::{AttributeTable, GroupRates, RateName},
    },
    LABELS, Value, check, check_count, counted, group, object,
};
use serde_json::json;

/// Every rate of the groups that are large enough and have it.
fn defined(table: &AttributeTable, rate: RateName) -> Vec<(&GroupRates, f64)> {
    table.usable().filter_map(|g| Some((g, g.rate(rate)?.value))).collect()
}

/// Lowest and highest, `None` with fewer than two groups.
fn extremes(table: &AttributeTable, rate: RateName) -> Option<(f64, f64)> {
    let values: Vec<f64> = defined(table, rate).into_iter().map(|g| g.1).collect();
    let (low, high) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
    (2 <= values.len()).then_some((low, high))
}

fn difference(table: &AttributeTable, rate: RateName) -> Option<f64> {
    extremes(table, rate).map(|(low, high)| high - low)
}

fn ratio(table: &AttributeTable, rate: RateName) -> Option<f64> {
    extremes(table, rate).filter(|(_, high)| *high != 0.0).map(|(low, high)| low / high)
}

/// The rates that a disparity of the references compares, and whether it is a ratio.
fn compared(key: &str) -> Option<(&'static [RateName], bool)> {
    const ODDS: &[RateName] = &[RateName::Tpr, RateName::Fpr];
    Some(match key {
        "demographic_parity_difference" => (&[RateName::SelectionRate], false),
        "demographic_parity_ratio" => (&[RateName::SelectionRate], true),
        "equalized_odds_difference" | "equalized_odds_difference_mean" => (ODDS, false),
        "equalized_odds_ratio" => (ODDS, true),
        "equal_opportunity_difference" => (&[RateName::Tpr], false),
        "equal_opportunity_ratio" => (&[RateName::Tpr], true),
        "predictive_equality_difference" => (&[RateName::Fpr], false),
        "predictive_parity_difference" => (&[RateName::Precision], false),
        "predictive_parity_ratio" => (&[RateName::Precision], true),
        "accuracy_difference" => (&[RateName::Accuracy], false),
        "accuracy_ratio" => (&[RateName::Accuracy], true),
        "fnr_difference" => (&[RateName::Fnr], false),
        _ => return None,
    })
}

/// The figure that the references call `key`: of the library where it has one of that name,
/// else from the rates of the table.
pub fn figure(table: &AttributeTable, key: &str) -> Option<Option<f64>> {
    let own = if key == "equalized_odds_difference_mean" { "average_odds_difference" } else { key };
    if let Ok(metric) = serde_json::from_value::<DisparityMetric>(json!(own)) {
        return table.disparity(metric).map(|d| d.value);
    }
    let (rates, is_ratio) = compared(key)?;
    let of = |rate: &RateName| if is_ratio { ratio(table, *rate) } else { difference(table, *rate) };
    let values: Vec<f64> = rates.iter().filter_map(of).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some((values.len() == rates.len()).then_some(mean))
}

/// Every key of the disparities of a table. The references call a comparison of one group 0 (or
/// 1, for a ratio); here it isn't applicable.
pub fn check_disparities(what: &str, table: &AttributeTable, want: &Value) {
    let dropped: Vec<&str> = table.groups.iter().filter(|g| g.too_small).map(|g| g.group.as_str()).collect();
    let used: Vec<&str> = table.usable().map(|g| g.group.as_str()).collect();
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        match key {
            "groups_used" => assert_eq!(*want, json!(used), "{what}"),
            "groups_dropped" => assert_eq!(*want, json!(dropped), "{what}"),
            "min_group_size" => check_count(&what, table.minimum_group_size, want),
            "spread" => object(want).for_each(|(key, want)| check_spread(&format!("{what} {key}"), table, key, want)),
            // Of scores, and of a table of its own.
            "with_min_group_size_30"
            | "auc_difference"
            | "ece_10_equal_width_difference"
            | "brier_difference"
            | "calibration_in_the_large_difference" => {}
            _ => check_disparity(&what, table, key, want),
        }
    }
    for disparity in &table.disparities {
        counted();
        assert_eq!(json!(disparity.groups_dropped), json!(dropped), "{what}");
    }
}

fn check_disparity(what: &str, table: &AttributeTable, key: &str, want: &Value) {
    let got = figure(table, key).unwrap_or_else(|| panic!("{what}: no such disparity here"));
    let (rates, is_ratio) = compared(key).expect("known");
    // Of a mean of which one half can't be compared the references take 0 for that half.
    if key.ends_with("_mean") && rates.iter().any(|rate| extremes(table, *rate).is_none()) {
        let halves: f64 = rates.iter().filter_map(|rate| difference(table, *rate)).sum();
        return check(what, Some(halves / rates.len() as f64), want, LABELS);
    }
    if rates.iter().any(|rate| extremes(table, *rate).is_some()) {
        return check(what, got, want, LABELS);
    }
    counted();
    assert_eq!(got, None, "{what}: one group is not compared");
    let alone = if is_ratio { 1.0 } else { 0.0 };
    assert!(want.is_null() || want.as_f64() == Some(alone), "{what}: {want}");
}

fn check_spread(what: &str, table: &AttributeTable, rate: &str, want: &Value) {
    let rate = group::rate_name(rate).expect("a rate");
    let defined = defined(table, rate);
    let undefined: Vec<&str> = table.usable().filter(|g| g.rate(rate).is_none()).map(|g| g.group.as_str()).collect();
    assert_eq!(want["undefined_groups"], json!(undefined), "{what}");
    let values = || defined.iter().map(|g| g.1);
    check(what, values().reduce(f64::min), &want["min"], LABELS);
    check(what, values().reduce(f64::max), &want["max"], LABELS);
    // Of equal groups the reference may name another one.
    for (group, value) in [("min_group", "min"), ("max_group", "max")] {
        let named = defined.iter().find(|g| Some(g.0.group.as_str()) == want[group].as_str());
        check(what, named.map(|g| g.1), &want[value], LABELS);
    }
    if 2 <= defined.len() {
        check(what, difference(table, rate), &want["difference"], LABELS);
        check(what, ratio(table, rate), &want["ratio"], LABELS);
    }
}
