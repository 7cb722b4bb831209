//! One group, or all rows, of a binary case.

use super::{
    super::{
        calibration::{self, Binning},
        confusion::Confusion,
        fairness::{GroupRates, RateName},
        figure::Rate,
        quality::{LabelQuality, ScoreQuality},
        score,
    },
    LABELS, SCORES, Value, check, check_count, counted, object,
};

/// The rate that the references call `key`, aequitas in its own words.
pub fn rate_name(key: &str) -> Option<RateName> {
    Some(match key {
        "selection_rate" | "pprev" => RateName::SelectionRate,
        "accuracy" => RateName::Accuracy,
        "tpr" => RateName::Tpr,
        "fpr" => RateName::Fpr,
        "tnr" => RateName::Tnr,
        "fnr" => RateName::Fnr,
        "precision" => RateName::Precision,
        "npv" => RateName::Npv,
        "false_omission_rate" | "for" => RateName::FalseOmissionRate,
        "false_discovery_rate" | "fdr" => RateName::FalseDiscoveryRate,
        _ => return None,
    })
}

fn count(counts: &Confusion, key: &str) -> Option<u64> {
    Some(match key {
        "n" | "group_size" => counts.n(),
        "tp" => counts.tp,
        "fp" => counts.fp,
        "tn" => counts.tn,
        "fn" => counts.fn_,
        "positives" | "group_label_pos" => counts.positives(),
        "negatives" | "group_label_neg" => counts.negatives(),
        "selected" | "pp" => counts.selected(),
        "pn" => counts.n() - counts.selected(),
        _ => return None,
    })
}

/// Checks one figure of counts; false when the key names none.
pub fn check_figure(what: &str, counts: &Confusion, key: &str, want: &Value) -> bool {
    let what = format!("{what} {key}");
    if let Some(count) = count(counts, key) {
        check_count(&what, count, want);
        return true;
    }
    let rate = |rate: Option<Rate>| rate.map(|r| r.value);
    let got = match key {
        "base_rate" | "prev" => rate(counts.base_rate()),
        "f1" => counts.f1().value,
        "balanced_accuracy" => counts.balanced_accuracy().value,
        _ => match rate_name(key) {
            Some(name) => rate(counts.rate(name)),
            None => return false,
        },
    };
    check(&what, got, want, LABELS);
    true
}

/// Every key of a group or of all rows but its scores.
pub fn check_counts(what: &str, counts: &Confusion, want: &Value) {
    for (key, want) in object(want).filter(|(key, _)| *key != "scores") {
        if key == "wilson95" {
            for (key, want) in object(want) {
                let rate = rate_name(key).and_then(|name| counts.rate(name));
                for (end, at) in [(rate.map(|r| r.interval.low), 0), (rate.map(|r| r.interval.high), 1)] {
                    check(&format!("{what} {key} interval"), end, &want[at], LABELS);
                }
            }
        } else {
            assert!(check_figure(what, counts, key, want), "{what}: nothing here is called {key}");
        }
    }
}

/// A group of the table, whose own rates have to be those of its counts.
pub fn check_group(what: &str, group: &GroupRates, want: &Value) {
    let what = format!("{what}, group {}", group.group);
    let counts = group.counts.expect("counts").confusion;
    check_counts(&what, &counts, want);
    for key in ["selection_rate", "accuracy", "tpr", "fpr", "tnr", "fnr", "precision", "npv", "fdr"] {
        let name = rate_name(key).expect("a rate");
        assert_eq!(group.rate(name), counts.rate(name), "{what} {key}");
    }
    check(&what, group.base_rate.map(|r| r.value), &want["base_rate"], LABELS);
}

/// The figures of evidence are those of the counts.
pub fn check_quality(what: &str, counts: &Confusion, want: &Value) {
    let quality = LabelQuality::of(counts);
    for (key, figure) in [
        ("accuracy", quality.accuracy),
        ("balanced_accuracy", quality.balanced_accuracy),
        ("precision", quality.precision),
        ("tpr", quality.recall),
        ("f1", quality.f1),
        ("selection_rate", quality.selection_rate),
        ("fpr", quality.fpr),
        ("tnr", quality.tnr),
        ("fnr", quality.fnr),
    ] {
        check(&format!("{what} {key} of the evidence"), figure.value, &want[key], LABELS);
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = values.len() as f64;
    (0.0 < n).then(|| values.sum::<f64>() / n)
}

/// Every key of the scores of a group or of all rows.
pub fn check_scores(what: &str, positive: &[bool], scores: &[f64], want: &Value) {
    let quality = ScoreQuality::of(positive, scores);
    let truth = |positive: bool| if positive { 1.0 } else { 0.0 };
    let (correct, confidence) = calibration::confidence(positive, scores);
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        let got = match key {
            "n" => {
                check_count(&what, scores.len() as u64, want);
                continue;
            }
            "calibration_bins" => {
                check_bins(&what, positive, scores, want);
                continue;
            }
            "auc" => quality.auc.value,
            "brier" => quality.brier.value,
            "log_loss" => quality.log_loss.value,
            "mean_score" => mean(scores.iter().copied()),
            "base_rate" => mean(positive.iter().map(|p| truth(*p))),
            "calibration_in_the_large" => mean(positive.iter().zip(scores).map(|(p, s)| s - truth(*p))),
            "ece_10_equal_width" => quality.ece.value,
            "mce_10_equal_width" => calibration::mce(positive, scores).value,
            "ece_10_equal_width_right_closed" => {
                calibration::ece(positive, scores, Binning::EqualWidthRightClosed).value
            }
            "ece_10_equal_mass" => calibration::ece(positive, scores, Binning::EqualMass).value,
            "ece_10_confidence" => calibration::confidence_ece(&correct, &confidence).value,
            _ => panic!("{what}: no such figure of scores here"),
        };
        // The logarithm enlarges the rounding of a float32 score near 0 or 1.
        check(&what, got, want, if key == "log_loss" { 1e-5 } else { SCORES });
    }
    assert_eq!(score::ece(positive, scores), quality.ece);
}

fn check_bins(what: &str, positive: &[bool], scores: &[f64], want: &Value) {
    let bins = calibration::bins(positive, scores, Binning::EqualWidth).expect("probabilities");
    let wanted = want.as_array().expect("bins");
    assert_eq!(wanted.len(), bins.len(), "{what}");
    for (bin, want) in bins.iter().zip(wanted) {
        counted();
        check_count(what, bin.n, &want["n"]);
        check(what, Some(bin.lower), &want["lower"], LABELS);
        check(what, Some(bin.upper), &want["upper"], LABELS);
        check(what, bin.mean_score, &want["mean_score"], SCORES);
        check(what, bin.observed_rate, &want["observed_rate"], LABELS);
    }
}
