//! What a run found, and the parent's check that it can be true.

use super::{
    failure::{Failure, FailureKind, printable},
    feeding::{MAX_NAME_BYTES, MAX_OUTPUTS, REPEATED_NUMBERS},
    gathered::GivenOutput,
    host::Host,
    lockdown::Isolation,
    ports::{Element, PortInfo},
    task::{Load, Perturbed, Task},
    tensors::Wanted,
    traffic::Traffic,
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Of texts that only the child knows.
const MAX_TEXT: usize = 200;
/// Of notes about the sandbox.
const MAX_LISTED: usize = 32;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Completed(Box<Observation>),
    Failed(Failure),
}

/// A completed run. `labels`, `probabilities` and `values` are in the row order of the data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The predicted class of each row; empty for a regression, and where nothing was read as a prediction.
    pub labels: Vec<String>,
    /// Whether nothing named the classes, so that they count from 0 as the columns of scores do.
    pub counted_classes: bool,
    /// The classes in the order of the probabilities; empty for a regression.
    pub classes: Vec<String>,
    /// For each row the probability of each class; empty when the model gives none.
    pub probabilities: Vec<Vec<f64>>,
    /// The predicted value of each row; empty for a classification.
    pub values: Vec<f64>,
    /// One for each load of the task, in its order.
    pub latencies: Vec<LatencySamples>,
    /// Reading and optimising the model, without reading its bytes.
    pub load_time_ms: f64,
    /// The same once more, each in a fresh session, after everything else.
    #[serde(default)]
    pub later_loads_ms: Vec<f64>,
    /// Highest resident memory of the child after the data set was read: model, sessions of all loads, predictions.
    pub peak_memory_bytes: u64,
    /// Resident memory just before the model was loaded; the difference is the model's own.
    pub baseline_memory_bytes: u64,
    /// The calls that predicted the data set.
    pub predicting: Spent,
    /// Threads of the child while the model was predicting, none of them a caller's; `None` when the system does not say.
    pub threads: Option<u64>,
    /// From the start of the process to its first answer, without reading the data set. The parent's measurement: what a
    /// child says here is thrown away.
    #[serde(default)]
    pub cold_start_ms: Option<f64>,
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Why the energy of the calls could not be read; absent where it could.
    #[serde(default)]
    pub no_energy: Option<String>,
    /// What the same rows gave again.
    #[serde(default)]
    pub repeated: Repeated,
    /// One for each perturbation of the task, in its order.
    #[serde(default)]
    pub perturbed: Vec<UnderPerturbation>,
    /// One for each output that was wanted, in the order of the task.
    #[serde(default)]
    pub outputs: Vec<GivenOutput>,
    /// Rows of which a number of an output is not finite; absent where an output could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_finite_rows: Option<u64>,
    /// Why no output could be read as a prediction, where labels of tensors ask for one.
    #[serde(default)]
    pub no_prediction: Option<String>,
    pub host: Host,
    pub isolation: Isolation,
    pub model: ModelInfo,
}

/// What calls cost, and nothing around them: no start, no loading, no warm-up, no reading of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// CPU time of all threads of the child between the start and the end of the calls.
    pub cpu_seconds: f64,
    /// Rows of those calls, with those that fill a fixed batch.
    pub rows: u64,
}

/// Predictions of the same rows, all of them the same; another answer fails the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    pub rows: u64,
    /// Repetitions, the one in a fresh session among them.
    pub times: u64,
}

/// The data set under one perturbation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderPerturbation {
    /// The columns that were changed.
    pub columns: Vec<String>,
    /// One for each seed of the task; empty when it was refused.
    pub runs: Vec<PerturbedRun>,
    /// Why it was not carried out.
    pub refused: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerturbedRun {
    pub seed: u64,
    pub answers: Answers,
}

/// Answers row by row; a row without a finite answer has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Index into the observation's classes; empty for a regression.
    pub classes: Vec<Option<u32>>,
    /// The probability of the task's score class, or of the predicted one; the value of a regression; empty when the model gives none.
    pub scores: Vec<Option<f64>>,
}

