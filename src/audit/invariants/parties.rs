//! Who had a hand in what somebody decides on.

use super::{
    Step,
    asked::Asked,
    people::Persons,
    texts::{field, list},
    world::{World, number, text},
};
use crate::audit::changes::Row;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every person who had a hand in what a request is about, or whom the policy excludes.
pub(super) fn of_request(step: &Step<'_>, request: &Row, asked: &Asked, persons: &Persons) -> BTreeSet<String> {
    let (world, version) = (step.world, text(request, "version_id"));
    let mut accounts = authors(world, version);
    accounts.insert(text(request, "requested_by").to_owned());
    let broken = world.of("break_glass", "version_id", version);
    let broken = broken.filter(|(_, row)| text(row, "environment_id") == text(request, "environment_id"));
    accounts.extend(broken.flat_map(|(_, row)| ["invoked_by", "second_by"].map(|by| text(row, by).to_owned())));
    accounts.extend(excluded(step, request, asked));
    if let Some(decision) = step.texts.decision(text(request, "id")) {
        accounts.extend(of_decision(step, request, decision));
    }
    with_owners(world, accounts).iter().map(|account| persons.of(account)).collect()
}

/// Every person who had a hand in what a waiver is of: fewer than had one by the time of a request.
pub(super) fn of_waiver(step: &Step<'_>, waiver: &Row, persons: &Persons) -> BTreeSet<String> {
    let (world, version) = (step.world, text(waiver, "version_id"));
    let mut accounts = authors(world, version);
    accounts.insert(text(waiver, "requested_by").to_owned());
    if version.is_empty() {
        let model = world.row("model", text(waiver, "model_id"));
        accounts.extend(model.map(|row| text(row, "created_by").to_owned()));
    }
    for kind in ["profile", "constraints", "policy"] {
        let current = world.document(text(waiver, "environment_id"), kind);
        accounts.extend(current.map(|(_, row)| text(row, "created_by").to_owned()));
    }
    with_owners(world, accounts).iter().map(|account| persons.of(account)).collect()
}

/// Who began, sealed, or sent something signed about a version.
fn authors(world: &World, version: &str) -> BTreeSet<String> {
    let attested = world.of("attestation", "version_id", version).map(|(_, row)| text(row, "created_by"));
    world.authors(version).chain(attested).map(str::to_owned).collect()
}

/// Who made what a decision names.
fn of_decision(step: &Step<'_>, request: &Row, decision: &Value) -> BTreeSet<String> {
    let world = step.world;
    let mut accounts = BTreeSet::new();
    for kind in ["profile", "constraints", "policy"] {
        let named = world.of("environment_revision", "environment_id", text(request, "environment_id"));
        let named = named.filter(|(_, row)| text(row, "kind") == kind);
        let named = named.filter(|(_, row)| text(row, "digest") == field(decision, kind));
        // The newest of those with that digest is the one that was current.
        let newest = named.max_by_key(|(_, row)| number(row, "revision"));
        accounts.extend(newest.map(|(_, row)| text(row, "created_by").to_owned()));
    }
    if let Some(run) = world.row("validation_run", field(decision, "run")) {
        accounts.insert(text(run, "requested_by").to_owned());
        accounts.insert(text(run, "measured_by").to_owned());
        let dataset = world.row("dataset", text(run, "dataset_id"));
        accounts.extend(dataset.map(|row| text(row, "created_by").to_owned()));
    }
    let counted: BTreeSet<&str> = list(decision, "evidence").collect();
    let reported = world.of("reported_evidence", "version_id", text(request, "version_id"));
    let reported = reported.filter(|(_, row)| counted.contains(text(row, "digest")));
    accounts.extend(reported.map(|(_, row)| text(row, "submitted_by").to_owned()));
    let tried = world.rows("rehearsal").filter(|(_, row)| counted.contains(text(row, "digest")));
    accounts.extend(tried.map(|(_, row)| text(row, "requested_by").to_owned()));
    let written: BTreeSet<&str> = list(decision, "records").collect();
    let written = world.rows("accountability_record").filter(|(_, row)| written.contains(text(row, "digest")));
    accounts.extend(written.map(|(_, row)| text(row, "revised_by").to_owned()));
    let waivers = decision.get("waivers").and_then(Value::as_array).into_iter().flatten();
    for id in waivers.map(|waiver| field(waiver, "waiver")) {
        accounts.extend(world.row("waiver", id).map(|row| text(row, "requested_by").to_owned()));
        accounts.extend(grantors(world, id).map(str::to_owned));
    }
    accounts
}

/// Who granted a waiver.
pub(super) fn grantors<'a>(world: &'a World, waiver: &str) -> impl Iterator<Item = &'a str> {
    let granted = world.of("waiver_grant", "waiver_id", waiver).filter(|(_, row)| text(row, "outcome") == "grant");
    granted.map(|(_, row)| text(row, "account_id"))
}

/// Whom the policy keeps out, as they are now.
fn excluded(step: &Step<'_>, request: &Row, asked: &Asked) -> BTreeSet<String> {
    let (world, exclude) = (step.world, &asked.exclude);
    let owners = world.of("model_owner", "model_id", text(request, "model_id"));
    let owners = owners.filter(|(_, row)| exclude.owners.contains(text(row, "accountability")));
    let here = text(request, "workspace_id");
    let holders = world.rows("membership").filter(|(_, row)| text(row, "workspace_id") == here);
    let holders = holders.filter(|(_, row)| {
        let name =
            world.row("account", text(row, "account_id")).and_then(|account| step.texts.name(text(account, "name")));
        exclude.roles.contains(text(row, "role")) || name.is_some_and(|name| exclude.accounts.contains(name))
    });
    owners.chain(holders).map(|(_, row)| text(row, "account_id").to_owned()).collect()
}

/// What a robot did, its owner did.
fn with_owners(world: &World, mut accounts: BTreeSet<String>) -> BTreeSet<String> {
    accounts.remove("");
    let rows = accounts.iter().filter_map(|account| world.row("account", account));
    let owners: Vec<_> = rows.map(|row| text(row, "owner_id").to_owned()).filter(|owner| !owner.is_empty()).collect();
    accounts.extend(owners);
    accounts
}
