//! The figures of this module against reference figures that other libraries computed.
//!
//! The cases live outside the repository; without them these tests say that they skip.

use super::{
    confusion::Confusion,
    disparity::{Disparity, DisparityMetric},
    fairness::{AttributeTable, GroupRates, Outcomes, tabulate},
    figure::{Figure, Rate},
    interval, multiclass,
    quality::{LabelQuality, ScoreQuality},
    regression::regression,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::PathBuf};

mod bootstrap;
mod contrast;
mod drift;
mod impact;

const LABELS: f64 = 1e-9;
const SCORES: f64 = 1e-6;

fn case(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test setting, not configuration")]
    let named = std::env::var_os("PLIMSOLL_CASES");
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let root = named.map_or_else(beside, PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference case {name}; PLIMSOLL_CASES names their folder");
    None
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).expect("readable")).expect("json")
}

/// Columns by name.
fn columns(path: PathBuf) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_path(path).expect("readable");
    let names: Vec<String> = reader.headers().expect("header").iter().map(String::from).collect();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in reader.records() {
        for (name, cell) in names.iter().zip(row.expect("row").iter()) {
            columns.entry(name.clone()).or_default().push(cell.to_owned());
        }
    }
    columns
}

fn numbers(cells: &[String]) -> Vec<f64> {
    cells.iter().map(|c| c.parse().expect("number")).collect()
}

fn check(what: &str, got: Option<f64>, want: &Value, tolerance: f64) {
    match (got, want.as_f64()) {
        (Some(got), Some(want)) => {
            assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want}");
        }
        (got, want) => assert_eq!(got, want, "{what}"),
    }
}

fn check_rate(what: &str, rate: Option<Rate>, want: &Value, name: &str) {
    check(what, rate.map(|r| r.value), &want[name], LABELS);
    if let Some([low, high]) = want["wilson95"][name].as_array().map(Vec::as_slice) {
        check(what, rate.map(|r| r.interval.low), low, LABELS);
        check(what, rate.map(|r| r.interval.high), high, LABELS);
    }
}

fn check_group(what: &str, group: &GroupRates, want: &Value) {
    let what = format!("{what}, group {}", group.group);
    assert_eq!(want["n"].as_u64(), Some(group.n), "{what}");
    let counts = group.counts.expect("counts");
    for (name, count) in [
        ("tp", counts.confusion.tp),
        ("fp", counts.confusion.fp),
        ("tn", counts.confusion.tn),
        ("fn", counts.confusion.fn_),
        ("positives", counts.positives),
        ("negatives", counts.negatives),
        ("selected", counts.selected),
    ] {
        assert_eq!(want[name].as_u64(), Some(count), "{what} {name}");
    }
    for (name, rate) in [
        ("base_rate", group.base_rate),
        ("selection_rate", group.selection_rate),
        ("accuracy", group.accuracy),
        ("tpr", group.tpr),
        ("fpr", group.fpr),
        ("fnr", group.fnr),
        ("tnr", group.tnr),
        ("precision", group.precision),
    ] {
        check_rate(&format!("{what} {name}"), rate, want, name);
    }
}

fn check_disparity(what: &str, got: &Disparity, want: &Value) {
    let name = serde_json::to_value(got.metric).expect("json");
    let what = format!("{what} {name}");
    if want.get(name.as_str().expect("name")).is_none() {
        return;
    }
    let dropped: Vec<&str> = got.groups_dropped.iter().map(String::as_str).collect();
    assert_eq!(want["groups_dropped"], serde_json::json!(dropped), "{what}");
    // The reference calls a comparison of one group "0" or "1"; here it isn't applicable.
    let compared = |rate: &serde_json::Value| {
        let used = want["groups_used"].as_array().expect("list").len();
        let spread = &want["spread"][rate.as_str().expect("name")];
        used - spread["undefined_groups"].as_array().expect("list").len()
    };
    let applicable = got.metric.rates().iter().any(|rate| 2 <= compared(&serde_json::to_value(rate).expect("json")));
    let want = &want[name.as_str().expect("name")];
    check(&what, got.value, if applicable { want } else { &Value::Null }, LABELS);
}

