//! Overlays of a spec: for each model, which limits are tighter for it.

use super::super::{
    fields::{Fields, kind},
    overlay::Tightening,
    spec::{Confidence, Constraint, MAXIMUM_CONSTRAINTS},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

const FIELDS: &[&str] = &[
    "name",
    "limit",
    "severity",
    "minimum_samples",
    "confidence",
    "representative_hardware",
    "maximum_evidence_age_days",
];
const MAXIMUM_OVERLAYS: usize = 1000;

/// Model name to the limits that are tighter for it.
pub fn overlays(fields: &mut Fields, constraints: &[Option<Constraint>]) -> BTreeMap<String, Vec<Tightening>> {
    let mut all = BTreeMap::new();
    let Some(value) = fields.get("overlays") else { return all };
    let is_name = |name: &String| (1..=128).contains(&name.len()) && !name.contains(char::is_control);
    let Some(map) = value.as_object().filter(|map| map.len() <= MAXIMUM_OVERLAYS && map.keys().all(is_name)) else {
        fields.note(
            "overlays",
            format!("give at most {MAXIMUM_OVERLAYS} model names, each with a list of tighter limits"),
        );
        return all;
    };
    let models: Vec<&str> = map.keys().map(String::as_str).collect();
    let Some(mut inner) = fields.object("overlays", &models) else { return all };
    for (model, list) in map {
        match list.as_array().filter(|list| (1..=MAXIMUM_CONSTRAINTS).contains(&list.len())) {
            Some(list) => {
                all.insert(model.clone(), of_model(&mut inner, model, list, constraints));
            }
            None => {
                let detail = format!("{} stands where a list of 1 to {MAXIMUM_CONSTRAINTS} belongs", kind(list));
                inner.note(model, detail);
            }
        }
    }
    all
}

fn of_model<'v>(
    fields: &mut Fields<'v, '_>,
    model: &str,
    list: &'v [Value],
    limits: &[Option<Constraint>],
) -> Vec<Tightening> {
    let mut names = HashSet::new();
    let mut all = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let Some(mut one) = fields.item(model, index, value, FIELDS) else { continue };
        let Some(read) = tightening(&mut one) else { continue };
        let Some(base) = limits.iter().flatten().find(|limit| limit.name == read.name) else {
            one.note("name", "the spec has no limit of this name that could be tightened");
            continue;
        };
        if !names.insert(read.name.clone()) {
            one.note("name", "this limit is tightened twice; say it once");
        }
        check(&mut one, &read, base);
        all.push(read);
    }
    all
}

fn tightening(fields: &mut Fields) -> Option<Tightening> {
    let name = super::name(fields);
    let limit = fields.get("limit").map(Value::as_f64);
    if limit.is_some_and(|limit| limit.is_none()) {
        fields.note("limit", "give a number, in the unit of the limit");
    }
    Some(Tightening {
        name: name?,
        limit: limit.flatten(),
        severity: fields.word("severity"),
        minimum_samples: fields.integer("minimum_samples", 1..=10_000_000),
        confidence: fields.word("confidence"),
        representative_hardware: fields.boolean("representative_hardware"),
        maximum_evidence_age_days: fields
            .integer("maximum_evidence_age_days", 1..=3650)
            .and_then(|days| u32::try_from(days).ok()),
    })
}

fn check(fields: &mut Fields, read: &Tightening, base: &Constraint) {
    let ((low, high), limit) = (base.metric.range(), read.limit.map(|limit| base.unit.to_base(limit)));
    if limit.is_some_and(|limit| !(low..=high).contains(&limit)) {
        fields.note("limit", format!("is outside of what {} can be ({low} to {high})", base.metric));
    }
    if let Some((field, why)) = read.loosens(base) {
        fields.note(field, why);
    }
    if read.confidence == Some(Confidence::Interval) && !base.metric.has_interval(base.statistic) {
        fields.note("confidence", "this figure has no interval, so it would never pass; use point");
    }
    let calls = base.load.map(|load| u64::from(load.samples));
    if let (Some(asked), Some(calls)) = (read.minimum_samples, calls)
        && calls < asked
    {
        fields.note("minimum_samples", format!("the load counts {calls} calls, so {asked} are never reached"));
    }
    let nothing = Tightening {
        name: read.name.clone(),
        limit: None,
        severity: None,
        minimum_samples: None,
        confidence: None,
        representative_hardware: None,
        maximum_evidence_age_days: None,
    };
    if *read == nothing {
        fields.note_here("says nothing that is tighter; give a limit, a severity or another field");
    }
}
