//! Impact ratios of the reference cases.

use super::{super::impact::*, Case, Kind, Value, binary::Binary, cells, check, check_count, each, numbers, object};

const EXACT: f64 = 1e-9;

/// To 1e-9, and a p-value that is nearer to 0 than that also to a millionth of itself.
fn check_p(what: &str, got: Option<f64>, want: &Value) {
    check(what, got, want, EXACT);
    if let Some((got, want)) = got.zip(want.as_f64()) {
        assert!(want < 1e-290 || (got / want - 1.0).abs() < 1e-6, "{what}: {got}, not {want}");
    }
}

pub fn check_four_fifths(what: &str, got: &FourFifths, want: &Value) {
    let groups = want["groups"].as_object().expect("groups");
    assert_eq!(got.categories.len(), groups.len(), "{what}");
    // The reference rates a category on its own as 1; here that isn't applicable.
    if groups.len() == 1 {
        return assert_eq!(got.highest_category, None, "{what}");
    }
    assert_eq!(want["highest_rate_group"].as_str(), got.highest_category.as_deref(), "{what}");
    check(what, got.lowest_impact_ratio, &want["min_impact_ratio"], EXACT);
    let below = got.categories.iter().filter_map(|c| c.below_four_fifths).any(|below| below);
    if let Some(all_pass) = want["all_pass"].as_bool().filter(|_| got.lowest_impact_ratio.is_some()) {
        assert_eq!(all_pass, !below, "{what}");
    }
    for category in &got.categories {
        let name = &category.count.category;
        let (what, want) = (format!("{what} {name}"), &groups[name]);
        check_count(&what, category.count.n, &want["n"]);
        check_count(&what, category.count.selected, &want["selected"]);
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

pub fn check_scoring(what: &str, got: &LocalLaw144, want: &Value) {
    let scoring = got.scoring.expect("the scoring form");
    // Scores of models are float32, written as short as they can be.
    check(what, Some(scoring.median), &want["median_score"], super::SCORES);
    assert_eq!(want["n_equal_to_median"].as_u64(), Some(scoring.at_median), "{what}");
    let groups = want["groups"].as_object().expect("groups");
    assert_eq!(got.categories.len(), groups.len(), "{what}");
    for category in &got.categories {
        let name = &category.count.category;
        let (what, want) = (format!("{what} {name}"), &groups[name]);
        check_count(&what, category.count.n, &want["n"]);
        check_count(&what, category.count.selected, &want["above"]);
        check(&what, category.rate.map(|r| r.value), &want["scoring_rate"], EXACT);
        if 1 < groups.len() {
            check(&what, category.impact_ratio, &want["impact_ratio"], EXACT);
        }
    }
}

/// The reference has no unknown categories here: every value is rated.
pub fn all_known(mut counts: Vec<CategoryCount>) -> Vec<CategoryCount> {
    for count in &mut counts {
        count.known = true;
    }
    counts
}

/// Where the figures of the law stand at the top of `ll144` the model is a threshold on one
/// column, and the score is that column.
fn score_column(case: &Case, rows: &Binary) -> Vec<f64> {
    if case.expected["ll144"]["scoring"].is_object() {
        return rows.scores();
    }
    let column = case.schema["inputs"][0]["columns"][0].as_str().expect("a column");
    numbers(&rows.test[column])
}

#[test]
fn impact_ratios_give_the_reference_figures() {
    each(Kind::Binary, &["four_fifths"], 6, |case| {
        let rows = Binary::of(case);
        let label = case.positive_label();
        let selected: Vec<bool> = rows.predictions["y_pred"].iter().map(|cell| *cell == label).collect();
        let (above, scoring) = above_median(&score_column(case, &rows)).expect("numbers");
        for (attribute, want) in object(&case.expected["four_fifths"]) {
            let what = format!("{} {attribute}", case.name);
            let cells = cells(&rows.test, attribute);
            let got = four_fifths(&all_known(count(attribute, &cells, &selected, &[]).expect("few")));
            check_four_fifths(&what, &got, want);
            check_chi_square(&what, &got, &case.expected["chi2_selection_by_group"][attribute]);
            let ll144 = &case.expected["ll144"];
            let want = if ll144["scoring"].is_object() { &ll144["scoring"][attribute] } else { &ll144[attribute] };
            if want.is_object() {
                let counts = all_known(count(attribute, &cells, &above, &[]).expect("few"));
                check_scoring(&what, &local_law_144(&counts, Some(scoring), &[]).expect("no exclusion"), want);
            }
        }
    });
}
