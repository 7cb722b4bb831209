//! Figures of scores and of numeric predictions by group, and how far they lie apart.
//!
//! Invariant: a group below the minimum size has a count and no figure, as in
//! [`super::fairness`]; a figure that a group doesn't have leaves it out of the spread by name.

use super::{
    figure::Figure,
    groups::Groups,
    interval,
    quality::ScoreQuality,
    regression::{RegressionQuality, regression},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Figures of one group; `figures` is `None` when the group is too small.
#[derive(Clone, Debug, PartialEq)]
pub struct OfGroup<T> {
    pub group: String,
    pub n: u64,
    pub figures: Option<T>,
}

/// Scores of one group. All figures are undefined where a score is not finite; those of
/// calibration also where one is no probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupScores {
    pub mean_score: Figure,
    /// Calibration in the large: mean score minus share of positives.
    pub calibration_gap: Figure,
    pub quality: ScoreQuality,
}

fn by_group<V: Copy, T>(groups: &Groups, rows: &[V], minimum: u64, of: impl Fn(&[V]) -> T) -> Vec<OfGroup<T>> {
    let split = groups.split(rows);
    let figures = |(group, rows): (String, Vec<V>)| {
        let n = rows.len() as u64;
        OfGroup { group, n, figures: (minimum <= n && n != 0).then(|| of(&rows)) }
    };
    groups.labels().zip(split).map(figures).collect()
}

/// Scores by group. `positive` is the truth; rows beyond the shorter slice are an error of the
/// caller and left out.
pub fn scores_by_group(groups: &Groups, positive: &[bool], scores: &[f64], minimum: u64) -> Vec<OfGroup<GroupScores>> {
    let rows: Vec<(bool, f64)> = positive.iter().copied().zip(scores.iter().copied()).collect();
    by_group(groups, &rows, minimum, |rows| {
        let (positive, scores): (Vec<bool>, Vec<f64>) = rows.iter().copied().unzip();
        let gaps: Vec<f64> = rows.iter().map(|(p, s)| s - if *p { 1.0 } else { 0.0 }).collect();
        GroupScores {
            mean_score: mean(&scores),
            calibration_gap: mean(&gaps),
            quality: ScoreQuality::of(&positive, &scores),
        }
    })
}

/// Numeric predictions by group.
pub fn regression_by_group(
    groups: &Groups,
    predicted: &[f64],
    truth: &[f64],
    minimum: u64,
) -> Vec<OfGroup<RegressionQuality>> {
    let rows: Vec<(f64, f64)> = predicted.iter().copied().zip(truth.iter().copied()).collect();
    by_group(groups, &rows, minimum, |rows| {
        let (predicted, truth): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
        regression(&predicted, &truth)
    })
}

fn mean(values: &[f64]) -> Figure {
    let n = values.len() as u64;
    let value = values.iter().sum::<f64>() / n as f64;
    Figure::with_interval(value.is_finite().then_some(value), interval::mean(values), n)
}

/// How far a figure lies apart between groups. `None` figures of a group are named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FigureSpread {
    /// Highest minus lowest.
    pub difference: f64,
    /// Lowest over highest; `None` unless all values are of one sign and the highest isn't 0.
    pub ratio: Option<f64>,
    pub highest_group: String,
    pub lowest_group: String,
    /// Too small, or the figure is undefined there.
    pub groups_left_out: Vec<String>,
}

/// The spread of one figure, `None` with fewer than two groups that have it.
pub fn spread<T>(groups: &[OfGroup<T>], figure: impl Fn(&T) -> Figure) -> Option<FigureSpread> {
    let value = |g: &OfGroup<T>| g.figures.as_ref().and_then(|f| figure(f).value);
    let defined: Vec<(&str, f64)> = groups.iter().filter_map(|g| Some((g.group.as_str(), value(g)?))).collect();
    let highest = defined.iter().copied().reduce(|best, next| if best.1 < next.1 { next } else { best })?;
    let lowest = defined.iter().copied().reduce(|best, next| if next.1 <= best.1 { next } else { best })?;
    let left_out = groups.iter().filter(|g| value(g).is_none());
    (2 <= defined.len()).then(|| FigureSpread {
        difference: highest.1 - lowest.1,
        ratio: (0.0 <= lowest.1 && 0.0 < highest.1).then(|| lowest.1 / highest.1),
        highest_group: highest.0.to_owned(),
        lowest_group: lowest.0.to_owned(),
        groups_left_out: left_out.map(|g| g.group.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [&str; 5] = ["a", "b", "a", "b", "c"];

    fn groups() -> Groups {
        Groups::of("g", &[&CELLS[..]], CELLS.len()).expect("few groups")
    }

    #[test]
    fn each_group_has_the_figures_of_its_own_rows() {
        let scores = [0.9, 0.2, 0.4, 0.7, 0.5];
        let got = scores_by_group(&groups(), &[true, false, false, true, true], &scores, 2);
        let a = got[0].figures.expect("two rows");
        assert_eq!((a.mean_score.value, a.quality.auc.value), (Some(0.65), Some(1.0)));
        assert!((a.calibration_gap.value.expect("defined") - 0.15).abs() < 1e-15);
        assert_eq!((got[2].n, got[2].figures), (1, None));
        let spread = spread(&got, |g| g.mean_score).expect("two groups");
        assert!((spread.difference - 0.2).abs() < 1e-15);
        assert_eq!((spread.highest_group.as_str(), spread.groups_left_out), ("a", vec!["c".to_owned()]));
    }

    #[test]
    fn residuals_stay_with_their_group() {
        let got = regression_by_group(&groups(), &[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0, 3.0, 0.0, 5.0, f64::NAN], 1);
        assert_eq!(got[0].figures.and_then(|f| f.mean_residual.value), Some(2.0));
        assert_eq!(got[1].figures.and_then(|f| f.mae.value), Some(1.0));
        assert_eq!(got[2].figures.and_then(|f| f.mae.value), None);
        let residuals = spread(&got, |f| f.mean_residual).expect("two groups");
        assert_eq!((residuals.difference, residuals.ratio), (3.0, None));
        assert_eq!(residuals.groups_left_out, ["c"]);
    }

    #[test]
    fn one_group_is_not_compared() {
        let one = Groups::of("g", &[&["x", "x"][..]], 2).expect("one group");
        assert_eq!(spread(&regression_by_group(&one, &[1.0, 2.0], &[1.0, 1.0], 1), |f| f.mae), None);
    }
}
