//! What only bias has: attributes and their groups, and how uncertainty is computed.

use super::super::{
    fields::{Fields, kind},
    metric::{Dimension, Metric},
    spec::{Bootstrap, DEFAULT_MINIMUM_GROUP_SIZE},
};
use crate::stats::{
    bootstrap::{MAXIMUM_RESAMPLES, MINIMUM_RESAMPLES},
    disparity::Against,
    fairness::MAXIMUM_LABEL_BYTES,
    impact::Exclusion,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// As many as a dataset may name.
const MAXIMUM_CROSSED: usize = 20;
const LONGEST_ATTRIBUTE: usize = 2560;
const MAXIMUM_EXCLUSIONS: usize = 100;

pub fn attribute(fields: &mut Fields, dimension: Option<Dimension>) -> Option<String> {
    if dimension? != Dimension::Bias {
        fields.refuse("attribute", "only bias has an attribute");
        return None;
    }
    fields.needed("attribute", "a sensitive column, or several joined by *")?;
    let attribute = fields.text("attribute", LONGEST_ATTRIBUTE)?;
    if !is_attribute(attribute) {
        fields.note("attribute", format!("give 1 to {MAXIMUM_CROSSED} different columns joined by *"));
        return None;
    }
    Some(attribute.to_owned())
}

fn is_attribute(text: &str) -> bool {
    let columns: Vec<&str> = text.split('*').collect();
    let mut repeats = columns.iter().enumerate().map(|(i, column)| columns.iter().take(i).any(|c| c == column));
    columns.len() <= MAXIMUM_CROSSED && !columns.contains(&"") && !repeats.any(|repeats| repeats)
}

/// The class of a one-against-rest table.
pub fn class(fields: &mut Fields, metric: Option<Metric>, dimension: Option<Dimension>) -> Option<String> {
    let counted = |m: Metric| m.group_rate().is_some() || m.disparity().is_some_and(|d| d.is_counted());
    let (allowed, because): (fn(Metric) -> bool, _) = match dimension? {
        Dimension::Bias => (counted, "only rates and their disparities can be of one class against the rest"),
        Dimension::Quality => {
            (Metric::is_of_a_class, "only precision, recall, F1, AUC and rates can be of one class against the rest")
        }
        _ => (|_| false, "only bias and quality have a class"),
    };
    if metric.is_none_or(|metric| !allowed(metric)) {
        fields.refuse("class", because);
        return None;
    }
    fields.text("class", MAXIMUM_LABEL_BYTES).map(str::to_owned)
}

/// `between_groups`, `overall` or `{group: NAME}`.
pub fn against(fields: &mut Fields, metric: Option<Metric>, dimension: Option<Dimension>) -> Option<Against> {
    if dimension? != Dimension::Bias || metric?.disparity().is_none() {
        fields.refuse("against", "only a disparity is held against something");
        return None;
    }
    match fields.get("against") {
        None => Some(Against::BetweenGroups),
        Some(Value::String(word)) if word == "between_groups" => Some(Against::BetweenGroups),
        Some(Value::String(word)) if word == "overall" => Some(Against::Overall),
        Some(Value::Object(_)) => {
            let mut reference = fields.object("against", &["group"])?;
            reference.needed("group", "the label of the reference group")?;
            Some(Against::Group(reference.text("group", MAXIMUM_LABEL_BYTES)?.to_owned()))
        }
        Some(_) => {
            fields.note("against", "give between_groups, overall, or {group: NAME} for a reference group");
            None
        }
    }
}

pub fn minimum_group_size(fields: &mut Fields, dimension: Option<Dimension>) -> Option<u64> {
    if dimension? != Dimension::Bias {
        fields.refuse("minimum_group_size", "only bias has groups");
        return None;
    }
    let written = fields.integer("minimum_group_size", 1..=10_000_000);
    Some(written.unwrap_or(DEFAULT_MINIMUM_GROUP_SIZE))
}

pub fn bootstrap(fields: &mut Fields) -> Bootstrap {
    let usual = Bootstrap::default();
    let Some(mut written) = fields.object("bootstrap", &["resamples", "seed"]) else { return usual };
    let resamples = written.integer("resamples", u64::from(MINIMUM_RESAMPLES)..=u64::from(MAXIMUM_RESAMPLES));
    Bootstrap {
        resamples: resamples.and_then(|count| u32::try_from(count).ok()).unwrap_or(usual.resamples),
        // Greater numbers lose digits in some JSON readers.
        seed: written.integer("seed", 0..=1 << 53).unwrap_or(usual.seed),
    }
}

/// Attribute to a list of `{category, justification}`.
pub fn exclusions(fields: &mut Fields) -> BTreeMap<String, Vec<Exclusion>> {
    let mut exclusions = BTreeMap::new();
    let Some(value) = fields.get("exclusions") else { return exclusions };
    let Some(map) = value.as_object() else {
        fields.note("exclusions", format!("{} stands where attributes with their categories belong", kind(value)));
        return exclusions;
    };
    if let Some(wrong) = map.keys().find(|name| !is_attribute(name)) {
        let shown: String = wrong.chars().take(64).collect();
        fields.note("exclusions", format!("`{shown}` is no attribute: give different columns joined by *"));
    }
    let mut inner = match fields.object("exclusions", &map.keys().map(String::as_str).collect::<Vec<_>>()) {
        Some(inner) => inner,
        None => return exclusions,
    };
    for (attribute, list) in map {
        match list.as_array().filter(|list| list.len() <= MAXIMUM_EXCLUSIONS) {
            Some(list) => {
                let read = list.iter().filter_map(|item| exclusion(&mut inner, attribute, item)).collect();
                exclusions.insert(attribute.clone(), read);
            }
            None => inner.note(attribute, format!("give a list of at most {MAXIMUM_EXCLUSIONS} categories")),
        }
    }
    exclusions
}

fn exclusion(fields: &mut Fields, attribute: &str, item: &Value) -> Option<Exclusion> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let known = item.as_object().is_some_and(|map| map.len() == 2);
    match (text("category"), text("justification")) {
        (Some(category), Some(justification)) if known && justification.len() <= 2000 => {
            Some(Exclusion { category: category.to_owned(), justification: justification.to_owned() })
        }
        _ => {
            fields
                .note(attribute, "each item is a category and a justification of at most 2000 bytes, and nothing else");
            None
        }
    }
}
