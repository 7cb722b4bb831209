//! The same rows with other values in some cells: what a spec's perturbations do to the model's inputs.
//!
//! Numbers are drawn for each column on their own, from the seed and the column's name, so that a column that feeds
//! two inputs changes alike in both, and leaving a column out changes no other: a worker that gets only the columns
//! that the model takes makes the same draws. A float32 value is
//! computed in 64 bits and rounded once, but for a shift, which is one addition of 32-bit floats as a program does it.

use super::{
    cells::{Matrix, Values},
    inputs::{Feed, InputPlan},
    task::{Column, Perturbed, Scale},
};
use crate::{
    constraints::{Change, perturbation::MeantFor},
    stats::bootstrap::generator::Generator,
};
use half::f16;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A text that no data set has by chance.
const UNSEEN: &str = "\u{2047}unseen\u{2047}";

/// Which columns a perturbation changes, by their place in the data set.
///
/// # Errors
/// A sentence that says why there is nothing to change.
pub(super) fn chosen(
    one: &Perturbed,
    plan: &InputPlan,
    matrices: &[Matrix],
    names: &[String],
    scales: &BTreeMap<String, Scale>,
) -> Result<Vec<usize>, String> {
    let fed = |column: usize| {
        let at = plan.feeds.iter().zip(matrices).find(|(feed, _)| feed.columns.contains(&column));
        at.map(|(feed, matrix)| (&matrix.values, is_of_lists(feed, matrix)))
    };
    let Some(asked) = &one.columns else {
        let continuous = |name: &String| scales.get(name).is_some_and(|scale| scale.continuous);
        let default = |column: usize, name: &String| {
            fed(column).is_some_and(|(values, is_of_lists)| match values {
                Values::Text(_) => one.change.meant_for() != MeantFor::Numbers,
                // Whole numbers in lists may be codes, such as those of words.
                _ if is_of_lists && !is_float(values) => false,
                _ => takes(values, one.change) && continuous(name),
            })
        };
        let all: Vec<usize> = names.iter().enumerate().filter(|(i, name)| default(*i, name)).map(|(i, _)| i).collect();
        return if all.is_empty() {
            Err("the model takes no column that it could change; name columns, or leave the perturbation out"
                .to_owned())
        } else {
            Ok(all)
        };
    };
    asked
        .iter()
        .map(|name| {
            let column = names.iter().position(|known| known == name);
            let column = column.ok_or_else(|| format!("the data set has no column `{name}`"))?;
            let (values, _) = fed(column).ok_or_else(|| format!("the column `{name}` feeds no input of the model"))?;
            let scaled = one.change.meant_for() == MeantFor::Texts
                || matches!(values, Values::Text(_))
                || scales.contains_key(name);
            match takes(values, one.change) && scaled {
                true => Ok(column),
                false => Err(format!("the column `{name}` holds nothing that such a change could be made to")),
            }
        })
        .collect()
}

/// Whether each cell of its only column holds the numbers of a whole row.
pub(super) fn is_of_lists(feed: &Feed, matrix: &Matrix) -> bool {
    feed.columns.len() == 1 && 1 < matrix.width
}

pub(super) fn is_float(values: &Values) -> bool {
    matches!(values, Values::Float16(_) | Values::Float32(_) | Values::Float64(_))
}

/// Whether values of this type can be changed that way: an integer can be neither missing nor infinite.
pub(super) fn takes(values: &Values, change: Change) -> bool {
    match (values, change) {
        (Values::Text(_), _) => change.meant_for() != MeantFor::Numbers,
        (Values::Float16(_) | Values::Float32(_) | Values::Float64(_), _) => change.meant_for() != MeantFor::Texts,
        (Values::Bool(_), _) => false,
        (_, Change::Missing { .. } | Change::Infinite { .. }) => false,
        _ => change.meant_for() == MeantFor::Numbers,
    }
}

/// The matrices with the chosen columns changed.
pub(super) fn apply(
    matrices: &[Matrix],
    plan: &InputPlan,
    change: Change,
    (columns, seed): (&[usize], u64),
    column_of: impl Fn(usize) -> (u64, Scale),
) -> Vec<Matrix> {
    let mut changed = matrices.to_vec();
    for (feed, matrix) in plan.feeds.iter().zip(&mut changed) {
        // A column of lists feeds an input alone, and its numbers are all of one quantity.
        let width = if is_of_lists(feed, matrix) { 1 } else { matrix.width.max(1) };
        for (offset, column) in feed.columns.iter().enumerate().filter(|(_, column)| columns.contains(column)) {
            let (stream, scale) = column_of(*column);
            change_values(&mut matrix.values, Cells { offset, width }, &mut Draw::of(change, scale, seed, stream));
        }
    }
    changed
}

