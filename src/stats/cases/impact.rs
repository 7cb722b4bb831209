//! Impact ratios of the reference cases.

use super::{super::impact::*, case, check, columns, json, numbers};
use serde_json::Value;
use std::collections::BTreeMap;

const EXACT: f64 = 1e-9;

/// To 1e-9, and a p-value that is nearer to 0 than that also to a millionth of itself.
fn check_p(what: &str, got: Option<f64>, want: &Value) {
    check(what, got, want, EXACT);
    if let Some((got, want)) = got.zip(want.as_f64()) {
        assert!(want < 1e-290 || (got / want - 1.0).abs() < 1e-6, "{what}: {got}, not {want}");
    }
}

fn check_four_fifths(what: &str, got: &FourFifths, want: &Value) {
    let groups = want["groups"].as_object().expect("groups");
    assert_eq!(got.categories.len(), groups.len(), "{what}");
    // The reference rates a category on its own as 1; here that isn't applicable.
    if groups.len() == 1 {
        return assert_eq!(got.highest_category, None, "{what}");
    }
    assert_eq!(want["highest_rate_group"].as_str(), got.highest_category.as_deref(), "{what}");
    check(what, got.lowest_impact_ratio, &want["min_impact_ratio"], EXACT);
    for category in &got.categories {
        let name = &category.count.category;
        let (what, want) = (format!("{what} {name}"), &groups[name]);
        assert_eq!(want["n"].as_u64(), Some(category.count.n), "{what}");
        assert_eq!(want["selected"].as_u64(), Some(category.count.selected), "{what}");
        check(&what, category.selection_rate.map(|r| r.value), &want["selection_rate"], EXACT);
        check(&what, category.impact_ratio, &want["impact_ratio"], EXACT);
        check(&what, Some(category.share_of_rows), &want["share_of_sample"], EXACT);
        assert_eq!(want["passes_four_fifths"].as_bool(), category.below_four_fifths.map(|below| !below), "{what}");
        let against = category.against_highest;
        let z = against.and_then(|a| a.pooled_z);
        check_p(&what, against.map(|a| a.fisher_exact_p_value), &want["fisher_exact_two_sided_p_vs_highest"]);
        check(&what, z.map(|z| z.z), &want["two_proportion_z_pooled"], EXACT);
        check_p(&what, z.map(|z| z.p_value), &want["two_proportion_p_two_sided"]);
    }
}

fn check_chi_square(what: &str, got: &FourFifths, want: &Value) {
    if want["statistic"].is_null() {
        return;
    }
    check(what, got.chi_square.map(|c| c.statistic), &want["statistic"], EXACT);
    assert_eq!(want["dof"].as_u64(), got.chi_square.map(|c| c.degrees_of_freedom), "{what}");
    check_p(what, got.chi_square.map(|c| c.p_value), &want["p_value"]);
    check(what, got.chi_square_yates.map(|c| c.statistic), &want["yates_statistic"], EXACT);
    check_p(what, got.chi_square_yates.map(|c| c.p_value), &want["yates_p_value"]);
}

fn check_scoring(what: &str, got: &LocalLaw144, want: &Value) {
    let scoring = got.scoring.expect("the scoring form");
    // Scores of models are float32, written as short as they can be.
    check(what, Some(scoring.median), &want["median_score"], super::SCORES);
    assert_eq!(want["n_equal_to_median"].as_u64(), Some(scoring.at_median), "{what}");
    let groups = want["groups"].as_object().expect("groups");
    assert_eq!(got.categories.len(), groups.len(), "{what}");
    for category in &got.categories {
        let name = &category.count.category;
        let (what, want) = (format!("{what} {name}"), &groups[name]);
        assert_eq!(want["above"].as_u64(), Some(category.count.selected), "{what}");
        check(&what, category.rate.map(|r| r.value), &want["scoring_rate"], EXACT);
        if 1 < groups.len() {
            check(&what, category.impact_ratio, &want["impact_ratio"], EXACT);
        }
    }
}

/// The reference has no unknown categories here: every value is rated.
fn all_known(mut counts: Vec<CategoryCount>) -> Vec<CategoryCount> {
    for count in &mut counts {
        count.known = true;
    }
    counts
}

