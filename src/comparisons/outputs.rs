//! How two versions' outputs differ where nothing says what they mean: embeddings, signals, scores without labels. Pure.

use crate::{
    sandbox::{GivenOutput, Observation},
    stats::{
        figure::{Figure, Rate},
        interval,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Two runs of one version on the same rows: sums of 32-bit floats in another order differ by less.
const SAME: f64 = 1e-6;

/// One output that both versions have, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputChange {
    pub output: String,
    /// For each row.
    pub numbers: u64,
    /// The largest difference of a number; null where one of them is not finite and the other one is something else.
    pub max_difference: Option<f64>,
    /// Over the rows: the largest difference of a number of the row.
    pub mean_difference: Figure,
    /// Over the rows in which at least one answer is not all zeros: the cosine of the angle between both, 0 where only one
    /// of them has a direction. Of outputs with several numbers.
    pub mean_cosine: Option<Figure>,
    /// That of the row where the two point farthest apart.
    pub least_cosine: Option<f64>,
    /// Rows whose largest number is another one. Of outputs with several numbers.
    pub other_largest: Option<Rate>,
}

/// What could be held against each other, and why something could not.
pub type Changes = (Vec<OutputChange>, BTreeMap<String, String>);

/// Output by output. Names that only one of them has are among those that could not be compared.
pub fn changes(before: &Observation, after: &Observation, rows: usize) -> Changes {
    let (mut found, mut left_out) = (Vec::new(), BTreeMap::new());
    for old in &before.outputs {
        let new = after.outputs.iter().find(|new| new.output == old.output);
        match new.ok_or_else(|| "only the baseline has it".to_owned()).and_then(|new| change(old, new, rows)) {
            Ok(change) => found.push(change),
            Err(why) => drop(left_out.insert(old.output.clone(), why)),
        }
    }
    for new in after.outputs.iter().filter(|new| !before.outputs.iter().any(|old| old.output == new.output)) {
        left_out.insert(new.output.clone(), "only the candidate has it".to_owned());
    }
    (found, left_out)
}

/// Whether one version gave the same outputs twice.
pub fn are_repeated(first: &Observation, second: &Observation) -> bool {
    let same = |(a, b): (&GivenOutput, &GivenOutput)| {
        let (x, y) = (a.numbers.numbers().unwrap_or_default(), b.numbers.numbers().unwrap_or_default());
        let near = |(x, y): (&f64, &f64)| match x.is_finite() {
            true => distance(*x, *y) <= SAME * x.abs().max(1.0),
            false => distance(*x, *y) == 0.0,
        };
        (&a.output, x.len()) == (&b.output, y.len()) && x.iter().zip(&y).all(near)
    };
    first.outputs.len() == second.outputs.len() && first.outputs.iter().zip(&second.outputs).all(same)
}

fn change(old: &GivenOutput, new: &GivenOutput, rows: usize) -> Result<OutputChange, String> {
    if let Some(why) = old.refused.as_ref().or(new.refused.as_ref()) {
        return Err(why.clone());
    }
    let (before, after) = (old.numbers.numbers().unwrap_or_default(), new.numbers.numbers().unwrap_or_default());
    if before.len() != after.len() {
        return Err(format!("the baseline gives {} numbers and the candidate {}", before.len(), after.len()));
    }
    let width = before.len().checked_div(rows).filter(|width| 0 < *width && width * rows == before.len());
    let width = width.ok_or("its numbers do not divide over the rows")?;
    let pairs = || before.chunks_exact(width).zip(after.chunks_exact(width));
    let largest_of = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(x, y)| distance(*x, *y)).fold(0.0, f64::max);
    let differences: Vec<f64> = pairs().map(largest_of).collect();
    let farthest = differences.iter().copied().fold(0.0, f64::max);
    let several = 1 < width;
    let cosines: Vec<f64> = pairs().filter(|_| several).filter_map(|(a, b)| cosine(a, b)).collect();
    let moved = pairs().filter(|(a, b)| largest(a) != largest(b)).count() as u64;
    Ok(OutputChange {
        output: old.output.clone(),
        numbers: width as u64,
        max_difference: farthest.is_finite().then_some(farthest),
        mean_difference: mean(&differences),
        mean_cosine: (!cosines.is_empty()).then(|| mean(&cosines)),
        least_cosine: cosines.iter().copied().reduce(f64::min),
        other_largest: Rate::of(moved, rows as u64).filter(|_| several),
    })
}

