//! Figures of probabilities and labels among several classes, none of them positive.
//!
//! `truth` and `labels` hold indices of classes, `probabilities` a row of one probability for each class.

use super::{
    bootstrap::{Plan, generator::Generator},
    figure::Figure,
    interval::{self, Interval, IntervalMethod},
    multiclass::confidence_ece,
    score,
};

/// Rows that are drawn again in all; more rows get fewer resamples.
const MAXIMUM_DRAWS: usize = 50_000_000;
const MINIMUM_RESAMPLES: usize = 100;
/// Below this share of defined replicates there is no interval.
const DEFINED: f64 = 0.95;

/// The area under the ROC curve of one class against the rest, with DeLong's interval.
pub fn auc_of(class: usize, truth: &[usize], probabilities: &[Vec<f64>]) -> Figure {
    let positive: Vec<bool> = truth.iter().map(|truth| *truth == class).collect();
    let scores: Option<Vec<f64>> = probabilities.iter().map(|row| row.get(class).copied()).collect();
    scores.map_or(Figure::point(None, truth.len() as u64), |scores| score::auc(&positive, &scores))
}

/// Unweighted mean of the areas of each class against the rest (Provost and Domingos 2000), over the classes that have
/// rows. Its interval has the mean of their half widths, which is wide enough however they hang together: a standard
/// deviation of a mean is at most the mean of the standard deviations.
pub fn macro_auc(truth: &[usize], probabilities: &[Vec<f64>]) -> Figure {
    let n = truth.len() as u64;
    let classes = probabilities.first().map_or(0, Vec::len);
    let present = (0..classes).filter(|class| truth.contains(class));
    let areas: Vec<Figure> = present.map(|class| auc_of(class, truth, probabilities)).collect();
    let count = areas.len() as f64;
    let mean = |of: fn(&Figure) -> Option<f64>| -> Option<f64> {
        let all: Vec<f64> = areas.iter().map(of).collect::<Option<_>>()?;
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / count)
    };
    let interval = mean(|area| area.interval.map(|i| i.low)).zip(mean(|area| area.interval.map(|i| i.high)));
    let interval = interval.and_then(|(low, high)| Interval::new(low, high, IntervalMethod::Delong));
    Figure::with_interval(mean(|area| area.value), interval, n)
}

/// Brier's (1950) score: mean over rows of the squared differences to the truth, summed over the classes; 0 to 2. With a
/// t interval.
pub fn brier(truth: &[usize], probabilities: &[Vec<f64>]) -> Figure {
    let n = truth.len() as u64;
    if truth.len() != probabilities.len() {
        return Figure::point(None, n);
    }
    let of_row = |(truth, row): (&usize, &Vec<f64>)| -> Option<f64> {
        row.get(*truth)?;
        let loss = |(class, p): (usize, &f64)| (p - if class == *truth { 1.0 } else { 0.0 }).powi(2);
        Some(row.iter().enumerate().map(loss).sum()).filter(|sum: &f64| sum.is_finite())
    };
    let losses: Option<Vec<f64>> = truth.iter().zip(probabilities).map(of_row).collect();
    let Some(losses) = losses.filter(|losses| !losses.is_empty()) else { return Figure::point(None, n) };
    let value = losses.iter().sum::<f64>() / losses.len() as f64;
    Figure::with_interval(Some(value), interval::mean_of_losses(&losses), n)
}

/// Matthews' correlation coefficient for several classes (Gorodkin 2004), with an interval from the bootstrap over rows.
/// Undefined when the truth or the labels have one class only.
pub fn mcc(truth: &[usize], labels: &[usize], plan: Plan) -> Figure {
    let n = truth.len() as u64;
    let all: Vec<usize> = (0..truth.len()).collect();
    if truth.len() != labels.len() {
        return Figure::point(None, n);
    }
    let of = |rows: &[usize]| correlation(truth, labels, rows);
    Figure::with_interval(of(&all), resampled(truth.len(), plan, of), n)
}

fn correlation(truth: &[usize], labels: &[usize], rows: &[usize]) -> Option<f64> {
    let pairs: Vec<(usize, usize)> =
        rows.iter().filter_map(|row| Some((*truth.get(*row)?, *labels.get(*row)?))).collect();
    let classes = pairs.iter().map(|(t, l)| 1 + *t.max(l)).max()?;
    let (mut of_truth, mut of_labels) = (vec![0.0; classes], vec![0.0; classes]);
    let mut correct = 0.0;
    for (t, l) in &pairs {
        of_truth.get_mut(*t).into_iter().chain(of_labels.get_mut(*l)).for_each(|count| *count += 1.0);
        correct += if t == l { 1.0 } else { 0.0 };
    }
    let n = pairs.len() as f64;
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let spread = |counts: &[f64]| n * n - product(counts, counts);
    let below = (spread(&of_truth) * spread(&of_labels)).sqrt();
    (0.0 < below).then(|| (correct * n - product(&of_truth, &of_labels)) / below)
}