impl UnderPerturbation {
    fn check(&self, task: &Task, asked: &Perturbed, observed: &Observation) -> Result<(), String> {
        let rows = task.rows();
        let fed = task.tensors.iter().flat_map(|tensors| &tensors.inputs).map(|fed| &fed.input);
        let known: HashSet<&String> = task.columns.iter().map(|column| &column.name).chain(fed).collect();
        if self.columns.iter().any(|name| !known.contains(name)) {
            return Err("columns were changed that were not handed over".to_owned());
        }
        if self.refused.is_some() {
            return if self.runs.is_empty() { Ok(()) } else { Err("a refused perturbation has answers".to_owned()) };
        }
        let seeds = self.runs.iter().map(|run| run.seed);
        if !seeds.eq(asked.seeds.iter().copied()) {
            return Err("other perturbations were made than were asked for".to_owned());
        }
        let classifies = !observed.classes.is_empty();
        let scored = !classifies || !observed.probabilities.is_empty();
        for Answers { classes, scores } in self.runs.iter().map(|run| &run.answers) {
            let known = classes.iter().flatten().all(|class| (*class as usize) < observed.classes.len());
            let allowed = |score: &f64| if classifies { (0.0..=1.0).contains(score) } else { score.is_finite() };
            let lengths = (classes.len(), scores.len()) == (rows * usize::from(classifies), rows * usize::from(scored));
            if !(known && lengths && scores.iter().flatten().all(allowed)) {
                return Err("the answers to a perturbation are none".to_owned());
            }
        }
        Ok(())
    }
}

impl Spent {
    fn is_possible(self) -> bool {
        self.cpu_seconds.is_finite() && self.cpu_seconds >= 0.0
    }
}

/// The timed calls of one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencySamples {
    pub load: Load,
    /// Of each call, in nanoseconds, in no particular order when there are several callers.
    pub nanos: Vec<u64>,
    /// From the first timed call's start to the last one's end, over all callers.
    pub wall_nanos: u64,
    /// Rows predicted by the timed calls.
    pub rows: u64,
    /// CPU time of all threads between the first timed call's start and the last one's end.
    pub cpu_seconds: f64,
    /// What the processor's packages took in that time, where the host lets it be read.
    #[serde(default)]
    pub joules: Option<f64>,
}

/// What the model's file says about itself. Texts are the author's: escape them where they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    pub producer: String,
    pub graph_name: String,
    /// Of the standard operators; 0 when the file names none.
    pub opset: u32,
    pub inputs: Vec<PortInfo>,
    pub outputs: Vec<PortInfo>,
}

impl Outcome {
    /// The answer of a child that may have been taken over by the model: only what can be true is passed on.
    pub(crate) fn distrust(self, task: &Task) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure::new(failure.kind, failure.detail)),
            Self::Completed(observation) => match observation.check(task) {
                Ok(()) => Self::Completed(Box::new(observation.with_short_texts())),
                Err(contradiction) => Self::Failed(Failure::new(
                    FailureKind::Crashed,
                    format!("the sandbox's answer contradicts itself: {contradiction}"),
                )),
            },
        }
    }
}

impl Observation {
    /// With every text that nobody checked cut to what a page can show, and few of them.
    fn with_short_texts(mut self) -> Self {
        let host = &mut self.host;
        let model = &mut self.model;
        let mut texts = vec![
            &mut host.cpu_model,
            &mut host.os,
            &mut host.kernel,
            &mut host.arch,
            &mut host.runtime,
            &mut host.runtime_version,
            &mut model.producer,
            &mut model.graph_name,
        ];
        self.isolation.notes.truncate(MAX_LISTED);
        texts.extend(&mut self.isolation.notes);
        texts.extend(&mut self.no_energy);
        texts.extend(&mut self.no_prediction);
        texts.extend(self.outputs.iter_mut().filter_map(|output| output.refused.as_mut()));
        texts.extend(self.perturbed.iter_mut().filter_map(|under| under.refused.as_mut()));
        for text in texts {
            *text = printable(text, MAX_TEXT);
        }
        self
    }

