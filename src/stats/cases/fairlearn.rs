//! fairlearn's MetricFrame and its functions.
//!
//! fairlearn says 0 for a rate without a denominator; here it is undefined. So that nothing hides
//! behind that, the spreads are computed both ways: with the zeros they have to be fairlearn's.

use super::{
    super::fairness::{AttributeTable, RateName},
    Kind, LABELS, Value,
    binary::Binary,
    check, check_count, counted, disparity, each, group, object,
};

/// The values by group and over all rows, undefined ones as 0.
struct Column {
    groups: Vec<f64>,
    overall: f64,
}

fn column(table: &AttributeTable, overall: &super::super::confusion::Confusion, key: &str) -> Column {
    if key == "count" {
        return Column { groups: table.groups.iter().map(|g| g.n as f64).collect(), overall: overall.n() as f64 };
    }
    let name = group::rate_name(key).unwrap_or_else(|| panic!("no metric {key}"));
    let value = |rate: Option<super::super::figure::Rate>| rate.map_or(0.0, |r| r.value);
    Column { groups: table.groups.iter().map(|g| value(g.rate(name))).collect(), overall: value(overall.rate(name)) }
}

impl Column {
    fn low(&self) -> f64 {
        self.groups.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn high(&self) -> f64 {
        self.groups.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    fn aggregate(&self, name: &str) -> Option<f64> {
        let (low, high) = (self.low(), self.high());
        let to_overall = |value: &f64| {
            let ratio = value / self.overall;
            if 1.0 < ratio { 1.0 / ratio } else { ratio }
        };
        let value = match name {
            "group_min" => low,
            "group_max" => high,
            "difference_between_groups" => high - low,
            "ratio_between_groups" => low / high,
            "difference_to_overall" => self.groups.iter().map(|v| (v - self.overall).abs()).fold(0.0, f64::max),
            "ratio_to_overall" => self.groups.iter().map(to_overall).fold(f64::NAN, f64::min),
            _ => panic!("no aggregate {name}"),
        };
        (!value.is_nan()).then_some(value)
    }

    fn ratio(&self) -> Option<f64> {
        self.aggregate("ratio_between_groups")
    }
}

#[test]
fn frames_and_functions_are_those_of_fairlearn() {
    each(Kind::Binary, &["fairlearn"], 4, |case| {
        let rows = Binary::of(case);
        let overall = rows.outcomes.confusion().expect("a positive label");
        for (attribute, want) in object(&case.expected["fairlearn"]) {
            let what = format!("{} {attribute} fairlearn", case.name);
            let table = rows.table(attribute, 0).expect("a table");
            let column = |key: &str| column(&table, &overall, key);
            for (section, want) in object(want) {
                let what = format!("{what} {section}");
                match section {
                    "overall" => {
                        for (key, want) in object(want) {
                            check(&format!("{what} {key}"), Some(column(key).overall), want, LABELS);
                        }
                    }
                    "by_group" => check_frame(&what, &table, want),
                    "functions" => check_functions(&what, &table, &column, want),
                    // Fifty or a hundred unstratified resamples: its own noise is not a reference.
                    "bootstrap" | "agreement_with_plain_formulas" => {}
                    _ => {
                        for (key, want) in object(want) {
                            check(&format!("{what} {key}"), column(key).aggregate(section), want, LABELS);
                        }
                    }
                }
            }
        }
    });
}

fn check_frame(what: &str, table: &AttributeTable, want: &Value) {
    for (name, figures) in object(want) {
        let found = table.groups.iter().find(|g| g.group == name);
        for (key, want) in object(figures) {
            let what = format!("{what} {name} {key}");
            match (found, key) {
                // Combinations without a row are listed there.
                (None, _) => assert!(want.is_null() || *want == 0.0, "{what}: {want}"),
                (Some(group), "count") => check_count(&what, group.n, want),
                (Some(group), _) => {
                    let rate = group::rate_name(key).and_then(|name| group.rate(name));
                    check(&what, Some(rate.map_or(0.0, |r| r.value)), want, LABELS);
                }
            }
        }
    }
}

fn check_functions(what: &str, table: &AttributeTable, column: &dyn Fn(&str) -> Column, want: &Value) {
    let gap = |key: &str| column(key).high() - column(key).low();
    let (tpr, fpr) = (column("tpr"), column("fpr"));
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        let with_zeros = match key {
            "demographic_parity_difference" => Some(gap("selection_rate")),
            "demographic_parity_ratio" => column("selection_rate").ratio(),
            "equal_opportunity_difference" => Some(gap("tpr")),
            "equal_opportunity_ratio" => tpr.ratio(),
            "equalized_odds_difference" => Some(gap("tpr").max(gap("fpr"))),
            "equalized_odds_ratio" => tpr.ratio().zip(fpr.ratio()).map(|(a, b)| a.min(b)),
            "equalized_odds_difference(agg=mean)" => Some((gap("tpr") + gap("fpr")) / 2.0),
            "equalized_odds_ratio(agg=mean)" => tpr.ratio().zip(fpr.ratio()).map(|(a, b)| (a + b) / 2.0),
            _ => panic!("{what}: no such function here"),
        };
        check(&what, with_zeros, want, LABELS);
        let defined = |rate: RateName| table.groups.iter().all(|g| g.rate(rate).is_some());
        let several = 2 <= table.groups.len();
        if several && [RateName::Tpr, RateName::Fpr].into_iter().all(defined) {
            let ours = disparity::figure(table, &key.replace("(agg=mean)", "_mean"));
            ours.map(|ours| check(&what, ours, want, LABELS)).unwrap_or_default();
        }
        counted();
    }
}
