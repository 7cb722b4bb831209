//! From JSON to a [`ConstraintSpec`]: which fields go together and within which bounds.

mod abstention;
mod bias;
mod cost;
mod load;
mod overlays;
mod power;
mod robustness;

use super::{
    fields::{Fields, Problems, kind},
    metric::{Dimension, Metric, Statistic},
    spec::{
        Confidence, Constraint, ConstraintSpec, Hardware, MAXIMUM_CONSTRAINTS, Machine, Operator, Severity, SpecError,
    },
    unit::Unit,
};
use crate::core::label::Label;
use serde_json::Value;
use std::collections::BTreeMap;

const SPEC_FIELDS: &[&str] = &[
    "datasets",
    "hardware",
    "bootstrap",
    "exclusions",
    "perturbations",
    "repeats",
    "threads",
    "rows_per_call",
    "cost",
    "constraints",
    "overlays",
];
const CONSTRAINT_FIELDS: &[&str] = &[
    "name",
    "dimension",
    "metric",
    "statistic",
    "attribute",
    "class",
    "perturbation",
    "threshold",
    "against",
    "operator",
    "limit",
    "unit",
    "load",
    "minimum_samples",
    "minimum_group_size",
    "confidence",
    "severity",
    "representative_hardware",
    "maximum_evidence_age_days",
    "accept_reports_of",
    "owner",
    "rationale",
];
const MAXIMUM_DATASETS: usize = 1000;
/// Beyond this a double no longer counts in ones, and no limit is meant.
const LARGEST_LIMIT: f64 = 1e15;

pub fn spec(written: &Value) -> Result<ConstraintSpec, Vec<SpecError>> {
    let mut problems = Problems::default();
    let spec = read_spec(written, &mut problems);
    match (spec, problems.into_vec()) {
        (Some(spec), problems) if problems.is_empty() => Ok(spec),
        (_, problems) => Err(problems),
    }
}

fn read_spec(written: &Value, problems: &mut Problems) -> Option<ConstraintSpec> {
    let mut fields = Fields::open(written, String::new(), SPEC_FIELDS, problems)?;
    let datasets = datasets(&mut fields);
    let hardware = hardware(&mut fields);
    let bootstrap = bias::bootstrap(&mut fields);
    let exclusions = bias::exclusions(&mut fields);
    let perturbations = robustness::perturbations(&mut fields);
    let cost = cost::basis(&mut fields);
    let mut number = |name, range| fields.integer(name, range).and_then(|number| u32::try_from(number).ok());
    let repeats = number("repeats", 1..=100);
    let threads = number("threads", 1..=64);
    let rows_per_call = number("rows_per_call", 1..=4_096);
    let list = fields.needed("constraints", "a list of limits")?;
    let Some(list) = list.as_array() else {
        fields.note("constraints", format!("{} stands where a list belongs", kind(list)));
        return None;
    };
    if list.is_empty() || MAXIMUM_CONSTRAINTS < list.len() {
        let detail = format!("give 1 to {MAXIMUM_CONSTRAINTS} limits; there are {}", list.len());
        fields.note("constraints", detail);
        return None;
    }
    let constraints = list
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let path = format!("constraints[{index}]");
            let mut fields = Fields::open(value, path, CONSTRAINT_FIELDS, problems)?;
            constraint(&mut fields)
        })
        .collect::<Vec<_>>();
    note_duplicates(list, problems);
    // What is unknown was noted when the document was opened.
    let present: Vec<&str> = written.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    let overlays = Fields::open(written, String::new(), &present, problems)
        .map(|mut fields| overlays::overlays(&mut fields, &constraints))
        .unwrap_or_default();
    cost::check(&constraints, cost, problems);
    robustness::check_named(&constraints, &perturbations, problems);
    Some(ConstraintSpec {
        datasets,
        hardware,
        bootstrap,
        exclusions,
        perturbations,
        cost,
        repeats,
        threads,
        rows_per_call,
        constraints: constraints.into_iter().collect::<Option<_>>()?,
        overlays,
        written: written.clone(),
    })
}

fn note_duplicates(list: &[Value], problems: &mut Problems) {
    let mut first_use: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, value) in list.iter().enumerate() {
        let Some(name) = value.get("name").and_then(Value::as_str) else {
            continue;
        };
        let first = *first_use.entry(name).or_insert(index);
        if first != index {
            let detail = format!("constraints[{first}] has the same name; names are unique");
            problems.add(format!("constraints[{index}].name"), detail);
        }
    }
}

fn datasets(fields: &mut Fields) -> BTreeMap<String, String> {
    let Some(value) = fields.get("datasets") else {
        return BTreeMap::new();
    };
    let Some(map) = value.as_object().filter(|m| m.len() <= MAXIMUM_DATASETS) else {
        let detail = format!("give at most {MAXIMUM_DATASETS} pairs of model: dataset");
        fields.note("datasets", detail);
        return BTreeMap::new();
    };
    let is_name = |text: &str| (1..=128).contains(&text.len()) && !text.contains(char::is_control);
    let mut datasets = BTreeMap::new();
    for (model, dataset) in map {
        match dataset.as_str() {
            Some(dataset) if is_name(model) && is_name(dataset) => {
                datasets.insert(model.clone(), dataset.to_owned());
            }
            _ => fields.note("datasets", "a model name and a dataset name are text of 1 to 128 bytes each"),
        }
    }
    datasets
}

fn hardware(fields: &mut Fields) -> Option<Hardware> {
    if fields.get("hardware")?.is_string() {
        return fields.word("hardware").map(Hardware::Any);
    }
    let mut hardware = fields.object("hardware", &["cpu_model", "cores", "label"])?;
    Some(Hardware::Of(Machine {
        cpu_model: hardware.text("cpu_model", 200).map(str::to_owned),
        cores: hardware.integer("cores", 1..=4096).and_then(|c| u32::try_from(c).ok()),
        label: label(&mut hardware),
    }))
}

