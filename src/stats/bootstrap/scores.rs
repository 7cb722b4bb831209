//! The bootstrap of figures of a probability score.

use super::{Comparison, FiguresBootstrap, PlanError, figures::Strata, rows::Weights};
use crate::stats::{
    fairness::FigureName,
    score::{log_loss_of, probabilities},
};

const NAMES: [FigureName; 6] = [
    FigureName::Auc,
    FigureName::Brier,
    FigureName::LogLoss,
    FigureName::Ece,
    FigureName::MeanScore,
    FigureName::CalibrationGap,
];
const BINS: usize = 10;

#[derive(Clone, Copy)]
struct Row {
    score: f64,
    /// The score cut to [0, 1].
    probability: f64,
    log_loss: f64,
    /// 1 for a positive row, else 0.
    truth: f64,
    bin: u32,
    /// Whether the score is that of the row before, among the rows of the group.
    is_tie: bool,
}

/// What the figures of one group come from; sums of groups are the sums of all rows.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: u64,
    scores: f64,
    gaps: f64,
    squares: f64,
    log_losses: f64,
    /// Of each bin, probabilities minus positives.
    bins: [f64; BINS],
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.scores += other.scores;
        self.gaps += other.gaps;
        self.squares += other.squares;
        self.log_losses += other.log_losses;
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            *bin += more;
        }
    }

    /// All figures, in the order of `NAMES`.
    fn figures(&self, auc: Option<f64>, quality: Quality) -> [Option<f64>; 6] {
        let n = self.n as f64;
        let of_scores = |sum: f64| (self.n != 0 && quality.finite).then(|| sum / n);
        let of_probabilities = |sum: f64| (self.n != 0 && quality.probabilities).then(|| sum / n);
        [
            auc.filter(|_| quality.finite),
            of_probabilities(self.squares),
            of_probabilities(self.log_losses),
            of_probabilities(self.bins.iter().map(|gap| gap.abs()).sum()),
            of_scores(self.scores),
            of_scores(self.gaps),
        ]
    }
}

/// Which figures a set of rows can have.
#[derive(Clone, Copy)]
struct Quality {
    finite: bool,
    probabilities: bool,
}

/// Counts pairs of a positive and a negative row from low scores to high ones, in whole numbers.
#[derive(Default)]
struct Pairs {
    /// Twice the pairs in which the positive row scores higher, a tie counting one half.
    /// Rows are numbered in 32 bits, so this fits.
    won_twice: u64,
    positives: u64,
    negatives: u64,
    tied_positives: u64,
    tied_negatives: u64,
}

impl Pairs {
    fn add(&mut self, weight: u32, is_positive: bool, is_tie: bool) {
        if !is_tie {
            self.close();
        }
        // Without a branch, which truth would make a coin toss.
        let positives = u64::from(weight) * u64::from(is_positive);
        self.tied_positives += positives;
        self.tied_negatives += u64::from(weight) - positives;
    }

    /// Ends a run of equal scores.
    fn close(&mut self) {
        self.won_twice += self.tied_positives * (2 * self.negatives + self.tied_negatives);
        self.positives += self.tied_positives;
        self.negatives += self.tied_negatives;
        (self.tied_positives, self.tied_negatives) = (0, 0);
    }

    /// `None` with one class only.
    fn auc(mut self) -> Option<f64> {
        self.close();
        let pairs = 2.0 * self.positives as f64 * self.negatives as f64;
        (0.0 < pairs).then(|| self.won_twice as f64 / pairs)
    }
}

/// The rows by group, each group in the order of its scores, and the order of all of them.
struct Sorted {
    groups: Vec<Vec<Row>>,
    quality: Vec<Quality>,
    /// Places among the rows of all groups, from low scores to high ones, with truth and tie.
    all: Vec<(u32, bool, bool)>,
}

