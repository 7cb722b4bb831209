//! Figures of a label among several classes.

use super::{
    calibration,
    confusion::Confusion,
    figure::{Figure, Rate},
    score,
};
use std::collections::BTreeMap;

/// Share of rows whose label is the truth, byte for byte, with a Wilson interval.
pub fn accuracy<S: AsRef<str>>(labels: &[S], truth: &[S]) -> Figure {
    let n = truth.len() as u64;
    if labels.len() != truth.len() {
        return Figure::point(None, n);
    }
    let pairs = labels.iter().zip(truth);
    let correct = pairs.filter(|(l, t)| l.as_ref() == t.as_ref()).count();
    Rate::figure(Rate::of(correct as u64, n))
}

/// Each class against the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Every class that occurs in the truth or in the labels, in byte order.
    pub classes: Vec<(String, Confusion)>,
    n: u64,
}

impl Classes {
    /// `None` for slices of different lengths and for no rows.
    pub fn of<S: AsRef<str>>(labels: &[S], truth: &[S]) -> Option<Self> {
        if labels.len() != truth.len() || truth.is_empty() {
            return None;
        }
        let mut classes: BTreeMap<&str, Confusion> = BTreeMap::new();
        for (label, truth) in labels.iter().zip(truth) {
            let (label, truth) = (label.as_ref(), truth.as_ref());
            if label == truth {
                classes.entry(label).or_default().tp += 1;
            } else {
                classes.entry(label).or_default().fp += 1;
                classes.entry(truth).or_default().fn_ += 1;
            }
        }
        let n = truth.len() as u64;
        let rest = |c: Confusion| Confusion { tn: n - c.tp - c.fp - c.fn_, ..c };
        Some(Self { classes: classes.into_iter().map(|(name, c)| (name.to_owned(), rest(c))).collect(), n })
    }

    /// The counts of one class; where it doesn't occur, all rows are true negatives.
    pub fn class(&self, name: &str) -> Confusion {
        let found = self.classes.iter().find(|(class, _)| class == name);
        found.map_or(Confusion { tn: self.n, ..Confusion::default() }, |(_, counts)| *counts)
    }

    /// Unweighted mean of the recall over the classes that occur in the truth: a class without a
    /// row has no recall.
    pub fn macro_recall(&self) -> Figure {
        self.mean(|c| c.tpr().map(|r| r.value))
    }

    /// Unweighted mean of the precision over the classes that occur in the labels.
    pub fn macro_precision(&self) -> Figure {
        self.mean(|c| c.precision().map(|r| r.value))
    }

    /// Unweighted mean of F1 over the classes that occur in the truth or in the labels.
    pub fn macro_f1(&self) -> Figure {
        self.mean(|c| c.f1().value)
    }

    fn mean(&self, figure: impl Fn(&Confusion) -> Option<f64>) -> Figure {
        let values: Vec<f64> = self.classes.iter().filter_map(|(_, counts)| figure(counts)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Figure::point((!values.is_empty()).then_some(mean), self.n)
    }
}

/// Unweighted mean of the one-against-rest F1 over the classes that occur in the truth or in the
/// labels. No closed-form interval. Undefined for no rows.
pub fn macro_f1<S: AsRef<str>>(labels: &[S], truth: &[S]) -> Figure {
    let undefined = Figure::point(None, truth.len() as u64);
    Classes::of(labels, truth).map_or(undefined, |classes| classes.macro_f1())
}

/// Log loss: mean of -ln(probability of the true class), clipped to [1e-15, 1 - 1e-15], with a t
/// interval. `truth` holds the index of the true class into each row of `probabilities`. Undefined
/// for no rows, a missing class and what is no probability.
pub fn log_loss<R: AsRef<[f64]>>(truth: &[usize], probabilities: &[R]) -> Figure {
    let n = truth.len() as u64;
    if truth.len() != probabilities.len() || truth.is_empty() {
        return Figure::point(None, n);
    }
    let rows = truth.iter().zip(probabilities);
    let of_truth: Option<Vec<f64>> = rows.map(|(class, row)| row.as_ref().get(*class).copied()).collect();
    let true_everywhere = vec![true; truth.len()];
    of_truth.map_or(Figure::point(None, n), |scores| score::log_loss(&true_everywhere, &scores))
}

/// Confidence calibration error of a row of probabilities per row, as
/// [`super::calibration::confidence_ece`]; of equal probabilities the first class is the answer.
pub fn confidence_ece<R: AsRef<[f64]>>(truth: &[usize], probabilities: &[R]) -> Figure {
    let answer = |row: &R| {
        let classes = row.as_ref().iter().copied().enumerate();
        classes.reduce(|best, next| if best.1 < next.1 { next } else { best })
    };
    let answers: Option<Vec<(usize, f64)>> = probabilities.iter().map(answer).collect();
    let Some(answers) = answers.filter(|answers| answers.len() == truth.len()) else {
        return Figure::point(None, truth.len() as u64);
    };
    let correct: Vec<bool> = answers.iter().zip(truth).map(|(answer, truth)| answer.0 == *truth).collect();
    let confidence: Vec<f64> = answers.iter().map(|answer| answer.1).collect();
    calibration::confidence_ece(&correct, &confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macro_f1_weighs_classes_alike() {
        let truth = ["a", "a", "a", "b", "c"];
        let labels = ["a", "a", "b", "b", "a"];
        assert_eq!(accuracy(&labels, &truth).value, Some(0.6));
        // F1: a 4/6, b 2/3, c 0.
        let want = (2.0 / 3.0 + 2.0 / 3.0) / 3.0;
        let got = macro_f1(&labels, &truth).value.expect("defined");
        assert!((got - want).abs() < 1e-15, "{got}");
        assert_eq!(macro_f1::<&str>(&[], &[]).value, None);
        let classes = Classes::of(&labels, &truth).expect("rows");
        assert_eq!(classes.macro_recall().value, Some((2.0 / 3.0 + 1.0 + 0.0) / 3.0));
        // Nothing was labelled c, so it has no precision.
        assert_eq!(classes.macro_precision().value, Some((2.0 / 3.0 + 0.5) / 2.0));
        assert_eq!(classes.class("c"), Confusion { tp: 0, fp: 0, tn: 4, fn_: 1 });
        assert_eq!(classes.class("absent").tn, 5);
        assert_eq!(accuracy(&["a"], &["a ", "b"]).value, None);
    }

    #[test]
    fn probabilities_are_judged_by_the_class_that_they_name() {
        let rows = [[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]];
        let want = -(0.2_f64.ln() + 0.5_f64.ln()) / 2.0;
        assert!((log_loss(&[1, 2], &rows).value.expect("defined") - want).abs() < 1e-15);
        // Wrong with 0.7, right with 0.5.
        assert!((confidence_ece(&[1, 2], &rows).value.expect("defined") - 0.6).abs() < 1e-15);
        assert_eq!(log_loss(&[3, 0], &rows).value, None);
        assert_eq!((log_loss(&[1], &rows).value, confidence_ece(&[1], &rows).value), (None, None));
    }
}
