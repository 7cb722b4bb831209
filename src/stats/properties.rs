//! What holds for every table of groups, whatever the data are.

use super::{
    bootstrap::{self, Plan, Scheme},
    by_group::{scores_by_group, spread},
    confusion::Confusion,
    contrast::{CONTRASTED, Reference, against},
    disparity::DisparityMetric,
    fairness::{AttributeTable, Outcomes, RateName, tabulate},
    groups::Groups,
    impact::{CategoryCount, count, four_fifths, local_law_144},
};
use proptest::prelude::*;

/// Group, truth, decision and score of a row.
type Row = (u8, bool, bool, u16);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Unequal groups, some of them tiny and some of one class only.
    let group = prop_oneof![4 => Just(0u8), 3 => Just(1), 2 => Just(2), 1 => 3u8..6];
    prop::collection::vec((group, any::<bool>(), any::<bool>(), 0u16..=40), 2..160)
}

fn label(group: u8) -> String {
    format!("g{group}")
}

fn flag(flag: bool) -> &'static str {
    if flag { "1" } else { "0" }
}

struct Counted {
    table: AttributeTable,
    overall: Confusion,
}

fn counted(rows: &[Row], minimum: u64, label: impl Fn(u8) -> String) -> Counted {
    let cells: Vec<String> = rows.iter().map(|row| label(row.0)).collect();
    let truth: Vec<&str> = rows.iter().map(|row| flag(row.1)).collect();
    let labels: Vec<&str> = rows.iter().map(|row| flag(row.2)).collect();
    // A positive label that occurs nowhere is refused; an extra row elsewhere would be no table.
    let present = rows.iter().any(|row| row.1 || row.2);
    let outcomes = Outcomes::of_labels(&labels, &truth, Some(if present { "1" } else { "0" })).expect("rows");
    let overall = outcomes.confusion().expect("a positive label");
    Counted { table: tabulate("g", &[&cells], &outcomes, minimum).expect("few groups"), overall }
}

fn disparities(table: &AttributeTable) -> Vec<(DisparityMetric, Option<f64>)> {
    table.disparities.iter().map(|d| (d.metric, d.value)).collect()
}

