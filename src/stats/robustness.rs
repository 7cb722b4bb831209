//! What perturbed inputs do to the answers: pure comparison of answers with and without.
//!
//! A row without a finite answer counts as wrong and as changed. With several draws each row counts with its mean over
//! the draws, so that intervals speak of other rows and not only of other draws.

use super::{
    bootstrap::Plan,
    calibration,
    figure::{Figure, Rate},
    interval::{self, Interval, IntervalMethod, wilson},
    recalibration, score,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answers to one draw of a perturbation, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Draw<'a> {
    /// The predicted class; `None` without a finite answer.
    pub classes: &'a [Option<u32>],
    /// The score of the positive label, or of the predicted class where none is positive; empty without scores.
    pub scores: &'a [Option<f64>],
}

/// The same rows as they are.
#[derive(Clone, Copy, Debug)]
pub struct Unperturbed<'a> {
    /// The true class; `None` for one that the model does not know.
    pub truth: &'a [Option<u32>],
    pub classes: &'a [u32],
    /// As in [`Draw`]; empty without scores.
    pub scores: &'a [f64],
    /// The positive label, where there is one.
    pub positive: Option<u32>,
}

/// How much a figure differs from draw to draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spread {
    /// Sample standard deviation; absent for one draw.
    pub sd: Option<f64>,
    pub minimum: f64,
    pub maximum: f64,
}

/// A mean over draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverDraws {
    pub figure: Figure,
    /// Absent where the figure is undefined.
    pub spread: Option<Spread>,
}

/// Of a classifier under one perturbation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassifierRobustness {
    pub accuracy: OverDraws,
    pub accuracy_drop: OverDraws,
    pub flip_rate: OverDraws,
    /// Undefined without scores.
    pub max_score_change: OverDraws,
    /// Undefined without scores.
    pub calibration_change: OverDraws,
    pub non_finite_rate: OverDraws,
}

/// `None` for no draws, no rows, or draws of another length.
pub fn of_classifier(base: &Unperturbed, draws: &[Draw], plan: Plan) -> Option<ClassifierRobustness> {
    let rows = base.truth.len();
    let fits = |draw: &Draw| {
        draw.classes.len() == rows && (draw.scores.len() == base.scores.len()) && base.classes.len() == rows
    };
    if draws.is_empty() || rows == 0 || !draws.iter().all(fits) {
        return None;
    }
    let right = |row: usize, class: Option<u32>| class.is_some() && class == base.truth.get(row).copied().flatten();
    let was_right = |row: usize| right(row, base.classes.get(row).copied());
    let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
    let share = |of: &dyn Fn(usize, Option<u32>) -> f64| PerRow::of(draws, rows, of);
    let accuracy = share(&|row, class| flag(right(row, class)));
    let drop = share(&|row, class| flag(was_right(row)) - flag(right(row, class)));
    let flips = share(&|row, class| flag(class != base.classes.get(row).copied()));
    let lost = share(&|_, class| flag(class.is_none()));
    Some(ClassifierRobustness {
        accuracy: accuracy.proportion(),
        accuracy_drop: drop.difference(&flips),
        flip_rate: flips.proportion(),
        max_score_change: largest(draws.iter().map(|draw| largest_change(base.scores, draw.scores)), rows),
        calibration_change: calibration_change(base, draws, plan),
        non_finite_rate: lost.proportion(),
    })
}

/// Of a predicted number under one perturbation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegressionRobustness {
    /// Over the rows with a finite answer.
    pub mae: OverDraws,
    pub mae_increase: OverDraws,
    pub max_score_change: OverDraws,
    pub non_finite_rate: OverDraws,
}

