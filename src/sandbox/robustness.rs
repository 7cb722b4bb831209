//! Predicts the data set under every perturbation of the task.
//!
//! Unlike on the rows as they are, an answer that is no number is nothing wrong here: it is what was asked about. It
//! is noted as missing. A call that fails ends its own perturbation and nothing else.

use super::{
    cells::Matrix,
    failure::{Failure, FailureKind, printable},
    observation::{Answers, PerturbedRun, UnderPerturbation},
    outputs::OutputPlan,
    perturb::{apply, chosen, stream},
    predict::{Table, predict},
    predictions::Predictions,
    scores::Collected,
    session::Model,
    task::{Perturbed, Task},
};

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
        let mut done = 0;
        let mut all = Vec::with_capacity(self.task.perturbations.len());
        for one in &self.task.perturbations {
            all.push(match self.one(one, model, table, &mut done, &mut progress) {
                Ok(found) => found,
                Err(failure) if matches!(failure.kind, FailureKind::MemoryLimit | FailureKind::TimeLimit) => {
                    return Err(failure);
                }
                Err(failure) => UnderPerturbation { refused: Some(failure.detail), ..UnderPerturbation::default() },
            });
        }
        Ok(all)
    }

    fn one(
        &self,
        one: &Perturbed,
        model: &mut Model,
        table: &mut Table,
        done: &mut usize,
        progress: &mut impl FnMut(usize),
    ) -> Result<UnderPerturbation, Failure> {
        let columns = chosen(one, &table.plan, &table.matrices, self.names, &self.task.scales)
            .map_err(|why| Failure::input(printable(&why, 500)))?;
        let column_of = |column: usize| {
            let name = self.names.get(column).map_or("", String::as_str);
            (stream(name), self.task.scales.get(name).copied().unwrap_or_default())
        };
        let mut runs = Vec::with_capacity(one.seeds.len());
        for seed in &one.seeds {
            let changed = apply(&table.matrices, &table.plan, one.change, (&columns, *seed), column_of);
            let collected = with_matrices(table, changed, |table| predict(model, table, self.outputs, |_| {}))?.0;
            runs.push(PerturbedRun { seed: *seed, answers: self.answers(&collected) });
            *done += 1;
            progress(*done);
        }
        let named = columns.iter().filter_map(|column| self.names.get(*column).cloned()).collect();
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
        collected.tolerant(classes, positive)
    }
}

/// Lends the table other matrices for the time of one call.
fn with_matrices<T>(table: &mut Table, other: Vec<Matrix>, work: impl FnOnce(&Table) -> T) -> T {
    let own = std::mem::replace(&mut table.matrices, other);
    let result = work(table);
    table.matrices = own;
    result
}
