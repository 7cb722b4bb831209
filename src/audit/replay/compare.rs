//! Tables as they are, against the tables that the log tells of.

use crate::audit::{
    changes::{Row, tables::TABLES},
    replay::Tables,
};
use std::collections::BTreeSet;

/// So many differences are named; the others are counted.
pub(super) const MAX_NAMED: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    pub table: String,
    pub key: String,
    #[serde(flatten)]
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The log tells of the row, and the table lacks it.
    Missing,
    /// The table has the row, and the log does not tell of it.
    Unlogged,
    /// A change of the row was left behind that no event tells of.
    LeftBehind,
    /// These columns are not as they were logged last.
    Changed { columns: Vec<String> },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, key, fault } = self;
        match fault {
            Fault::Missing => write!(f, "{table} {key} was logged and is not in the table"),
            Fault::Unlogged => write!(f, "{table} {key} is in the table and was never logged"),
            Fault::LeftBehind => write!(f, "{table} {key} was changed past the service, by whom is not known"),
            Fault::Changed { columns } => write!(f, "{table} {key}: {} not as logged", columns.join(", ")),
        }
    }
}

/// What comparing gave.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Comparison {
    /// Records replayed, and how many of them the signed head covers.
    pub records: u64,
    pub signed: u64,
    /// Rows in all tables.
    pub rows: usize,
    /// How many differences there are; the first hundred are named.
    pub differing: usize,
    pub differences: Vec<Difference>,
}

pub fn compare(logged: &Tables, stored: &Tables) -> Comparison {
    let mut found = Comparison::default();
    for table in TABLES {
        found.rows += stored.rows(table.name).count();
        let keys: BTreeSet<&String> =
            logged.rows(table.name).chain(stored.rows(table.name)).map(|(key, _)| key).collect();
        for key in keys {
            let fault = match (logged.row(table.name, key), stored.row(table.name, key)) {
                (Some(told), Some(held)) => changed(told, held),
                (Some(_), None) => Some(Fault::Missing),
                (None, _) => Some(Fault::Unlogged),
            };
            let Some(fault) = fault else { continue };
            found.differing += 1;
            if found.differences.len() < MAX_NAMED {
                found.differences.push(Difference { table: table.name.to_owned(), key: key.clone(), fault });
            }
        }
    }
    found
}

fn changed(told: &Row, held: &Row) -> Option<Fault> {
    let columns: BTreeSet<&String> = told.keys().chain(held.keys()).collect();
    let columns: Vec<_> =
        columns.into_iter().filter(|column| told.get(*column) != held.get(*column)).cloned().collect();
    (!columns.is_empty()).then_some(Fault::Changed { columns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_difference_is_named() {
        let row = |n: i64| Row::from([("x".to_owned(), Some(json!(n)))]);
        let (mut logged, mut stored) = (Tables::default(), Tables::default());
        for (key, told, held) in
            [("same", Some(1), Some(1)), ("other", Some(1), Some(2)), ("gone", Some(1), None), ("new", None, Some(1))]
        {
            told.into_iter().for_each(|n| logged.set("model", key.to_owned(), row(n)));
            held.into_iter().for_each(|n| stored.set("model", key.to_owned(), row(n)));
        }
        let found = compare(&logged, &stored);
        let said: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
        let wanted = [
            "model gone was logged and is not in the table",
            "model new is in the table and was never logged",
            "model other: x not as logged",
        ];
        assert_eq!((found.rows, found.differing, said), (3, 3, wanted.map(str::to_owned).to_vec()));
    }
}
