//! What perturbations did, how answers agree with recorded ones and how long calls took, as tables.

use super::super::output;
use crate::{
    constraints::{LoadRun, Metric, Unit, amount},
    stats::{figure::Figure, robustness::OverDraws},
    validation::evidence::{PerformanceBody, QualityBody, RobustnessBody},
};
use std::collections::BTreeSet;

/// Rows of a table of times.
const ROWS: usize = 16;
/// The longest bar.
const BAR: u64 = 30;

/// One row for each perturbation, in the order of the spec.
pub fn robustness(body: &RobustnessBody) -> String {
    let all = &body.perturbations;
    let metrics: BTreeSet<Metric> = all.iter().flat_map(|one| one.figures.keys().copied()).collect();
    let names: Vec<String> = metrics.iter().map(|metric| metric.to_string().replace('_', " ")).collect();
    let header: Vec<&str> =
        ["perturbation", "change", "draws"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut table = output::table(&header);
    for one in all {
        let draws = one.perturbation.seeds.unwrap_or(1).to_string();
        let mut row = vec![one.perturbation.name.clone(), one.change(), draws];
        match &one.absent {
            Some(why) => row.push(format!("not measured: {why}")),
            None => row.extend(metrics.iter().map(|metric| one.figures.get(metric).map_or_else(String::new, cell))),
        }
        table.add_row(row);
    }
    output::text(&table)
}

/// One row for each output of which something was recorded.
pub fn agreement(body: &QualityBody) -> Option<String> {
    let metrics = [Metric::MaxDifference, Metric::WithinTolerance, Metric::FlipRate];
    let mut table = output::table(&["output", "rows", "largest difference", "rows within tolerance", "rows that flip"]);
    for (output, figures) in &body.agreement {
        let rows = figures.values().map(|figure| figure.n).max().unwrap_or(0);
        let shown = metrics.iter().map(|metric| match figures.get(metric).map(|figure| figure.value) {
            None => "-".to_owned(),
            Some(None) => "undefined".to_owned(),
            Some(Some(value)) => amount(value, Unit::One, f64::NAN),
        });
        table.add_row([output.clone(), rows.to_string()].into_iter().chain(shown));
    }
    (!body.agreement.is_empty()).then(|| output::text(&table))
}

fn cell(over: &OverDraws) -> String {
    let number = |value: f64| amount(value, Unit::One, f64::NAN);
    match (over.figure.value, over.figure.interval) {
        (None, _) => "undefined".to_owned(),
        (Some(value), None) => number(value),
        (Some(value), Some(i)) => format!("{} ({} to {})", number(value), number(i.low), number(i.high)),
    }
}

/// Percentiles under each load, then how the times of its calls lie.
pub fn loads(body: &PerformanceBody) -> Vec<String> {
    if body.loads.is_empty() {
        return Vec::new();
    }
    let mut table = output::table(&["load", "calls", "p50, ms", "p95, ms", "p99, ms", "slowest, ms"]);
    for run in &body.loads {
        let latency = &run.latency;
        let times = [latency.p50, latency.p95, latency.p99, latency.max].map(ms);
        table.add_row([vec![name(run), latency.n().to_string()], times.to_vec()].concat());
    }
    let mut parts = vec![output::text(&table)];
    parts.extend(body.loads.iter().filter_map(histogram));
    parts
}

fn name(run: &LoadRun) -> String {
    format!("batch {}, {} at once", run.load.batch, run.load.concurrency)
}

fn ms(figure: Figure) -> String {
    let number = |seconds: f64| amount(seconds * 1e3, Unit::One, f64::NAN);
    match (figure.value, figure.interval) {
        (None, _) => "-".to_owned(),
        (Some(value), None) => number(value),
        (Some(value), Some(i)) => format!("{} ({} to {})", number(value), number(i.low), number(i.high)),
    }
}

/// Equal steps of the logarithm of time, so that the tail has its place.
fn histogram(run: &LoadRun) -> Option<String> {
    let buckets = &run.histogram.as_ref()?.buckets;
    let low = (buckets.first()?.from_ns.max(1) as f64).ln();
    let high = (buckets.last()?.to_ns.max(2) as f64).ln().max(low + 1e-3);
    let mut counts = [0_u64; ROWS];
    for bucket in buckets {
        let middle = ((bucket.from_ns as f64 + bucket.to_ns as f64) / 2.0).max(1.0).ln();
        let row = ((middle - low) / (high - low) * ROWS as f64) as usize;
        if let Some(count) = counts.get_mut(row.min(ROWS - 1)) {
            *count += bucket.calls;
        }
    }
    let most = counts.iter().copied().max().filter(|most| *most != 0)?;
    let edge = |row: usize| amount((low + (high - low) * row as f64 / ROWS as f64).exp() / 1e6, Unit::One, f64::NAN);
    let title = format!("times, {}", name(run));
    let mut table = output::table(&[&title, "calls", ""]);
    for (row, calls) in counts.iter().enumerate() {
        let bar = "█".repeat(usize::try_from((calls * BAR).div_ceil(most)).unwrap_or(0));
        table.add_row([format!("{} to {} ms", edge(row), edge(row + 1)), calls.to_string(), bar]);
    }
    Some(output::text(&table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::Measured;
    use serde_json::json;

    #[test]
    fn every_call_stands_in_a_row() {
        let load = json!({"batch": 2, "concurrency": 1, "warm_up": 0, "samples": 10, "max_seconds": 1});
        let load = serde_json::from_value(load).expect("a load");
        for nanos in [vec![7], vec![0, 0], vec![20_000, 21_000, 2_000_000_000]] {
            let mut measured = Measured::default();
            measured.add_run(load, &nanos, 1.0);
            let text = histogram(&measured.runs[0]).expect("a table");
            let calls = |line: &str| -> usize {
                let words: Vec<&str> = line.split_whitespace().collect();
                let at = words.iter().position(|word| *word == "ms");
                at.and_then(|at| words.get(at + 1)).and_then(|word| word.parse().ok()).unwrap_or(0)
            };
            assert_eq!(text.lines().map(calls).sum::<usize>(), nanos.len(), "{text}");
        }
        assert!(
            histogram(&LoadRun {
                histogram: None,
                ..{
                    let mut measured = Measured::default();
                    measured.add_run(load, &[1], 1.0);
                    measured.runs.remove(0)
                }
            })
            .is_none()
        );
    }
}
