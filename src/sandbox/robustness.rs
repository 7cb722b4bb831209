//! Predicts the data set under every perturbation of the task.
//!
//! Unlike on the rows as they are, an answer that is no number is nothing wrong here: it is what was asked about. It
//! is noted as missing. A call that fails ends its own perturbation and nothing else.

use super::{
    cells::Matrix,
    failure::{Failure, FailureKind, printable},
    feeding::TensorFeed,
    observation::{Answers, PerturbedRun, UnderPerturbation},
    outputs::OutputPlan,
    perturb::{apply, chosen, is_of_lists, stream},
    perturb_tensors::{apply_to_tensors, chosen_tensors, scale_of},
    predict::{Table, predict},
    predictions::{Predictions, Scores},
    scores::Collected,
    session::Model,
    task::{Perturbed, Scale, Task},
};
use std::collections::BTreeMap;

/// Everything that is the same for all perturbations.
pub(super) struct Suite<'a> {
    pub task: &'a Task,
    /// Of the data set, in its order.
    pub names: &'a [String],
    pub outputs: &'a OutputPlan,
    /// On the rows as they are.
    pub predictions: &'a Predictions,
}

impl Suite<'_> {
    /// One entry for each perturbation, in the order of the task; `progress` hears how many draws are done.
    ///
    /// # Errors
    /// Only when memory or time are over, after which nothing works any more.
    pub fn run(
        &self,
        model: &mut Model,
        table: &mut Table,
        mut progress: impl FnMut(usize),
    ) -> Result<Vec<UnderPerturbation>, Failure> {
        let scales = self.scales(table);
        let mut done = 0;
        let mut all = Vec::with_capacity(self.task.perturbations.len());
        for one in &self.task.perturbations {
            all.push(match self.one(one, &scales, model, table, &mut done, &mut progress) {
                Ok(found) => found,
                Err(failure) if matches!(failure.kind, FailureKind::MemoryLimit | FailureKind::TimeLimit) => {
                    return Err(failure);
                }
                Err(failure) => UnderPerturbation { refused: Some(failure.detail), ..UnderPerturbation::default() },
            });
        }
        Ok(all)
    }

    /// What the task says of columns and tensors; where it says nothing of lists and tensors, what they are here.
    fn scales(&self, table: &Table) -> BTreeMap<String, Scale> {
        let mut scales = self.task.scales.clone();
        if self.task.perturbations.is_empty() {
            return scales;
        }
        let feeds = table.plan.feeds.iter().zip(&table.matrices).filter(|(feed, matrix)| is_of_lists(feed, matrix));
        let lists = feeds.filter_map(|(feed, matrix)| Some((self.names.get(*feed.columns.first()?)?, &matrix.values)));
        let tensors = table.tensors.iter().map(|feed| (&feed.name, feed.tensor.values()));
        for (name, values) in lists.chain(tensors) {
            if let (false, Some(scale)) = (scales.contains_key(name), scale_of(values)) {
                scales.insert(name.clone(), scale);
            }
        }
        scales
    }

    fn one(
        &self,
        one: &Perturbed,
        scales: &BTreeMap<String, Scale>,
        model: &mut Model,
        table: &mut Table,
        done: &mut usize,
        progress: &mut impl FnMut(usize),
    ) -> Result<UnderPerturbation, Failure> {
        if self.outputs.is_none() {
            return Err(Failure::input("no output is read as a prediction, so nothing says what a change does to it"));
        }
        let of_tensors = !table.tensors.is_empty();
        let columns = match of_tensors {
            true => chosen_tensors(one, &table.tensors, scales),
            false => chosen(one, &table.plan, &table.matrices, self.names, scales),
        };
        let columns = columns.map_err(|why| Failure::input(printable(&why, 500)))?;
        let column_of = |column: usize| {
            let name = self.names.get(column).map_or("", String::as_str);
            (stream(name), scales.get(name).copied().unwrap_or_default())
        };
        let mut runs = Vec::with_capacity(one.seeds.len());
        for seed in &one.seeds {
            let mut changed = match of_tensors {
                true => Changed::Tensors(apply_to_tensors(&table.tensors, one.change, (&columns, *seed), scales)),
                false => {
                    Changed::Matrices(apply(&table.matrices, &table.plan, one.change, (&columns, *seed), column_of))
                }
            };
            changed.swap(table);
            let collected = predict(model, table, self.outputs, |_| {});
            changed.swap(table);
            let collected = collected?.0;
            runs.push(PerturbedRun { seed: *seed, answers: self.answers(&collected) });
            *done += 1;
            progress(*done);
        }
        let name = |column: &usize| match of_tensors {
            true => table.tensors.get(*column).map(|feed| feed.name.clone()),
            false => self.names.get(*column).cloned(),
        };
        let named = columns.iter().filter_map(name).collect();
        Ok(UnderPerturbation { columns: named, runs, refused: None })
    }

    fn answers(&self, collected: &Collected) -> Answers {
        let Predictions { classes, .. } = self.predictions;
        if classes.is_empty() {
            let finite = |value: &f64| Some(*value).filter(|value| value.is_finite());
            return Answers { classes: Vec::new(), scores: collected.scores.iter().map(finite).collect() };
        }
        let positive = self.task.score_class.as_deref();
        let positive = positive.and_then(|label| classes.iter().position(|class| class == label));
        let has_scores = !self.predictions.probabilities.is_empty() || collected.width == 0;
        collected.tolerant(classes, positive, if has_scores { Scores::Probabilities } else { Scores::MayBeLogits })
    }
}

/// Other inputs for the same rows.
enum Changed {
    Matrices(Vec<Matrix>),
    /// Each with its place.
    Tensors(Vec<(usize, TensorFeed)>),
}

impl Changed {
    /// Lends them to the table, or gives it its own back.
    fn swap(&mut self, table: &mut Table) {
        match self {
            Self::Matrices(matrices) => std::mem::swap(matrices, &mut table.matrices),
            Self::Tensors(tensors) => {
                for (at, changed) in tensors {
                    if let Some(own) = table.tensors.get_mut(*at) {
                        std::mem::swap(own, changed);
                    }
                }
            }
        }
    }
}
