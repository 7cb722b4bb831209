//! How far answers are from those that were recorded, and which of them decide otherwise. Pure.

use super::figure::{Figure, Rate};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What one row of an output decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// Which of its numbers is the largest.
    Largest,
    /// Whether its only number is at least this.
    Threshold(f64),
}

/// How far a number may be from the recorded one: `absolute + relative * |recorded|`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

impl fmt::Display for Tolerance {
    /// "0.0001", or "0.0001 + 0.01 * |recorded|".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.relative {
            0.0 => write!(f, "{}", self.absolute),
            relative => write!(f, "{} + {relative} * |recorded|", self.absolute),
        }
    }
}

/// One output over all rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// What `within` rests on.
    pub tolerance: Tolerance,
    /// The largest distance of a number from the recorded one. Undefined where one of both is not finite and the other
    /// one is something else.
    pub max_difference: Figure,
    /// Share of the rows of which every number is within the tolerance.
    pub within: Figure,
    /// Share of the rows that decide otherwise; `None` where a row decides nothing.
    pub flips: Option<Figure>,
}

/// Holds `given` against `recorded`, both `width` numbers for each row. `None` where they are not as many.
pub fn agreement(
    recorded: &[f64],
    given: &[f64],
    width: usize,
    tolerance: Tolerance,
    decision: Option<Decision>,
) -> Option<Agreement> {
    let rows = recorded.len().checked_div(width).filter(|_| recorded.len() == given.len())? as u64;
    let pairs = || recorded.chunks_exact(width).zip(given.chunks_exact(width));
    let far = recorded.iter().zip(given).map(|(recorded, given)| distance(*recorded, *given)).fold(0.0, f64::max);
    let within = |(recorded, given): &(&[f64], &[f64])| {
        let mut numbers = recorded.iter().zip(*given);
        numbers.all(|(recorded, given)| {
            let allowed = tolerance.relative.mul_add(finite_or_zero(*recorded).abs(), tolerance.absolute);
            let distance = distance(*recorded, *given);
            distance.is_finite() && distance <= allowed
        })
    };
    let flips = decision.map(|decision| {
        let count = pairs().filter(|(recorded, given)| flips(recorded, given, decision)).count();
        Rate::figure(Rate::of(count as u64, rows))
    });
    Some(Agreement {
        tolerance,
        max_difference: Figure::point(far.is_finite().then_some(far), rows),
        within: Rate::figure(Rate::of(pairs().filter(within).count() as u64, rows)),
        flips,
    })
}

/// Predicted labels against recorded ones, row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgreedLabels {
    /// Share of the rows with the recorded label.
    pub same: Figure,
    /// Share of the rows with another one.
    pub flips: Figure,
}

/// `None` where they are not as many.
pub fn labels(recorded: &[String], given: &[String]) -> Option<AgreedLabels> {
    if recorded.len() != given.len() {
        return None;
    }
    let rows = given.len() as u64;
    let same = recorded.iter().zip(given).filter(|(recorded, given)| recorded == given).count() as u64;
    let share = |count| Rate::figure(Rate::of(count, rows));
    Some(AgreedLabels { same: share(same), flips: share(rows - same) })
}