/// `None` for no draws, no rows, or draws of another length. The errors are undefined when one row has no finite answer.
pub fn of_regression(truth: &[f64], base: &[f64], draws: &[&[Option<f64>]]) -> Option<RegressionRobustness> {
    let rows = truth.len();
    if draws.is_empty() || rows == 0 || base.len() != rows || draws.iter().any(|draw| draw.len() != rows) {
        return None;
    }
    let error = |row: usize, value: f64| truth.get(row).map_or(f64::NAN, |truth| (value - truth).abs());
    let before = |row: usize| base.get(row).map_or(f64::NAN, |value| error(row, *value));
    let share = |of: &dyn Fn(usize, Option<f64>) -> f64| PerRow::of_numbers(draws, rows, of);
    let lost = share(&|_, value| if value.is_none() { 1.0 } else { 0.0 });
    let errors = share(&|row, value| value.map_or(f64::NAN, |value| error(row, value)));
    let increase = share(&|row, value| value.map_or(f64::NAN, |value| error(row, value) - before(row)));
    Some(RegressionRobustness {
        mae: errors.mean(interval::mean_of_losses),
        mae_increase: increase.mean(interval::mean),
        max_score_change: largest(draws.iter().map(|draw| largest_change(base, draw)), rows),
        non_finite_rate: lost.proportion(),
    })
}

/// A quantity of each row, as its mean over the draws, and of each draw, as its mean over the rows.
struct PerRow {
    rows: Vec<f64>,
    draws: Vec<f64>,
}

impl PerRow {
    fn of(draws: &[Draw], rows: usize, of: &dyn Fn(usize, Option<u32>) -> f64) -> Self {
        Self::fold(draws.iter().map(|draw| draw.classes), rows, of)
    }

    fn of_numbers(draws: &[&[Option<f64>]], rows: usize, of: &dyn Fn(usize, Option<f64>) -> f64) -> Self {
        Self::fold(draws.iter().copied(), rows, of)
    }

    fn fold<'a, T: Copy + 'a>(
        draws: impl ExactSizeIterator<Item = &'a [T]>,
        rows: usize,
        of: &dyn Fn(usize, T) -> f64,
    ) -> Self {
        let count = draws.len() as f64;
        let mut all = Self { rows: vec![0.0; rows], draws: Vec::with_capacity(draws.len()) };
        for draw in draws {
            let mut sum = 0.0;
            for (row, (total, answer)) in all.rows.iter_mut().zip(draw).enumerate() {
                let amount = of(row, *answer);
                sum += amount;
                *total += amount;
            }
            all.draws.push(sum / rows as f64);
        }
        all.rows.iter_mut().for_each(|total| *total /= count);
        all
    }

    fn value(&self) -> Option<f64> {
        let mean = self.draws.iter().sum::<f64>() / self.draws.len() as f64;
        mean.is_finite().then_some(mean)
    }

    fn with(&self, interval: Option<Interval>) -> OverDraws {
        let spread = self.value().and_then(|_| spread(&self.draws));
        OverDraws { figure: Figure::with_interval(self.value(), interval, self.rows.len() as u64), spread }
    }

    fn mean(&self, interval: fn(&[f64]) -> Option<Interval>) -> OverDraws {
        self.with(interval(&self.rows))
    }

    /// Of rows that are 0 or 1 in each draw: Wilson's interval for one draw, and for several Student's, cut to [0, 1].
    fn proportion(&self) -> OverDraws {
        let whole = self.rows.iter().all(|share| *share == 0.0 || *share == 1.0);
        if whole {
            let count = self.rows.iter().filter(|share| **share == 1.0).count() as u64;
            let mut all = self.with(Rate::of(count, self.rows.len() as u64).map(|rate| rate.interval));
            // The exact quotient, not a sum of quotients.
            all.figure.value = Rate::of(count, self.rows.len() as u64).map(|rate| rate.value);
            return all;
        }
        let cut = |i: Interval| Interval::new(i.low.max(0.0), i.high.min(1.0), i.method);
        self.with(interval::mean(&self.rows).and_then(cut))
    }

