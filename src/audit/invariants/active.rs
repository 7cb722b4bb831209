//! I8: at most one release is active for a model in an environment, and after the first there is
//! always one, unless it was taken back by a record that says so.

use super::{
    Step,
    found::{Found, Invariant},
    world::place_of,
};
use std::collections::BTreeSet;

/// How a release may end so that nothing is active.
const WITHDRAWN: [&str; 1] = ["suspended"];

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    let places: BTreeSet<_> = step
        .moved("release")
        .filter_map(|moved| moved.after.as_ref().or(moved.before.as_ref()))
        .map(place_of)
        .collect();
    for place in places {
        let count = step.world.active(&place).count();
        let (environment, model) = &place;
        found.expect(Invariant::I8, step.index, count < 2, || {
            format!("{count} releases of model {model} are active in environment {environment}")
        });
        let withdrawn = step.moved("release").any(|moved| WITHDRAWN.contains(&moved.is("state")));
        found.expect(Invariant::I8, step.index, count != 0 || withdrawn, || {
            format!("no release of model {model} is active in environment {environment}, and none was withdrawn")
        });
    }
    for moved in step.moved("release") {
        let (state, ended) = (moved.is("state"), moved.is("ended_at"));
        let agrees = moved.after.is_none() || (state == "active") == ended.is_empty();
        found.expect(Invariant::I8, step.index, agrees, || {
            format!("release {} is {state} and its end is {ended:?}", moved.key)
        });
    }
}