#[test]
fn impact_ratios_give_the_reference_figures() {
    for (name, score) in [
        ("ricci_four_fifths_published", Some("Combine")),
        ("compas_propublica_published", Some("decile_score")),
        ("compas_xgb_tensor", None),
        ("adult_lgbm_columns", None),
        ("adult_lr_tensor", None),
        ("german_gbc_columns", None),
    ] {
        let Some(folder) = case(name) else { continue };
        let expected = json(folder.join("expected.json"));
        let (test, predictions) = (columns(folder.join("test.csv")), columns(folder.join("predictions.csv")));
        let selected: Vec<bool> = predictions["y_pred"].iter().map(|cell| cell == "1").collect();
        let (above, scoring) =
            above_median(&numbers(score.map_or(&predictions["score"], |s| &test[s]))).expect("numbers");
        for (attribute, want) in expected["four_fifths"].as_object().expect("attributes") {
            let what = format!("{name} {attribute}");
            let cells: Vec<&[String]> = attribute.split('*').map(|c| test[c].as_slice()).collect();
            let got = four_fifths(&all_known(count(attribute, &cells, &selected, &[]).expect("few")));
            check_four_fifths(&what, &got, want);
            check_chi_square(&what, &got, &expected["chi2_selection_by_group"][attribute]);
            let ll144 = &expected["ll144"];
            let want = if ll144["scoring"].is_object() { &ll144["scoring"][attribute] } else { &ll144[attribute] };
            if want.is_object() {
                let counts = all_known(count(attribute, &cells, &above, &[]).expect("few"));
                check_scoring(&what, &local_law_144(&counts, Some(scoring), &[]).expect("no exclusion"), want);
            }
        }
    }
}

#[test]
fn edge_scenarios_give_the_reference_impact_ratios() {
    let Some(folder) = case("edge_groups") else { return };
    let expected = json(folder.join("expected.json"));
    let all = columns(folder.join("test.csv"));
    for (scenario, want) in expected["scenarios"].as_object().expect("scenarios") {
        let pick = |column: &str| -> Vec<String> {
            let rows = all["scenario"].iter().zip(&all[column]);
            rows.filter(|(s, _)| *s == scenario).map(|(_, c)| c.clone()).collect()
        };
        let cells = pick("group");
        let selected: Vec<bool> = pick("y_pred").iter().map(|cell| cell == "1").collect();
        let got = four_fifths(&all_known(count("group", &[&cells], &selected, &[]).expect("few")));
        check_four_fifths(scenario, &got, &want["four_fifths"]);
        let (above, scoring) = above_median(&numbers(&pick("score"))).expect("numbers");
        let counts = all_known(count("group", &[&cells], &above, &[]).expect("few"));
        let got = local_law_144(&counts, Some(scoring), &[]).expect("no exclusion");
        check_scoring(scenario, &got, &want["ll144_scoring"]);
    }
}

/// Counts as an auditor publishes them, one table for each analysis and form.
#[test]
fn audit_tables_give_the_reference_impact_ratios() {
    let Some(folder) = case("ll144_counts") else { return };
    let expected = json(folder.join("expected.json"));
    let rows = columns(folder.join("test.csv"));
    let mut tables: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, analysis) in rows["protected_char_group"].iter().enumerate() {
        tables.entry(analysis).or_default().push(row);
    }
    let number = |column: &str, row: usize| rows[column][row].parse::<u64>().expect("a count");
    let mut checked = 0;
    for (version, column) in [("selection", "selected"), ("scoring", "above_median")] {
        for (analysis, members) in &tables {
            let count = |row: &usize| CategoryCount {
                category: row.to_string(),
                n: number("applicants", *row),
                selected: number(column, *row),
                known: [&rows["race_ethnicity"][*row], &rows["sex"][*row]].iter().all(|cell| *cell != "Unknown"),
            };
            let counts: Vec<CategoryCount> = members.iter().map(count).collect();
            let all = local_law_144(&counts, None, &[]).expect("no exclusion");
            let small = all.categories.iter().filter(|c| c.may_be_excluded);
            let exclusions: Vec<Exclusion> = small
                .map(|c| Exclusion { category: c.count.category.clone(), justification: "under 2 %".to_owned() })
                .collect();
            let fewer = local_law_144(&counts, None, &exclusions).expect("small categories");
            assert_eq!(expected["unknown"][analysis]["unknown_applicants"].as_u64(), Some(all.unknown));
            for (one, other) in all.categories.iter().zip(&fewer.categories) {
                let id: u64 = one.count.category.parse().expect("a row id");
                let mut rows = expected["rows"].as_array().expect("rows").iter();
                let wanted = rows.find(|want| want["version"] == version && want["row_id"].as_u64() == Some(id));
                let want = wanted.expect("every row is there");
                let what = format!("{version} {analysis} {}", one.count.category);
                check(&what, one.rate.map(|r| r.value), &want["rate"], EXACT);
                check(&what, one.share_of_known, &want["share_of_known"], EXACT);
                check(&what, one.impact_ratio, &want["impact_ratio"], EXACT);
                let want = &want["impact_ratio_when_categories_below_2pct_are_excluded"];
                check(&what, other.impact_ratio, want, EXACT);
                checked += 1;
            }
        }
    }
    assert_eq!(expected["rows"].as_array().map(Vec::len), Some(checked));
}