    /// A mean of differences. Where no row differs, no difference is larger than the share of rows that changed may be.
    fn difference(&self, changed: &Self) -> OverDraws {
        let still = changed.rows.iter().all(|share| *share == 0.0);
        if still {
            let most = wilson(0, self.rows.len() as u64).map(|interval| interval.high);
            return self.with(most.and_then(|most| Interval::new(-most, most, IntervalMethod::Wilson)));
        }
        self.mean(interval::mean)
    }
}

/// The largest change of each draw. The rows are these and no others, so the interval speaks of further draws: Student's t
/// for two or more that differ, none for one.
fn largest(changes: impl Iterator<Item = Option<f64>>, rows: usize) -> OverDraws {
    let changes: Vec<Option<f64>> = changes.collect();
    let defined: Option<Vec<f64>> = changes.iter().copied().collect();
    over(&changes, defined.and_then(|changes| interval::mean_of_losses(&changes)), rows)
}

/// The mean over the draws; undefined when it is in one of them.
fn over(values: &[Option<f64>], interval: Option<Interval>, rows: usize) -> OverDraws {
    let defined: Option<Vec<f64>> = values.iter().copied().collect();
    let mean = defined.as_ref().map(|all| all.iter().sum::<f64>() / all.len() as f64);
    OverDraws {
        figure: Figure::with_interval(mean, interval, rows as u64),
        spread: defined.as_deref().and_then(spread),
    }
}

fn spread(values: &[f64]) -> Option<Spread> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(Spread {
        sd: (1 < values.len()).then(|| variance.sqrt()),
        minimum: values.iter().copied().reduce(f64::min)?,
        maximum: values.iter().copied().reduce(f64::max)?,
    })
}

/// The largest change among the rows that have a finite answer; undefined without such a row.
fn largest_change(before: &[f64], after: &[Option<f64>]) -> Option<f64> {
    let changes = before.iter().zip(after).filter_map(|(before, after)| Some(((*after)? - before).abs()));
    changes.filter(|change| change.is_finite()).reduce(f64::max)
}

fn calibration_change(base: &Unperturbed, draws: &[Draw], plan: Plan) -> OverDraws {
    let finite: Vec<Option<f64>> = base.scores.iter().copied().map(Some).collect();
    let classes: Vec<Option<u32>> = base.classes.iter().copied().map(Some).collect();
    let before = calibration_error(base, &classes, &finite);
    let change = |draw: &Draw| Some(calibration_error(base, draw.classes, draw.scores)? - before?);
    let changes: Vec<Option<f64>> = draws.iter().map(change).collect();
    let resampled = || {
        let draws: Vec<_> = draws.iter().map(|draw| answers(base, draw.classes, draw.scores)).collect();
        recalibration::interval(&answers(base, &classes, &finite), &draws, plan)
    };
    let interval = if changes.iter().all(Option::is_some) { resampled() } else { None };
    over(&changes, interval, base.truth.len())
}

/// The score of each row and whether it came true, as [`calibration_error`] takes them.
fn answers(base: &Unperturbed, classes: &[Option<u32>], scores: &[Option<f64>]) -> Vec<Option<(f64, bool)>> {
    let rows = base.truth.iter().zip(classes).zip(scores);
    rows.map(|((truth, class), score)| {
        let hit = if base.positive.is_some() { *truth == base.positive } else { *truth == *class };
        score.map(|score| (score, hit))
    })
    .collect()
}

/// Of the positive label's score, or of the predicted class's where none is positive, over rows with a finite answer.
fn calibration_error(base: &Unperturbed, classes: &[Option<u32>], scores: &[Option<f64>]) -> Option<f64> {
    let (scores, hits): (Vec<f64>, Vec<bool>) = answers(base, classes, scores).into_iter().flatten().unzip();
    match base.positive {
        Some(_) => score::ece(&hits, &scores).value,
        None => calibration::confidence_ece(&hits, &scores).value,
    }
}

#[cfg(test)]
#[path = "robustness_tests.rs"]
mod tests;
