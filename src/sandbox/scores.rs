//! What the outputs held, call after call: gathered row by row, and compared with a second run.

use super::{
    failure::{Failure, quoted},
    gathered::Gathered,
};
use std::cmp::Ordering;

/// Two runs on the same rows: sums of 32-bit floats in another order differ by less.
const REPEAT_TOLERANCE: f64 = 1e-6;

/// One output of one call, out of the runtime's memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    Classes { shape: Vec<i64>, values: Vec<String> },
    Numbers { shape: Vec<i64>, values: Vec<f64> },
    Maps(Vec<Vec<(String, f64)>>),
}

/// What all calls so far gave, in row order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Collected {
    pub labels: Vec<String>,
    /// `width` numbers for each row.
    pub scores: Vec<f64>,
    pub width: usize,
    /// The keys of a ZipMap, in the order of `scores`.
    pub keys: Option<Vec<String>>,
    /// One for each output that is watched.
    pub outputs: Vec<Gathered>,
    /// Rows of which a number of a watched output is not finite.
    pub non_finite_rows: u64,
    /// A watched output was not there, or holds what nobody can look at.
    pub has_unseen: bool,
}

impl Raw {
    /// The answer of a model that has no dimension for rows, as that to one row.
    pub fn of_one_row(self) -> Self {
        let with_row = |shape: Vec<i64>| [vec![1], shape].concat();
        match self {
            Self::Classes { shape, values } => Self::Classes { shape: with_row(shape), values },
            Self::Numbers { shape, values } => Self::Numbers { shape: with_row(shape), values },
            maps @ Self::Maps(_) => maps,
        }
    }
}

impl Collected {
    /// Adds the first `keep` of the `fed` rows of one call; the others only filled up a fixed batch.
    pub fn add(&mut self, fed: usize, keep: usize, label: Option<Raw>, score: Option<Raw>) -> Result<(), Failure> {
        if let Some(raw) = label {
            let mut labels = class_texts(raw, fed)?;
            labels.truncate(keep);
            self.labels.append(&mut labels);
        }
        match score {
            None => Ok(()),
            Some(Raw::Maps(maps)) => self.add_maps(fed, keep, maps),
            // Integers come as texts; a regression may well count things.
            Some(Raw::Classes { shape, values }) => {
                let numbers = values.iter().map(|value| value.parse().ok()).collect::<Option<_>>();
                self.add_numbers(
                    fed,
                    keep,
                    &shape,
                    numbers.ok_or_else(|| Failure::output("the output with the scores holds texts"))?,
                )
            }
            Some(Raw::Numbers { shape, values }) => self.add_numbers(fed, keep, &shape, values),
        }
    }

    fn add_numbers(&mut self, fed: usize, keep: usize, shape: &[i64], mut values: Vec<f64>) -> Result<(), Failure> {
        let width = width_of(shape, fed)?;
        self.set_width(width)?;
        values.truncate(keep * width);
        self.scores.append(&mut values);
        Ok(())
    }

    fn add_maps(&mut self, fed: usize, keep: usize, maps: Vec<Vec<(String, f64)>>) -> Result<(), Failure> {
        if maps.len() != fed {
            return Err(wrong_rows(fed, maps.len()));
        }
        for mut map in maps.into_iter().take(keep) {
            map.sort_by(|a, b| class_order(&a.0, &b.0));
            self.set_width(map.len())?;
            let (keys, mut values): (Vec<String>, Vec<f64>) = map.into_iter().unzip();
            if *self.keys.get_or_insert_with(|| keys.clone()) != keys {
                return Err(Failure::output("the maps of probabilities name other classes in other rows"));
            }
            self.scores.append(&mut values);
        }
        Ok(())
    }

    fn set_width(&mut self, width: usize) -> Result<(), Failure> {
        if self.width == 0 && width > 0 {
            self.width = width;
        }
        if self.width == width && width > 0 {
            return Ok(());
        }
        Err(Failure::output(format!("one call gave {} score(s) for a row, another call {width}", self.width)))
    }

