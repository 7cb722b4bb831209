//! The bootstrap of figures of a numeric prediction.

use super::{Comparison, FiguresBootstrap, PlanError, rows::Weights};
use crate::stats::fairness::FigureName;

const NAMES: [FigureName; 4] = [FigureName::Mae, FigureName::Rmse, FigureName::R2, FigureName::MeanResidual];
/// Variation of the truth below this share of its mean square is rounding.
const ROUNDING: f64 = 1e-12;

/// One group: its rows around its own mean truth, so that sums of squares lose no digits.
struct Group {
    centre: f64,
    /// Residual, and truth minus centre.
    rows: Vec<(f64, f64)>,
    finite: bool,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    n: f64,
    absolute: f64,
    squares: f64,
    residuals: f64,
    /// Mean truth.
    mean: f64,
    /// Squares of the truth about its mean.
    about_mean: f64,
}

impl Sums {
    fn of(group: &Group, weights: &[u32]) -> Self {
        let (mut sums, mut first, mut second) = (Self::default(), 0.0, 0.0);
        for ((residual, truth), weight) in group.rows.iter().zip(weights) {
            let times = f64::from(*weight);
            sums.n += times;
            sums.absolute += times * residual.abs();
            sums.squares += times * residual * residual;
            sums.residuals += times * residual;
            first += times * truth;
            second += times * truth * truth;
        }
        if 0.0 < sums.n {
            sums.mean = group.centre + first / sums.n;
            let about = second - first * first / sums.n;
            sums.about_mean = if about <= ROUNDING * second { 0.0 } else { about };
        }
        sums
    }

    /// Both sets of rows together (Chan, Golub and LeVeque 1979).
    fn joined(self, other: Self) -> Self {
        let n = self.n + other.n;
        if n == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            n,
            absolute: self.absolute + other.absolute,
            squares: self.squares + other.squares,
            residuals: self.residuals + other.residuals,
            mean: self.mean + apart * other.n / n,
            about_mean: self.about_mean + other.about_mean + apart * apart * self.n * other.n / n,
        }
    }

    /// All figures, in the order of `NAMES`.
    fn figures(&self, finite: bool) -> [Option<f64>; 4] {
        let some = |value: f64| (finite && 0.0 < self.n && value.is_finite()).then_some(value);
        [
            some(self.absolute / self.n),
            some((self.squares / self.n).sqrt()),
            some(1.0 - self.squares / self.about_mean).filter(|_| 0.0 < self.about_mean),
            some(self.residuals / self.n),
        ]
    }
}

/// Percentile intervals for MAE, RMSE, R2 (about the mean of the rows drawn) and mean residual:
/// over all rows, by group and between groups. Undefined where a value is not finite; in a
/// replicate, R2 of a truth that doesn't vary. `progress` hears the share that is done.
pub fn residuals(
    of: &Comparison<'_>,
    predicted: &[f64],
    truth: &[f64],
    progress: &mut dyn FnMut(f64),
) -> Result<FiguresBootstrap, PlanError> {
    if predicted.len() != truth.len() {
        return Err(PlanError::Lengths { rows: predicted.len(), other: truth.len() });
    }
    let strata = of.strata(truth.len())?;
    let groups: Vec<Group> = strata.rows.iter().map(|numbers| group(numbers, predicted, truth)).collect();
    let all_finite = groups.iter().all(|group| group.finite);
    let mut weights = Weights::of_sizes(groups.iter().map(|group| group.rows.len()));
    let usable = strata.usable.clone();
    of.bootstrap(strata, &NAMES.map(|name| (name, None)), progress, |generator, values| {
        weights.draw(of.plan.scheme, generator);
        let sums: Vec<Sums> = groups.iter().zip(weights.strata()).map(|(g, w)| Sums::of(g, w)).collect();
        let all = sums.iter().copied().fold(Sums::default(), Sums::joined);
        values.extend(all.figures(all_finite));
        for ((sums, group), usable) in sums.iter().zip(&groups).zip(&usable) {
            if *usable {
                values.extend(sums.figures(group.finite));
            }
        }
    })
}

fn group(numbers: &[u32], predicted: &[f64], truth: &[f64]) -> Group {
    let pick = |number: &u32| Some((*predicted.get(*number as usize)?, *truth.get(*number as usize)?));
    let rows: Vec<(f64, f64)> = numbers.iter().filter_map(pick).collect();
    let centre = rows.iter().map(|row| row.1).sum::<f64>() / rows.len().max(1) as f64;
    Group {
        finite: rows.iter().all(|(p, t)| p.is_finite() && t.is_finite()),
        rows: rows.into_iter().map(|(predicted, truth)| (predicted - truth, truth - centre)).collect(),
        centre,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::regression::regression;
    use proptest::prelude::*;

    /// Residual, truth, weight and the half that the row is in.
    type Drawn = (f64, f64, u32, bool);

    proptest! {
        #[test]
        fn weights_are_the_same_as_rows_written_out(
            rows in prop::collection::vec((-50.0..50.0f64, 1000.0..1010.0f64, 0u32..4, any::<bool>()), 1..40),
        ) {
            let written = |of: &dyn Fn(&Drawn) -> bool| -> (Vec<f64>, Vec<f64>) {
                let rows = rows.iter().filter(|row| of(row));
                rows.flat_map(|row| vec![(row.1 + row.0, row.1); row.2 as usize]).unzip()
            };
            let sums = |of: &dyn Fn(&Drawn) -> bool| {
                let kept: Vec<_> = rows.iter().copied().filter(|row| of(row)).collect();
                let (predicted, truth): (Vec<f64>, Vec<f64>) = kept.iter().map(|row| (row.1 + row.0, row.1)).unzip();
                let numbers: Vec<u32> = (0..kept.len() as u32).collect();
                let weights: Vec<u32> = kept.iter().map(|row| row.2).collect();
                Sums::of(&group(&numbers, &predicted, &truth), &weights)
            };
            let all = sums(&|row| row.3).joined(sums(&|row| !row.3));
            let (predicted, truth) = written(&|_| true);
            let want = regression(&predicted, &truth);
            for (got, want) in all.figures(true).into_iter().zip([want.mae, want.rmse, want.r2, want.mean_residual]) {
                match (got, want.value) {
                    (Some(got), Some(want)) => {
                        prop_assert!((got - want).abs() < 1e-7 * want.abs().max(1.0), "{} {}", got, want);
                    }
                    // A truth that varies by rounding only has an R2 there and none here.
                    (got, want) => prop_assert!(got.is_none() && want.is_none_or(|w| w < -1e6), "{got:?} {want:?}"),
                }
            }
        }
    }
}
