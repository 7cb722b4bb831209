//! The same rows of named tensors with other numbers in them.
//!
//! A tensor is changed as one column is: its numbers are all of one quantity, such as the samples of a sound or the
//! brightness of pixels. What every call gets whole is no row's, and neither is a state that the model carries.

use super::{
    feeding::{Form, TensorFeed},
    perturb::{Cells, Draw, change_values, is_float, stream, takes},
    task::{Perturbed, Scale},
};
use crate::{
    constraints::Change,
    formats::tensor::{Tensor, Values},
};
use std::collections::BTreeMap;

/// Which inputs a perturbation changes, by their place among the feeds: those that it names, else every one of floating
/// point numbers. Whole numbers may be codes, such as those of words, so they are changed only by name.
///
/// # Errors
/// A sentence that says why there is nothing to change.
pub(super) fn chosen_tensors(
    one: &Perturbed,
    feeds: &[TensorFeed],
    scales: &BTreeMap<String, Scale>,
) -> Result<Vec<usize>, String> {
    let of_rows = |feed: &TensorFeed| !matches!(feed.form, Form::Whole(_));
    let known = |feed: &TensorFeed| scales.contains_key(&feed.name);
    let Some(asked) = &one.columns else {
        let default = |feed: &TensorFeed| {
            let values = feed.tensor.values();
            of_rows(feed) && known(feed) && is_float(values) && takes(values, one.change)
        };
        let all: Vec<usize> = feeds.iter().enumerate().filter(|(_, feed)| default(feed)).map(|(at, _)| at).collect();
        return if all.is_empty() {
            Err("no tensor of floating point numbers has rows that it could change; name inputs under columns, or leave the perturbation out".to_owned())
        } else {
            Ok(all)
        };
    };
    asked
        .iter()
        .map(|name| {
            let at = feeds.iter().position(|feed| feed.name == *name && of_rows(feed));
            let at = at.ok_or_else(|| format!("no tensor with rows feeds an input `{name}`"))?;
            match feeds.get(at).is_some_and(|feed| known(feed) && takes(feed.tensor.values(), one.change)) {
                true => Ok(at),
                false => Err(format!("the input `{name}` holds nothing that such a change could be made to")),
            }
        })
        .collect()
}

/// Where all numbers of an input lie, in two looks at them; `None` without a finite one.
pub(super) fn scale_of(values: &Values) -> Option<Scale> {
    let (mut count, mut sum) = (0.0_f64, 0.0_f64);
    values.each_number(|number| {
        if number.is_finite() {
            count += 1.0;
            sum += number;
        }
    });
    let mean = sum / count;
    let mut squares = 0.0_f64;
    values.each_number(|number| {
        if number.is_finite() {
            squares += (number - mean).powi(2);
        }
    });
    let std = (squares / count).sqrt();
    (mean.is_finite() && std.is_finite()).then_some(Scale { mean, std, continuous: true })
}

/// The chosen feeds, changed, each with its place.
pub(super) fn apply_to_tensors(
    feeds: &[TensorFeed],
    change: Change,
    (chosen, seed): (&[usize], u64),
    scales: &BTreeMap<String, Scale>,
) -> Vec<(usize, TensorFeed)> {
    let changed = |at: &usize| {
        let TensorFeed { name, tensor, width, form } = feeds.get(*at)?;
        let scale = scales.get(name).copied().unwrap_or_default();
        let mut draw = Draw::of(change, scale, seed, stream(name));
        let mut values = tensor.values().clone();
        change_values(&mut values, Cells::ALL, &mut draw);
        let tensor = Tensor::new(tensor.shape().to_vec(), values)?;
        Some((*at, TensorFeed { name: name.clone(), tensor, width: *width, form: form.clone() }))
    };
    chosen.iter().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str, values: Values, form: Form) -> TensorFeed {
        let tensor = Tensor::new(vec![values.len()], values).expect("fits");
        TensorFeed { name: name.to_owned(), tensor, width: 1, form }
    }

    fn feeds() -> Vec<TensorFeed> {
        vec![
            feed("sound", Values::Float32(vec![1.0, 2.0, 3.0]), Form::Rows(vec![])),
            feed("words", Values::Int64(vec![7, 8, 9]), Form::Rows(vec![])),
            feed("rate", Values::Float32(vec![16_000.0]), Form::Whole(vec![])),
        ]
    }

    fn scales() -> BTreeMap<String, Scale> {
        let scale = Scale { mean: 2.0, std: 0.5, continuous: true };
        ["sound", "words", "rate"].map(|name| (name.to_owned(), scale)).into()
    }

    fn asked(change: Change, columns: Option<&[&str]>) -> Perturbed {
        let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        Perturbed { change, columns, seeds: vec![1] }
    }

    #[test]
    fn numbers_of_rows_are_changed_and_codes_only_by_name() {
        let shift = Change::Shift { by_std: 2.0 };
        let chosen = |columns| chosen_tensors(&asked(shift, columns), &feeds(), &scales());
        assert_eq!(chosen(None), Ok(vec![0]));
        assert_eq!(chosen(Some(&["words"])), Ok(vec![1]));
        assert!(chosen(Some(&["rate"])).is_err_and(|why| why.contains("no tensor with rows")));
        let missing = asked(Change::Missing { share: 1.0 }, Some(&["words"]));
        assert!(chosen_tensors(&missing, &feeds(), &scales()).is_err(), "a whole number can't be missing");
        let changed = apply_to_tensors(&feeds(), shift, (&[0, 1], 1), &scales());
        assert_eq!(changed[0].1.tensor.values(), &Values::Float32(vec![2.0, 3.0, 4.0]));
        assert_eq!((changed[1].0, changed[1].1.tensor.values()), (1, &Values::Int64(vec![8, 9, 10])));
        assert_eq!(changed.len(), 2);
    }

    #[test]
    fn a_scale_is_of_the_finite_numbers() {
        let scale = scale_of(&Values::Float32(vec![1.0, f32::NAN, 3.0, f32::INFINITY])).expect("two numbers");
        assert_eq!((scale.mean, scale.std), (2.0, 1.0));
        assert_eq!(scale_of(&Values::Float32(vec![f32::NAN])), None);
        assert_eq!(scale_of(&Values::Text(vec!["a".to_owned()])), None);
    }

    #[test]
    fn a_draw_is_the_same_for_the_same_seed_and_another_for_another() {
        let noise = |seed| apply_to_tensors(&feeds(), Change::Noise { sigma: 1.0 }, (&[0], seed), &scales());
        assert_eq!(noise(1), noise(1));
        assert_ne!(noise(1), noise(2));
    }
}
