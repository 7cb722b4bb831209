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
}

/// Figures of `predicted` against `truth`, row by row.
pub fn regression(predicted: &[f64], truth: &[f64]) -> RegressionQuality {
    let n = truth.len() as u64;
    let undefined = Figure::point(None, n);
    let finite = predicted.iter().chain(truth).all(|v| v.is_finite());
    if predicted.len() != truth.len() || truth.is_empty() || !finite {
        return RegressionQuality {
            mae: undefined,
            rmse: undefined,
            r2: undefined,
            mean_residual: undefined,
            mean_prediction: undefined,
        };
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let residuals: Vec<f64> = predicted.iter().zip(truth).map(|(p, t)| p - t).collect();
    let absolute: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    let squares: Vec<f64> = absolute.iter().map(|a| a * a).collect();
    let root = interval::mean_of_losses(&squares).and_then(|i| i.map(f64::sqrt, IntervalMethod::StudentTRoot));
    let centre = mean(truth);
    let about_mean: f64 = truth.iter().map(|t| (t - centre).powi(2)).sum();
    let explained = 1.0 - squares.iter().sum::<f64>() / about_mean;
    // Finite inputs can still overflow when squared; such a figure is undefined, not infinite.
    let defined = |value: f64| value.is_finite().then_some(value);
    RegressionQuality {
        mae: Figure::with_interval(defined(mean(&absolute)), interval::mean_of_losses(&absolute), n),
        rmse: Figure::with_interval(defined(mean(&squares).sqrt()), root, n),
        r2: Figure::point((0.0 < about_mean).then_some(explained).and_then(defined), n),
        mean_residual: Figure::with_interval(defined(mean(&residuals)), interval::mean(&residuals), n),
        mean_prediction: Figure::with_interval(defined(mean(predicted)), interval::mean(predicted), n),
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
