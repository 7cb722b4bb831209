//! Whether a report may stand in for a measurement of power.

use super::super::{fields::Fields, metric::Dimension};

/// Hosts that can't read their own energy are the rule; everything else the registry measures itself.
pub fn accept_reported(fields: &mut Fields, dimension: Option<Dimension>) -> bool {
    if dimension.is_some_and(|dimension| dimension != Dimension::Power) {
        fields.refuse("accept_reported", "only a limit on power accepts reports; everything else is measured here");
        return false;
    }
    fields.boolean("accept_reported").unwrap_or(false)
}
