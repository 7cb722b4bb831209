//! What a model would do that holds back its less certain answers.

use super::figure::{Figure, Rate};

/// Share of answers whose certainty is below the threshold, with Wilson's interval. Undefined for no rows and for a
/// certainty that is not finite.
pub fn abstained_rate(certainty: &[f64], threshold: f64) -> Figure {
    match counted(certainty, threshold) {
        Some(below) => Rate::figure(Rate::of(below, certainty.len() as u64)),
        None => Figure::point(None, certainty.len() as u64),
    }
}

/// Accuracy of the answers that are given, with Wilson's interval over them. Undefined when none is given.
pub fn retained_accuracy(correct: &[bool], certainty: &[f64], threshold: f64) -> Figure {
    if correct.len() != certainty.len() || counted(certainty, threshold).is_none() {
        return Figure::point(None, 0);
    }
    let kept: Vec<bool> =
        correct.iter().zip(certainty).filter(|(_, c)| threshold <= **c).map(|(correct, _)| *correct).collect();
    let right = kept.iter().filter(|correct| **correct).count() as u64;
    Rate::figure(Rate::of(right, kept.len() as u64))
}

fn counted(certainty: &[f64], threshold: f64) -> Option<u64> {
    let finite = certainty.iter().all(|c| c.is_finite());
    finite.then(|| certainty.iter().filter(|c| **c < threshold).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::wilson;

    #[test]
    fn an_answer_on_the_threshold_is_given() {
        let (certainty, correct) = ([0.6, 0.7, 0.8, 0.95], [false, true, false, true]);
        let abstained = abstained_rate(&certainty, 0.7);
        assert_eq!((abstained.value, abstained.interval, abstained.n), (Some(0.25), wilson(1, 4), 4));
        let kept = retained_accuracy(&correct, &certainty, 0.7);
        assert_eq!((kept.value, kept.n), (Some(2.0 / 3.0), 3));
    }

    #[test]
    fn where_nobody_is_answered_there_is_no_accuracy() {
        assert_eq!(retained_accuracy(&[true], &[0.6], 0.99), Figure::point(None, 0));
        assert_eq!(abstained_rate(&[0.6], 0.99).value, Some(1.0));
        assert_eq!(abstained_rate(&[], 0.5).value, None);
        assert_eq!(abstained_rate(&[f64::NAN], 0.5).value, None);
        assert_eq!(retained_accuracy(&[true], &[f64::NAN], 0.5).value, None);
    }
}