fn check_table(what: &str, table: &AttributeTable, groups: &Value, disparities: &Value) {
    let wanted = groups.as_object().expect("groups");
    assert_eq!(table.groups.len(), wanted.len(), "{what}");
    for group in &table.groups {
        if !group.too_small {
            check_group(what, group, &wanted[&group.group]);
        }
    }
    for disparity in &table.disparities {
        check_disparity(what, disparity, disparities);
    }
}

fn check_overall(what: &str, outcomes: &Outcomes, scores: &[f64], want: &Value) {
    let counts: Confusion = outcomes.confusion().expect("a positive label");
    let quality = LabelQuality::of(&counts);
    for (name, figure) in [
        ("accuracy", quality.accuracy),
        ("balanced_accuracy", quality.balanced_accuracy),
        ("precision", quality.precision),
        ("tpr", quality.recall),
        ("f1", quality.f1),
        ("selection_rate", quality.selection_rate),
        ("fpr", quality.fpr),
        ("tnr", quality.tnr),
        ("fnr", quality.fnr),
    ] {
        check(&format!("{what} {name}"), figure.value, &want[name], LABELS);
    }
    let quality = ScoreQuality::of(&outcomes.positives(), scores);
    for (name, figure) in [
        ("auc", quality.auc),
        ("brier", quality.brier),
        ("log_loss", quality.log_loss),
        ("ece_10_equal_width", quality.ece),
    ] {
        let want = &want["scores"][name];
        check(&format!("{what} {name}"), figure.value, want, SCORES);
    }
}

#[test]
fn binary_cases_give_the_reference_figures() {
    for name in [
        "german_gbc_columns",
        "compas_propublica_published",
        "compas_xgb_tensor",
        "adult_lgbm_columns",
        "adult_lr_tensor",
    ] {
        let Some(folder) = case(name) else { continue };
        let expected = json(folder.join("expected.json"));
        let signed = json(folder.join("ci_signed.json"));
        let predictions = columns(folder.join("predictions.csv"));
        let test = columns(folder.join("test.csv"));
        let (truth, labels) = (&predictions["y_true"], &predictions["y_pred"]);
        let outcomes = Outcomes::of_labels(labels, truth, Some("1")).expect("rows");
        check_overall(name, &outcomes, &numbers(&predictions["score"]), &expected["overall"]);
        for (attribute, groups) in expected["by_group"].as_object().expect("attributes") {
            let cells: Vec<&[String]> = attribute.split('*').map(|c| test[c].as_slice()).collect();
            let what = format!("{name} {attribute}");
            let want = &expected["disparities"][attribute];
            let table = tabulate(attribute, &cells, &outcomes, 0).expect("a table");
            check_table(&what, &table, groups, want);
            check_signed(&what, &table, &signed["attributes"][attribute]);
            let table = tabulate(attribute, &cells, &outcomes, 30).expect("a table");
            check_table(&what, &table, groups, &want["with_min_group_size_30"]);
        }
    }
}

/// Newcombe's interval of each group against the reference group.
fn check_signed(what: &str, table: &AttributeTable, want: &Value) {
    let Some(groups) = want["groups"].as_object() else {
        return;
    };
    let find = |name: &str| table.groups.iter().find(|g| g.group == name).expect("group");
    let reference = find(want["reference_group"].as_str().expect("name"));
    for (name, figures) in groups {
        for (rate, pair) in [
            ("selection_rate", find(name).selection_rate.zip(reference.selection_rate)),
            ("tpr", find(name).tpr.zip(reference.tpr)),
            ("fpr", find(name).fpr.zip(reference.fpr)),
            ("precision", find(name).precision.zip(reference.precision)),
        ] {
            let Some((a, b)) = pair else { continue };
            let want = &figures[rate];
            let what = format!("{what} {name} {rate}");
            let (a, b) = ((a.count, a.total), (b.count, b.total));
            check(&what, interval::difference(a, b), &want["difference"], LABELS);
            let got = interval::newcombe(a, b).expect("defined");
            check(&what, Some(got.low), &want["newcombe_wilson95"][0], LABELS);
            check(&what, Some(got.high), &want["newcombe_wilson95"][1], LABELS);
        }
    }
}