impl Sorted {
    fn of(strata: &Strata, positive: &[bool], scores: &[f64]) -> Self {
        let (mut groups, mut quality) = (Vec::new(), Vec::new());
        for numbers in &strata.rows {
            let pick = |number: &u32| Some((*positive.get(*number as usize)?, *scores.get(*number as usize)?));
            let mut rows: Vec<(bool, f64)> = numbers.iter().filter_map(pick).collect();
            rows.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            let (truth, scores): (Vec<bool>, Vec<f64>) = rows.iter().copied().unzip();
            quality.push(Quality {
                finite: scores.iter().all(|score| score.is_finite()),
                probabilities: probabilities(&truth, &scores).is_some(),
            });
            let before = std::iter::once(f64::NAN).chain(scores.iter().copied());
            groups.push(rows.iter().zip(before).map(|(row, before)| Row::of(*row, before)).collect::<Vec<Row>>());
        }
        let flat: Vec<&Row> = groups.iter().flatten().collect();
        let mut order: Vec<u32> = (0..flat.len() as u32).collect();
        let at = |place: &u32| flat.get(*place as usize).map_or((f64::NAN, false), |row| (row.score, 0.0 < row.truth));
        order.sort_by(|a, b| at(a).0.total_cmp(&at(b).0).then(a.cmp(b)));
        let before = std::iter::once(f64::NAN).chain(order.iter().map(|place| at(place).0));
        let all = order.iter().zip(before).map(|(place, before)| (*place, at(place).1, at(place).0 == before));
        Self { all: all.collect(), groups, quality }
    }

    /// Of all rows: every group's.
    fn overall_quality(&self) -> Quality {
        Quality {
            finite: self.quality.iter().all(|q| q.finite),
            probabilities: self.quality.iter().all(|q| q.probabilities),
        }
    }

    fn overall_auc(&self, weights: &[u32]) -> Option<f64> {
        let mut pairs = Pairs::default();
        for (place, is_positive, is_tie) in &self.all {
            pairs.add(weights.get(*place as usize).copied().unwrap_or_default(), *is_positive, *is_tie);
        }
        pairs.auc()
    }
}

impl Row {
    fn of((positive, score): (bool, f64), before: f64) -> Self {
        let probability = score.clamp(0.0, 1.0);
        Self {
            score,
            probability,
            log_loss: log_loss_of(positive, probability),
            truth: if positive { 1.0 } else { 0.0 },
            // Compared with the edges, because score * 10 rounds across them.
            bin: (1..BINS).filter(|edge| *edge as f64 / BINS as f64 <= probability).count() as u32,
            is_tie: score == before,
        }
    }
}

fn drawn(rows: &[Row], weights: &[u32]) -> (Sums, Option<f64>) {
    let (mut sums, mut pairs) = (Sums::default(), Pairs::default());
    for (row, weight) in rows.iter().zip(weights) {
        pairs.add(*weight, 0.0 < row.truth, row.is_tie);
        let times = f64::from(*weight);
        let gap = row.probability - row.truth;
        sums.n += u64::from(*weight);
        sums.scores += times * row.score;
        sums.gaps += times * (row.score - row.truth);
        sums.squares += times * gap * gap;
        sums.log_losses += times * row.log_loss;
        if let Some(bin) = sums.bins.get_mut(row.bin as usize) {
            *bin += times * gap;
        }
    }
    (sums, pairs.auc())
}

