//! `plimsoll bias` over every reference case with stored predictions: the program itself, from CSV
//! to JSON.

use super::{
    expected::{Case, Kind, of_kind, report},
    tables::{Checked, Wanted, table},
};
use serde_json::Value;
use std::process::Command;

/// Runs the program over the case's files.
fn bias(case: &Case, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["bias", &case.path("predictions.csv"), &case.path("test.csv")]);
    command.args(["--prediction", "y_pred", "--resamples", "100", "--json"]);
    for column in case.sensitive() {
        command.args(["--sensitive", column]);
    }
    let output = command.args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn binary_decisions_agree_with_other_libraries() {
    for case in of_kind(Kind::Binary) {
        // Without a label the references take the decision for the truth.
        let truth = if case.schema["label_column"].is_null() { "y_pred" } else { "y_true" };
        let label = case.positive_label();
        let common = ["--label", truth, "--positive", &label];
        let mut checked = Checked::default();
        for minimum in [1, 30] {
            let attributes = case.attributes().into_iter().filter(|name| minimum == 1 || has_small_groups(&case, name));
            let attributes: Vec<&str> = attributes.collect();
            if attributes.is_empty() {
                continue;
            }
            let crossed: Vec<&str> = attributes.iter().flat_map(|name| ["--cross", name]).collect();
            let size = minimum.to_string();
            let said = bias(&case, &[&common[..], &crossed, &["--score", "score", "--min-group-size", &size]].concat());
            if case.expected["overall"].is_object() {
                checked.overall(&case.name, &said["figures"], &case.expected["overall"]);
            }
            for attribute in attributes {
                attribute_agrees(&mut checked, &case, &said, Wanted { attribute, class: None, minimum });
            }
        }
        for (attribute, wanted) in case.expected["versus_reference_aif360_signs"].as_object().into_iter().flatten() {
            let reference = wanted["reference_group"].as_str().expect("a group");
            let arguments = ["--cross", attribute, "--against", reference, "--min-group-size", "1"];
            let said = bias(&case, &[&common[..], &arguments].concat());
            let table = table(&said["tables"], Wanted { attribute, class: None, minimum: 1 });
            checked.signed(&format!("{} {attribute} against {reference}", case.name), table, wanted);
        }
        report(&case, checked);
    }
}

/// Otherwise the table for a minimum of 30 rows is the one for a minimum of 1.
fn has_small_groups(case: &Case, attribute: &str) -> bool {
    let dropped = &case.expected["disparities"][attribute]["with_min_group_size_30"]["groups_dropped"];
    dropped.as_array().is_some_and(|groups| !groups.is_empty())
}

fn attribute_agrees(checked: &mut Checked, case: &Case, said: &Value, of: Wanted) {
    let what = format!("{} {} of {}", case.name, of.attribute, of.minimum);
    let (table, expected) = (table(&said["tables"], of), &case.expected);
    checked.groups(&what, table, &expected["by_group"][of.attribute]);
    let disparities = &expected["disparities"][of.attribute];
    let disparities = if of.minimum == 1 { disparities } else { &disparities["with_min_group_size_30"] };
    if disparities.is_object() {
        checked.disparities(&what, table, disparities);
    }
    let law = &expected["ll144"];
    let scoring = if law["scoring"].is_object() { &law["scoring"] } else { law };
    checked.impact(&what, table, &expected["four_fifths"][of.attribute], &scoring[of.attribute]);
}

#[test]
fn several_classes_agree_with_other_libraries() {
    for case in of_kind(Kind::Multiclass) {
        let said = bias(&case, &["--label", "y_true", "--min-group-size", "1"]);
        let mut checked = Checked::default();
        checked.multiclass(&case, &said["figures"], &said["tables"], 1);
        report(&case, checked);
    }
}

#[test]
fn predicted_numbers_agree_with_other_libraries() {
    for case in of_kind(Kind::Regression) {
        let said = bias(&case, &["--label", "y_true", "--regression", "--min-group-size", "1"]);
        let mut checked = Checked::default();
        checked.regression(&case, &said["figures"], &said["tables"]);
        report(&case, checked);
    }
}