/// Infinite where only one of both is a number, or both are infinite otherwise.
fn distance(x: f64, y: f64) -> f64 {
    if x == y || x.is_nan() && y.is_nan() {
        return 0.0;
    }
    let distance = (x - y).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

/// `None` for a row that has no direction in either; one that has a direction in one of them alone points nowhere near.
fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let (length_of_a, length_of_b) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    if length_of_a == 0.0 && length_of_b == 0.0 {
        return None;
    }
    let cosine = dot(a, b) / (length_of_a * length_of_b);
    Some(if cosine.is_finite() { cosine.clamp(-1.0, 1.0) } else { 0.0 })
}

/// The first of the largest; a row with NaN has none.
fn largest(row: &[f64]) -> Option<usize> {
    if row.iter().any(|number| number.is_nan()) {
        return None;
    }
    let better = |best: usize, (at, number): (usize, &f64)| {
        if row.get(best).is_some_and(|most| most < number) { at } else { best }
    };
    Some(row.iter().enumerate().fold(0, better))
}

fn mean(values: &[f64]) -> Figure {
    let n = values.len() as u64;
    let mean = (n != 0).then(|| values.iter().sum::<f64>() / n as f64).filter(|mean| mean.is_finite());
    Figure::with_interval(mean, interval::mean(values).filter(|i| i.low.is_finite() && i.high.is_finite()), n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::tensor::Values;

    fn output(name: &str, numbers: &[f64]) -> GivenOutput {
        GivenOutput { output: name.to_owned(), numbers: Values::Float64(numbers.to_vec()), refused: None }
    }

    fn of(before: &[f64], after: &[f64], rows: usize) -> OutputChange {
        change(&output("y", before), &output("y", after), rows).expect("compared")
    }

    #[test]
    fn rows_are_held_against_each_other_by_distance_direction_and_largest_number() {
        let found = of(&[1.0, 0.0, 0.0, 2.0], &[0.0, 1.0, 0.0, 1.5], 2);
        assert_eq!((found.numbers, found.max_difference, found.mean_difference.value), (2, Some(1.0), Some(0.75)));
        assert_eq!((found.least_cosine, found.mean_cosine.and_then(|mean| mean.value)), (Some(0.0), Some(0.5)));
        assert_eq!(found.other_largest.map(|rate| (rate.count, rate.total)), Some((1, 2)));
        let signal = of(&[0.25, 0.5], &[0.25, 0.75], 2);
        assert_eq!((signal.max_difference, signal.least_cosine, signal.other_largest), (Some(0.25), None, None));
    }

    #[test]
    fn a_row_that_lost_its_direction_counts_as_turned_away() {
        let found = of(&[1.0, 0.0, 0.0, 0.0], &[0.0, 0.0, 0.0, 0.0], 2);
        assert_eq!((found.least_cosine, found.mean_cosine.map(|mean| mean.n)), (Some(0.0), Some(1)));
        assert_eq!(of(&[1.0, 0.0], &[f64::NAN, 0.0], 1).least_cosine, Some(0.0));
    }

    #[test]
    fn what_is_no_number_in_one_of_them_alone_has_no_distance() {
        let found = of(&[f64::NAN, 1.0], &[f64::NAN, 1.0], 2);
        assert_eq!(found.max_difference, Some(0.0));
        let found = of(&[f64::NAN, 1.0], &[0.0, 1.0], 2);
        assert_eq!((found.max_difference, found.mean_difference.value), (None, None));
    }

    #[test]
    fn outputs_of_other_sizes_are_not_compared() {
        let refused = |before: &[f64], after: &[f64], rows| change(&output("y", before), &output("y", after), rows);
        assert!(refused(&[1.0], &[1.0, 2.0], 1).is_err_and(|why| why.contains("1 numbers and the candidate 2")));
        assert!(refused(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 2).is_err_and(|why| why.contains("divide")));
    }
}
