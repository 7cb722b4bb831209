//! Replaying the log: the tables as its records tell them, from nothing.
//!
//! Invariants: pure; a record that does not follow from those before it is an error that names it,
//! so a log that replays is one in which every row has a whole history; what the tables hold is
//! what the replay gives, row by row, or `compare` names the difference.

mod compare;
pub mod file;
pub mod ops;
pub mod store;

pub use compare::{Comparison, Difference, Fault};

use crate::audit::changes::{Change, Operation, Row};
use std::collections::{BTreeMap, btree_map::Entry};

/// Rows by table and key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables(BTreeMap<String, BTreeMap<String, Row>>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("it inserts the row {key} of {table}, which was there already")]
    Inserted { table: String, key: String },
    #[error("it {op} the row {key} of {table}, which was not there")]
    Absent { op: &'static str, table: String, key: String },
}

impl Tables {
    /// Applies what one record says.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), ReplayError> {
        changes.iter().try_for_each(|change| self.apply_one(change))
    }

    fn apply_one(&mut self, change: &Change) -> Result<(), ReplayError> {
        let Change { table, key, op, row } = change;
        let rows = self.0.entry(table.clone()).or_default();
        let absent = |op| ReplayError::Absent { op, table: table.clone(), key: key.clone() };
        match (op, rows.entry(key.clone())) {
            (Operation::Insert, Entry::Vacant(place)) => drop(place.insert(row.clone())),
            (Operation::Insert, Entry::Occupied(_)) => {
                return Err(ReplayError::Inserted { table: table.clone(), key: key.clone() });
            }
            (Operation::Update, Entry::Occupied(mut place)) => update(place.get_mut(), row),
            (Operation::Update, Entry::Vacant(_)) => return Err(absent("updates")),
            (Operation::Delete, Entry::Occupied(place)) => drop(place.remove()),
            (Operation::Delete, Entry::Vacant(_)) => return Err(absent("deletes")),
        }
        Ok(())
    }

    pub fn set(&mut self, table: &str, key: String, row: Row) {
        self.0.entry(table.to_owned()).or_default().insert(key, row);
    }

    /// Rows of a table in the order of their keys.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&String, &Row)> {
        self.0.get(table).into_iter().flatten()
    }

    pub fn row(&self, table: &str, key: &str) -> Option<&Row> {
        self.0.get(table)?.get(key)
    }

    /// Each table that has rows, with how many.
    pub fn counts(&self) -> Vec<(&str, usize)> {
        let counts = self.0.iter().map(|(table, rows)| (table.as_str(), rows.len()));
        counts.filter(|(_, rows)| 0 < *rows).collect()
    }
}

fn update(row: &mut Row, differing: &Row) {
    for (column, value) in differing {
        match value {
            Some(_) => row.insert(column.clone(), value.clone()),
            None => row.remove(column),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::changes::{Noted, net};
    use proptest::prelude::*;
    use serde_json::json;

    fn change(op: Operation, key: &str, row: &[(&str, Option<i64>)]) -> Change {
        let row = row.iter().map(|(column, value)| ((*column).to_owned(), value.map(|v| json!(v)))).collect();
        Change { table: "t".to_owned(), key: key.to_owned(), op, row }
    }

    #[test]
    fn rows_come_change_and_go() {
        let mut tables = Tables::default();
        tables.apply(&[change(Operation::Insert, "a", &[("x", Some(1)), ("y", Some(2))])]).expect("inserted");
        tables.apply(&[change(Operation::Update, "a", &[("x", Some(3)), ("y", None)])]).expect("updated");
        assert_eq!(tables.row("t", "a").expect("row")["x"], Some(json!(3)));
        assert_eq!(tables.row("t", "a").expect("row").len(), 1);
        tables.apply(&[change(Operation::Delete, "a", &[])]).expect("deleted");
        assert!(tables.row("t", "a").is_none() && tables.counts().is_empty());
    }

    #[test]
    fn a_record_that_does_not_follow_is_refused() {
        let insert = || change(Operation::Insert, "a", &[]);
        for (changes, what) in [
            (vec![insert(), insert()], "inserts the row a of t, which was there already"),
            (vec![change(Operation::Update, "a", &[])], "updates the row a of t, which was not there"),
            (vec![change(Operation::Delete, "a", &[])], "deletes the row a of t, which was not there"),
        ] {
            let error = Tables::default().apply(&changes).expect_err(what);
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    proptest! {
        /// Whatever transactions do to the rows of a table, their net changes replay to its rows.
        #[test]
        fn replaying_the_net_changes_gives_the_table(
            transactions in prop::collection::vec(prop::collection::vec((0..4_u8, prop::option::of(0..5_i64)), 1..6), 0..12)
        ) {
            let text = |key: u8, n: i64| json!({"id": format!("{key}"), "workspace_id": "w", "account_id": n.to_string(),
                "role": "r", "origin": null, "reach": null, "custom_id": null}).to_string();
            let mut stored: BTreeMap<u8, i64> = BTreeMap::new();
            let mut replayed = Tables::default();
            for steps in transactions {
                let mut noted = Vec::new();
                for (key, value) in steps {
                    let old = stored.get(&key).map(|n| text(key, *n));
                    let new = value.map(|n| text(key, n));
                    if old.is_none() && new.is_none() {
                        continue;
                    }
                    match value { Some(n) => stored.insert(key, n), None => stored.remove(&key) };
                    noted.push(Noted { table: "membership".to_owned(), key: key.to_string(), old, new, salt: None });
                }
                replayed.apply(&net(noted).expect("net")).expect("follows");
            }
            let mut wanted = Tables::default();
            for (key, n) in &stored {
                let row = crate::audit::changes::row("membership", &text(*key, *n), None).expect("row");
                wanted.set("membership", key.to_string(), row);
            }
            prop_assert_eq!(replayed.rows("membership").collect::<Vec<_>>(), wanted.rows("membership").collect::<Vec<_>>());
        }
    }
}
