//! Evidence against the figures of a reference case: counts and rates to 1e-9, what comes from
//! float32 scores to 1e-6.
//!
//! Where the conventions differ this project's rule is held against the reference: with fewer than
//! two groups to compare there is no disparity, which the references call 0 or 1; a mean of two
//! differences of which one is missing is none, where the references take 0 for the other half.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use super::expected::keys;
use serde_json::Value;

pub const LABELS: f64 = 1e-9;
pub const SCORES: f64 = 1e-6;
/// The logarithm enlarges the rounding of a score near 0 or 1.
const LOGARITHMS: f64 = 1e-5;

const RATES: [(&str, &str); 11] = [
    ("base_rate", "base_rate"),
    ("selection_rate", "selection_rate"),
    ("accuracy", "accuracy"),
    ("tpr", "tpr"),
    ("fpr", "fpr"),
    ("tnr", "tnr"),
    ("fnr", "fnr"),
    ("precision", "precision"),
    ("npv", "npv"),
    ("false_omission_rate", "false_omission_rate"),
    ("false_discovery_rate", "fdr"),
];
const COUNTS: [&str; 7] = ["tp", "fp", "tn", "fn", "positives", "negatives", "selected"];
const OF_SCORES: [(&str, &str, f64); 6] = [
    ("auc", "auc", SCORES),
    ("brier", "brier", SCORES),
    ("log_loss", "log_loss", LOGARITHMS),
    ("mean_score", "mean_score", SCORES),
    ("calibration_gap", "calibration_in_the_large", SCORES),
    ("ece", "ece_10_equal_width", SCORES),
];
const DIFFERENCES_OF_SCORES: [(&str, &str); 4] = [
    ("auc_difference", "auc_difference"),
    ("brier_difference", "brier_difference"),
    ("ece_difference", "ece_10_equal_width_difference"),
    ("calibration_gap_difference", "calibration_in_the_large_difference"),
];
/// The rate whose spread is the difference and the ratio of this name.
const SPREADS: [(&str, &str); 6] = [
    ("selection_rate", "demographic_parity"),
    ("tpr", "equal_opportunity"),
    ("fpr", "predictive_equality"),
    ("precision", "predictive_parity"),
    ("accuracy", "accuracy"),
    ("fnr", "fnr"),
];
/// aif360's names of signed differences.
const SIGNED: [(&str, &str); 5] = [
    ("selection_rate", "statistical_parity_difference"),
    ("tpr", "equal_opportunity_difference"),
    ("fpr", "false_positive_rate_difference"),
    ("precision", "precision_difference"),
    ("error_rate", "error_rate_difference"),
];

/// Which of the tables of one attribute.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub attribute: &'a str,
    pub class: Option<&'a str>,
    pub minimum: u64,
}

/// The table of an attribute in `tables` of evidence or of `plimsoll bias --json`.
#[track_caller]
pub fn table<'a>(tables: &'a Value, wanted: Wanted) -> &'a Value {
    let same = |table: &&Value| {
        table["attribute"] == wanted.attribute
            && table["class"].as_str() == wanted.class
            && table["minimum_group_size"] == wanted.minimum
    };
    let found = tables.as_array().expect("tables").iter().find(same);
    found.unwrap_or_else(|| panic!("no table of {} of at least {}", wanted.attribute, wanted.minimum))
}

/// How many figures were compared.
#[derive(Default)]
pub struct Checked(u64);

impl Checked {
    pub fn figures(&self) -> u64 {
        self.0
    }

    /// Both undefined, or near each other.
    #[track_caller]
    pub fn figure(&mut self, what: &str, found: &Value, wanted: &Value, tolerance: f64) {
        self.0 += 1;
        match (found.as_f64(), wanted.as_f64()) {
            (Some(found), Some(wanted)) => {
                let allowed = tolerance * wanted.abs().max(1.0);
                assert!((found - wanted).abs() <= allowed, "{what}: {found} is not {wanted}");
            }
            (None, None) => {}
            (found, wanted) => panic!("{what}: {found:?} is not {wanted:?}"),
        }
    }