    /// Whether nothing was kept: no label, no score and no number of an output.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.scores.is_empty() && self.outputs.iter().all(|output| output.numbers.is_empty())
    }

    /// The first row of `again` that is not what this run gave for it.
    pub fn first_difference(&self, again: &Self) -> Option<String> {
        for (row, (before, after)) in self.labels.iter().zip(&again.labels).enumerate() {
            if before != after {
                return Some(format!("row {}: first {}, then {}", row + 1, quoted(before), quoted(after)));
            }
        }
        for (index, (before, after)) in self.scores.iter().zip(&again.scores).enumerate() {
            if differ(*before, *after) {
                let row = index / self.width.max(1) + 1;
                return Some(format!("row {row}: first the score {before}, then {after}"));
            }
        }
        for (before, after) in self.outputs.iter().zip(&again.outputs) {
            let mut pairs = before.numbers.iter().zip(&after.numbers);
            if let Some((before, after)) = pairs.find(|(before, after)| differ(**before, **after)) {
                return Some(format!("first the number {before}, then {after}"));
            }
        }
        None
    }
}

fn differ(before: f64, after: f64) -> bool {
    if before.is_finite() && after.is_finite() {
        return REPEAT_TOLERANCE * before.abs().max(1.0) < (before - after).abs();
    }
    before != after && !(before.is_nan() && after.is_nan())
}

fn class_texts(raw: Raw, fed: usize) -> Result<Vec<String>, Failure> {
    match raw {
        Raw::Classes { shape, values } => match width_of(&shape, fed)? {
            1 => Ok(values),
            width => Err(Failure::output(format!("the output with the label gives {width} labels for each row"))),
        },
        // Some converters give class numbers as floats.
        Raw::Numbers { shape, values } if width_of(&shape, fed)? == 1 => values
            .iter()
            .map(|value| {
                if value.fract() == 0.0 && value.abs() < 1e15 {
                    Ok((*value as i64).to_string())
                } else {
                    Err(Failure::output(format!("the label {value} is no class number")))
                }
            })
            .collect(),
        _ => Err(Failure::output("the output with the label holds more than one value for each row")),
    }
}

/// The scores of a row, from the shape of the whole answer to a call of `fed` rows.
fn width_of(shape: &[i64], fed: usize) -> Result<usize, Failure> {
    let (rows, width) = match shape {
        [rows] => (*rows, 1),
        [rows, width] => (*rows, *width),
        [rows, width, rest @ ..] if rest.iter().all(|size| *size == 1) => (*rows, *width),
        _ => {
            return Err(Failure::output(format!(
                "an answer of the shape {shape:?} to {fed} row(s); wanted is [N] or [N, C]"
            )));
        }
    };
    match (usize::try_from(rows), usize::try_from(width)) {
        (Ok(rows), Ok(width)) if rows == fed && width > 0 => Ok(width),
        _ => Err(wrong_rows(fed, usize::try_from(rows).unwrap_or(0))),
    }
}

fn wrong_rows(fed: usize, given: usize) -> Failure {
    Failure::output(format!("{fed} row(s) were asked for, {given} were answered"))
}

/// Numbers by size, then texts by their bytes, as training libraries order classes.
pub(super) fn class_order(a: &str, b: &str) -> Ordering {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(x), Ok(y)) => x.cmp(&y).then_with(|| a.cmp(b)),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// The first of the largest.
pub(super) fn largest(row: &[f64]) -> usize {
    let mut best = 0;
    for (class, score) in row.iter().enumerate() {
        if row.get(best).is_some_and(|most| most < score) {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_run_is_compared_row_by_row() {
        let run = |label: &str, score: f64| {
            let label = Raw::Classes { shape: vec![1], values: vec![label.to_owned()] };
            let score = Raw::Numbers { shape: vec![1], values: vec![score] };
            let mut collected = Collected::default();
            collected.add(1, 1, Some(label), Some(score)).expect("fits");
            collected
        };
        assert_eq!(run("1", 0.7).first_difference(&run("1", 0.7 + 1e-8)), None);
        assert_eq!(run("1", f64::NAN).first_difference(&run("1", f64::NAN)), None);
        assert_eq!(run("1", f64::INFINITY).first_difference(&run("1", f64::INFINITY)), None);
        assert!(run("1", f64::NAN).first_difference(&run("1", 0.7)).is_some());
        assert!(run("1", f64::INFINITY).first_difference(&run("1", 0.7)).is_some());
        assert!(run("1", 0.7).first_difference(&run("0", 0.7)).is_some());
        assert!(run("1", 0.7).first_difference(&run("1", 0.8)).is_some_and(|said| said.starts_with("row 1:")));
    }

    proptest! {
        #[test]
        fn classes_are_in_one_order_however_they_come(mut classes in proptest::collection::vec("[0-9a-c]{0,3}", 0..9)) {
            classes.sort_by(|a, b| class_order(a, b));
            let sorted = classes.clone();
            classes.reverse();
            classes.sort_by(|a, b| class_order(a, b));
            prop_assert_eq!(classes, sorted);
        }
    }
}
