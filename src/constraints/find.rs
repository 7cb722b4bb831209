//! Which figure of a measurement a constraint is about.

use super::{
    measured::{LoadRun, Measured},
    metric::{Dimension, Metric, Statistic},
    spec::{Constraint, Load},
    words::Words,
};
use crate::stats::{
    disparity::Disparity,
    fairness::{AttributeTable, GroupRates, RateName},
    figure::{Figure, Rate},
};

/// A figure that a constraint can be judged by.
pub struct Candidate {
    /// What it is, as the subject of a sentence.
    pub subject: String,
    /// In base units.
    pub figure: Figure,
    /// What `figure.n` counts.
    pub counted: &'static str,
    /// Why it can't make a constraint pass, or why it is undefined.
    pub doubt: Option<String>,
    /// Groups that it doesn't speak for, as the end of a sentence.
    pub left_out: Option<String>,
}

/// The figures of a constraint, at least one, or why there are none.
pub fn find(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    match (constraint.dimension, constraint.load, &constraint.attribute) {
        (Dimension::Latency | Dimension::Throughput, Some(load), _) => {
            under_load(constraint, load, measured).map(|candidate| vec![candidate])
        }
        (Dimension::Bias, _, Some(attribute)) => of_groups(constraint, attribute, measured),
        _ => plain(constraint, measured).map(|candidate| vec![candidate]),
    }
}

fn missing(measured: &Measured, what: &str) -> String {
    match measured.absent.get(what) {
        Some(reason) => format!("{what} was not measured: {reason}"),
        None => format!("{what} was not measured"),
    }
}

fn plain(constraint: &Constraint, measured: &Measured) -> Result<Candidate, String> {
    let metric = constraint.metric;
    let figure = measured.figures.get(&metric);
    Ok(Candidate {
        subject: metric.word().replace('_', " "),
        figure: *figure.ok_or_else(|| missing(measured, metric.word()))?,
        counted: match constraint.dimension {
            Dimension::Quality => "rows",
            _ => "measurements",
        },
        doubt: None,
        left_out: None,
    })
}

fn under_load(constraint: &Constraint, load: Load, measured: &Measured) -> Result<Candidate, String> {
    let run = measured.runs.iter().find(|run| run.load == load);
    let run = run.ok_or_else(|| missing(measured, constraint.metric.word()))?;
    let (what, figure) = of_run(constraint, run);
    let condition = match (load.batch, load.concurrency) {
        (1, 1) => String::new(),
        (batch, 1) => format!(" at batch {batch}"),
        (batch, callers) => format!(" at batch {batch} and {callers} callers"),
    };
    let none = (figure.n == 0).then(|| "no call was counted".to_owned());
    Ok(Candidate { subject: format!("{what}{condition}"), figure, counted: "calls", doubt: none, left_out: None })
}

fn of_run(constraint: &Constraint, run: &LoadRun) -> (&'static str, Figure) {
    let latency = &run.latency;
    match constraint.statistic {
        Some(Statistic::P50) => ("p50", latency.p50),
        Some(Statistic::P95) => ("p95", latency.p95),
        Some(Statistic::P99) => ("p99", latency.p99),
        Some(Statistic::Max) => ("the longest call", latency.max),
        Some(Statistic::Mean) => ("the mean call", latency.mean),
        None => ("throughput", run.throughput()),
    }
}

fn of_groups(constraint: &Constraint, attribute: &str, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let asked = constraint.minimum_group_size;
    let table = measured
        .bias
        .iter()
        .find(|t| t.attribute == attribute && Some(t.minimum_group_size) == asked)
        .ok_or_else(|| missing(measured, attribute))?;
    let usable: Vec<&GroupRates> = table.usable().collect();
    let metric = constraint.metric;
    if usable.len() < 2 {
        let (count, size) = (usable.len(), table.minimum_group_size);
        let doubt =
            format!("{count} of {} groups have at least {size} rows, and a comparison needs two", table.groups.len());
        let rows = usable.iter().map(|g| g.n).sum();
        let figure = Figure::point(None, rows);
        return Ok(vec![about(metric, attribute, figure, Some(doubt))]);
    }
    let left_out = left_out(table);
    if let Some(disparity) = metric.disparity().and_then(|d| table.disparity(d)) {
        return Ok(vec![of_disparity(metric, attribute, disparity, left_out)]);
    }
    let rate = metric.group_rate().ok_or_else(|| missing(measured, metric.word()))?;
    let rows = usable.iter().map(|g| g.n).sum();
    let candidate = |group: &&GroupRates| of_rate(metric, group, rate, rows, left_out.clone());
    Ok(usable.iter().map(candidate).collect())
}

fn about(metric: Metric, attribute: &str, figure: Figure, doubt: Option<String>) -> Candidate {
    Candidate {
        subject: format!("{} over {attribute}", metric.word().replace('_', " ")),
        figure,
        counted: "rows",
        doubt,
        left_out: None,
    }
}

fn of_disparity(metric: Metric, attribute: &str, disparity: &Disparity, left_out: Option<String>) -> Candidate {
    let figure = Figure::with_interval(disparity.value, disparity.interval, disparity.n);
    let doubt = match (disparity.value, disparity.complete) {
        (None, false) => Some("fewer than two groups have a rate to compare".to_owned()),
        (None, true) => Some("the rate is 0 in every group".to_owned()),
        (Some(_), false) => Some("only one of its two rates exists in two groups".to_owned()),
        (Some(_), true) => None,
    };
    let mut candidate = about(metric, attribute, figure, doubt);
    if let (Some(low), Some(high)) = (&disparity.lowest_group, &disparity.highest_group) {
        let (low, high) = (shortened(low), shortened(high));
        candidate.subject = format!("{} ({low} lowest, {high} highest)", candidate.subject);
    }
    candidate.left_out = left_out;
    if !disparity.groups_undefined.is_empty() {
        let names = listed(disparity.groups_undefined.iter().map(String::as_str));
        let before = candidate.left_out.unwrap_or_default();
        candidate.left_out = Some(format!("{before}; undefined for {names}"));
    }
    candidate
}

fn of_rate(metric: Metric, group: &GroupRates, rate: RateName, rows: u64, left_out: Option<String>) -> Candidate {
    let name = shortened(&group.group);
    let what = metric.word().replace('_', " ");
    let rate = group.rate(rate);
    let share = rate.map_or_else(|| format!("{} rows", group.n), |rate| format!("{} of {}", rate.count, rate.total));
    Candidate {
        subject: format!("{what} of {name} ({share})"),
        // The rows of all groups: how many one group needs is the minimum group size.
        figure: Figure { n: rows, ..Rate::figure(rate) },
        counted: "rows",
        doubt: None,
        left_out,
    }
}

fn left_out(table: &AttributeTable) -> Option<String> {
    let small: Vec<&str> = table.groups.iter().filter(|g| g.too_small).map(|g| g.group.as_str()).collect();
    (!small.is_empty()).then(|| format!("; too small and left out: {}", listed(small.into_iter())))
}

/// The first names, and how many more.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<String> = names.take(SHOWN).map(shortened).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let start: String = name.chars().take(LONGEST).collect();
    format!("{start}…")
}
