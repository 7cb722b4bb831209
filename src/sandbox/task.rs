//! What the parent asks for: a data set, how to read it, and the loads to measure.

use super::{interface::Interface, tensors::TensorTask};
use crate::constraints::{Change, spec::DEFAULT_ROWS_PER_CALL};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// The most calls of one load; bounds the answer.
const MAX_SAMPLES: u32 = 1_000_000;
const MAX_BATCH: u32 = 65_536;
const MAX_CONCURRENCY: u32 = 64;
const MAX_THREADS: u32 = 256;
const MAX_LOADS: usize = 64;
const MAX_REPEATS: u32 = 1_000;
/// Rows of all draws of all perturbations; bounds the answer to about 100 MB.
const MAX_PERTURBED_ROWS: usize = 5_000_000;

/// One run: predict every row of `columns` or `tensors`, then measure every load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The interface file of the version, when it has one.
    pub interface: Option<Interface>,
    /// The features as the text cells of a CSV file; all columns have the same number of rows.
    pub columns: Vec<Column>,
    /// Columns that feed a model with one tensor input, in order.
    pub feature_order: Vec<String>,
    pub loads: Vec<Load>,
    /// Threads that one session may use inside an operator; 1 or more.
    pub threads: u32,
    /// Most rows of one call when the data set is predicted.
    #[serde(default = "rows_per_call", skip_serializing_if = "is_default")]
    pub rows_per_call: u32,
    /// How often the first rows are predicted again in the same session; once more in a fresh one.
    #[serde(default = "once")]
    pub repeats: u32,
    #[serde(default)]
    pub perturbations: Vec<Perturbed>,
    /// Of the columns that hold numbers; needed by perturbations.
    #[serde(default)]
    pub scales: BTreeMap<String, Scale>,
    /// The class whose probability is the score of a perturbed row; without it that of the predicted class.
    #[serde(default)]
    pub score_class: Option<String>,
    /// Named tensors instead of columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensors: Option<TensorTask>,
}

fn once() -> u32 {
    1
}

fn rows_per_call() -> u32 {
    DEFAULT_ROWS_PER_CALL
}

/// A device with an older program knows no other number.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default(rows: &u32) -> bool {
    *rows == DEFAULT_ROWS_PER_CALL
}

/// Predict the data set again, with some of its cells changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perturbed {
    pub change: Change,
    /// The columns to change; absent: every one that the model takes and that the change is meant for.
    pub columns: Option<Vec<String>>,
    /// One draw for each.
    pub seeds: Vec<u64>,
}

/// Where the numbers of a column lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub mean: f64,
    pub std: f64,
    /// It has more than a few different values.
    pub continuous: bool,
}

/// One feature. An empty cell is a missing value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    pub values: Vec<String>,
}

/// A load condition under which latency is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Rows per call.
    pub batch: u32,
    /// Callers at the same time, each with its own session.
    pub concurrency: u32,
    /// Calls before the measurement that do not count.
    pub warm_up: u32,
    /// Timed calls, over all callers.
    pub samples: u32,
    /// When this time is over, fewer samples are returned; at least one when the first call ends at all.
    pub max_seconds: u32,
}

/// What the child is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Loading,
    Predicting,
    Measuring,
    Perturbing,
}

/// How far a run is. Comes from the child, so it is a hint and never evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    pub phase: Phase,
    /// Of this phase; 0 to 100.
    pub percent: u8,
}

impl Task {
    /// Rows of the data set.
    pub fn rows(&self) -> usize {
        match &self.tensors {
            Some(tensors) => tensors.rows,
            None => self.columns.first().map_or(0, |column| column.values.len()),
        }
    }

    /// Nothing but the first row.
    pub fn keep_first_row(&mut self) {
        for column in &mut self.columns {
            column.values.truncate(1);
        }
        if let Some(tensors) = &mut self.tensors {
            tensors.keep_first_row();
        }
    }

    /// Whether the model's outputs are read as a prediction for each row.
    pub(super) fn predicts(&self) -> bool {
        self.tensors.as_ref().is_none_or(|tensors| tensors.predicts)
    }