/// Calibration error of the most probable class, with an interval from the bootstrap over rows.
pub fn ece(truth: &[usize], probabilities: &[Vec<f64>], plan: Plan) -> Figure {
    let of = |rows: &[usize]| {
        let truth: Option<Vec<usize>> = rows.iter().map(|row| truth.get(*row).copied()).collect();
        let drawn: Option<Vec<&[f64]>> = rows.iter().map(|row| probabilities.get(*row).map(Vec::as_slice)).collect();
        confidence_ece(&truth?, &drawn?).value
    };
    let point = confidence_ece(truth, probabilities);
    let interval = if point.value.is_some() { resampled(truth.len(), plan, of) } else { None };
    Figure { interval, ..point }
}

/// Quantiles of a figure over rows drawn with replacement. The seed is the plan's, the stream its own.
fn resampled(rows: usize, plan: Plan, of: impl Fn(&[usize]) -> Option<f64>) -> Option<Interval> {
    const STREAM: u64 = 0x7365_7665_7261_6c00;
    let bound = u32::try_from(rows).ok().filter(|rows| 1 < *rows)?;
    let wanted = usize::try_from(plan.resamples).ok()?;
    let resamples = wanted.min((MAXIMUM_DRAWS / rows).max(MINIMUM_RESAMPLES));
    let mut generator = Generator::of(plan.seed, STREAM);
    let mut drawn = vec![0; rows];
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        drawn.fill_with(|| generator.below(bound) as usize);
        values.extend(of(&drawn));
    }
    if (values.len() as f64) < DEFINED * resamples as f64 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let (low, high) = (values.get(low)?, values.get(low + 1).or(values.last())?);
        Some(low + part * (high - low))
    };
    Interval::new(at(0.025)?, at(0.975)?, IntervalMethod::BootstrapPercentile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bootstrap::Scheme;

    const PLAN: Plan = Plan { resamples: 500, seed: 1, scheme: Scheme::StratifiedByGroup };

    fn rows(all: &[[f64; 3]]) -> Vec<Vec<f64>> {
        all.iter().map(|row| row.to_vec()).collect()
    }

    #[test]
    fn probabilities_of_several_classes_are_scored_as_defined() {
        let probabilities = rows(&[[0.7, 0.2, 0.1], [0.25, 0.25, 0.5], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]);
        let truth = [0, 2, 1, 1];
        let want = [0.09 + 0.04 + 0.01, 0.0625 * 2.0 + 0.25, 0.04 + 0.25 + 0.09, 0.36 + 0.49 + 0.01];
        let got = brier(&truth, &probabilities).value.expect("defined");
        assert!((got - want.iter().sum::<f64>() / 4.0).abs() < 1e-15, "{got}");
        // Class 0: 0.7 against 0.25, 0.2, 0.6: 1. Class 1: 0.5 and 0.3 against 0.2 and 0.25: 1. Class 2: 1.
        assert_eq!(macro_auc(&truth, &probabilities).value, Some(1.0));
        assert_eq!(auc_of(0, &[0, 2, 1, 0], &probabilities).value, Some(1.0));
        assert_eq!(brier(&[3, 0, 0, 0], &probabilities).value, None);
        assert_eq!((brier(&[], &[]).value, macro_auc(&[], &[]).value), (None, None));
    }

    #[test]
    fn the_coefficient_of_two_classes_is_that_of_matthews() {
        // tp 3, fp 1, fn 2, tn 4.
        let truth = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0];
        let labels = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
        let want = (3.0 * 4.0 - 1.0 * 2.0) / (4.0_f64 * 5.0 * 5.0 * 6.0).sqrt();
        let got = mcc(&truth, &labels, PLAN);
        assert!((got.value.expect("defined") - want).abs() < 1e-12);
        let interval = got.interval.expect("an interval");
        assert!(interval.low < want && want < interval.high, "{interval:?}");
        assert_eq!(got, mcc(&truth, &labels, PLAN));
        assert_eq!(mcc(&[1, 1], &[1, 1], PLAN).value, None);
        assert_eq!(mcc(&[1, 0, 2], &[1, 0, 2], PLAN).value, Some(1.0));
    }

    #[test]
    fn calibration_has_an_interval_around_it() {
        let probabilities: Vec<Vec<f64>> =
            (0..60).map(|i| if i % 3 == 0 { vec![0.2, 0.8] } else { vec![0.6, 0.4] }).collect();
        let truth: Vec<usize> = (0..60).map(|i| usize::from(i % 2 == 0)).collect();
        let got = ece(&truth, &probabilities, PLAN);
        let interval = got.interval.expect("an interval");
        let value = got.value.expect("defined");
        assert!(interval.low <= value && value <= interval.high && interval.low < interval.high, "{got:?}");
    }
}