    fn check(&self, task: &Task) -> Result<(), String> {
        let rows = task.rows();
        let (labels, values) = (self.labels.len(), self.values.len());
        let unread = !task.predicts() || task.tensors.is_some() && self.no_prediction.is_some();
        let counts = if unread { [(0, 0); 2] } else { [(rows, 0), (0, rows)] };
        if !counts.contains(&(labels, values)) {
            return Err(format!("{rows} rows, but {labels} labels and {values} values"));
        }
        self.check_outputs(task)?;
        let classes: HashSet<&str> = self.classes.iter().map(String::as_str).collect();
        if classes.len() != self.classes.len() || (labels == 0) != classes.is_empty() {
            return Err("the classes are not the classes of the labels".to_owned());
        }
        if self.labels.iter().any(|label| !classes.contains(label.as_str())) {
            return Err("a label is not among the classes".to_owned());
        }
        self.check_numbers()?;
        if !self.probabilities.is_empty() && self.probabilities.len() != labels {
            return Err(format!("{labels} labels, but {} rows of probabilities", self.probabilities.len()));
        }
        if self.repeated.times != u64::from(task.repeats) + 1
            || rows < usize::try_from(self.repeated.rows).unwrap_or(usize::MAX)
        {
            return Err("other repetitions were made than were asked for".to_owned());
        }
        if self.non_finite_rows.is_some_and(|not_finite| (rows as u64) < not_finite) {
            return Err("more rows are without finite numbers than there are".to_owned());
        }
        if self.predicting.rows < rows as u64 || self.host.threads != task.threads {
            return Err("other rows or threads were used than were asked for".to_owned());
        }
        if self.peak_memory_bytes == 0 || self.peak_memory_bytes < self.baseline_memory_bytes {
            return Err("the memory at its peak is less than at the start".to_owned());
        }
        if self.perturbed.len() != task.perturbations.len() {
            return Err("other perturbations were made than were asked for".to_owned());
        }
        let mut pairs = self.perturbed.iter().zip(&task.perturbations);
        pairs.try_for_each(|(got, asked)| got.check(task, asked, self))?;
        self.check_latencies(&task.loads)
    }

    fn check_outputs(&self, task: &Task) -> Result<(), String> {
        if task.tensors.as_ref().is_some_and(|tensors| tensors.keeps_outputs && tensors.wanted.is_empty()) {
            return self.check_all_outputs();
        }
        let wanted = task.tensors.as_ref().map(|tensors| tensors.wanted.as_slice()).unwrap_or_default();
        let fits = |(given, wanted): (&GivenOutput, &Wanted)| {
            let numbers = if given.refused.is_some() { 0 } else { wanted.width.saturating_mul(task.rows()) };
            given.output == wanted.output
                && given.numbers.element() == Element::Float64
                && given.numbers.len() == numbers
        };
        match self.outputs.len() == wanted.len() && self.outputs.iter().zip(wanted).all(fits) {
            true => Ok(()),
            false => Err("other outputs were given than were wanted".to_owned()),
        }
    }

    /// Nobody knows how many they are, or how wide.
    fn check_all_outputs(&self) -> Result<(), String> {
        let names: HashSet<&str> = self.outputs.iter().map(|output| output.output.as_str()).collect();
        let known = self.model.outputs.iter().map(|port| port.name.as_str()).collect::<HashSet<_>>();
        let fits = |given: &GivenOutput| {
            given.numbers.element() == Element::Float64
                && given.numbers.len() <= REPEATED_NUMBERS
                && (given.refused.is_none() || given.numbers.is_empty())
        };
        let is_little = self.outputs.len() <= MAX_OUTPUTS && names.iter().all(|name| name.len() <= MAX_NAME_BYTES);
        match is_little && names.len() == self.outputs.len() && names.is_subset(&known) && self.outputs.iter().all(fits)
        {
            true => Ok(()),
            false => Err("other outputs were given than the model has".to_owned()),
        }
    }

    fn check_numbers(&self) -> Result<(), String> {
        let probability = |p: &f64| (0.0..=1.0).contains(p);
        if self.probabilities.iter().any(|row| row.len() != self.classes.len() || !row.iter().all(probability)) {
            return Err("a row of probabilities is none".to_owned());
        }
        let finite = self.values.iter().all(|value| value.is_finite());
        let loads = std::iter::once(&self.load_time_ms).chain(&self.later_loads_ms);
        let load_time = loads.chain(&self.cold_start_ms).all(|ms| ms.is_finite() && *ms >= 0.0);
        let traffic = self.traffic.is_none_or(Traffic::is_possible);
        if !finite || !load_time || !traffic || !self.predicting.is_possible() {
            return Err("a figure is not a finite number".to_owned());
        }
        Ok(())
    }

    fn check_latencies(&self, loads: &[Load]) -> Result<(), String> {
        let measured = self.latencies.iter().map(|samples| &samples.load);
        if !measured.eq(loads.iter()) {
            return Err("other loads were measured than were asked for".to_owned());
        }
        for samples in &self.latencies {
            let calls = samples.nanos.len() as u64;
            let right = (1..=u64::from(samples.load.samples)).contains(&calls)
                && samples.rows == calls * u64::from(samples.load.batch)
                && Spent { cpu_seconds: samples.cpu_seconds, rows: samples.rows }.is_possible()
                && samples.joules.is_none_or(|joules| joules.is_finite() && joules >= 0.0)
                && samples.nanos.iter().all(|nanos| *nanos <= samples.wall_nanos);
            if !right {
                return Err("the samples of a load do not add up".to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "observation_tests.rs"]
mod tests;