/// Infinite where one of both is no finite number and the other one is something else.
fn distance(recorded: f64, given: f64) -> f64 {
    if recorded == given || recorded.is_nan() && given.is_nan() {
        return 0.0;
    }
    let distance = (recorded - given).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn finite_or_zero(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}

/// Where several recorded numbers are the largest, each of them is as right as the other. Rows without a largest number
/// decide the same only where they are no numbers in the same places.
fn flips(recorded: &[f64], given: &[f64], decision: Decision) -> bool {
    match decision {
        Decision::Threshold(from) => recorded.iter().zip(given).any(|(recorded, given)| {
            let undecided = recorded.is_nan() != given.is_nan();
            undecided || (*recorded >= from) != (*given >= from)
        }),
        Decision::Largest => match (largest(recorded), largest(given)) {
            (Some(wanted), Some(found)) => recorded.get(found) != recorded.get(wanted),
            (None, None) => recorded.iter().zip(given).any(|(recorded, given)| recorded.is_nan() != given.is_nan()),
            _ => true,
        },
    }
}

/// The first of the largest; `None` where a number is none.
fn largest(row: &[f64]) -> Option<usize> {
    if row.iter().any(|number| number.is_nan()) {
        return None;
    }
    let mut best = 0;
    for (at, number) in row.iter().enumerate() {
        if row.get(best).is_some_and(|most| most < number) {
            best = at;
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOLERANCE: Tolerance = Tolerance { absolute: 0.1, relative: 0.0 };

    fn value(figure: Figure) -> Option<f64> {
        figure.value
    }

    #[test]
    fn the_farthest_number_the_rows_within_and_the_flips_are_counted() {
        let (recorded, given) = ([0.9, 0.1, 0.4, 0.6], [0.85, 0.15, 0.55, 0.45]);
        let found = agreement(&recorded, &given, 2, TOLERANCE, Some(Decision::Largest)).expect("as many");
        assert!((value(found.max_difference).expect("finite") - 0.15).abs() < 1e-12);
        assert_eq!((value(found.within), found.flips.and_then(value)), (Some(0.5), Some(0.5)));
        let single = agreement(&recorded, &given, 1, TOLERANCE, Some(Decision::Threshold(0.5))).expect("as many");
        assert_eq!((single.within.n, single.flips.and_then(value)), (4, Some(0.5)));
        assert_eq!(agreement(&recorded, &given[..2], 2, TOLERANCE, None), None);
        let relative = Tolerance { absolute: 0.0, relative: 0.1 };
        let found = agreement(&[100.0, 1.0], &[109.0, 1.2], 1, relative, None).expect("as many");
        assert_eq!((value(found.within), found.flips), (Some(0.5), None));
    }

    #[test]
    fn labels_are_the_same_or_they_are_not() {
        let of = |all: &[&str]| all.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
        let found = labels(&of(&["a", "b", "b", "1"]), &of(&["a", "b", "a", "1.0"])).expect("as many");
        assert_eq!((value(found.same), value(found.flips)), (Some(0.5), Some(0.5)));
        assert_eq!(labels(&of(&["a"]), &of(&[])), None);
    }

    #[test]
    fn what_is_no_number_agrees_with_itself_alone() {
        let (nan, more) = (f64::NAN, f64::INFINITY);
        let of = |recorded: f64, given: f64| {
            let found = agreement(&[recorded], &[given], 1, TOLERANCE, Some(Decision::Threshold(0.5))).expect("one");
            (value(found.max_difference), value(found.within), found.flips.and_then(value))
        };
        assert_eq!(of(nan, nan), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!(of(more, more), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!(of(1.0, nan), (None, Some(0.0), Some(1.0)));
        assert_eq!(of(nan, 0.0), (None, Some(0.0), Some(1.0)));
        assert_eq!(of(more, -more).0, None);
    }

    #[test]
    fn among_equally_large_numbers_each_is_right() {
        let of = |recorded: &[f64], given: &[f64]| {
            let found = agreement(recorded, given, 3, TOLERANCE, Some(Decision::Largest)).expect("as many");
            found.flips.and_then(value)
        };
        assert_eq!(of(&[0.4, 0.4, 0.2], &[0.39, 0.41, 0.2]), Some(0.0));
        assert_eq!(of(&[0.4, 0.4, 0.2], &[0.3, 0.3, 0.4]), Some(1.0));
        assert_eq!(of(&[0.4, 0.4, 0.2], &[0.3, 0.3, f64::NAN]), Some(1.0));
        // What decides nothing decides the same only where it says the same.
        assert_eq!(of(&[f64::NAN, 0.4, 0.2], &[f64::NAN, 0.3, 0.9]), Some(0.0));
        assert_eq!(of(&[f64::NAN, 0.4, 0.9], &[0.9, 0.4, f64::NAN]), Some(1.0));
    }

    proptest! {
        #[test]
        fn every_row_agrees_with_itself(row in proptest::collection::vec(any::<f64>(), 1..9)) {
            let none = Tolerance { absolute: 0.0, relative: 0.0 };
            let found = agreement(&row, &row, row.len(), none, Some(Decision::Largest)).expect("as many");
            prop_assert_eq!(value(found.max_difference), Some(0.0));
            prop_assert_eq!((value(found.within), found.flips.and_then(value)), (Some(1.0), Some(0.0)));
        }
    }
}
