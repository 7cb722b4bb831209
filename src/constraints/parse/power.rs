//! Whose reports may stand in for a measurement of power.

use super::super::{fields::Fields, metric::Dimension};
use crate::core::name::Name;
use std::collections::BTreeSet;

const MAXIMUM_KEYS: usize = 16;

/// Hosts that can't read their own energy are the rule; everything else the registry measures itself.
pub fn accept_reports_of(fields: &mut Fields, dimension: Option<Dimension>) -> Vec<String> {
    const FIELD: &str = "accept_reports_of";
    if dimension.is_some_and(|dimension| dimension != Dimension::Power) {
        fields.refuse(FIELD, "only a limit on power accepts reports; everything else is measured here");
        return Vec::new();
    }
    let Some(value) = fields.get(FIELD) else { return Vec::new() };
    let is_name = |name: &&str| Name::parse(name).is_ok();
    let names: Option<BTreeSet<&str>> = value.as_array().and_then(|list| {
        let names = list.iter().map(|name| name.as_str().filter(is_name)).collect::<Option<Vec<_>>>()?;
        let distinct: BTreeSet<_> = names.iter().copied().collect();
        (distinct.len() == names.len() && (1..=MAXIMUM_KEYS).contains(&names.len())).then_some(distinct)
    });
    let Some(names) = names else {
        let detail = format!(
            "list 1 to {MAXIMUM_KEYS} different names of trusted keys, such as [the-lab]; plimsoll trust list shows them"
        );
        fields.note(FIELD, detail);
        return Vec::new();
    };
    names.into_iter().map(str::to_owned).collect()
}
