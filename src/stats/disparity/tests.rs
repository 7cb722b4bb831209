use super::super::fairness::{AttributeTable, Outcomes, tabulate};
use super::*;
use crate::stats::interval;

/// Truth, prediction and how many rows.
type Rows<'a> = &'a [(&'a str, &'a str, usize)];

fn table(groups: &[(&str, Rows)], minimum: u64) -> AttributeTable {
    let (mut cells, mut truth, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (group, lines) in groups {
        for (row_truth, label, count) in *lines {
            cells.extend(vec![*group; *count]);
            truth.extend(vec![*row_truth; *count]);
            labels.extend(vec![*label; *count]);
        }
    }
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
    tabulate("group", &[&cells], &outcomes, minimum).expect("a table")
}

fn get(table: &AttributeTable, metric: DisparityMetric) -> &Disparity {
    table.disparity(metric).expect("every metric is there")
}

const A: Rows = &[("1", "1", 30), ("1", "0", 20), ("0", "1", 10), ("0", "0", 40)];
const B: Rows = &[("1", "1", 5), ("1", "0", 20), ("0", "1", 15), ("0", "0", 10)];

#[test]
fn differences_and_ratios_name_the_extreme_groups() {
    let table = table(&[("a", A), ("b", B)], 1);
    let difference = get(&table, DisparityMetric::EqualOpportunityDifference);
    assert_eq!(difference.value, Some(0.4));
    assert_eq!(difference.highest_group.as_deref(), Some("a"));
    assert_eq!(difference.lowest_group.as_deref(), Some("b"));
    assert_eq!(difference.interval, interval::newcombe((30, 50), (5, 25)));
    let ratio = get(&table, DisparityMetric::EqualizedOddsRatio);
    // TPR 0.2 / 0.6, FPR 0.2 / 0.6: equal, and TPR is named first.
    assert_eq!((ratio.value, ratio.rate), (Some(1.0 / 3.0), Some(RateName::Tpr)));
    let tpr = interval::katz((5, 25), (30, 50)).expect("defined");
    let fpr = interval::katz((10, 50), (15, 25)).expect("defined");
    let got = ratio.interval.expect("defined");
    assert_eq!((got.low, got.high), (tpr.low.min(fpr.low), tpr.high.min(fpr.high)));
    let none = get(&table, DisparityMetric::DemographicParityDifference);
    assert_eq!(none.value, Some(0.0));
    assert_ne!(none.highest_group, none.lowest_group);
}

#[test]
fn one_usable_group_is_not_applicable() {
    for (table, dropped) in [(table(&[("a", A)], 1), 0), (table(&[("a", A), ("b", &[("1", "1", 3)])], 5), 1)] {
        for disparity in &table.disparities {
            assert_eq!(disparity.value, None, "{disparity:?}");
            assert_eq!(disparity.interval, None);
            assert_eq!(disparity.groups_dropped.len(), dropped);
            assert!(!disparity.complete);
        }
    }
}

#[test]
fn a_group_without_positives_leaves_half_of_equalized_odds() {
    let table = table(&[("a", A), ("b", &[("0", "1", 10), ("0", "0", 40)])], 1);
    let opportunity = get(&table, DisparityMetric::EqualOpportunityDifference);
    assert_eq!(opportunity.value, None);
    assert_eq!(opportunity.groups_undefined, ["b"]);
    let odds = get(&table, DisparityMetric::EqualizedOddsDifference);
    assert_eq!((odds.value, odds.complete), (Some(0.0), false));
    assert_eq!(odds.groups_used, ["a"]);
}

#[test]
fn nobody_selected_has_a_difference_of_0_and_no_ratio() {
    let none: Rows = &[("1", "0", 10), ("0", "0", 10)];
    let table = table(&[("a", none), ("b", none)], 1);
    assert_eq!(get(&table, DisparityMetric::DemographicParityDifference).value, Some(0.0));
    for metric in [
        DisparityMetric::DemographicParityRatio,
        DisparityMetric::EqualizedOddsRatio,
        DisparityMetric::PredictiveParityRatio,
        DisparityMetric::PredictiveParityDifference,
    ] {
        assert_eq!(get(&table, metric).value, None, "{metric:?}");
    }
}
