//! Figures of a probability score: discrimination (AUC) and calibration (Brier, log loss, ECE).
//!
//! `positive[i]` is the truth of row `i`, `scores[i]` the score of the positive label.

use super::{
    figure::Figure,
    interval::{self, Interval, IntervalMethod, Z},
};

/// Scores are float32 sums in most runtimes: this much beyond 0 or 1 is rounding, not an error.
const ROUNDING: f64 = 1e-6;
const CLIP: f64 = 1e-15;
const BINS: usize = 10;

/// Area under the ROC curve as the Mann-Whitney statistic with midranks, and DeLong's (1988)
/// interval cut to [0, 1]. Undefined for one class, and for a score that is not finite; no
/// interval with fewer than two rows of a class or a variance of 0 (perfect separation).
pub fn auc(positive: &[bool], scores: &[f64]) -> Figure {
    let n = positive.len() as u64;
    let undefined = Figure::point(None, n);
    if positive.len() != scores.len() || !scores.iter().all(|s| s.is_finite()) {
        return undefined;
    }
    let side = |wanted: bool| -> Vec<f64> {
        let pairs = positive.iter().zip(scores);
        pairs.filter(|(p, _)| **p == wanted).map(|(_, s)| *s).collect()
    };
    let (above, below) = (side(true), side(false));
    let (m, k) = (above.len() as f64, below.len() as f64);
    if above.is_empty() || below.is_empty() {
        return undefined;
    }
    // DeLong's structural components: how a row of one class ranks among the other class.
    let v10 = wins(&above, &below);
    let v01: Vec<f64> = wins(&below, &above).iter().map(|w| 1.0 - w).collect();
    let area = v10.iter().sum::<f64>() / m;
    let variance = sample_variance(&v10).zip(sample_variance(&v01)).map(|(a, b)| a / m + b / k);
    let interval = variance.filter(|v| 0.0 < *v).and_then(|v| {
        let half = Z * v.sqrt();
        let (low, high) = ((area - half).max(0.0), (area + half).min(1.0));
        Interval::new(low, high, IntervalMethod::Delong)
    });
    Figure::with_interval(Some(area), interval, n)
}

/// For each value, the share of `others` that it exceeds, a tie counting one half.
fn wins(values: &[f64], others: &[f64]) -> Vec<f64> {
    let mut sorted = others.to_vec();
    sorted.sort_by(f64::total_cmp);
    let share = |value: &f64| {
        let less = sorted.partition_point(|o| o < value);
        let not_more = sorted.partition_point(|o| o <= value);
        (less + not_more) as f64 / (2 * sorted.len()) as f64
    };
    values.iter().map(share).collect()
}