#[test]
fn edge_scenarios_give_the_reference_figures() {
    let Some(folder) = case("edge_groups") else {
        return;
    };
    let expected = json(folder.join("expected.json"));
    let all = columns(folder.join("test.csv"));
    for (scenario, want) in expected["scenarios"].as_object().expect("scenarios") {
        let pick = |column: &str| -> Vec<String> {
            let rows = all["scenario"].iter().zip(&all[column]);
            rows.filter(|(s, _)| *s == scenario).map(|(_, c)| c.clone()).collect()
        };
        let (labels, truth, cells) = (pick("y_pred"), pick("y_true"), pick("group"));
        let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
        for (minimum, key) in [(0, "disparities"), (5, "disparities_min_group_size_5")] {
            let table = tabulate("group", &[&cells], &outcomes, minimum).expect("a table");
            check_table(scenario, &table, &want["by_group"], &want[key]);
        }
    }
}

#[test]
fn multiclass_cases_give_the_reference_figures() {
    for name in ["adult_occupation_multi", "wine_multi_artificial_group"] {
        let Some(folder) = case(name) else { continue };
        let expected = json(folder.join("expected.json"));
        let predictions = columns(folder.join("predictions.csv"));
        let test = columns(folder.join("test.csv"));
        let (truth, labels) = (&predictions["y_true"], &predictions["y_pred"]);
        let overall = &expected["overall"];
        let got = multiclass::accuracy(labels, truth);
        check(name, got.value, &overall["accuracy"], LABELS);
        let got = multiclass::macro_f1(labels, truth);
        check(name, got.value, &overall["macro_f1_over_present_classes"], LABELS);
        let outcomes = Outcomes::of_labels(labels, truth, None).expect("rows");
        for (attribute, want) in expected["disparities"].as_object().expect("attributes") {
            let cells: &[String] = &test[attribute];
            let table = tabulate(attribute, &[cells], &outcomes, 0).expect("a table");
            let gap = table.disparity(DisparityMetric::AccuracyDifference).expect("there");
            check(name, gap.value, &want["accuracy_difference"], LABELS);
            for (class, want) in want["one_vs_rest"].as_object().expect("classes") {
                let outcomes = Outcomes::of_labels(labels, truth, Some(class)).expect("rows");
                let table = tabulate(attribute, &[cells], &outcomes, 0).expect("a table");
                for (metric, key) in [
                    (DisparityMetric::DemographicParityDifference, "demographic_parity_difference"),
                    (DisparityMetric::DemographicParityRatio, "demographic_parity_ratio"),
                    (DisparityMetric::EqualizedOddsDifference, "equalized_odds_difference"),
                ] {
                    let what = format!("{name} {attribute} {class} {key}");
                    let got = table.disparity(metric).expect("there");
                    check(&what, got.value, &want[key], LABELS);
                }
            }
        }
    }
}

#[test]
fn regression_cases_give_the_reference_figures() {
    for name in ["bike_reg_columns", "diabetes_reg_tensor", "diabetes_scaled_discrepancy"] {
        let Some(folder) = case(name) else { continue };
        let want = &json(folder.join("expected.json"))["overall"];
        let predictions = columns(folder.join("predictions.csv"));
        let (predicted, truth) = (numbers(&predictions["y_pred"]), numbers(&predictions["y_true"]));
        let got = regression(&predicted, &truth);
        for (figure, key) in [(got.mae, "mae"), (got.rmse, "rmse"), (got.r2, "r2")] {
            let figure: Figure = figure;
            // Predictions are float32 written shortest, so relative to the size of the figure.
            let size = want[key].as_f64().expect("number").abs().max(1.0);
            check(&format!("{name} {key}"), figure.value, &want[key], SCORES * size);
        }
    }
}
