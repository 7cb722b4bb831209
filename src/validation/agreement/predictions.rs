//! Predictions on the rows of a table, held against those that were recorded. Pure.

use crate::{
    constraints::Measured,
    datasets::{
        recorded::{RecordedPredictions, number},
        table::Table,
    },
    sandbox::Observation,
    stats::agreement::{Agreement, Tolerance, agreement, labels},
};

/// What stands for them in figures and reasons.
const PREDICTION: &str = "prediction";
const SCORES: &str = "scores";

pub fn add(measured: &mut Measured, seen: &Observation, table: &Table, recorded: &RecordedPredictions) {
    let (absolute, relative) = recorded.tolerances();
    let tolerance = Tolerance { absolute, relative };
    if let Some(column) = recorded.prediction() {
        let cells = table.column(column).unwrap_or_default();
        match seen.labels.is_empty() {
            true => note(measured, PREDICTION, of_numbers(seen, cells, tolerance)),
            false => match labels(cells, &seen.labels) {
                Some(found) => measured.add_agreed_labels(PREDICTION, found),
                None => measured.set_not_agreed(PREDICTION, OTHER_ROWS),
            },
        }
    }
    if recorded.scores().next().is_some() {
        note(measured, SCORES, of_scores(seen, table, recorded, tolerance));
    }
}

const OTHER_ROWS: &str = "the model gave other rows than were recorded";

fn note(measured: &mut Measured, what: &str, found: Result<Agreement, String>) {
    match found {
        Ok(found) => measured.add_agreement(what, &found),
        Err(why) => measured.set_not_agreed(what, why),
    }
}

fn of_numbers(seen: &Observation, cells: &[String], tolerance: Tolerance) -> Result<Agreement, String> {
    let text = |row: usize| format!("the model predicts numbers, and what was recorded of row {} is none", row + 1);
    let cells = cells.iter().enumerate();
    let recorded = cells.map(|(row, cell)| number(cell).ok_or_else(|| text(row))).collect::<Result<Vec<_>, _>>()?;
    agreement(&recorded, &seen.values, 1, tolerance, None).ok_or_else(|| OTHER_ROWS.to_owned())
}

fn of_scores(
    seen: &Observation,
    table: &Table,
    recorded: &RecordedPredictions,
    tolerance: Tolerance,
) -> Result<Agreement, String> {
    if seen.probabilities.is_empty() {
        return Err("the model gives no scores; record its predictions alone".to_owned());
    }
    let mut columns = Vec::new();
    for (class, column) in recorded.scores() {
        let at = seen.classes.iter().position(|known| known == class);
        let at = at.ok_or_else(|| format!("none of the {} classes of the model is {class}", seen.classes.len()))?;
        columns.push((at, table.column(column).unwrap_or_default()));
    }
    let (mut wanted, mut given) = (Vec::new(), Vec::new());
    for (row, probabilities) in seen.probabilities.iter().enumerate() {
        for (at, cells) in &columns {
            wanted.push(cells.get(row).and_then(|cell| number(cell)).unwrap_or(f64::NAN));
            given.push(probabilities.get(*at).copied().unwrap_or(f64::NAN));
        }
    }
    agreement(&wanted, &given, columns.len(), tolerance, None).ok_or_else(|| OTHER_ROWS.to_owned())
}