/// Changes some of the values in place; a count stays a count.
pub(super) fn change_values(values: &mut Values, cells: Cells, draw: &mut Draw) {
    match values {
        Values::Float32(values) => cells.each(values, |x| draw.single(*x)),
        Values::Float64(values) => cells.each(values, |x| draw.number(*x)),
        Values::Float16(values) => cells.each(values, |x| f16::from_f64(draw.number(f64::from(*x)))),
        Values::Int64(values) => cells.each(values, |x| draw.number(*x as f64).round() as i64),
        Values::Int32(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as i32),
        Values::Int16(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as i16),
        Values::Int8(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as i8),
        Values::Uint64(values) => cells.each(values, |x| draw.number(*x as f64).round() as u64),
        Values::Uint32(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as u32),
        Values::Uint16(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as u16),
        Values::Uint8(values) => cells.each(values, |x| draw.number(f64::from(*x)).round() as u8),
        Values::Text(values) => {
            let levels = cells.levels(values);
            cells.each(values, |text| draw.text(text, &levels));
        }
        Values::Bool(_) => {}
    }
}

/// One column of a matrix.
#[derive(Clone, Copy)]
pub(super) struct Cells {
    offset: usize,
    width: usize,
}

impl Cells {
    /// Every value.
    pub const ALL: Self = Self { offset: 0, width: 1 };

    fn each<T>(self, values: &mut [T], mut change: impl FnMut(&T) -> T) {
        for value in values.iter_mut().skip(self.offset).step_by(self.width) {
            *value = change(value);
        }
    }

    /// The different texts of the column, in byte order.
    fn levels(self, values: &[String]) -> Vec<String> {
        let mut levels: Vec<String> = values.iter().skip(self.offset).step_by(self.width).cloned().collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }
}

/// One draw of a change, for the values of one column.
pub(super) struct Draw {
    change: Change,
    scale: Scale,
    generator: Generator,
}

impl Draw {
    pub fn of(change: Change, scale: Scale, seed: u64, stream: u64) -> Self {
        Self { change, scale, generator: Generator::of(seed, stream) }
    }

    fn single(&mut self, x: f32) -> f32 {
        match self.change {
            Change::Shift { by_std } => x + (by_std * self.scale.std) as f32,
            _ => self.number(f64::from(x)) as f32,
        }
    }

    /// A missing value stays missing, but where a missing value is what is imputed.
    fn number(&mut self, x: f64) -> f64 {
        let Scale { mean, std, .. } = self.scale;
        match self.change {
            Change::Noise { sigma } => x + sigma * std * self.generator.normal(),
            Change::Shift { by_std } => x + by_std * std,
            Change::Scale { factor } => x * factor,
            Change::Mean => mean,
            Change::Round { digits } => rounded(x, digits),
            Change::Missing { share } => self.sometimes(share, |_| f64::NAN).unwrap_or(x),
            Change::Infinite { share } => self.sometimes(share, |sign| sign * f64::INFINITY).unwrap_or(x),
            Change::Outlier { share, by_std } => self.sometimes(share, |sign| mean + sign * by_std * std).unwrap_or(x),
            Change::Category { .. } | Change::UnseenCategory { .. } => x,
        }
    }

    fn text(&mut self, text: &str, levels: &[String]) -> String {
        match self.change {
            Change::Missing { share } => self.sometimes(share, |_| String::new()).unwrap_or_else(|| text.to_owned()),
            Change::UnseenCategory { share } => {
                self.sometimes(share, |_| UNSEEN.to_owned()).unwrap_or_else(|| text.to_owned())
            }
            Change::Category { share } => {
                let drawn = self.generator.uniform() < share;
                let others = u32::try_from(levels.len().saturating_sub(1)).unwrap_or(u32::MAX);
                let step = self.generator.below(others) as usize + 1;
                let at = levels.iter().position(|level| level == text).unwrap_or(0);
                let other = levels.get((at + step) % levels.len().max(1));
                other.filter(|_| drawn && 0 < others).cloned().unwrap_or_else(|| text.to_owned())
            }
            _ => text.to_owned(),
        }
    }

    /// Two draws for each cell, whether it is changed or not, so that a larger share changes more of the same cells.
    fn sometimes<T>(&mut self, share: f64, make: impl FnOnce(f64) -> T) -> Option<T> {
        let drawn = self.generator.uniform() < share;
        let sign = if self.generator.uniform() < 0.5 { -1.0 } else { 1.0 };
        drawn.then(|| make(sign))
    }
}

/// `x` with so many significant decimal digits.
fn rounded(x: f64, digits: u32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let places = usize::try_from(digits.saturating_sub(1)).unwrap_or(0);
    format!("{x:.places$e}").parse().unwrap_or(x)
}

/// The stream of random numbers of a column: the first eight bytes of the SHA-256 of its name, big endian.
pub(super) fn stream(name: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(name));
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Names of the columns of a data set.
pub(super) fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

#[cfg(test)]
#[path = "perturb_tests.rs"]
mod tests;
