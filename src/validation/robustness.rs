//! From what a spec wants done to the inputs to what the sandbox does, and from its answers to figures. Pure.

use crate::{
    constraints::{
        ConstraintSpec, Measured, Metric,
        measured::robustness::{of_classifier, of_regression},
    },
    datasets::{Description, table::Table},
    sandbox::{Observation, Perturbed, Scale, UnderPerturbation},
    stats::{
        bootstrap::Plan,
        robustness::{self, Draw, OverDraws, Unperturbed},
    },
    validation::agreement,
};
use std::collections::{BTreeMap, HashSet};

/// A column of more different numbers than this is a quantity; of fewer it may be a flag or a code.
const FEW_VALUES: usize = 10;

/// What the sandbox is to do.
pub fn perturbed(spec: &ConstraintSpec) -> Vec<Perturbed> {
    let of = |one: &crate::constraints::Perturbation| Perturbed {
        change: one.change,
        columns: one.columns.clone(),
        seeds: one.draws(),
    };
    spec.perturbations().iter().map(of).collect()
}

/// Where the numbers of each column lie: in the training data where the description says so, else in these.
pub fn scales(table: &Table, description: &Description) -> BTreeMap<String, Scale> {
    let columns = table.names().iter().filter(|name| **name != description.label);
    let of = |name: &String| {
        // What is no list of single numbers may be one of lists; the sandbox has those.
        let said = || said_scales(description).remove(name);
        Some((name.clone(), scale(name, table, description).or_else(said)?))
    };
    columns.filter_map(of).collect()
}

/// What the description says of them. The sandbox has the numbers themselves, and looks where nothing is said.
pub fn said_scales(description: &Description) -> BTreeMap<String, Scale> {
    let said = description.scales.iter();
    said.map(|(name, said)| (name.clone(), Scale { mean: said.mean, std: said.std, continuous: true })).collect()
}

/// `None` for a column that holds anything but numbers and gaps.
fn scale(name: &str, table: &Table, description: &Description) -> Option<Scale> {
    let cells = table.column(name)?.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    let numbers: Vec<f64> = cells.map(|cell| cell.parse().ok()).collect::<Option<_>>()?;
    let finite: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
    let n = finite.len() as f64;
    if finite.is_empty() {
        return None;
    }
    let distinct: HashSet<u64> = finite.iter().map(|number| number.to_bits()).take(1 << 20).collect();
    let mean = finite.iter().sum::<f64>() / n;
    let std = (finite.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (mean, std) = description.scales.get(name).map_or((mean, std), |said| (said.mean, said.std));
    Some(Scale { mean, std, continuous: FEW_VALUES < distinct.len() })
}

/// Adds a figure for every perturbation of the spec, or says why there is none.
pub fn add(
    measured: &mut Measured,
    seen: &Observation,
    truth: &[String],
    positive: Option<&str>,
    spec: &ConstraintSpec,
) {
    let rows = seen.repeated.rows;
    if rows != 0 {
        measured.set(Metric::Repeats, seen.repeated.times as f64, rows);
    }
    if seen.perturbed.is_empty() {
        return agreement::set_unperturbed(measured, spec, "the sandbox changed nothing");
    }
    let base = Base::of(seen, truth, positive);
    for (one, found) in spec.perturbations().iter().zip(&seen.perturbed) {
        if let Some(why) = &found.refused {
            measured.set_not_perturbed(one, why.clone());
            continue;
        }
        match base.figures(seen, found, spec.bootstrap().plan()) {
            Some(figures) => measured.add_perturbation(one, found.columns.clone(), figures),
            None => measured.set_not_perturbed(one, "its answers and the labels of the data can't be compared"),
        }
    }
}

/// The answers to the rows as they are.
enum Base {
    Classes {
        truth: Vec<Option<u32>>,
        classes: Vec<u32>,
        scores: Vec<f64>,
        positive: Option<u32>,
    },
    /// `None` for a truth that is no number.
    Numbers(Option<Vec<f64>>),
}

impl Base {
    fn of(seen: &Observation, truth: &[String], positive: Option<&str>) -> Self {
        if seen.labels.is_empty() {
            return Self::Numbers(truth.iter().map(|cell| cell.parse().ok()).collect());
        }
        let known: BTreeMap<&str, u32> = seen.classes.iter().map(String::as_str).zip(0..).collect();
        let index = |label: &String| known.get(label.as_str()).copied();
        let classes: Vec<u32> = seen.labels.iter().filter_map(index).collect();
        let positive = positive.and_then(|label| known.get(label).copied());
        let scores = seen.probabilities.iter().zip(&classes);
        let scores = scores.filter_map(|(row, class)| row.get(positive.unwrap_or(*class) as usize).copied()).collect();
        Self::Classes { truth: truth.iter().map(index).collect(), classes, scores, positive }
    }

    fn figures(
        &self,
        seen: &Observation,
        found: &UnderPerturbation,
        plan: Plan,
    ) -> Option<BTreeMap<Metric, OverDraws>> {
        match self {
            Self::Numbers(truth) => {
                let draws: Vec<&[Option<f64>]> = found.runs.iter().map(|run| run.answers.scores.as_slice()).collect();
                robustness::of_regression(truth.as_ref()?, &seen.values, &draws).map(|found| of_regression(&found))
            }
            Self::Classes { truth, classes, scores, positive } => {
                let base = Unperturbed { truth, classes, scores, positive: *positive };
                let answers = found.runs.iter().map(|run| &run.answers);
                let draws: Vec<Draw> =
                    answers.map(|answers| Draw { classes: &answers.classes, scores: &answers.scores }).collect();
                robustness::of_classifier(&base, &draws, plan).map(|found| of_classifier(&found))
            }
        }
    }
}