    /// What all rows have together.
    pub fn overall(&mut self, what: &str, figures: &Value, wanted: &Value) {
        let named = RATES.iter().filter(|(ours, _)| *ours != "base_rate").copied();
        for (ours, theirs) in named.chain([("f1", "f1"), ("balanced_accuracy", "balanced_accuracy")]) {
            self.figure(&format!("{what} {ours}"), &figures[ours]["value"], &wanted[theirs], LABELS);
        }
        for (ours, theirs, tolerance) in OF_SCORES {
            self.figure(&format!("{what} {ours}"), &figures[ours]["value"], &wanted["scores"][theirs], tolerance);
        }
    }

    /// Every group of a binary table.
    pub fn groups(&mut self, what: &str, table: &Value, wanted: &Value) {
        let groups = table["groups"].as_array().expect("groups");
        let names: Vec<&str> = groups.iter().filter_map(|group| group["group"].as_str()).collect();
        assert_eq!(names, keys(wanted), "{what}");
        for group in groups {
            let name = group["group"].as_str().expect("a name");
            let (what, wanted) = (format!("{what} {name}"), &wanted[name]);
            self.figure(&what, &group["n"], &wanted["n"], 0.0);
            if group["too_small"] == true {
                for hidden in ["counts", "selection_rate", "figures"] {
                    assert_eq!(group[hidden], Value::Null, "{what}: no {hidden} of a small group");
                }
                continue;
            }
            self.group(&what, group, wanted);
        }
    }

    fn group(&mut self, what: &str, group: &Value, wanted: &Value) {
        for count in COUNTS {
            self.figure(&format!("{what} {count}"), &group["counts"][count], &wanted[count], 0.0);
        }
        for (ours, theirs) in RATES {
            self.figure(&format!("{what} {ours}"), &group[ours]["value"], &wanted[theirs], LABELS);
        }
        for rate in keys(&wanted["wilson95"]) {
            for (end, at) in [("low", 0), ("high", 1)] {
                let what = format!("{what} {rate} {end}");
                self.figure(&what, &group[rate]["interval"][end], &wanted["wilson95"][rate][at], LABELS);
            }
        }
        let figures = &group["figures"];
        for name in ["f1", "balanced_accuracy"] {
            self.figure(&format!("{what} {name}"), &figures[name]["value"], &wanted[name], LABELS);
        }
        for (ours, theirs, tolerance) in OF_SCORES {
            self.figure(&format!("{what} {ours}"), &figures[ours]["value"], &wanted["scores"][theirs], tolerance);
        }
    }

    /// Every disparity that the references name.
    pub fn disparities(&mut self, what: &str, table: &Value, wanted: &Value) {
        let mut compared = 0;
        for ours in table["disparities"].as_array().expect("disparities") {
            let metric = ours["metric"].as_str().expect("a name");
            let of_score = DIFFERENCES_OF_SCORES.iter().find(|(name, _)| *name == metric).map(|(_, theirs)| *theirs);
            let theirs = match metric {
                "average_odds_difference" => "equalized_odds_difference_mean",
                _ => of_score.unwrap_or(metric),
            };
            let tolerance = if of_score.is_some() { SCORES } else { LABELS };
            if let Some(wanted) = wanted.get(theirs) {
                self.disparity(&format!("{what} {metric}"), ours, wanted, tolerance);
                compared += 1;
            }
            for (rate, name) in SPREADS {
                let kind = metric.strip_prefix(name).and_then(|rest| rest.strip_prefix('_'));
                if let Some(wanted) = kind.and_then(|kind| wanted["spread"][rate].get(kind)) {
                    self.disparity(&format!("{what} spread of {rate} {metric}"), ours, wanted, tolerance);
                }
            }
        }
        assert!(10 < compared, "{what}: only {compared} disparities");
    }

