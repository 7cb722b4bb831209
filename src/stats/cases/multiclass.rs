//! Several classes: by class, macro, by group, and each class against the rest.

use super::{
    super::{
        by_group::OfGroup,
        disparity::DisparityMetric,
        fairness::{Outcomes, tabulate},
        groups::Groups,
        multiclass::{self, Classes},
    },
    Case, Columns, Kind, LABELS, SCORES, Value, cells, check, check_count, counted, each, group, numbers, object,
};

struct Rows {
    truth: Vec<String>,
    labels: Vec<String>,
    classes: Vec<String>,
    /// Of each class, in the order of the classes, for each row.
    probabilities: Vec<Vec<f64>>,
}

impl Rows {
    fn of(case: &Case, predictions: &Columns) -> Self {
        let classes: Vec<String> = case.schema["classes"]
            .as_array()
            .expect("classes")
            .iter()
            .map(|class| class.as_str().map_or_else(|| class.to_string(), str::to_owned))
            .collect();
        let columns: Vec<Vec<f64>> = classes.iter().map(|class| numbers(&predictions[&format!("p_{class}")])).collect();
        let rows = predictions["y_true"].len();
        Self {
            truth: predictions["y_true"].clone(),
            labels: predictions["y_pred"].clone(),
            probabilities: (0..rows).map(|row| columns.iter().map(|column| column[row]).collect()).collect(),
            classes,
        }
    }

    fn picked(&self, rows: &[usize]) -> Self {
        Self {
            truth: rows.iter().map(|row| self.truth[*row].clone()).collect(),
            labels: rows.iter().map(|row| self.labels[*row].clone()).collect(),
            classes: self.classes.clone(),
            probabilities: rows.iter().map(|row| self.probabilities[*row].clone()).collect(),
        }
    }

    fn check(&self, what: &str, want: &Value) {
        let classes = Classes::of(&self.labels, &self.truth).expect("rows");
        let index = |class: &String| self.classes.iter().position(|c| c == class).expect("a class");
        let truth: Vec<usize> = self.truth.iter().map(index).collect();
        for (key, want) in object(want) {
            let what = format!("{what} {key}");
            match key {
                "n" => check_count(&what, truth.len() as u64, want),
                "accuracy" => check(&what, multiclass::accuracy(&self.labels, &self.truth).value, want, LABELS),
                "macro_recall_over_present_classes" => check(&what, classes.macro_recall().value, want, LABELS),
                // Present in the truth or in the labels.
                "macro_f1_over_present_classes" => check(&what, classes.macro_f1().value, want, LABELS),
                "log_loss" => check(&what, multiclass::log_loss(&truth, &self.probabilities).value, want, 1e-5),
                "ece_10_confidence" => {
                    check(&what, multiclass::confidence_ece(&truth, &self.probabilities).value, want, SCORES);
                }
                "confusion_matrix_rows_true" => self.check_matrix(&what, want),
                "per_class" => {
                    for (class, want) in object(want) {
                        group::check_counts(&format!("{what} {class}"), &classes.class(class), want);
                    }
                }
                _ => panic!("{what}: no such figure here"),
            }
        }
    }

    fn check_matrix(&self, what: &str, want: &Value) {
        for (row, truth) in self.classes.iter().enumerate() {
            for (column, label) in self.classes.iter().enumerate() {
                let pairs = self.truth.iter().zip(&self.labels);
                let count = pairs.filter(|(t, l)| *t == truth && *l == label).count();
                check_count(what, count as u64, &want[row][column]);
            }
        }
    }
}

#[test]
fn classes_are_those_of_the_references() {
    each(Kind::Multiclass, &["overall", "by_group"], 2, |case| {
        let rows = Rows::of(case, &case.columns("predictions.csv"));
        rows.check(&case.name, &case.expected["overall"]);
        let test = case.columns("test.csv");
        for (attribute, want) in object(&case.expected["by_group"]) {
            let groups = Groups::of(attribute, &cells(&test, attribute), rows.truth.len()).expect("few groups");
            let every: Vec<usize> = (0..rows.truth.len()).collect();
            let split: Vec<OfGroup<Vec<usize>>> = groups
                .labels()
                .zip(groups.split(&every))
                .map(|(group, rows)| OfGroup { group, n: rows.len() as u64, figures: Some(rows) })
                .collect();
            assert_eq!(want.as_object().map(|w| w.len()), Some(split.len()), "{} {attribute}", case.name);
            for OfGroup { group, figures, .. } in split {
                let what = format!("{} {attribute} {group}", case.name);
                rows.picked(&figures.expect("rows")).check(&what, &want[&group]);
            }
        }
    });
}

#[test]
fn disparities_of_classes_are_those_of_the_references() {
    each(Kind::Multiclass, &["disparities"], 2, |case| {
        let rows = Rows::of(case, &case.columns("predictions.csv"));
        let test = case.columns("test.csv");
        for (attribute, want) in object(&case.expected["disparities"]) {
            let columns = cells(&test, attribute);
            let table = |class: Option<&str>| {
                let outcomes = Outcomes::of_labels(&rows.labels, &rows.truth, class).expect("rows");
                tabulate(attribute, &columns, &outcomes, 0).expect("a table")
            };
            let gap = table(None).disparity(DisparityMetric::AccuracyDifference).and_then(|d| d.value);
            check(&format!("{} {attribute}", case.name), gap, &want["accuracy_difference"], LABELS);
            for (class, want) in object(&want["one_vs_rest"]) {
                let table = table(Some(class));
                for (key, want) in object(want) {
                    let what = format!("{} {attribute} {class} {key}", case.name);
                    if key == "groups_without_this_class" {
                        let without = table.groups.iter().filter(|g| g.tpr.is_none()).map(|g| &g.group);
                        counted();
                        assert_eq!(*want, serde_json::json!(without.collect::<Vec<_>>()), "{what}");
                        continue;
                    }
                    let got = super::disparity::figure(&table, key).unwrap_or_else(|| panic!("{what}: no such figure"));
                    match got {
                        Some(_) => check(&what, got, want, LABELS),
                        // One group alone has the class: 0 there, not applicable here.
                        None => assert!(want.is_null() || *want == 0.0 || *want == 1.0, "{what}: {want}"),
                    }
                }
            }
        }
    });
}
