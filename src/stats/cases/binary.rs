//! Binary decisions: all rows, groups, disparities and scores.

use super::{
    super::{
        by_group::{GroupScores, OfGroup, scores_by_group, spread},
        fairness::{AttributeTable, Outcomes, TableError, tabulate},
        figure::Figure,
        groups::Groups,
    },
    Case, Columns, Kind, SCORES, Value, cells, check, disparity, each, group, numbers, object,
};

/// The stored predictions of a binary case.
pub struct Binary {
    pub test: Columns,
    pub predictions: Columns,
    pub outcomes: Outcomes,
    pub positive: Vec<bool>,
}

impl Binary {
    pub fn of(case: &Case) -> Self {
        let (predictions, test) = (case.columns("predictions.csv"), case.columns("test.csv"));
        // Without a label the references take the decision for the truth.
        let truth = if case.schema["label_column"].is_null() { "y_pred" } else { "y_true" };
        let label = case.positive_label();
        let outcomes = Outcomes::of_labels(&predictions["y_pred"], &predictions[truth], Some(&label)).expect("rows");
        Self { positive: outcomes.positives(), test, predictions, outcomes }
    }

    pub fn scores(&self) -> Vec<f64> {
        numbers(&self.predictions["score"])
    }

    pub fn table(&self, attribute: &str, minimum: u64) -> Result<AttributeTable, TableError> {
        tabulate(attribute, &cells(&self.test, attribute), &self.outcomes, minimum)
    }

    pub fn groups(&self, attribute: &str) -> Groups {
        Groups::of(attribute, &cells(&self.test, attribute), self.positive.len()).expect("few groups")
    }
}

#[test]
fn figures_of_all_rows_are_those_of_the_references() {
    each(Kind::Binary, &["overall"], 6, |case| {
        let rows = Binary::of(case);
        let (counts, want) = (rows.outcomes.confusion().expect("a positive label"), &case.expected["overall"]);
        group::check_counts(&case.name, &counts, want);
        group::check_quality(&case.name, &counts, want);
        group::check_scores(&case.name, &rows.positive, &rows.scores(), &want["scores"]);
    });
}

#[test]
fn groups_and_disparities_are_those_of_the_references() {
    each(Kind::Binary, &["by_group", "disparities"], 6, |case| {
        let rows = Binary::of(case);
        for (attribute, groups) in object(&case.expected["by_group"]) {
            let what = format!("{} {attribute}", case.name);
            let table = rows.table(attribute, 0).expect("a table");
            assert_eq!(table.groups.len(), groups.as_object().map_or(0, |g| g.len()), "{what}");
            for group in &table.groups {
                group::check_group(&what, group, &groups[&group.group]);
            }
            let want = &case.expected["disparities"][attribute];
            disparity::check_disparities(&what, &table, want);
            if want["with_min_group_size_30"].is_object() {
                let table = rows.table(attribute, 30).expect("a table");
                disparity::check_disparities(&what, &table, &want["with_min_group_size_30"]);
            }
        }
    });
}

type OfScores = fn(&GroupScores) -> Figure;

/// The differences of scores between groups.
pub fn check_score_spreads(what: &str, groups: &[OfGroup<GroupScores>], want: &Value) {
    let figures: [(&str, OfScores); 4] = [
        ("auc_difference", |g| g.quality.auc),
        ("ece_10_equal_width_difference", |g| g.quality.ece),
        ("brier_difference", |g| g.quality.brier),
        ("calibration_in_the_large_difference", |g| g.calibration_gap),
    ];
    for (key, figure) in figures {
        let what = format!("{what} {key}");
        match (spread(groups, figure), want.get(key)) {
            // The references call the difference of one group 0; here it isn't applicable.
            (None, Some(want)) => assert!(want.is_null() || *want == 0.0, "{what}: {want}"),
            (Some(got), Some(want)) => check(&what, Some(got.difference), want, SCORES),
            (_, None) => {}
        }
    }
}

#[test]
fn scores_by_group_are_those_of_the_references() {
    each(Kind::Binary, &["by_group"], 6, |case| {
        let rows = Binary::of(case);
        let scores = rows.scores();
        for (attribute, want) in object(&case.expected["by_group"]) {
            let what = format!("{} {attribute}", case.name);
            let groups = rows.groups(attribute);
            let split = groups.split(&rows.positive).into_iter().zip(groups.split(&scores));
            for (label, (positive, scores)) in groups.labels().zip(split) {
                group::check_scores(&format!("{what} {label}"), &positive, &scores, &want[&label]["scores"]);
            }
            let by_group = scores_by_group(&groups, &rows.positive, &scores, 0);
            for OfGroup { group, figures, .. } in &by_group {
                let (figures, want) = (figures.expect("large enough"), &want[group]["scores"]);
                check(&what, figures.mean_score.value, &want["mean_score"], SCORES);
                check(&what, figures.calibration_gap.value, &want["calibration_in_the_large"], SCORES);
                check(&what, figures.quality.auc.value, &want["auc"], SCORES);
            }
            check_score_spreads(&what, &by_group, &case.expected["disparities"][attribute]);
            let larger = scores_by_group(&groups, &rows.positive, &scores, 30);
            let want = &case.expected["disparities"][attribute]["with_min_group_size_30"];
            check_score_spreads(&format!("{what} of 30"), &larger, want);
        }
    });
}

/// Figures in print, to the digits in print.
#[test]
fn published_figures_are_reproduced() {
    each(Kind::Binary, &["published"], 2, |case| {
        let rows = Binary::of(case);
        for want in case.expected["published"]["figures"].as_array().expect("figures") {
            let text = |key: &str| want[key].as_str().expect("a name");
            let table = rows.table(text("attribute"), 0).expect("a table");
            let one = table.groups.iter().find(|g| g.group == text("group")).and_then(|g| g.counts);
            assert!(one.is_some() || text("group") == "(all)", "{}: {want}", case.name);
            let counts = one.map_or_else(|| rows.outcomes.confusion().expect("counts"), |counts| counts.confusion);
            let what = format!("{} {}", case.name, text("group"));
            assert!(group::check_figure(&what, &counts, text("metric"), &want["exact"]), "{what}: {want}");
            let half = 0.5 * 0.1_f64.powi(want["digits"].as_i64().and_then(|d| i32::try_from(d).ok()).expect("digits"));
            let exact = want["exact"].as_f64().map(|exact| exact * want["scale"].as_f64().unwrap_or(1.0));
            check(&what, exact, &want["published"], half + super::LABELS);
        }
    });
}