fn label(hardware: &mut Fields) -> Option<String> {
    let word = hardware.text("label", 64)?.to_owned();
    if let Err(wrong) = Label::of_hardware(&word) {
        hardware.note("label", wrong.0);
        return None;
    }
    Some(word)
}

/// Reads every field before giving up, so that all problems are noted.
fn constraint(fields: &mut Fields) -> Option<Constraint> {
    let name = name(fields);
    let dimension = needed_word::<Dimension>(fields, "dimension");
    let metric = metric(fields, dimension);
    let statistic = statistic(fields, dimension);
    let attribute = bias::attribute(fields, dimension);
    let class = bias::class(fields, metric, dimension);
    let perturbation = robustness::named(fields, dimension, metric);
    let threshold = abstention::threshold(fields, dimension);
    let against = bias::against(fields, metric, dimension);
    let operator = needed_word::<Operator>(fields, "operator");
    let unit = unit(fields, dimension, metric);
    let limit = limit(fields, metric, unit);
    let load = load::load(fields, dimension);
    let minimum_samples = load::minimum_samples(fields, dimension, (load, statistic));
    let minimum_group_size = bias::minimum_group_size(fields, dimension);
    let confidence = confidence(fields, metric, statistic);
    let severity = fields.word::<Severity>("severity").unwrap_or(Severity::Block);
    let representative_hardware = fields.boolean("representative_hardware").unwrap_or(false);
    let accept_reports_of = power::accept_reports_of(fields, dimension);
    let age = fields.integer("maximum_evidence_age_days", 1..=3650);
    let owner =
        fields.needed("owner", "the account that answers for this limit").and_then(|_| fields.text("owner", 64));
    let rationale = fields.text("rationale", 2000).map(str::to_owned);
    Some(Constraint {
        name: name?,
        dimension: dimension?,
        metric: metric?,
        statistic,
        attribute,
        class,
        perturbation,
        threshold,
        against,
        operator: operator?,
        limit: limit?,
        unit: unit?,
        load,
        minimum_samples: minimum_samples?,
        minimum_group_size,
        confidence,
        severity,
        representative_hardware,
        maximum_evidence_age_days: age.and_then(|days| u32::try_from(days).ok()),
        accept_reports_of,
        owner: owner?.to_owned(),
        rationale,
    })
}

fn needed_word<T: super::words::Words>(fields: &mut Fields, name: &str) -> Option<T> {
    fields.needed(name, &format!("one of {}", T::listed()))?;
    fields.word(name)
}

fn name(fields: &mut Fields) -> Option<String> {
    fields.needed("name", "a short name")?;
    let name = fields.text("name", 64)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(allowed) {
        fields.note("name", "use a-z, 0-9 and -");
        return None;
    }
    Some(name.to_owned())
}

fn metric(fields: &mut Fields, dimension: Option<Dimension>) -> Option<Metric> {
    let metric = needed_word::<Metric>(fields, "metric")?;
    if let Some(dimension) = dimension.filter(|d| !d.metrics().contains(&metric)) {
        let known: Vec<String> = dimension.metrics().iter().map(Metric::to_string).collect();
        let detail = format!("{dimension} has no metric {metric}; it has {}", known.join(", "));
        fields.note("metric", detail);
        return None;
    }
    Some(metric)
}

fn statistic(fields: &mut Fields, dimension: Option<Dimension>) -> Option<Statistic> {
    if dimension? == Dimension::Latency {
        return needed_word(fields, "statistic");
    }
    fields.refuse("statistic", "only latency has a statistic");
    None
}

fn unit(fields: &mut Fields, dimension: Option<Dimension>, metric: Option<Metric>) -> Option<Unit> {
    let unit = needed_word::<Unit>(fields, "unit")?;
    let Some(dimension) = dimension else { return Some(unit) };
    let wanted = metric.map_or(dimension.quantity(), |metric| metric.quantity(dimension));
    if wanted != unit.quantity() {
        let (what, base) = match metric {
            Some(metric) if wanted != dimension.quantity() => (metric.to_string(), wanted.base_unit()),
            _ => (dimension.to_string(), wanted.base_unit()),
        };
        let detail = format!("{what} isn't measured in `{unit}`; give a unit of the same kind as `{base}`");
        fields.note("unit", detail);
        return None;
    }
    Some(unit)
}

fn limit(fields: &mut Fields, metric: Option<Metric>, unit: Option<Unit>) -> Option<f64> {
    let value = fields.needed("limit", "a number")?;
    let Some(limit) = value.as_f64().filter(|l| l.abs() <= LARGEST_LIMIT) else {
        fields.note("limit", format!("give a number from -{LARGEST_LIMIT:e} to {LARGEST_LIMIT:e}"));
        return None;
    };
    let ((low, high), base) = (metric?.range(), unit?.to_base(limit));
    if base < low || high < base {
        let (metric, unit) = (metric?, unit?);
        let detail = format!("{limit} {unit} is outside of what {metric} can be ({low} to {high})");
        fields.note("limit", detail);
        return None;
    }
    Some(limit)
}

fn confidence(fields: &mut Fields, metric: Option<Metric>, statistic: Option<Statistic>) -> Confidence {
    let confidence = fields.word("confidence").unwrap_or(Confidence::Point);
    let judged = metric.is_none_or(|metric| metric.has_interval(statistic));
    if confidence == Confidence::Interval && !judged {
        let detail = "this figure has no interval, so it would never pass; use point";
        fields.note("confidence", detail);
    }
    confidence
}

#[cfg(test)]
mod tests;
