//! Outputs that are kept as they are: for what was recorded of them, and to see whether they come again.

use super::{
    failure::printable,
    feeding::{REPEATED_NUMBERS, Watched},
};
use crate::formats::tensor::Values;
use serde::{Deserialize, Serialize};

/// What one output gave for all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenOutput {
    pub output: String,
    /// As many 64-bit floats for each row as were wanted; none when it was refused.
    pub numbers: Values,
    /// Why it could not be given.
    pub refused: Option<String>,
}

/// An output of one call: its shape, and its numbers.
pub(super) type Shaped = (Vec<i64>, Vec<f64>);

/// The numbers of one output so far, row after row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gathered {
    pub numbers: Vec<f64>,
    pub refused: Option<String>,
}

impl Gathered {
    /// Adds the first `keep` of the `fed` rows of a call. `answer` is the output with its shape, if it holds numbers.
    pub fn add(&mut self, watched: &Watched, (fed, keep): (usize, usize), answer: Option<Shaped>) {
        if self.refused.is_some() {
            return;
        }
        let Some(width) = watched.width else {
            return self.add_unasked(watched, (fed, keep), answer);
        };
        match rows(width, (fed, keep), answer) {
            Ok(mut rows) => self.numbers.append(&mut rows),
            Err(why) => *self = Self { numbers: Vec::new(), refused: Some(why) },
        }
    }

    /// As much as there is room for; all of it or nothing where it is to come back.
    fn add_unasked(&mut self, watched: &Watched, (fed, keep): (usize, usize), answer: Option<Shaped>) {
        let room = REPEATED_NUMBERS.saturating_sub(self.numbers.len());
        let Some((shape, mut numbers)) = answer else {
            if watched.comes_back {
                self.refuse("the output holds no numbers");
            }
            return;
        };
        let is_of_rows = shape.first().and_then(|rows| usize::try_from(*rows).ok()) == Some(fed);
        if watched.comes_back && fed != 1 && !is_of_rows {
            return self.refuse(format!(
                "the output has the shape {shape:?} for {fed} rows; its first dimension must be the rows"
            ));
        }
        // What only fills a batch is nobody's answer.
        if is_of_rows {
            numbers.truncate(numbers.len() / fed.max(1) * keep);
        }
        if watched.comes_back && room < numbers.len() {
            let why = format!("the output has more than {REPEATED_NUMBERS} numbers over all rows; use fewer rows");
            *self = Self { numbers: Vec::new(), refused: None };
            return self.refuse(why);
        }
        self.numbers.extend(numbers.into_iter().take(room));
    }

    pub fn refuse(&mut self, why: impl AsRef<str>) {
        self.numbers.clear();
        self.refused.get_or_insert_with(|| printable(why.as_ref(), 300));
    }

    /// As it goes back to the parent.
    pub fn given(self, watched: &Watched) -> GivenOutput {
        let Self { numbers, refused } = self;
        GivenOutput { output: watched.name.clone(), numbers: Values::Float64(numbers), refused }
    }
}

fn rows(width: usize, (fed, keep): (usize, usize), answer: Option<Shaped>) -> Result<Vec<f64>, String> {
    let (shape, mut numbers) = answer.ok_or("the output holds no numbers; record another one")?;
    if fed != 1 && shape.first().and_then(|rows| usize::try_from(*rows).ok()) != Some(fed) {
        return Err(format!("the output has the shape {shape:?} for {fed} rows; its first dimension must be the rows"));
    }
    let given = numbers.len() / fed.max(1);
    if given != width || numbers.len() != given * fed {
        return Err(format!(
            "the output has {given} number(s) for each row, {width} were recorded; record the whole output of this model"
        ));
    }
    numbers.truncate(keep * width);
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_and_what_only_fills_a_batch_is_not() {
        let watched = Watched { name: "y".to_owned(), width: Some(2), comes_back: false };
        let mut gathered = Gathered::default();
        gathered.add(&watched, (3, 2), Some((vec![3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
        gathered.add(&watched, (1, 1), Some((vec![2, 1], vec![7.0, f64::NAN])));
        assert_eq!(gathered.numbers[..5], [1.0, 2.0, 3.0, 4.0, 7.0]);
        assert!(gathered.numbers[5].is_nan() && gathered.refused.is_none());
    }

    #[test]
    fn an_output_of_other_rows_or_widths_is_refused_once_and_for_all() {
        for (fed, answer, said) in [
            (1, Some((vec![1, 3], vec![0.0; 3])), "3 number(s) for each row, 2 were recorded"),
            (2, Some((vec![1, 4], vec![0.0; 4])), "first dimension must be the rows"),
            (1, None, "holds no numbers"),
        ] {
            let watched = Watched { name: "y".to_owned(), width: Some(2), comes_back: false };
            let mut gathered = Gathered::default();
            gathered.add(&watched, (fed, fed), answer);
            gathered.add(&watched, (1, 1), Some((vec![1, 2], vec![0.0; 2])));
            let given = gathered.given(&watched);
            assert!(given.refused.as_ref().is_some_and(|why| why.contains(said)), "{given:?}");
            assert_eq!(given.numbers.len(), 0);
        }
    }
}