    /// An upper bound of what the data set takes in the child: its JSON while it is read, which doubles as it grows,
    /// then each cell as a text and once more as a value.
    pub(super) fn memory_bytes(&self, json_bytes: u64) -> u64 {
        const CELL_BYTES: u64 = 64;
        let cells = (self.rows() as u64).saturating_mul(self.columns.len() as u64);
        cells.saturating_mul(CELL_BYTES).saturating_add(json_bytes.saturating_mul(4))
    }

    /// The most sessions that run at the same time.
    pub(super) fn peak_sessions(&self) -> u64 {
        let most = self.loads.iter().map(|load| load.concurrency).max();
        u64::from(most.unwrap_or(1).max(1))
    }

    /// Whether the task can be carried out at all.
    ///
    /// # Errors
    /// A sentence that names the column or the load at fault.
    pub fn check(&self) -> Result<(), String> {
        if self.rows() == 0 {
            return Err("the data set has no rows or no columns".to_owned());
        }
        if let Some(tensors) = &self.tensors {
            if !self.columns.is_empty() {
                return Err("a data set of tensors has no columns".to_owned());
            }
            tensors.check()?;
        }
        let mut names = HashSet::new();
        for column in &self.columns {
            if column.values.len() != self.rows() {
                return Err(format!(
                    "column `{}` has {} rows, the first column has {}",
                    column.name,
                    column.values.len(),
                    self.rows()
                ));
            }
            if !names.insert(column.name.as_str()) {
                return Err(format!("column `{}` is there twice", column.name));
            }
        }
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return Err(format!("use 1 to {MAX_THREADS} threads"));
        }
        if !(1..=MAX_BATCH).contains(&self.rows_per_call) {
            return Err(format!("predict 1 to {MAX_BATCH} rows in one call"));
        }
        if MAX_LOADS < self.loads.len() {
            return Err(format!("measure at most {MAX_LOADS} loads in one run"));
        }
        self.check_perturbations()?;
        self.loads.iter().try_for_each(Load::check)
    }

    /// Draws of all perturbations.
    pub(super) fn draws(&self) -> usize {
        self.perturbations.iter().map(|one| one.seeds.len()).sum()
    }

    fn check_perturbations(&self) -> Result<(), String> {
        if !(1..=MAX_REPEATS).contains(&self.repeats) {
            return Err(format!("repeat 1 to {MAX_REPEATS} times"));
        }
        let (rows, draws) = (self.rows(), self.draws());
        if MAX_PERTURBED_ROWS < rows.saturating_mul(draws) {
            return Err(format!(
                "{draws} draws of perturbations of {rows} rows are more than {MAX_PERTURBED_ROWS} rows; ask for fewer seeds or perturbations"
            ));
        }
        Ok(())
    }
}