fn impact_counts(rows: &[Row], label: impl Fn(u8) -> String) -> Vec<CategoryCount> {
    let cells: Vec<String> = rows.iter().map(|row| label(row.0)).collect();
    let selected: Vec<bool> = rows.iter().map(|row| row.2).collect();
    count("g", &[&cells], &selected, &[]).expect("few groups")
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn relabelling_changes_names_only(rows in rows(), minimum in 0u64..12) {
        // Another order of the groups too.
        let renamed = |group: u8| format!("x{}", 9 - group);
        let (a, b) = (counted(&rows, minimum, label), counted(&rows, minimum, renamed));
        for group in &a.table.groups {
            let name = renamed(group.group[1..].parse().expect("a number"));
            let twin = b.table.groups.iter().find(|g| g.group == name).expect("there");
            prop_assert_eq!((group.n, group.counts, group.accuracy), (twin.n, twin.counts, twin.accuracy));
        }
        prop_assert_eq!(disparities(&a.table), disparities(&b.table));
        let (a, b) = (four_fifths(&impact_counts(&rows, label)), four_fifths(&impact_counts(&rows, renamed)));
        prop_assert_eq!(a.lowest_impact_ratio, b.lowest_impact_ratio);
    }

    #[test]
    fn every_row_twice_leaves_the_figures_and_narrows_the_intervals(rows in rows(), times in 2usize..5) {
        let many: Vec<Row> = rows.iter().flat_map(|row| vec![*row; times]).collect();
        let (one, more) = (counted(&rows, 0, label), counted(&many, 0, label));
        prop_assert_eq!(disparities(&one.table), disparities(&more.table));
        for (a, b) in one.table.groups.iter().zip(&more.table.groups) {
            for name in CONTRASTED {
                let (Some(a), Some(b)) = (a.rate(name), b.rate(name)) else { continue };
                prop_assert_eq!(a.value.to_bits(), b.value.to_bits());
                let width = |rate: super::figure::Rate| rate.interval.high - rate.interval.low;
                prop_assert!(width(b) < width(a), "{name:?} {a:?} {b:?}");
            }
        }
        let ratios = |rows: &[Row]| -> Vec<Option<f64>> {
            let got = local_law_144(&impact_counts(rows, label), None, &[]).expect("no exclusion");
            got.categories.iter().map(|c| c.impact_ratio).collect()
        };
        prop_assert_eq!(ratios(&rows), ratios(&many));
    }

    #[test]
    fn the_order_of_rows_changes_nothing((rows, shuffled) in rows().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))) {
        prop_assert_eq!(counted(&rows, 5, label).table, counted(&shuffled, 5, label).table);
        prop_assert_eq!(impact_counts(&rows, label), impact_counts(&shuffled, label));
        let aucs = |rows: &[Row]| {
            let got = by_score(rows, 5);
            got.iter().map(|g| (g.group.clone(), g.n, g.figures.map(|f| f.quality.auc.value))).collect::<Vec<_>>()
        };
        for (a, b) in aucs(&rows).into_iter().zip(aucs(&shuffled)) {
            prop_assert_eq!((&a.0, a.1), (&b.0, b.1));
            prop_assert!(same(a.2.flatten(), b.2.flatten()), "{a:?} {b:?}");
        }
        let plan = Plan { resamples: 100, seed: 5, scheme: Scheme::StratifiedByGroup };
        let drawn = |rows: &[Row]| bootstrap::table(&counted(rows, 5, label).table, plan).expect("possible");
        prop_assert_eq!(drawn(&rows), drawn(&shuffled));
    }

    #[test]
    fn merging_two_groups_pools_their_counts(rows in rows()) {
        let merged = |group: u8| label(if group == 1 { 0 } else { group });
        let (apart, pooled) = (counted(&rows, 0, label), counted(&rows, 0, merged));
        let counts = |counted: &Counted, name: &str| {
            let group = counted.table.groups.iter().find(|g| g.group == name);
            group.and_then(|g| g.counts).map(|c| c.confusion).unwrap_or_default()
        };
        let (a, b, both) = (counts(&apart, "g0"), counts(&apart, "g1"), counts(&pooled, "g0"));
        prop_assert_eq!((both.tp, both.fp), (a.tp + b.tp, a.fp + b.fp));
        prop_assert_eq!((both.tn, both.fn_), (a.tn + b.tn, a.fn_ + b.fn_));
        prop_assert_eq!(apart.overall, pooled.overall);
        // The pooled rate lies between both.
        for name in CONTRASTED {
            if let (Some(a), Some(b), Some(both)) = (a.rate(name), b.rate(name), both.rate(name)) {
                let (low, high) = (a.value.min(b.value), a.value.max(b.value));
                prop_assert!(low - 1e-12 <= both.value && both.value <= high + 1e-12);
            }
        }
    }

    #[test]
    fn the_other_class_turns_every_rate_around(rows in rows()) {
        prop_assume!(rows.iter().any(|r| r.1 || r.2) && rows.iter().any(|r| !r.1 || !r.2));
        let turned: Vec<Row> = rows.iter().map(|row| (row.0, !row.1, !row.2, row.3)).collect();
        let (a, b) = (counted(&rows, 0, label), counted(&turned, 0, label));
        for (a, b) in a.table.groups.iter().zip(&b.table.groups) {
            for (name, twin) in [
                (RateName::Tpr, RateName::Tnr),
                (RateName::Tnr, RateName::Tpr),
                (RateName::Fpr, RateName::Fnr),
                (RateName::Fnr, RateName::Fpr),
                (RateName::Precision, RateName::Npv),
                (RateName::Npv, RateName::Precision),
                (RateName::FalseDiscoveryRate, RateName::FalseOmissionRate),
                (RateName::Accuracy, RateName::Accuracy),
                (RateName::ErrorRate, RateName::ErrorRate),
            ] {
                prop_assert_eq!(a.rate(name), b.rate(twin), "{:?}", name);
            }
            let (own, twin) = (a.selection_rate.expect("rows"), b.selection_rate.expect("rows"));
            prop_assert_eq!((own.total - own.count, own.total), (twin.count, twin.total));
            prop_assert!((own.interval.low + twin.interval.high - 1.0).abs() < 1e-12);
        }
        for metric in [DisparityMetric::DemographicParityDifference, DisparityMetric::AccuracyDifference, DisparityMetric::EqualizedOddsDifference] {
            let value = |counted: &Counted| counted.table.disparity(metric).and_then(|d| d.value);
            prop_assert!(same(value(&a), value(&b)), "{metric:?}");
        }
    }

    #[test]
    fn a_group_that_is_too_small_changes_no_disparity(rows in rows(), small in prop::collection::vec((any::<bool>(), any::<bool>()), 1..5)) {
        const MINIMUM: u64 = 5;
        let more: Vec<Row> = rows.iter().copied().chain(small.iter().map(|row| (7, row.0, row.1, 0))).collect();
        prop_assume!(rows.iter().any(|row| row.1 || row.2));
        let (one, other) = (counted(&rows, MINIMUM, label), counted(&more, MINIMUM, label));
        prop_assert_eq!(disparities(&one.table), disparities(&other.table));
        for disparity in &other.table.disparities {
            prop_assert!(disparity.groups_dropped.contains(&label(7)));
            prop_assert!(!disparity.groups_used.contains(&label(7)));
        }
        let last = other.table.groups.last().expect("there");
        prop_assert_eq!((last.too_small, last.counts, last.selection_rate), (true, None, None));
        let auc = |rows: &[Row]| spread(&by_score(rows, MINIMUM), |g| g.quality.auc).map(|s| s.difference);
        prop_assert_eq!(auc(&rows), auc(&more));
    }

    #[test]
    fn the_other_reference_turns_the_sign(rows in rows()) {
        let Counted { table, overall } = counted(&rows, 0, label);
        prop_assume!(2 <= table.groups.len());
        let (first, second) = (&table.groups[0].group, &table.groups[1].group);
        let against = |reference: &str, group: &str| {
            let all = against(&table, &overall, &Reference::Group(reference.to_owned())).expect("a reference");
            all.into_iter().find(|c| c.group == group).expect("there").contrast
        };
        let (a, b) = (against(first, second), against(second, first));
        for (a, b) in a.rates.iter().zip(&b.rates) {
            prop_assert_eq!(a.difference, b.difference.map(|d| -d));
            prop_assert_eq!(a.difference_interval.is_some(), b.difference_interval.is_some());
            if let Some((a, b)) = a.difference_interval.zip(b.difference_interval) {
                prop_assert!((a.low + b.high).abs() < 1e-12 && (a.high + b.low).abs() < 1e-12);
            }
            if let Some((a, b)) = a.ratio.zip(b.ratio) {
                prop_assert!((a * b - 1.0).abs() < 1e-12);
            }
        }
        prop_assert!(same(a.average_odds_difference, b.average_odds_difference.map(|d| -d)));
        prop_assert_eq!(a.average_absolute_odds_difference, b.average_absolute_odds_difference);
        prop_assert_eq!(a.equalized_odds_difference, b.equalized_odds_difference);
    }

    #[test]
    fn every_rate_and_ratio_is_in_its_range(rows in rows(), minimum in 0u64..20) {
        let Counted { table, .. } = counted(&rows, minimum, label);
        for group in &table.groups {
            for rate in CONTRASTED.into_iter().filter_map(|name| group.rate(name)) {
                let (low, high) = (rate.interval.low, rate.interval.high);
                prop_assert!(0.0 <= low && low <= rate.value && rate.value <= high && high <= 1.0, "{rate:?}");
            }
        }
        for (metric, value) in disparities(&table) {
            let share = !metric.rates().is_empty() || metric.is_ratio();
            let highest = if share { 1.0 } else { f64::INFINITY };
            prop_assert!(value.is_none_or(|v| (0.0..=highest).contains(&v)), "{metric:?} {value:?}");
        }
        let impact = four_fifths(&impact_counts(&rows, label));
        for ratio in impact.categories.iter().filter_map(|c| c.impact_ratio) {
            prop_assert!((0.0..=1.0).contains(&ratio));
        }
        let top = impact.categories.iter().filter(|c| c.impact_ratio == Some(1.0)).count();
        prop_assert_eq!(impact.lowest_impact_ratio.is_some(), 0 < top);
    }
}

fn by_score(rows: &[Row], minimum: u64) -> Vec<super::by_group::OfGroup<super::by_group::GroupScores>> {
    let cells: Vec<String> = rows.iter().map(|row| label(row.0)).collect();
    let positive: Vec<bool> = rows.iter().map(|row| row.1).collect();
    let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.3) / 40.0).collect();
    let groups = Groups::of("g", &[&cells], rows.len()).expect("few groups");
    scores_by_group(&groups, &positive, &scores, minimum)
}
