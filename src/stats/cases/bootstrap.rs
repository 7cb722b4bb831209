//! Bootstrap bounds against the converged ones of the reference cases.

use super::{
    super::{
        bootstrap::{Plan, Replicates, Scheme, contrasts, table},
        disparity::DisparityMetric,
        fairness::{Outcomes, RateName, tabulate},
    },
    case, columns, json,
};
use serde_json::Value;

/// Both bounds and the median within four standard deviations of what 1,000 replicates wander.
fn check_bounds(what: &str, got: Replicates, want: &Value, deviations: &Value) {
    let Some(interval) = got.interval else { panic!("{what}: no interval") };
    let median = got.median.expect("defined");
    for (got, at) in [(interval.low, 0), (median, 1), (interval.high, 2)] {
        let (want, deviation) = (want[at].as_f64().expect("number"), deviations[at].as_f64().expect("number"));
        assert!((got - want).abs() <= 4.0 * deviation + 1e-9, "{what} [{at}]: {got}, not {want} +- 4 * {deviation}");
    }
}

const NAMES: [&str; 6] = [
    "german_gbc_columns",
    "compas_propublica_published",
    "compas_xgb_tensor",
    "adult_lgbm_columns",
    "adult_lr_tensor",
    "ricci_four_fifths_published",
];

#[test]
fn bounds_lie_within_four_standard_deviations_of_the_converged_ones() {
    for name in NAMES {
        let Some(folder) = case(name) else { continue };
        let expected = json(folder.join("expected.json"));
        let (predictions, test) = (columns(folder.join("predictions.csv")), columns(folder.join("test.csv")));
        // Ricci has no truth; there the reference takes the decision for it.
        let truth = if name.starts_with("ricci") { &predictions["y_pred"] } else { &predictions["y_true"] };
        let outcomes = Outcomes::of_labels(&predictions["y_pred"], truth, Some("1")).expect("rows");
        for (attribute, want) in expected["bootstrap_converged"].as_object().expect("attributes") {
            let cells: Vec<&[String]> = attribute.split('*').map(|c| test[c].as_slice()).collect();
            let counted = tabulate(attribute, &cells, &outcomes, 0).expect("a table");
            let plan = Plan { resamples: 2000, seed: 12_345, scheme: Scheme::Rows };
            let got = table(&counted, plan).expect("possible");
            let deviations = &want["sd_of_bounds_for_B1000"];
            for (metric, key, form, rate) in [
                (
                    DisparityMetric::DemographicParityDifference,
                    "demographic_parity_difference",
                    "difference",
                    "selection_rate",
                ),
                (DisparityMetric::DemographicParityRatio, "demographic_parity_ratio", "ratio", "selection_rate"),
                (DisparityMetric::EqualizedOddsDifference, "equalized_odds_difference", "difference", "equalized_odds"),
                (DisparityMetric::EqualOpportunityDifference, "equal_opportunity_difference", "difference", "tpr"),
                (
                    DisparityMetric::PredictiveParityDifference,
                    "predictive_parity_difference",
                    "difference",
                    "precision",
                ),
            ] {
                let spread = got.disparities.iter().find(|d| d.metric == metric).expect("there");
                let what = format!("{name} {attribute} {key}");
                check_bounds(&what, spread.replicates, &want[form][rate], &deviations[key]);
            }
        }
    }
}

/// Signed differences by rows and by strata: the same for groups that aren't small.
#[test]
fn signed_bounds_agree_with_the_reference_for_groups_that_are_not_small() {
    const TOLERANCE: f64 = 0.01;
    for name in ["german_gbc_columns", "compas_xgb_tensor", "adult_lr_tensor"] {
        let Some(folder) = case(name) else { continue };
        let signed = json(folder.join("ci_signed.json"));
        let (predictions, test) = (columns(folder.join("predictions.csv")), columns(folder.join("test.csv")));
        let outcomes = Outcomes::of_labels(&predictions["y_pred"], &predictions["y_true"], Some("1")).expect("rows");
        for (attribute, want) in signed["attributes"].as_object().expect("attributes") {
            let cells: Vec<&[String]> = attribute.split('*').map(|c| test[c].as_slice()).collect();
            let counted = tabulate(attribute, &cells, &outcomes, 0).expect("a table");
            let reference = want["reference_group"].as_str().expect("a name");
            for scheme in [Scheme::Rows, Scheme::StratifiedByGroup] {
                let plan = Plan { resamples: 2000, seed: 9, scheme };
                for contrast in contrasts(&counted, reference, plan).expect("possible") {
                    let small = counted.groups.iter().any(|g| g.group == contrast.group && g.n < 400);
                    let want = &want["groups"][&contrast.group]["selection_rate"]["bootstrap95"];
                    let got = contrast.differences.iter().find(|(name, _)| *name == RateName::SelectionRate);
                    let interval = got.and_then(|(_, r)| r.interval).expect("enough");
                    for (got, want) in [(interval.low, &want[0]), (interval.high, &want[1])] {
                        let close = want.as_f64().is_some_and(|want| (got - want).abs() < TOLERANCE);
                        assert!(small || close, "{name} {attribute} {} {scheme:?}: {got}, not {want}", contrast.group);
                    }
                }
            }
        }
    }
}