impl Load {
    fn check(&self) -> Result<(), String> {
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(format!("a load's batch is 1 to {MAX_BATCH} rows, not {}", self.batch));
        }
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            return Err(format!("a load's concurrency is 1 to {MAX_CONCURRENCY}, not {}", self.concurrency));
        }
        if !(1..=MAX_SAMPLES).contains(&self.samples) || MAX_SAMPLES < self.warm_up {
            return Err(format!("a load has 1 to {MAX_SAMPLES} samples and at most as many calls of warm-up"));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::tensors::{FedInput, Wanted},
        *,
    };
    use crate::formats::tensor::{Tensor, Values};

    pub(in crate::sandbox) fn column(name: &str, values: &[&str]) -> Column {
        Column { name: name.to_owned(), values: values.iter().map(|v| (*v).to_owned()).collect() }
    }

    pub(in crate::sandbox) fn load() -> Load {
        Load { batch: 1, concurrency: 1, warm_up: 0, samples: 1, max_seconds: 1 }
    }

    pub(in crate::sandbox) fn task() -> Task {
        Task {
            interface: None,
            columns: vec![column("a", &["1", "2"]), column("b", &["x", "y"])],
            feature_order: vec!["a".to_owned()],
            loads: vec![load()],
            threads: 1,
            rows_per_call: DEFAULT_ROWS_PER_CALL,
            repeats: 1,
            perturbations: Vec::new(),
            scales: BTreeMap::new(),
            score_class: None,
            tensors: None,
        }
    }

    fn many_draws() -> Perturbed {
        Perturbed { change: Change::Mean, columns: None, seeds: vec![0; MAX_PERTURBED_ROWS] }
    }

    #[test]
    fn a_task_that_fits_together_is_accepted() {
        assert_eq!(task().check(), Ok(()));
    }

    fn of_tensors() -> Task {
        let tensor = |shape: &[usize]| {
            let values = Values::Float32((0..shape.iter().product()).map(|i: usize| i as f32).collect());
            Tensor::new(shape.to_vec(), values).expect("fits")
        };
        let fed = |input: &str, axis| FedInput { input: input.to_owned(), tensor: tensor(&[3, 2]), axis };
        let tensors = TensorTask {
            rows: 3,
            inputs: vec![fed("x", Some(1)), fed("shared", None)],
            state: Vec::new(),
            starts: vec![0, 2],
            wanted: vec![Wanted { output: "y".to_owned(), width: 4 }],
            predicts: false,
            keeps_outputs: false,
        };
        Task { columns: Vec::new(), tensors: Some(tensors), ..task() }
    }

    #[test]
    fn a_task_of_tensors_is_checked_too_and_its_first_row_is_a_task() {
        let mut one = of_tensors();
        assert_eq!((one.check(), one.rows()), (Ok(()), 3));
        one.keep_first_row();
        assert_eq!((one.check(), one.rows()), (Ok(()), 1));
        let tensors = one.tensors.as_ref().expect("tensors");
        assert_eq!((tensors.inputs[0].tensor.shape(), tensors.inputs[1].tensor.shape()), (&[1, 2][..], &[3, 2][..]));
        type Break = fn(&mut Task, &mut TensorTask);
        let cases: [(&str, Break); 7] = [
            ("no rows", |_, t| t.rows = 0),
            ("other rows than 2", |_, t| t.rows = 2),
            ("no dimension of rows", |_, t| t.inputs[0].axis = Some(2)),
            ("sequences start", |_, t| t.starts = vec![1]),
            ("sequences start", |_, t| t.starts = vec![0, 3]),
            ("are wanted", |_, t| t.wanted[0].width = usize::MAX),
            ("has no columns", |task, _| task.columns = vec![column("a", &["1", "2", "3"])]),
        ];
        for (expected, break_it) in cases {
            let mut task = of_tensors();
            let mut tensors = task.tensors.take().expect("tensors");
            break_it(&mut task, &mut tensors);
            task.tensors = Some(tensors);
            let said = task.check().expect_err("must be refused");
            assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        }
    }

    #[test]
    fn a_task_that_does_not_fit_together_is_refused_with_the_place() {
        type Break = fn(&mut Task);
        let cases: [(&str, Break); 12] = [
            ("no rows", |t| t.columns.clear()),
            ("no rows", |t| t.columns = vec![column("a", &[])]),
            ("`b` has 1 rows", |t| t.columns[1].values.truncate(1)),
            ("`a` is there twice", |t| t.columns[1].name = "a".to_owned()),
            ("threads", |t| t.threads = 0),
            ("rows in one call", |t| t.rows_per_call = 0),
            ("batch", |t| t.loads[0].batch = 0),
            ("concurrency", |t| t.loads[0].concurrency = 1_000),
            ("samples", |t| t.loads[0].samples = 0),
            ("repeat 1 to", |t| t.repeats = 0),
            ("fewer seeds", |t| t.perturbations = vec![many_draws()]),
            ("at most 64 loads", |t| t.loads = vec![load(); 65]),
        ];
        for (expected, break_it) in cases {
            let mut task = task();
            break_it(&mut task);
            let said = task.check().expect_err("must be refused");
            assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        }
    }
}
