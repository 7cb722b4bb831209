//! What a run measured, as a page shows it: verdicts, subgroups, latency, the machine.

use crate::{
    constraints::{LoadRun, Metric, Unit, reason},
    error::Error,
    sandbox::{Enforcement, Isolation},
    stats::figure::Figure,
    validation::{
        api::{EvidenceView, RunView},
        evidence::{BiasBody, PerformanceBody, QualityBody, RobustnessBody},
    },
    web::{
        bars::{self, Bars},
        perturbed::{self, Robustness},
        subgroups::{self, Subgroups},
        verdicts::{self, VerdictRow},
        words,
    },
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A run's findings. Empty parts were not measured.
#[derive(Default)]
pub struct Findings {
    pub summary: String,
    pub verdicts: Vec<VerdictRow>,
    pub subgroups: Subgroups,
    pub loads: Vec<LoadRow>,
    /// How the times of the calls lie, for each load.
    pub calls: Vec<Bars>,
    pub robustness: Robustness,
    pub agreement: Vec<AgreementRow>,
    /// Name and value.
    pub host: Vec<(&'static str, String)>,
    /// What held the model's process in: name, and whether it held.
    pub isolation: Vec<(&'static str, &'static str, bool)>,
    pub notes: Vec<String>,
    /// Kind and digest.
    pub evidence: Vec<(String, String)>,
    pub dataset: String,
    pub rows: String,
    /// Kind of record, and each step of how its figures came about.
    pub methods: Vec<(String, Vec<String>)>,
}

/// An output that was held against what was recorded of it.
pub struct AgreementRow {
    pub output: String,
    pub rows: String,
    /// The largest difference, the rows within the tolerance, and those that decide otherwise.
    pub figures: [String; 3],
}

pub struct LoadRow {
    pub condition: String,
    pub calls: String,
    pub p50: String,
    pub p95: String,
    pub p99: String,
    pub max: String,
    pub throughput: String,
}

impl Findings {
    pub fn of(run: &RunView) -> Result<Self, Error> {
        let mut found = Self {
            summary: verdicts::summary(&run.verdicts),
            verdicts: verdicts::rows(&run.verdicts),
            evidence: run.evidence.iter().map(|e| (e.kind.clone(), e.digest.clone())).collect(),
            methods: run.evidence.iter().filter_map(method).collect(),
            ..Self::default()
        };
        if let Some(bias) = body::<BiasBody>(&run.evidence, "bias")? {
            found.subgroups = subgroups::of(&bias, &run.verdicts, "");
        }
        if let Some(quality) = body::<QualityBody>(&run.evidence, "quality")? {
            found.agreement = agreement(&quality);
        }
        if let Some(robustness) = body::<RobustnessBody>(&run.evidence, "robustness")? {
            found.robustness = perturbed::of(&robustness.perturbations);
        }
        if let Some(performance) = body::<PerformanceBody>(&run.evidence, "performance")? {
            found.loads = performance.loads.iter().map(load_row).collect();
            found.calls = bars::of(&performance.loads, &run.verdicts);
            found.isolation = layers(&performance.isolation);
            found.notes = performance.isolation.notes.clone();
            found.dataset = performance.basis.dataset.clone();
            found.rows = words::grouped(performance.basis.rows);
            if let Some(host) = performance.host {
                let unknown = || "unknown".to_owned();
                found.host = vec![
                    ("CPU", host.cpu_model),
                    ("Cores", host.cores.to_string()),
                    ("Memory", host.memory_bytes.map_or_else(unknown, words::size)),
                    ("Accelerator", host.accelerator.unwrap_or_else(|| "none".to_owned())),
                    ("Runtime", host.runtime.unwrap_or_else(unknown)),
                    ("Threads", host.threads.map_or_else(unknown, |threads| threads.to_string())),
                ];
            }
        }
        Ok(found)
    }
}

/// The method of a record, a step for each of its parts.
fn method(record: &EvidenceView) -> Option<(String, Vec<String>)> {
    let steps = record.body.get("method")?.as_str()?.split("; ").map(str::to_owned).collect();
    Some((record.kind.clone(), steps))
}

fn body<T: DeserializeOwned>(evidence: &[EvidenceView], kind: &str) -> Result<Option<T>, Error> {
    let found = evidence.iter().find(|record| record.kind == kind);
    found.map(|record| serde_json::from_value(record.body.clone()).map_err(Error::internal)).transpose()
}

fn agreement(quality: &QualityBody) -> Vec<AgreementRow> {
    let row = |(output, figures): (&String, &BTreeMap<Metric, Figure>)| AgreementRow {
        output: output.clone(),
        rows: words::grouped(figures.values().map(|figure| figure.n).max().unwrap_or(0)),
        figures: [Metric::MaxDifference, Metric::WithinTolerance, Metric::FlipRate].map(|metric| {
            match figures.get(&metric).map(|figure| figure.value) {
                None => "none".to_owned(),
                Some(None) => "undefined".to_owned(),
                Some(Some(value)) => reason::amount(value, Unit::One, f64::NAN),
            }
        }),
    };
    quality.agreement.iter().map(row).collect()
}

fn load_row(run: &LoadRun) -> LoadRow {
    let time = |figure: Figure| match figure.value {
        None => "none".to_owned(),
        Some(value) => {
            let ms = |seconds: f64| reason::amount(Unit::Millisecond.from_base(seconds), Unit::One, f64::NAN);
            match figure.interval {
                Some(i) => format!("{} ({} to {})", ms(value), ms(i.low), ms(i.high)),
                None => ms(value),
            }
        }
    };
    let rate = run.throughput().value;
    LoadRow {
        condition: format!("batch {}, {} at once", run.load.batch, run.load.concurrency),
        calls: words::grouped(run.latency.n()),
        p50: time(run.latency.p50),
        p95: time(run.latency.p95),
        p99: time(run.latency.p99),
        max: time(run.latency.max),
        throughput: rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate:.0}/s")),
    }
}

fn layers(isolation: &Isolation) -> Vec<(&'static str, &'static str, bool)> {
    let held = |name, held: bool| (name, if held { "held" } else { "did not hold" }, held);
    let files = match isolation.landlock {
        Enforcement::Full => ("Landlock", "held", true),
        Enforcement::Partial => ("Landlock", "held in part", false),
        Enforcement::None => ("Landlock", "did not hold", false),
    };
    vec![
        held("Resource limits", isolation.rlimits),
        held("No new privileges", isolation.no_new_privileges),
        files,
        held("System call filter", isolation.seccomp),
        held("No network", isolation.network_denied),
        held("No files", isolation.files_denied),
    ]
}
