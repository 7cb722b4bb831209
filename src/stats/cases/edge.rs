//! Tiny data sets with undefined rates, and what each library makes of them.

use super::{
    super::{
        by_group::scores_by_group,
        confusion::Confusion,
        contrast::Contrast,
        fairness::{AttributeTable, Outcomes, tabulate},
        groups::Groups,
        impact::{above_median, count, four_fifths, local_law_144},
    },
    Case, Columns, Kind, LABELS, SCORES, Value, binary, check, counted, disparity, each, group, impact, numbers,
    object,
};

fn scenario(all: &Columns, name: &str) -> Columns {
    let picked = |column: &Vec<String>| {
        all["scenario"].iter().zip(column).filter(|(s, _)| *s == name).map(|(_, cell)| cell.clone()).collect()
    };
    all.iter().map(|(name, column)| (name.clone(), picked(column))).collect()
}

#[test]
fn edge_scenarios_are_those_of_the_references() {
    each(Kind::Edge, &["scenarios"], 1, |case| {
        let all = case.columns("test.csv");
        for (name, want) in object(&case.expected["scenarios"]) {
            check_scenario(case, name, &scenario(&all, name), want);
        }
    });
}

fn check_scenario(case: &Case, name: &str, rows: &Columns, want: &Value) {
    let what = format!("{} {name}", case.name);
    let outcomes = Outcomes::of_labels(&rows["y_pred"], &rows["y_true"], Some("1")).expect("rows");
    let table = |minimum| tabulate("group", &[rows["group"].as_slice()], &outcomes, minimum).expect("a table");
    let every = table(0);
    let (positive, scores) = (outcomes.positives(), numbers(&rows["score"]));
    let groups = Groups::of("group", &[rows["group"].as_slice()], scores.len()).expect("few groups");
    let split = groups.split(&positive).into_iter().zip(groups.split(&scores));
    assert_eq!(every.groups.len(), want["by_group"].as_object().map_or(0, |g| g.len()), "{what}");
    for (one, (positive, scores)) in every.groups.iter().zip(split) {
        let want = &want["by_group"][&one.group];
        group::check_group(&what, one, want);
        group::check_scores(&format!("{what} {}", one.group), &positive, &scores, &want["scores"]);
    }
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        match key.strip_prefix("disparities_min_group_size_").map(str::parse::<u64>) {
            Some(minimum) => {
                let minimum = minimum.expect("a size");
                disparity::check_disparities(&what, &table(minimum), want);
                let by_group = scores_by_group(&groups, &positive, &scores, minimum);
                binary::check_score_spreads(&what, &by_group, want);
            }
            None if key == "disparities" => {
                disparity::check_disparities(&what, &every, want);
                binary::check_score_spreads(&what, &scores_by_group(&groups, &positive, &scores, 0), want);
            }
            None => {}
        }
    }
    check_impact(&what, rows, &scores, want);
    check_peers(&what, &every, want);
}

fn check_impact(what: &str, rows: &Columns, scores: &[f64], want: &Value) {
    let cells = [rows["group"].as_slice()];
    let selected: Vec<bool> = rows["y_pred"].iter().map(|cell| cell == "1").collect();
    let counts = impact::all_known(count("group", &cells, &selected, &[]).expect("few"));
    impact::check_four_fifths(what, &four_fifths(&counts), &want["four_fifths"]);
    let (above, scoring) = above_median(scores).expect("numbers");
    let counts = impact::all_known(count("group", &cells, &above, &[]).expect("few"));
    let got = local_law_144(&counts, Some(scoring), &[]).expect("no exclusion");
    impact::check_scoring(what, &got, &want["ll144_scoring"]);
}

/// Where a rate is undefined here fairlearn answers 0 and aif360 and aequitas NaN or 0; where it
/// is defined they agree.
fn check_peers(what: &str, table: &AttributeTable, want: &Value) {
    for one in &table.groups {
        let counts = one.counts.expect("counts").confusion;
        let fairlearn = &want["fairlearn"]["by_group"];
        for (key, value) in fairlearn.get(&one.group).map(object).into_iter().flatten() {
            let rate = group::rate_name(key).and_then(|name| counts.rate(name));
            check(&format!("{what} fairlearn {key}"), Some(rate.map_or(0.0, |r| r.value)), value, LABELS);
        }
        // aequitas leaves the group of missing values out.
        for (key, value) in want["aequitas"].get(&one.group).map(object).into_iter().flatten() {
            assert!(group::check_figure(&format!("{what} aequitas"), &counts, key, value), "{what} {key}");
        }
        let auc = &want["fairlearn"]["sklearn_auc_by_group"][&one.group];
        check(&format!("{what} auc"), auc.as_f64(), &want["by_group"][&one.group]["scores"]["auc"], SCORES);
    }
    for (key, value) in object(&want["fairlearn"]).filter(|(_, value)| value.is_f64()) {
        let got = disparity::figure(table, key).unwrap_or_else(|| panic!("{what}: no {key} here"));
        let comparable = table.groups.iter().all(|g| ["tpr", "fpr"].iter().all(|rate| has(g.counts, rate)));
        if comparable && 2 <= table.groups.len() {
            check(&format!("{what} fairlearn {key}"), got, value, LABELS);
        }
    }
    check_aif360(what, table, &want["aif360_reference_vs_rest"]);
}

fn has(counts: Option<super::super::fairness::GroupCounts>, rate: &str) -> bool {
    counts.zip(group::rate_name(rate)).is_some_and(|(counts, name)| counts.confusion.rate(name).is_some())
}

fn check_aif360(what: &str, table: &AttributeTable, want: &Value) {
    let counts = |pick: &dyn Fn(&str) -> bool| {
        let mut sum = Confusion::default();
        for group in table.groups.iter().filter(|g| pick(&g.group)) {
            let own = group.counts.expect("counts").confusion;
            sum = Confusion { tp: sum.tp + own.tp, fp: sum.fp + own.fp, tn: sum.tn + own.tn, fn_: sum.fn_ + own.fn_ };
        }
        sum
    };
    let reference = want["reference"].as_str().expect("a name");
    let (own, rest) = (counts(&|group| group == reference), counts(&|group| group != reference));
    let contrast = Contrast::between(&rest, &own);
    for (key, value) in object(want).filter(|(key, _)| *key != "reference") {
        let got = super::contrast::figure(&contrast, key).unwrap_or_else(|| panic!("{what}: no {key} here"));
        counted();
        match got {
            Some(_) => check(&format!("{what} aif360 {key}"), got, value, LABELS),
            // A missing denominator: NaN, or for some rates a 0 that stands for it.
            None => assert!(
                value == "NaN" || value.is_null() || undefined_as_zero(&own, &rest, key, value),
                "{what} {key}: {value}"
            ),
        }
    }
}

/// aif360 takes 0 for a rate over no selected rows.
fn undefined_as_zero(own: &Confusion, rest: &Confusion, key: &str, want: &Value) -> bool {
    let rate = |counts: &Confusion| counts.false_discovery_rate().map_or(0.0, |r| r.value);
    key == "false_discovery_rate_difference"
        && want.as_f64().is_some_and(|want| (rate(rest) - rate(own) - want).abs() <= LABELS)
}
