//! Disparities of bare counts, thousands of times: the figures of [`super::Disparity`] without
//! names and intervals, for resamples.

use super::{DisparityMetric, metric::Form};
use crate::stats::fairness::{FigureName, RateName};

/// tp, fp, tn, fn of one group.
pub type Cells = [u64; 4];

/// A rate without its interval: the same division as [`crate::stats::confusion::Confusion::rate`].
pub fn rate_of_cells([tp, fp, tn, fn_]: Cells, name: RateName) -> Option<f64> {
    let (count, total) = match name {
        RateName::SelectionRate => (tp + fp, tp + fp + tn + fn_),
        RateName::Accuracy => (tp + tn, tp + fp + tn + fn_),
        RateName::ErrorRate => (fp + fn_, tp + fp + tn + fn_),
        RateName::Tpr => (tp, tp + fn_),
        RateName::Fnr => (fn_, tp + fn_),
        RateName::Fpr => (fp, fp + tn),
        RateName::Tnr => (tn, fp + tn),
        RateName::Precision => (tp, tp + fp),
        RateName::FalseDiscoveryRate => (fp, tp + fp),
        RateName::Npv => (tn, tn + fn_),
        RateName::FalseOmissionRate => (fn_, tn + fn_),
    };
    (total != 0).then(|| count as f64 / total as f64)
}

fn figure_of_cells([_, fp, _, fn_]: Cells, name: FigureName) -> Option<f64> {
    (name == FigureName::FalseNegativesPerFalsePositive && fp != 0).then(|| fn_ as f64 / fp as f64)
}

/// What the drawn groups are held against.
#[derive(Clone, Copy, Debug)]
pub enum CellsAgainst {
    BetweenGroups,
    /// The counts of all rows.
    Overall(Cells),
    /// The group at this index.
    Group(usize),
}

/// The disparity of the groups `drawn`. `None` also for a figure that counts don't give.
pub fn of_cells(metric: DisparityMetric, drawn: &[Cells], against: CellsAgainst) -> Option<f64> {
    let rates = metric.rates();
    match (rates, metric.figure()) {
        ([], Some(name)) => spread(metric.form(), drawn, against, |cells| figure_of_cells(cells, name)),
        _ => {
            let spreads =
                rates.iter().map(|rate| spread(metric.form(), drawn, against, |cells| rate_of_cells(cells, *rate)));
            joined(metric.form(), spreads)
        }
    }
}

/// The values of both rates as one. A missing half is left out, as in [`super::Disparity`], but
/// for the mean, which needs both.
fn joined(form: Form, spreads: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut count, mut missing) = (0.0, 0.0, false);
    let mut worst: Option<f64> = None;
    for spread in spreads {
        let Some(value) = spread else {
            missing = true;
            continue;
        };
        (sum, count) = (sum + value, count + 1.0);
        worst = Some(match (worst, form) {
            (None, _) => value,
            // 0/0 is worse than any ratio and makes the whole undefined.
            (Some(worst), _) if worst.is_nan() || value.is_nan() => f64::NAN,
            (Some(worst), Form::Ratio) => worst.min(value),
            (Some(worst), _) => worst.max(value),
        });
    }
    match form {
        Form::MeanDifference => (!missing && count != 0.0).then(|| sum / count),
        _ => worst.filter(|value| !value.is_nan()),
    }
}

/// `None` with fewer than two values; NaN for a ratio that is 0/0 in every pair.
fn spread(form: Form, drawn: &[Cells], against: CellsAgainst, value: impl Fn(Cells) -> Option<f64>) -> Option<f64> {
    let (reference, skipped) = match against {
        CellsAgainst::BetweenGroups => {
            let values = drawn.iter().filter_map(|cells| value(*cells));
            let start = (f64::INFINITY, f64::NEG_INFINITY, 0u32);
            let (low, high, count) = values.fold(start, |(l, h, n), value| (l.min(value), h.max(value), n + 1));
            return (2 <= count).then(|| pair(form, low, high));
        }
        CellsAgainst::Overall(cells) => (value(cells)?, None),
        CellsAgainst::Group(at) => (value(*drawn.get(at)?)?, Some(at)),
    };
    // One group is compared with nothing, not with all rows either.
    if drawn.iter().filter(|cells| value(**cells).is_some()).count() < 2 {
        return None;
    }
    let compared = drawn.iter().enumerate().filter(|(index, _)| Some(*index) != skipped);
    let values = compared.filter_map(|(_, cells)| value(*cells));
    let pairs = values.map(|value| pair(form, value.min(reference), value.max(reference)));
    pairs.reduce(|a, b| match form {
        // `min` and `max` give the number where one of both is NaN: 0/0 gives way.
        Form::Ratio => a.min(b),
        _ => a.max(b),
    })
}

fn pair(form: Form, low: f64, high: f64) -> f64 {
    match form {
        Form::Ratio if high == 0.0 => f64::NAN,
        Form::Ratio => low / high,
        _ => high - low,
    }
}
