//! Which models and environments a record is about, read a second time from its rows and its object: a role that is held for
//! some of them alone lets nobody act elsewhere.

use super::{
    Step,
    world::{World, text},
};
use crate::audit::changes::Row;
use serde_json::Value;
use std::collections::BTreeSet;

/// Objects that records name, and the rows that they are.
const OBJECTS: &[(&str, &str)] = &[
    ("model", "model"),
    ("version", "model_version"),
    ("environment", "environment"),
    ("promotion", "promotion_request"),
    ("release", "release"),
    ("run", "validation_run"),
    ("evidence", "reported_evidence"),
    ("finding", "finding"),
    ("waiver", "waiver"),
    ("break_glass", "break_glass"),
    ("record", "accountability_record"),
];

/// Columns by which a row belongs to another one that says where.
const UPWARDS: &[(&str, &str)] = &[
    ("promotion_id", "promotion_request"),
    ("release_id", "release"),
    ("waiver_id", "waiver"),
    ("version_id", "model_version"),
];

#[derive(Debug, Default)]
pub(super) struct Place {
    models: BTreeSet<String>,
    environments: BTreeSet<String>,
}

impl Place {
    /// Where a record says that something happened.
    pub fn of(step: &Step<'_>) -> Self {
        let mut place = Self::default();
        for moved in step.moved {
            let row = moved.after.as_ref().or(moved.before.as_ref());
            place.add(step.world, &moved.table, &moved.key, row);
        }
        place.add_object(step);
        place
    }

    /// Where its object is, whatever changed with it.
    pub fn of_object(step: &Step<'_>) -> Self {
        let mut place = Self::default();
        place.add_object(step);
        place
    }

    fn add_object(&mut self, step: &Step<'_>) {
        if let Some(object) = &step.leaf.object
            && let Some((_, table)) = OBJECTS.iter().find(|(kind, _)| *kind == object.kind)
        {
            self.add(step.world, table, &object.id, step.world.row(table, &object.id));
        }
    }

    fn add(&mut self, world: &World, table: &str, key: &str, row: Option<&Row>) {
        let (ids, column) = match table {
            "model" => (&mut self.models, "model_id"),
            "environment" => (&mut self.environments, "environment_id"),
            _ => {
                let Some(row) = row else { return };
                self.read(world, row);
                return;
            }
        };
        ids.insert(row.map(|row| text(row, column)).filter(|id| !id.is_empty()).unwrap_or(key).to_owned());
    }

    fn read(&mut self, world: &World, row: &Row) {
        for (ids, column) in [(&mut self.models, "model_id"), (&mut self.environments, "environment_id")] {
            ids.extend(Some(text(row, column)).filter(|id| !id.is_empty()).map(str::to_owned));
        }
        for (column, table) in UPWARDS {
            if let Some(above) = world.row(table, text(row, column)) {
                self.read(world, above);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.environments.is_empty()
    }

    /// Whether all of it is within the range of a membership; one without a range is held everywhere.
    pub fn is_within(&self, membership: &Row) -> bool {
        let stored = text(membership, "reach");
        if stored.is_empty() {
            return true;
        }
        let Ok(reach) = serde_json::from_str::<Value>(stored) else { return false };
        let named = |kind: &str| {
            let all = reach[kind].as_array()?;
            Some(all.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>())
        };
        let models = named("models")
            .is_none_or(|all| !self.models.is_empty() && self.models.iter().all(|model| all.contains(model.as_str())));
        let environments =
            named("environments").is_none_or(|all| self.environments.iter().all(|place| all.contains(place.as_str())));
        models && environments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn held(reach: &Value) -> Row {
        Row::from([("reach".to_owned(), Some(json!(reach.to_string())))])
    }

    #[test]
    fn a_range_covers_what_is_of_its_models_and_environments_and_nothing_beside_them() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let of =
            |models: &[&str], environments: &[&str]| Place { models: set(models), environments: set(environments) };
        let (staging, scorer) = (held(&json!({"environments": ["s"]})), held(&json!({"models": ["m"]})));
        let both = held(&json!({"models": ["m"], "environments": ["s"]}));
        for (place, by_place, by_model, by_both) in [
            (of(&["m"], &["s"]), true, true, true),
            (of(&["m"], &["p"]), false, true, false),
            (of(&["n"], &["s"]), true, false, false),
            (of(&["m", "n"], &["s"]), true, false, false),
            (of(&["m"], &["s", "p"]), false, true, false),
            (of(&[], &["s"]), true, false, false),
        ] {
            let is = (place.is_within(&staging), place.is_within(&scorer), place.is_within(&both));
            assert_eq!(is, (by_place, by_model, by_both), "{place:?}");
            assert!(place.is_within(&Row::default()), "held everywhere");
            let unreadable = Row::from([("reach".to_owned(), Some(json!("what?")))]);
            assert!(!place.is_within(&unreadable));
        }
    }
}
