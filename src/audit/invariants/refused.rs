//! I14: a refusal is told and changes nothing.

use super::{
    Step,
    found::{Found, Invariant},
};
use crate::audit::leaf::Outcome;

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    if step.leaf.outcome == Outcome::Denied {
        let changes = step.leaf.changes.len();
        found.expect(Invariant::I14, step.index, changes == 0, || {
            format!("{} was refused, and {changes} rows were changed", step.leaf.action)
        });
    }
}
