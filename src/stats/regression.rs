//! Figures of a numeric prediction. Residual = prediction - truth.

use super::{
    figure::Figure,
    interval::{self, IntervalMethod},
};

/// Invariant: every figure is undefined when a prediction or a truth is not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegressionQuality {
    /// Mean absolute error, in the unit of the label, with a t interval.
    pub mae: Figure,
    /// Root mean square error, in the unit of the label; the t interval of the mean square
    /// under the root.
    pub rmse: Figure,
    /// 1 - sum of squares of residuals / sum of squares about the mean of the truth. Undefined
    /// when the truth does not vary. No closed-form interval.
    pub r2: Figure,
    /// Mean of prediction - truth, with a t interval: above 0 where the model predicts too much.
    pub mean_residual: Figure,
    /// Mean prediction, with a t interval.
    pub mean_prediction: Figure,
    /// Mean square error, in the squared unit of the label, with a t interval.
    pub mse: Figure,
    /// Mean truth, with a t interval.
    pub mean_truth: Figure,
    /// Median absolute error; the mean of the two middle ones of an even number.
    pub median_absolute_error: Figure,
    pub maximum_absolute_error: Figure,
    /// Standard deviation of the residuals, division by n - 1. Undefined for one row.
    pub residual_std: Figure,
}

/// Figures of `predicted` against `truth`, row by row.
pub fn regression(predicted: &[f64], truth: &[f64]) -> RegressionQuality {
    let n = truth.len() as u64;
    let finite = predicted.iter().chain(truth).all(|v| v.is_finite());
    if predicted.len() != truth.len() || truth.is_empty() || !finite {
        return undefined(n);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let residuals: Vec<f64> = predicted.iter().zip(truth).map(|(p, t)| p - t).collect();
    let mut absolute: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    let squares: Vec<f64> = absolute.iter().map(|a| a * a).collect();
    let mean_square = interval::mean_of_losses(&squares);
    let root = mean_square.and_then(|i| i.map(f64::sqrt, IntervalMethod::StudentTRoot));
    let about = |values: &[f64], centre: f64| values.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    let about_mean = about(truth, mean(truth));
    let explained = 1.0 - squares.iter().sum::<f64>() / about_mean;
    // Finite inputs can still overflow when squared; such a figure is undefined, not infinite.
    let defined = |value: f64| value.is_finite().then_some(value);
    let std = (about(&residuals, mean(&residuals)) / (n as f64 - 1.0)).sqrt();
    let mae = Figure::with_interval(defined(mean(&absolute)), interval::mean_of_losses(&absolute), n);
    absolute.sort_unstable_by(f64::total_cmp);
    RegressionQuality {
        mae,
        rmse: Figure::with_interval(defined(mean(&squares).sqrt()), root, n),
        r2: Figure::point((0.0 < about_mean).then_some(explained).and_then(defined), n),
        mean_residual: Figure::with_interval(defined(mean(&residuals)), interval::mean(&residuals), n),
        mean_prediction: Figure::with_interval(defined(mean(predicted)), interval::mean(predicted), n),
        mse: Figure::with_interval(defined(mean(&squares)), mean_square, n),
        mean_truth: Figure::with_interval(defined(mean(truth)), interval::mean(truth), n),
        median_absolute_error: Figure::point(median(&absolute).and_then(defined), n),
        maximum_absolute_error: Figure::point(absolute.last().copied().and_then(defined), n),
        residual_std: Figure::point((1 < n).then_some(std).and_then(defined), n),
    }
}

fn undefined(n: u64) -> RegressionQuality {
    let none = Figure::point(None, n);
    RegressionQuality {
        mae: none,
        rmse: none,
        r2: none,
        mean_residual: none,
        mean_prediction: none,
        mse: none,
        mean_truth: none,
        median_absolute_error: none,
        maximum_absolute_error: none,
        residual_std: none,
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        0 => sorted.get(sorted.len() / 2 - 1).map(|lower| lower / 2.0 + upper / 2.0),
        _ => Some(upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_follow_their_definitions() {
        let got = regression(&[2.0, 2.0, 5.0], &[1.0, 2.0, 3.0]);
        assert_eq!(got.mae.value, Some(1.0));
        assert_eq!(got.rmse.value, Some((5.0_f64 / 3.0).sqrt()));
        assert_eq!(got.r2.value, Some(1.0 - 5.0 / 2.0));
        assert_eq!((got.mean_residual.value, got.mean_prediction.value), (Some(1.0), Some(3.0)));
        assert_eq!(got.rmse.interval.map(|i| i.low), Some(0.0));
        assert_eq!((got.mse.value, got.mean_truth.value), (Some(5.0 / 3.0), Some(2.0)));
        assert_eq!((got.median_absolute_error.value, got.maximum_absolute_error.value), (Some(1.0), Some(2.0)));
        assert_eq!(got.residual_std.value, Some(1.0));
        let one = regression(&[2.0], &[1.0]);
        assert_eq!((one.residual_std.value, one.median_absolute_error.value), (None, Some(1.0)));
    }

    #[test]
    fn what_is_not_finite_is_undefined() {
        for (predicted, truth) in [
            (vec![1.0, f64::NAN], vec![1.0, 2.0]),
            (vec![1.0, f64::INFINITY], vec![1.0, 2.0]),
            (vec![1e300, -1e300], vec![-1e300, 1e300]),
            (vec![1.0], vec![1.0, 2.0]),
            (vec![], vec![]),
        ] {
            let got = regression(&predicted, &truth);
            assert_eq!(got.rmse.value, None, "{predicted:?}");
            assert_eq!(got.r2.value, None, "{predicted:?}");
        }
        assert_eq!(regression(&[1.0, 2.0], &[3.0, 3.0]).r2.value, None);
    }
}
