//! How the answers hold when the inputs are not what they were: one row for each perturbation, and a drawing.

use crate::{
    constraints::{Metric, PerturbationResult},
    stats::robustness::OverDraws,
    web::dots::{About, Dots, Item, dots, number},
};
use std::collections::BTreeSet;

#[derive(Default)]
pub struct Robustness {
    pub drawn: Option<Dots>,
    /// The columns of the table.
    pub metrics: Vec<String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: String,
    /// Such as `noise, sigma 0.1`.
    pub change: String,
    pub draws: u32,
    /// One for each metric.
    pub cells: Vec<String>,
    pub absent: Option<String>,
}

/// Perturbations of one kind stand together, the weakest first, so that their dots make a curve.
pub fn of(results: &[PerturbationResult]) -> Robustness {
    let mut ordered: Vec<(String, &PerturbationResult)> = results.iter().map(|one| (one.change(), one)).collect();
    ordered.sort_by(|(_, a), (_, b)| place(a).partial_cmp(&place(b)).unwrap_or(std::cmp::Ordering::Equal));
    let metrics: Vec<Metric> =
        ordered.iter().flat_map(|(_, one)| one.figures.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect();
    let row = |(change, one): &(String, &PerturbationResult)| Row {
        name: one.perturbation.name.clone(),
        change: change.clone(),
        draws: one.perturbation.seeds.unwrap_or(1),
        cells: metrics.iter().map(|metric| one.figures.get(metric).map_or_else(String::new, cell)).collect(),
        absent: one.absent.clone(),
    };
    Robustness {
        rows: ordered.iter().map(row).collect(),
        drawn: drawn(&ordered),
        metrics: metrics.iter().map(|metric| metric.to_string().replace('_', " ")).collect(),
    }
}

fn drawn(ordered: &[(String, &PerturbationResult)]) -> Option<Dots> {
    let has = |metric: Metric| ordered.iter().any(|(_, one)| one.figures.contains_key(&metric));
    let metric = [Metric::AccuracyDrop, Metric::MaeIncrease].into_iter().find(|metric| has(*metric))?;
    let item = |(change, one): &(String, &PerturbationResult)| {
        let figure = one.figures.get(&metric)?.figure;
        let value = figure.value?;
        Some(Item {
            label: change.clone(),
            value,
            interval: figure.interval.map(|i| (i.low, i.high)),
            shown: number(value),
            tone: "quiet",
        })
    };
    let axis = if metric == Metric::AccuracyDrop { "Drop of accuracy" } else { "Increase of the mean error" };
    let about = About {
        id: "robustness-drawn".to_owned(),
        title: format!("{axis} by perturbation"),
        axis: axis.to_owned(),
        text: "A dot for each perturbation with its 95 % interval as a bar; the dotted line is no change.".to_owned(),
        line: (0.0, "no change".to_owned()),
    };
    dots(about, ordered.iter().filter_map(item).collect())
}

/// What orders them: kind, columns, then the first amount.
fn place(one: &PerturbationResult) -> (String, Option<Vec<String>>, f64) {
    let written = serde_json::to_value(one.perturbation.change).unwrap_or_default();
    let amount = written.as_object().into_iter().flatten().find_map(|(_, value)| value.as_f64());
    (written["kind"].to_string(), one.perturbation.columns.clone(), amount.unwrap_or(0.0).abs())
}

/// The mean over the draws, its interval, and how far the draws lie apart.
pub fn cell(over: &OverDraws) -> String {
    let Some(value) = over.figure.value else { return "undefined".to_owned() };
    let mut text = number(value);
    if let Some(i) = over.figure.interval {
        text.push_str(&format!(" ({} to {})", number(i.low), number(i.high)));
    }
    if let Some(spread) = over.spread.filter(|spread| spread.minimum < spread.maximum) {
        text.push_str(&format!(", from {} to {}", number(spread.minimum), number(spread.maximum)));
    }
    text
}