/// Percentile intervals for AUC, Brier score, log loss, calibration error (ten bins of equal
/// width), mean score and calibration gap: over all rows, by group and between groups. A figure is
/// undefined where [`crate::stats::score`] has none: a score that is not finite, for calibration
/// one that is no probability; in a replicate, an AUC of one class. `progress` hears the share
/// that is done.
pub fn scores(
    of: &Comparison<'_>,
    positive: &[bool],
    scores: &[f64],
    progress: &mut dyn FnMut(f64),
) -> Result<FiguresBootstrap, PlanError> {
    if positive.len() != scores.len() {
        return Err(PlanError::Lengths { rows: positive.len(), other: scores.len() });
    }
    let strata = of.strata(scores.len())?;
    let sorted = Sorted::of(&strata, positive, scores);
    let overall = sorted.overall_quality();
    let mut weights = Weights::of_sizes(sorted.groups.iter().map(Vec::len));
    let usable = strata.usable.clone();
    let mut groups: Vec<[Option<f64>; 6]> = Vec::new();
    of.bootstrap(strata, &NAMES.map(|name| (name, None)), progress, |generator, values| {
        weights.draw(of.plan.scheme, generator);
        let mut all = Sums::default();
        groups.clear();
        for (((rows, weights), quality), usable) in
            sorted.groups.iter().zip(weights.strata()).zip(&sorted.quality).zip(&usable)
        {
            let (sums, auc) = drawn(rows, weights);
            all.add(&sums);
            if *usable {
                groups.push(sums.figures(auc, *quality));
            }
        }
        values.extend(all.figures(sorted.overall_auc(weights.all()), overall));
        values.extend(groups.as_flattened());
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{
        bootstrap::{Plan, Scheme},
        disparity::Against,
        groups::Groups,
        quality::ScoreQuality,
        score,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn weights_are_the_same_as_rows_written_out(
            rows in prop::collection::vec((0u8..3, any::<bool>(), 0u32..=20, 0u32..4), 1..60),
        ) {
            let cells: Vec<String> = rows.iter().map(|row| row.0.to_string()).collect();
            let groups = Groups::of("g", &[&cells], rows.len()).expect("few groups");
            let plan = Plan { resamples: 100, seed: 1, scheme: Scheme::Rows };
            let of = Comparison { groups: &groups, minimum_group_size: 0, against: Against::Overall, plan };
            let strata = of.strata(rows.len()).expect("rows");
            let positive: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.2) / 20.0).collect();
            let sorted = Sorted::of(&strata, &positive, &scores);
            // Weights that only depend on what makes two rows the same row.
            let weight = |row: &Row| ((row.score * 20.0).round() as u32 + row.truth as u32) % 4;
            let weights: Vec<Vec<u32>> =
                sorted.groups.iter().map(|rows| rows.iter().map(weight).collect()).collect();
            let (mut all, mut every) = (Sums::default(), Vec::new());
            for ((group, weights), quality) in sorted.groups.iter().zip(&weights).zip(&sorted.quality) {
                let (sums, auc) = drawn(group, weights);
                all.add(&sums);
                let written: Vec<(bool, f64)> = group
                    .iter()
                    .zip(weights)
                    .flat_map(|(row, weight)| vec![(0.0 < row.truth, row.score); *weight as usize])
                    .collect();
                same(sums.figures(auc, *quality), &written)?;
                every.extend(written);
            }
            same(all.figures(sorted.overall_auc(&weights.concat()), sorted.overall_quality()), &every)?;
        }
    }

    fn same(got: [Option<f64>; 6], rows: &[(bool, f64)]) -> Result<(), TestCaseError> {
        let (positive, scores): (Vec<bool>, Vec<f64>) = rows.iter().copied().unzip();
        let quality = ScoreQuality::of(&positive, &scores);
        let n = scores.len() as f64;
        let mean = (!rows.is_empty()).then(|| scores.iter().sum::<f64>() / n);
        let share = positive.iter().filter(|p| **p).count() as f64 / n;
        let ece = score::ece(&positive, &scores).value;
        let want = [quality.auc.value, quality.brier.value, quality.log_loss.value, ece, mean, mean.map(|m| m - share)];
        for (got, want) in got.into_iter().zip(want) {
            match (got, want) {
                (Some(got), Some(want)) => prop_assert!((got - want).abs() < 1e-9, "{got} {want}"),
                (got, want) => prop_assert_eq!(got, want),
            }
        }
        Ok(())
    }
}
