//! Which figure of a measurement a constraint is about.

mod groups;
mod keyed;

pub use keyed::{OUTPUTS, of_output, perturbed};

use super::{
    measured::{LoadRun, Measured},
    metric::{Dimension, Metric, Statistic},
    spec::{Constraint, Load},
    words::Words,
};
use crate::stats::{figure::Figure, interval::Interval};

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
    /// For the farthest of several groups: the interval that has to be beyond the limit before it
    /// counts as broken, because the farthest of many lies far out by chance alone.
    pub beyond: Beyond,
}

/// What has to be beyond a limit for it to be broken where the whole interval is judged.
#[derive(Clone, Copy)]
pub enum Beyond {
    /// The interval of the figure.
    Interval,
    /// The interval that holds for all pairs of groups together, where there is one.
    AllPairs(Option<Interval>),
}

/// The figures of a constraint, at least one, or why there are none.
pub fn find(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    match (constraint.dimension, constraint.load, &constraint.attribute) {
        (Dimension::Latency | Dimension::Throughput, Some(load), _) => {
            under_load(constraint, load, measured).map(|candidate| vec![candidate])
        }
        (Dimension::Bias, _, Some(attribute)) => groups::find(constraint, attribute, measured),
        (Dimension::Robustness, ..) if constraint.metric != Metric::Repeats => {
            keyed::under_perturbation(constraint, measured)
        }
        (Dimension::Agreement, ..) => keyed::with_recorded(constraint, measured),
        (Dimension::Abstention, ..) => keyed::at_threshold(constraint, measured),
        (Dimension::Quality, ..) if constraint.class.is_some() => keyed::of_class(constraint, measured),
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
            Dimension::Quality | Dimension::Robustness | Dimension::Connectivity => "rows",
            Dimension::Compute if metric == Metric::Flops => "nodes that bear weights",
            _ => "measurements",
        },
        doubt: measured.doubts.get(metric.word()).cloned(),
        left_out: None,
        beyond: Beyond::Interval,
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
    Ok(Candidate {
        subject: format!("{what}{condition}"),
        figure,
        counted: "calls",
        doubt: none,
        left_out: None,
        beyond: Beyond::Interval,
    })
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
