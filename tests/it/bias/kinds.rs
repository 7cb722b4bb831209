//! Evidence of several classes and of numbers against the figures of a reference case.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use super::{
    expected::{Case, keys},
    tables::{Checked, LABELS, SCORES, Wanted, table},
};
use serde_json::Value;

const MACRO: [(&str, &str); 2] =
    [("macro_f1", "macro_f1_over_present_classes"), ("macro_recall", "macro_recall_over_present_classes")];
const OF_NUMBERS: [(&str, &str); 5] = [
    ("mae", "mae"),
    ("rmse", "rmse"),
    ("r2", "r2"),
    ("mean_residual", "mean_residual_pred_minus_true"),
    ("mean_prediction", "mean_pred"),
];
const DIFFERENCES_OF_NUMBERS: [(&str, &str); 5] = [
    ("mae_difference", "mae_difference"),
    ("mae_ratio", "mae_ratio"),
    ("rmse_difference", "rmse_difference"),
    ("rmse_ratio", "rmse_ratio"),
    ("mean_residual_difference", "mean_residual_pred_minus_true_difference"),
];
const OF_CLASS: [&str; 5] = ["base_rate", "selection_rate", "tpr", "fpr", "precision"];

fn group<'a>(table: &'a Value, name: &str) -> &'a Value {
    let found = table["groups"].as_array().and_then(|all| all.iter().find(|group| group["group"] == name));
    found.unwrap_or_else(|| panic!("no group {name}"))
}

fn disparity<'a>(table: &'a Value, metric: &str) -> &'a Value {
    let found = table["disparities"].as_array().and_then(|all| all.iter().find(|d| d["metric"] == metric));
    found.unwrap_or_else(|| panic!("no {metric}"))
}

impl Checked {
    /// Figures over all classes, and each class against the rest. Tables of classes have the
    /// minimum `of_classes`.
    pub fn multiclass(&mut self, case: &Case, figures: &Value, tables: &Value, of_classes: u64) {
        for (ours, theirs) in [("accuracy", "accuracy")].into_iter().chain(MACRO) {
            self.figure(
                &format!("{} {ours}", case.name),
                &figures[ours]["value"],
                &case.expected["overall"][theirs],
                LABELS,
            );
        }
        for attribute in case.attributes() {
            let what = format!("{} {attribute}", case.name);
            let (groups, disparities) =
                (&case.expected["by_group"][attribute], &case.expected["disparities"][attribute]);
            let whole = table(tables, Wanted { attribute, class: None, minimum: 1 });
            for name in keys(groups) {
                let (ours, wanted) = (group(whole, name), &groups[name]);
                self.figure(&what, &ours["n"], &wanted["n"], 0.0);
                self.figure(&format!("{what} {name}"), &ours["accuracy"]["value"], &wanted["accuracy"], LABELS);
                for (ours_name, theirs) in MACRO {
                    let found = &ours["figures"][ours_name]["value"];
                    self.figure(&format!("{what} {name} {ours_name}"), found, &wanted[theirs], LABELS);
                }
            }
            let found = &disparity(whole, "accuracy_difference")["value"];
            self.figure(&what, found, &disparities["accuracy_difference"], LABELS);
            for class in keys(&disparities["one_vs_rest"]) {
                let of_class = table(tables, Wanted { attribute, class: Some(class), minimum: of_classes });
                self.class(&format!("{what} {class}"), of_class, class, groups, &disparities["one_vs_rest"][class]);
            }
        }
    }

    fn class(&mut self, what: &str, table: &Value, class: &str, groups: &Value, disparities: &Value) {
        let mut all_large = true;
        for name in keys(groups) {
            let (ours, wanted) = (group(table, name), &groups[name]["per_class"][class]);
            if ours["too_small"] == true {
                all_large = false;
                continue;
            }
            for count in ["tp", "fp", "tn", "fn"] {
                self.figure(&format!("{what} {name} {count}"), &ours["counts"][count], &wanted[count], 0.0);
            }
            for rate in OF_CLASS {
                self.figure(&format!("{what} {name} {rate}"), &ours[rate]["value"], &wanted[rate], LABELS);
            }
            self.figure(&format!("{what} {name} f1"), &ours["figures"]["f1"]["value"], &wanted["f1"], LABELS);
            accuracy_is_of_the_class(ours);
        }
        let metrics =
            keys(disparities).into_iter().filter(|key| key.ends_with("_difference") || key.ends_with("_ratio"));
        for metric in metrics.filter(|_| all_large) {
            let ours = disparity(table, metric);
            // One group without the class: nothing is compared here, and called 0 there.
            if ours["value"].is_null() && ours["complete"] == false {
                assert_eq!(disparities[metric], 0.0, "{what} {metric}");
                continue;
            }
            self.figure(&format!("{what} {metric}"), &ours["value"], &disparities[metric], LABELS);
        }
    }

    pub fn regression(&mut self, case: &Case, figures: &Value, tables: &Value) {
        for (ours, theirs) in OF_NUMBERS {
            // The references name no mean prediction of some cases' whole.
            if let Some(wanted) = case.expected["overall"].get(theirs) {
                self.figure(&format!("{} {ours}", case.name), &figures[ours]["value"], wanted, SCORES);
            }
        }
        for attribute in case.attributes() {
            let what = format!("{} {attribute}", case.name);
            let table = table(tables, Wanted { attribute, class: None, minimum: 1 });
            let groups = &case.expected["by_group"][attribute];
            assert_eq!(table["groups"].as_array().map(Vec::len), Some(keys(groups).len()), "{what}");
            for name in keys(groups) {
                let (ours, wanted) = (group(table, name), &groups[name]);
                self.figure(&what, &ours["n"], &wanted["n"], 0.0);
                for (ours_name, theirs) in OF_NUMBERS {
                    let found = &ours["figures"][ours_name]["value"];
                    self.figure(&format!("{what} {name} {ours_name}"), found, &wanted[theirs], SCORES);
                }
            }
            for (metric, theirs) in DIFFERENCES_OF_NUMBERS {
                let found = &disparity(table, metric)["value"];
                let wanted = &case.expected["disparities"][attribute][theirs];
                self.figure(&format!("{what} {metric}"), found, wanted, SCORES);
            }
        }
    }
}

/// In the table of one class against the rest every rate is one of its counts.
fn accuracy_is_of_the_class(group: &Value) {
    let count = |name: &str| group["counts"][name].as_u64().expect("a count");
    assert_eq!(group["accuracy"]["count"], count("tp") + count("tn"), "{group}");
}