fn sample_variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Some(values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Brier score: mean of (score - truth)^2, with a t interval. Undefined outside [0, 1].
pub fn brier(positive: &[bool], scores: &[f64]) -> Figure {
    mean_loss(positive, scores, |positive, score| (score - if positive { 1.0 } else { 0.0 }).powi(2))
}

/// Log loss: mean of -ln(probability of the truth), the probability clipped to
/// [1e-15, 1 - 1e-15], with a t interval. Undefined outside [0, 1].
pub fn log_loss(positive: &[bool], scores: &[f64]) -> Figure {
    mean_loss(positive, scores, log_loss_of)
}

pub(super) fn log_loss_of(positive: bool, score: f64) -> f64 {
    let score = score.clamp(CLIP, 1.0 - CLIP);
    -(if positive { score } else { 1.0 - score }).ln()
}

fn mean_loss(positive: &[bool], scores: &[f64], loss: impl Fn(bool, f64) -> f64) -> Figure {
    let n = positive.len() as u64;
    let Some(scores) = probabilities(positive, scores) else {
        return Figure::point(None, n);
    };
    let losses: Vec<f64> = positive.iter().zip(scores).map(|(p, s)| loss(*p, s)).collect();
    let value = losses.iter().sum::<f64>() / losses.len() as f64;
    Figure::with_interval(Some(value), interval::mean_of_losses(&losses), n)
}

/// Expected calibration error over ten bins of equal width, [k/10, (k+1)/10), the last one
/// closed: the sum over bins of rows/n * |mean score - share of positives|. No closed-form
/// interval: the figure is biased upwards in small samples.
pub fn ece(positive: &[bool], scores: &[f64]) -> Figure {
    let n = positive.len() as u64;
    let Some(scores) = probabilities(positive, scores) else {
        return Figure::point(None, n);
    };
    let mut bins = [(0.0, 0.0); BINS];
    for (positive, score) in positive.iter().zip(scores) {
        // Compared with the edges, because score * 10 rounds across them.
        let index = (1..BINS).filter(|edge| *edge as f64 / BINS as f64 <= score).count();
        if let Some((score_sum, positives)) = bins.get_mut(index) {
            *score_sum += score;
            *positives += if *positive { 1.0 } else { 0.0 };
        }
    }
    // rows/n * |sum/rows - positives/rows| is |sum - positives| / n, also for an empty bin.
    let gap: f64 = bins.iter().map(|(scores, positives): &(f64, f64)| (scores - positives).abs()).sum();
    Figure::point(Some(gap / n as f64), n)
}

/// The scores as probabilities, or `None` when one is not: a logit, a NaN, no rows at all.
pub(super) fn probabilities(positive: &[bool], scores: &[f64]) -> Option<Vec<f64>> {
    let usable = |s: &f64| (-ROUNDING..=1.0 + ROUNDING).contains(s);
    (!scores.is_empty() && positive.len() == scores.len() && scores.iter().all(usable))
        .then(|| scores.iter().map(|s| s.clamp(0.0, 1.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn auc_counts_pairs_and_a_tie_as_one_half() {
        let positive = [true, true, false, false];
        assert_eq!(auc(&positive, &[0.9, 0.5, 0.5, 0.1]).value, Some(0.875));
        assert_eq!(auc(&positive, &[0.5; 4]).value, Some(0.5));
        let separated = auc(&positive, &[0.9, 0.8, 0.2, 0.1]);
        assert_eq!((separated.value, separated.interval), (Some(1.0), None));
        assert_eq!(auc(&[true, true], &[0.1, 0.2]).value, None);
        assert_eq!(auc(&positive, &[0.9, f64::NAN, 0.5, 0.1]).value, None);
    }

    #[test]
    fn delong_interval_matches_its_definition_worked_by_hand() {
        // V10 = 1, 1, 1/3 with variance 4/27 and V01 = 2/3, 2/3, 1 with variance 1/27.
        let positive = [true, true, true, false, false, false];
        let got = auc(&positive, &[0.9, 0.8, 0.3, 0.7, 0.4, 0.1]);
        let area = 7.0 / 9.0;
        assert!((got.value.expect("defined") - area).abs() < 1e-15);
        let half = Z * ((4.0 / 27.0 + 1.0 / 27.0) / 3.0_f64).sqrt();
        let interval = got.interval.expect("defined");
        assert!((interval.low - (area - half)).abs() < 1e-12, "{interval:?}");
        assert_eq!(interval.high, 1.0);
    }

    #[test]
    fn losses_and_calibration_follow_their_definitions() {
        let (positive, scores) = ([true, false, true, false], [0.9, 0.2, 0.6, 1.0]);
        let close = |got: Figure, want: f64| {
            assert!((got.value.expect("defined") - want).abs() < 1e-12, "{got:?}");
        };
        close(brier(&positive, &scores), (0.01 + 0.04 + 0.16 + 1.0) / 4.0);
        let clipped = -(1.0_f64 - (1.0 - 1e-15)).ln();
        let want = -(0.9_f64.ln() + 0.8_f64.ln() + 0.6_f64.ln()) + clipped;
        close(log_loss(&positive, &scores), want / 4.0);
        // Bin 9 holds 0.9 and 1.0: |1.9 - 1| = 0.9; 0.2 and 0.6 give 0.2 and 0.4.
        close(ece(&positive, &scores), 1.5 / 4.0);
    }

    #[test]
    fn a_logit_has_an_auc_and_no_calibration() {
        let (positive, logits) = ([true, false, true], [3.0, -1.0, 0.5]);
        assert_eq!(auc(&positive, &logits).value, Some(1.0));
        for figure in [brier, log_loss, ece] {
            assert_eq!(figure(&positive, &logits).value, None);
            assert_eq!(figure(&[], &[]).value, None);
        }
    }

    proptest! {
        #[test]
        fn order_of_rows_does_not_matter(mut rows in prop::collection::vec((any::<bool>(), 0u32..=20), 2..60)) {
            let figures = |rows: &[(bool, u32)]| {
                let positive: Vec<bool> = rows.iter().map(|r| r.0).collect();
                let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 20.0).collect();
                [auc, brier, log_loss, ece].map(|figure| figure(&positive, &scores).value)
            };
            let before = figures(&rows);
            rows.reverse();
            for (a, b) in before.into_iter().zip(figures(&rows)) {
                match (a, b) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }
}
