//! Numeric predictions, all rows and by group.

use super::{
    super::{
        by_group::{OfGroup, regression_by_group, spread},
        figure::Figure,
        groups::Groups,
        interval::Z,
        regression::{RegressionQuality, regression},
    },
    Kind, SCORES, Value, cells, check, check_count, each, numbers, object,
};

/// Predictions are float32 written shortest, so relative to the size of the figure.
fn tolerance(want: &Value) -> f64 {
    SCORES * want.as_f64().unwrap_or(1.0).abs().max(1.0)
}

fn figure(name: &str) -> Option<fn(&RegressionQuality) -> Figure> {
    Some(match name {
        "mae" => |q| q.mae,
        "mse" => |q| q.mse,
        "rmse" => |q| q.rmse,
        "r2" => |q| q.r2,
        "mean_residual_pred_minus_true" => |q| q.mean_residual,
        "median_abs_error" => |q| q.median_absolute_error,
        "max_abs_error" => |q| q.maximum_absolute_error,
        "mean_true" => |q| q.mean_truth,
        "mean_pred" => |q| q.mean_prediction,
        "mean_residual_sd" => |q| q.residual_std,
        _ => return None,
    })
}

fn check_quality(what: &str, got: &RegressionQuality, want: &Value) {
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        match key {
            "n" => check_count(&what, got.mae.n, want),
            // Student's t here: wider, and by nothing else.
            "mean_residual_95ci_normal" => {
                let half = got.residual_std.value.map(|std| Z * std / (got.mae.n as f64).sqrt());
                let ends = got.mean_residual.value.zip(half).map(|(mean, half)| [mean - half, mean + half]);
                check(&what, ends.map(|e| e[0]), &want[0], tolerance(&want[0]));
                check(&what, ends.map(|e| e[1]), &want[1], tolerance(&want[1]));
                let ours = got.mean_residual.interval.zip(ends);
                assert!(ours.is_none_or(|(i, [low, high])| i.low <= low && high <= i.high), "{what}");
            }
            _ => {
                let figure = figure(key).unwrap_or_else(|| panic!("{what}: no such figure here"));
                check(&what, figure(got).value, want, tolerance(want));
            }
        }
    }
}

type ByGroup = Vec<OfGroup<RegressionQuality>>;

/// `<figure>_difference` and `<figure>_ratio`.
fn check_disparities(what: &str, groups: &ByGroup, want: &Value) {
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        let (name, is_ratio) = match (key.strip_suffix("_difference"), key.strip_suffix("_ratio")) {
            (Some(name), _) => (name, false),
            (_, Some(name)) => (name, true),
            _ => panic!("{what}: no such disparity here"),
        };
        check_spread(&what, groups, name, is_ratio, want);
    }
}

fn check_spread(what: &str, groups: &ByGroup, name: &str, is_ratio: bool, want: &Value) {
    let figure = figure(name).unwrap_or_else(|| panic!("{what}: no such figure here"));
    let spread = spread(groups, figure);
    let got = spread.as_ref().and_then(|s| if is_ratio { s.ratio } else { Some(s.difference) });
    match (got, want.as_f64()) {
        // Lowest over highest says nothing where a value is negative, as an R2 may be.
        (None, Some(_)) if is_ratio => {
            let lowest = groups.iter().filter_map(|g| figure(g.figures.as_ref()?).value).reduce(f64::min);
            assert!(lowest.is_some_and(|low| low < 0.0), "{what}: undefined here, {want} there");
        }
        _ => check(what, got, want, tolerance(want)),
    }
}

fn check_fairlearn(what: &str, groups: &ByGroup, want: &Value) {
    let values = |key: &str| -> Vec<f64> {
        let figure = figure(key).unwrap_or_else(|| panic!("{what}: no {key} here"));
        groups.iter().filter_map(|g| figure(g.figures.as_ref()?).value).collect()
    };
    for (section, want) in object(want) {
        for (key, want) in object(want) {
            let what = format!("{what} {section} {key}");
            match section {
                "by_group" => {
                    let group = groups.iter().find(|g| g.group == key).and_then(|g| g.figures).expect("a group");
                    check_quality(&what, &group, want);
                }
                "difference" => check_spread(&what, groups, key, false, want),
                "ratio" => check_spread(&what, groups, key, true, want),
                "group_min" => check(&what, values(key).into_iter().reduce(f64::min), want, tolerance(want)),
                "group_max" => check(&what, values(key).into_iter().reduce(f64::max), want, tolerance(want)),
                _ => panic!("{what}: no such section here"),
            }
        }
    }
}

#[test]
fn residuals_are_those_of_the_references() {
    each(Kind::Regression, &["overall", "by_group"], 3, |case| {
        let (predictions, test) = (case.columns("predictions.csv"), case.columns("test.csv"));
        let (predicted, truth) = (numbers(&predictions["y_pred"]), numbers(&predictions["y_true"]));
        check_quality(&case.name, &regression(&predicted, &truth), &case.expected["overall"]);
        for (attribute, want) in object(&case.expected["by_group"]) {
            let what = format!("{} {attribute}", case.name);
            let groups = Groups::of(attribute, &cells(&test, attribute), truth.len()).expect("few groups");
            let got = regression_by_group(&groups, &predicted, &truth, 0);
            assert_eq!(want.as_object().map(|w| w.len()), Some(got.len()), "{what}");
            for OfGroup { group, figures, .. } in &got {
                check_quality(&format!("{what} {group}"), &figures.expect("large enough"), &want[group]);
            }
            check_disparities(&what, &got, &case.expected["disparities"][attribute]);
            if case.expected["fairlearn"][attribute].is_object() {
                check_fairlearn(&format!("{what} fairlearn"), &got, &case.expected["fairlearn"][attribute]);
            }
        }
    });
}
