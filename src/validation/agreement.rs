//! What tensors are measured by beside their predictions: answers that were recorded. Pure.

mod predictions;

use crate::{
    constraints::{BiasRequest, ConstraintSpec, Dimension, Measured, Metric},
    datasets::{
        Description,
        data::Data,
        tensors::{Expected, Tensors},
    },
    sandbox::{GivenOutput, Observation},
    stats::agreement::{Decision, Tolerance, agreement},
};

/// Holds answers against what was recorded of them: outputs of tensors, predictions of a table.
pub fn add(measured: &mut Measured, seen: &Observation, data: &Data, description: &Description) {
    match (&data.tensors, &description.recorded) {
        (Some(tensors), _) => add_outputs(measured, seen, tensors),
        (None, Some(recorded)) => predictions::add(measured, seen, &data.table, recorded),
        (None, None) => {
            let why =
                "the data set has no recorded predictions; name their columns under `recorded` in its description";
            measured.set_nothing_recorded(why);
        }
    }
}

fn add_outputs(measured: &mut Measured, seen: &Observation, tensors: &Tensors) {
    if tensors.expected.is_empty() {
        measured.set_nothing_recorded("the data set has no recorded outputs; name their arrays under tensors.expected");
    }
    for (expected, given) in tensors.expected.iter().zip(&seen.outputs) {
        match compared(expected, given) {
            Ok(found) => measured.add_agreement(&expected.output, &found),
            Err(why) => measured.set_not_agreed(&expected.output, why),
        }
    }
}

fn compared(expected: &Expected, given: &GivenOutput) -> Result<crate::stats::agreement::Agreement, String> {
    if let Some(why) = &given.refused {
        return Err(why.clone());
    }
    let Expected { absolute, relative, width, .. } = *expected;
    let decision = match expected.threshold {
        Some(threshold) => Some(Decision::Threshold(threshold)),
        None => expected.is_list.then_some(Decision::Largest),
    };
    let numbers = given.numbers.numbers().unwrap_or_default();
    agreement(&expected.numbers, &numbers, width, Tolerance { absolute, relative }, decision)
        .ok_or_else(|| "the model gave other numbers than were recorded".to_owned())
}

/// Why nothing can be said of predictions, if so.
pub fn without_predictions(seen: &Observation, data: &Data, description: &Description) -> Option<String> {
    data.tensors.as_ref()?;
    if !description.has_label() {
        return Some("the data set has no labels; name an array of them under `label` in its description".to_owned());
    }
    seen.no_prediction.clone()
}

/// Says of everything that rests on predictions why it is missing.
pub fn set_unpredicted(
    measured: &mut Measured,
    seen: &Observation,
    description: &Description,
    spec: &ConstraintSpec,
    why: &str,
) {
    if seen.repeated.rows != 0 {
        measured.set(Metric::Repeats, seen.repeated.times as f64, seen.repeated.rows);
    }
    let dimensions = [Dimension::Quality, Dimension::Abstention].into_iter().flat_map(|dimension| dimension.metrics());
    // That an answer is finite can be seen without knowing what it means.
    for metric in dimensions.filter(|metric| **metric != Metric::NonFiniteRate) {
        measured.set_absent(&metric.to_string(), why);
    }
    let attributes = BiasRequest::intersections(&description.sensitive).into_iter();
    for attribute in attributes.chain(spec.bias_requests().into_iter().map(|request| request.attribute)) {
        measured.set_absent(&attribute, why);
    }
    set_unperturbed(measured, spec, why);
}

/// Why nothing can be said of perturbed inputs.
pub fn set_unperturbed(measured: &mut Measured, spec: &ConstraintSpec, why: &str) {
    for one in spec.perturbations() {
        measured.set_not_perturbed(one, why.to_owned());
    }
}
