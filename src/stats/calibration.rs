//! How far scores lie from the shares of positives they announce, by bins.
//!
//! The expected calibration error depends on its bins, so every form here names them. The form of
//! evidence is [`super::score::ece`]; the others are those of other libraries and of audits.
//! Invariant: undefined for no rows and for a score outside [0, 1].

use super::{figure::Figure, score::probabilities};

const BINS: usize = 10;

/// How rows come into ten bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binning {
    /// [k/10, (k+1)/10), the last one closed.
    EqualWidth,
    /// (k/10, (k+1)/10], the first one closed (Guo et al. 2017).
    EqualWidthRightClosed,
    /// Rows in the order of their scores, equal ones in the order of rows, cut into ten parts
    /// whose sizes differ by at most one, the larger ones first (Nguyen and O'Connor 2015).
    EqualMass,
}

/// One bin. `lower` and `upper` are its edges: nominal for equal widths, the least and the
/// greatest score for equal mass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    pub lower: f64,
    pub upper: f64,
    pub n: u64,
    /// `None` in an empty bin.
    pub mean_score: Option<f64>,
    /// Share of positives, `None` in an empty bin.
    pub observed_rate: Option<f64>,
}

impl CalibrationBin {
    fn of(lower: f64, upper: f64, rows: &[(f64, bool)]) -> Self {
        let n = rows.len() as f64;
        let share = |sum: f64| (!rows.is_empty()).then(|| sum / n);
        Self {
            lower,
            upper,
            n: rows.len() as u64,
            mean_score: share(rows.iter().map(|row| row.0).sum()),
            observed_rate: share(rows.iter().filter(|row| row.1).count() as f64),
        }
    }

    /// |mean score - share of positives|.
    pub fn gap(&self) -> Option<f64> {
        self.mean_score.zip(self.observed_rate).map(|(mean, rate)| (mean - rate).abs())
    }
}

/// The ten bins of a reliability diagram. `None` where calibration is undefined.
pub fn bins(positive: &[bool], scores: &[f64], binning: Binning) -> Option<Vec<CalibrationBin>> {
    let scores = probabilities(positive, scores)?;
    let mut rows: Vec<(f64, bool)> = scores.into_iter().zip(positive.iter().copied()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let edge = |k: usize| k as f64 / BINS as f64;
    // Where each bin but the last ends, among the sorted rows.
    let end = |k: usize| match binning {
        Binning::EqualWidth => rows.partition_point(|row| row.0 < edge(k)),
        Binning::EqualWidthRightClosed => rows.partition_point(|row| row.0 <= edge(k)),
        Binning::EqualMass => k * (rows.len() / BINS) + k.min(rows.len() % BINS),
    };
    let bin = |k: usize| {
        let from = if k == 0 { 0 } else { end(k) };
        let to = if k + 1 == BINS { rows.len() } else { end(k + 1) };
        let held = rows.get(from..to).unwrap_or_default();
        match (binning, held.first().zip(held.last())) {
            (Binning::EqualMass, Some((first, last))) => CalibrationBin::of(first.0, last.0, held),
            _ => CalibrationBin::of(edge(k), edge(k + 1), held),
        }
    };
    Some((0..BINS).map(bin).collect())
}

/// Expected calibration error: the sum over bins of rows/n * gap. No closed-form interval: the
/// figure is biased upwards in small samples.
pub fn ece(positive: &[bool], scores: &[f64], binning: Binning) -> Figure {
    let n = positive.len() as u64;
    let weighted = |bins: Vec<CalibrationBin>| {
        bins.iter().filter_map(|bin| bin.gap().map(|gap| gap * bin.n as f64)).sum::<f64>() / n as f64
    };
    Figure::point(bins(positive, scores, binning).map(weighted), n)
}

/// Maximum calibration error: the largest gap of a filled bin of equal width (Naeini, Cooper and
/// Hauskrecht 2015).
pub fn mce(positive: &[bool], scores: &[f64]) -> Figure {
    let bins = bins(positive, scores, Binning::EqualWidth).unwrap_or_default();
    Figure::point(bins.iter().filter_map(CalibrationBin::gap).reduce(f64::max), positive.len() as u64)
}

/// Confidence calibration error (Guo et al. 2017): how far the highest probability of a row lies
/// from the share of rows in which the class that has it is right, over bins of equal width.
pub fn confidence_ece(correct: &[bool], confidence: &[f64]) -> Figure {
    ece(correct, confidence, Binning::EqualWidth)
}

/// Correctness and confidence of a binary score whose answer is "positive" from one half on.
pub fn confidence(positive: &[bool], scores: &[f64]) -> (Vec<bool>, Vec<f64>) {
    let of = |(positive, score): (&bool, &f64)| ((0.5 <= *score) == *positive, score.max(1.0 - score));
    positive.iter().zip(scores).map(of).unzip()
}

#[cfg(test)]
mod tests {
    use super::{super::score, *};
    use proptest::prelude::*;

    #[test]
    fn a_score_on_an_edge_belongs_to_the_bin_that_the_form_says() {
        let counts = |binning| -> Vec<u64> {
            bins(&[true, false], &[0.3, 1.0], binning).expect("scores").iter().map(|bin| bin.n).collect()
        };
        assert_eq!(counts(Binning::EqualWidth), [0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(counts(Binning::EqualWidthRightClosed), [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(counts(Binning::EqualMass), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bins(&[true], &[1.5], Binning::EqualWidth), None);
    }

    #[test]
    fn errors_follow_their_definitions() {
        let (positive, scores) = ([true, false, true, false], [0.9, 0.2, 0.6, 1.0]);
        let close = |got: Figure, want: f64| assert!((got.value.expect("defined") - want).abs() < 1e-12, "{got:?}");
        // Gaps: 0.2, 0.4 and |1.9 - 1| / 2 = 0.45 of two rows.
        close(mce(&positive, &scores), 0.45);
        close(ece(&positive, &scores, Binning::EqualWidth), 1.5 / 4.0);
        // Each row is a part of its own: 0.2, 0.4, 0.1 and 1.
        close(ece(&positive, &scores, Binning::EqualMass), 1.7 / 4.0);
        // Right with 0.9, 0.8 and 0.6, wrong with 1.0: 0.2 + 0.4 + |1.9 - 1|.
        let (correct, confidence) = confidence(&positive, &scores);
        close(confidence_ece(&correct, &confidence), 1.5 / 4.0);
        assert_eq!(mce(&[], &[]).value, None);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_bin_and_the_usual_form_is_that_of_the_evidence(
            rows in prop::collection::vec((any::<bool>(), 0.0..=1.0f64), 1..80),
        ) {
            let (positive, scores): (Vec<bool>, Vec<f64>) = rows.into_iter().unzip();
            for binning in [Binning::EqualWidth, Binning::EqualWidthRightClosed, Binning::EqualMass] {
                let bins = bins(&positive, &scores, binning).expect("scores");
                prop_assert_eq!(bins.iter().map(|bin| bin.n).sum::<u64>(), scores.len() as u64);
            }
            let (a, b) = (ece(&positive, &scores, Binning::EqualWidth), score::ece(&positive, &scores));
            prop_assert!((a.value.expect("defined") - b.value.expect("defined")).abs() < 1e-12);
        }
    }
}
