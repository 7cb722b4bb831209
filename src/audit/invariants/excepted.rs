//! I10: a waiver holds by the word of the limit's owner, and of somebody without a part in what it
//! excepts; and it excepts the limit as it was when it was asked for.

use super::{
    Step,
    found::{Found, Invariant},
    parties,
    people::Persons,
    texts::field,
    world::text,
};
use crate::{audit::changes::Row, core::canonical};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn check(step: &Step<'_>, found: &mut Found) {
    for moved in step.moved("waiver").filter(|m| m.is("state") == "granted" && m.was("state") != "granted") {
        let Some(waiver) = &moved.after else { continue };
        let why = grants_fault(step, &moved.key, waiver).map(|why| format!("waiver {} is granted: {why}", moved.key));
        found.settle(Invariant::I10, step.index, why);
    }
}

/// Why those who granted it are not enough.
fn grants_fault(step: &Step<'_>, id: &str, waiver: &Row) -> Option<String> {
    let grantors: BTreeSet<&str> = parties::grantors(step.world, id).collect();
    let is_person = |account: &&str| step.world.row("account", account).is_some_and(|row| text(row, "kind") == "user");
    if !grantors.iter().all(is_person) {
        return Some("a robot granted it".to_owned());
    }
    let spec = step.world.document(text(waiver, "environment_id"), "constraints");
    let spec = spec.and_then(|(_, row)| step.texts.document(text(row, "digest")));
    let Some(limit) = spec.and_then(|spec| limit(step, spec, waiver)) else {
        return Some("the limit is not in the spec, or the spec can't be read".to_owned());
    };
    if !is_as_it_was(&limit, waiver) {
        return Some("the limit was another one when it was asked for".to_owned());
    }
    let name = |account: &&str| step.world.row("account", account).and_then(|row| step.texts.name(text(row, "name")));
    // Whoever was forgotten since may have been the owner.
    let owner = grantors.iter().find(|account| name(account).is_none_or(|name| name == field(&limit, "owner")));
    let Some(owner) = owner else { return Some("the owner of the limit did not grant it".to_owned()) };
    let persons = Persons::at(step.world, &step.leaf.at, false);
    let involved = parties::of_waiver(step, waiver, &persons);
    let people: BTreeSet<String> = grantors.iter().map(|account| persons.of(account)).collect();
    if people.is_subset(&involved) {
        return Some("everybody who granted it had a part in it".to_owned());
    }
    let takes_two = text(waiver, "version_id").is_empty() || involved.contains(&persons.of(owner));
    (takes_two && people.len() < 2).then(|| "it takes two people, and one granted it".to_owned())
}

/// The limit of a spec that a waiver is about, with what the overlay of the waiver's model puts in its place.
pub(super) fn limit(step: &Step<'_>, spec: &Value, waiver: &Row) -> Option<Value> {
    let find = |list: &Value| {
        list.as_array()?.iter().find(|limit| field(limit, "name") == text(waiver, "constraint_name")).cloned()
    };
    let mut limit = find(spec.get("constraints")?)?;
    let model = step.world.row("model", text(waiver, "model_id")).map(|row| text(row, "name"))?;
    if let Some(overlay) = spec.get("overlays").and_then(|all| all.get(model)).and_then(find) {
        let stricter = overlay.as_object()?.iter().map(|(field, value)| (field.clone(), value.clone()));
        limit.as_object_mut()?.extend(stricter);
    }
    Some(limit)
}

/// Whether a limit has the digest that a waiver names.
pub(super) fn is_as_it_was(limit: &Value, waiver: &Row) -> bool {
    canonical::digest(limit).is_ok_and(|digest| digest.to_string() == text(waiver, "constraint_digest"))
}
