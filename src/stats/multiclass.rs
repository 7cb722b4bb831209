//! Figures of a label among several classes.

use super::{
    confusion::Confusion,
    figure::{Figure, Rate},
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

/// Unweighted mean of the one-against-rest F1 over the classes that occur in the truth or in the
/// labels. No closed-form interval. Undefined for no rows.
pub fn macro_f1<S: AsRef<str>>(labels: &[S], truth: &[S]) -> Figure {
    let n = truth.len() as u64;
    if labels.len() != truth.len() || truth.is_empty() {
        return Figure::point(None, n);
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
    // A class is in the map because it occurs, so its F1 has a denominator.
    let sum: f64 = classes.values().filter_map(|c| c.f1().value).sum();
    Figure::point(Some(sum / classes.len() as f64), n)
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
        assert_eq!(accuracy(&["a"], &["a ", "b"]).value, None);
    }
}