    fn disparity(&mut self, what: &str, ours: &Value, wanted: &Value, tolerance: f64) {
        if ours["value"].is_null() && ours["complete"] == false {
            // One group, or a mean of which one half is missing: never called equal here.
            let alone = wanted.is_null() || wanted == 0.0 || wanted == 1.0;
            assert!(alone || what.ends_with("average_odds_difference"), "{what}: {wanted}");
            self.0 += 1;
            return;
        }
        self.figure(what, &ours["value"], wanted, tolerance);
    }

    /// Impact ratios of selection, with their tests, and of scores.
    pub fn impact(&mut self, what: &str, table: &Value, selection: &Value, scoring: &Value) {
        let (ours, several) = (&table["impact"], 1 < keys(&selection["groups"]).len());
        // The references compare small categories too; here they are only counted.
        if ours["too_small"].is_array() {
            return;
        }
        let found = |analysis: &'_ Value, name: &str| -> Value {
            let categories = analysis["categories"].as_array().expect("categories");
            let named = categories.iter().find(|category| category["count"]["category"] == name);
            named.unwrap_or_else(|| panic!("{what}: no category {name}")).clone()
        };
        for name in keys(&selection["groups"]) {
            let (ours, wanted) = (found(&ours["four_fifths"], name), &selection["groups"][name]);
            let what = format!("{what} {name} of selection");
            self.figure(&what, &ours["count"]["selected"], &wanted["selected"], 0.0);
            self.figure(&what, &ours["selection_rate"]["value"], &wanted["selection_rate"], LABELS);
            if several {
                self.figure(&what, &ours["impact_ratio"], &wanted["impact_ratio"], LABELS);
                let (p, theirs) =
                    (&ours["against_highest"]["fisher_exact_p_value"], "fisher_exact_two_sided_p_vs_highest");
                self.figure(&format!("{what} p"), p, &wanted[theirs], LABELS);
            }
        }
        for name in keys(&scoring["groups"]) {
            let (ours, wanted) = (found(&ours["scoring"], name), &scoring["groups"][name]);
            let what = format!("{what} {name} of scoring");
            self.figure(&what, &ours["count"]["selected"], &wanted["above"], 0.0);
            self.figure(&what, &ours["rate"]["value"], &wanted["scoring_rate"], LABELS);
            if several {
                self.figure(&what, &ours["impact_ratio"], &wanted["impact_ratio"], LABELS);
            }
        }
    }

    /// Each group minus the reference, with aif360's signs.
    pub fn signed(&mut self, what: &str, table: &Value, wanted: &Value) {
        let groups = table["contrasts"]["groups"].as_array().expect("contrasts");
        let names: Vec<&str> = groups.iter().filter_map(|group| group["group"].as_str()).collect();
        assert_eq!(names, keys(&wanted["groups"]), "{what}");
        for (group, name) in groups.iter().zip(names) {
            let (what, ours, wanted) = (format!("{what} {name}"), &group["contrast"], &wanted["groups"][name]);
            let rate =
                |name: &str| ours["rates"].as_array().and_then(|all| all.iter().find(|rate| rate["rate"] == name));
            for (name, theirs) in SIGNED {
                let difference = rate(name).map_or(&Value::Null, |rate| &rate["difference"]);
                self.figure(&format!("{what} {theirs}"), difference, &wanted[theirs], LABELS);
            }
            let ratio = rate("selection_rate").map_or(&Value::Null, |rate| &rate["ratio"]);
            self.figure(&format!("{what} disparate impact"), ratio, &wanted["disparate_impact"], LABELS);
            for (name, theirs) in [
                ("average_odds_difference", "average_odds_difference"),
                ("average_absolute_odds_difference", "average_abs_odds_difference"),
            ] {
                self.figure(&format!("{what} {name}"), &ours[name], &wanted[theirs], LABELS);
            }
        }
    }
}
