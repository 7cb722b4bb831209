//! The rows that the rules look at, as the records tell them, and how to find them.

use super::found::{Found, Invariant};
use crate::audit::{
    changes::{Change, Operation, Row},
    leaf::Leaf,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the rules need; the rest of what is logged is not held in memory.
const TABLES: &[&str] = &[
    "account",
    "accountability_record",
    "api_token",
    "approval",
    "approval_withdrawal",
    "attestation",
    "break_glass",
    "comparison",
    "custom_role",
    "dataset",
    "delegation",
    "environment",
    "environment_revision",
    "finding",
    "membership",
    "model",
    "model_owner",
    "model_version",
    "person_link",
    "person_team",
    "promotion_request",
    "rehearsal",
    "release",
    "reported_evidence",
    "rollback_review",
    "trust_key",
    "validation_run",
    "waiver",
    "waiver_grant",
];

/// Columns by whose value rows are looked for.
const INDEXED: &[(&str, &str)] = &[
    ("approval", "promotion_id"),
    ("approval_withdrawal", "approval_id"),
    ("attestation", "version_id"),
    ("break_glass", "version_id"),
    ("environment_revision", "environment_id"),
    ("finding", "state"),
    ("membership", "account_id"),
    ("model_owner", "model_id"),
    ("promotion_request", "state"),
    ("release", "state"),
    ("reported_evidence", "version_id"),
    ("validation_run", "version_id"),
    ("waiver", "model_id"),
    ("waiver_grant", "waiver_id"),
];

/// A row before and after a record.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub table: String,
    pub key: String,
    pub before: Option<Row>,
    pub after: Option<Row>,
}

impl Moved {
    /// A row that is new with this record.
    pub fn inserted(&self) -> Option<&Row> {
        self.after.as_ref().filter(|_| self.before.is_none())
    }

    pub fn was(&self, column: &str) -> &str {
        self.before.as_ref().map_or("", |row| text(row, column))
    }

    pub fn is(&self, column: &str) -> &str {
        self.after.as_ref().map_or("", |row| text(row, column))
    }
}

type Index = HashMap<(&'static str, &'static str), HashMap<String, BTreeSet<String>>>;

#[derive(Default)]
pub(super) struct World {
    rows: HashMap<String, HashMap<String, Row>>,
    index: Index,
    /// Everyone who ever began or sealed a version: a draft can be taken over.
    authors: HashMap<String, BTreeSet<String>>,
    /// When accounts ceased to be active.
    ended: HashMap<String, String>,
    /// The release that was last made active in a place, and when.
    last_moves: BTreeMap<(String, String), (String, String)>,
}

impl World {
    /// Applies what a record says; a change that does not follow from those before is a violation.
    pub fn apply(&mut self, index: u64, leaf: &Leaf, found: &mut Found) -> Vec<Moved> {
        let mut moved: Vec<Moved> = Vec::new();
        for change in leaf.changes.iter().filter(|change| TABLES.contains(&change.table.as_str())) {
            let before = self.row(&change.table, &change.key).cloned();
            let fault = match (change.op, before.is_some()) {
                (Operation::Insert, true) => Some("is inserted and was there"),
                (Operation::Update | Operation::Delete, false) => Some("is changed and was not there"),
                _ => None,
            };
            found.settle(Invariant::I12, index, fault.map(|why| format!("{} {} {why}", change.table, change.key)));
            let after = self.write(change, before.clone());
            let known = moved.iter_mut().find(|known| known.table == change.table && known.key == change.key);
            match known {
                Some(known) => known.after = after,
                None => moved.push(Moved { table: change.table.clone(), key: change.key.clone(), before, after }),
            }
        }
        moved
    }

    fn write(&mut self, change: &Change, before: Option<Row>) -> Option<Row> {
        let after = match change.op {
            Operation::Delete => None,
            Operation::Insert => Some(change.row.clone()),
            Operation::Update => {
                let mut row = before.clone().unwrap_or_default();
                for (column, value) in &change.row {
                    match value {
                        Some(_) => row.insert(column.clone(), value.clone()),
                        None => row.remove(column),
                    };
                }
                Some(row)
            }
        };
        for (table, column) in INDEXED.iter().filter(|(table, _)| *table == change.table) {
            let places = self.index.entry((*table, *column)).or_default();
            if let Some(before) = &before
                && let Some(keys) = places.get_mut(text(before, column))
            {
                keys.remove(&change.key);
            }
            if let Some(after) = &after {
                places.entry(text(after, column).to_owned()).or_default().insert(change.key.clone());
            }
        }
        let rows = self.rows.entry(change.table.clone()).or_default();
        match &after {
            Some(row) => rows.insert(change.key.clone(), row.clone()),
            None => rows.remove(&change.key),
        };
        after
    }

    /// What later rules need of a record that was looked at.
    pub fn remember(&mut self, leaf: &Leaf, moved: &[Moved]) {
        for one in moved {
            match one.table.as_str() {
                "model_version" => {
                    let authors = self.authors.entry(one.key.clone()).or_default();
                    let by = ["created_by", "sealed_by"].map(|column| one.is(column).to_owned());
                    authors.extend(by.into_iter().filter(|by| !by.is_empty()));
                }
                "account" if one.was("state") == "active" && one.is("state") != "active" => {
                    self.ended.insert(one.key.clone(), leaf.at.clone());
                }
                "release" => {
                    if let Some(row) = one.inserted() {
                        let place = place_of(row);
                        self.last_moves.insert(place, (one.key.clone(), text(row, "activated_at").to_owned()));
                    }
                }
                _ => {}
            }
        }
    }

    pub fn row(&self, table: &str, key: &str) -> Option<&Row> {
        self.rows.get(table)?.get(key)
    }

    /// The rows whose column has this value; the column must be one of those that are indexed.
    pub fn of<'a>(&'a self, table: &str, column: &str, value: &str) -> impl Iterator<Item = (&'a str, &'a Row)> {
        let place = INDEXED.iter().find(|(t, c)| *t == table && *c == column);
        let keys = place.and_then(|place| self.index.get(place)?.get(value));
        let rows = self.rows.get(table);
        keys.into_iter().flatten().filter_map(move |key| Some((key.as_str(), rows?.get(key)?)))
    }

    pub fn rows<'a>(&'a self, table: &str) -> impl Iterator<Item = (&'a str, &'a Row)> {
        self.rows.get(table).into_iter().flatten().map(|(key, row)| (key.as_str(), row))
    }

    /// Everyone who ever had a hand in the files of a version.
    pub fn authors<'a>(&'a self, version: &str) -> impl Iterator<Item = &'a str> {
        self.authors.get(version).into_iter().flatten().map(String::as_str)
    }

    pub fn ended(&self, account: &str) -> Option<&str> {
        self.ended.get(account).map(String::as_str)
    }

    /// When something last became active in an environment, for a model, before this record.
    pub fn last_move(&self, place: &(String, String)) -> Option<&str> {
        self.last_moves.get(place).map(|(_, at)| at.as_str())
    }

    /// What became active there last, before this record: its key, and its row as it is after it.
    pub fn newest(&self, place: &(String, String)) -> Option<(&str, &Row)> {
        let (key, _) = self.last_moves.get(place)?;
        Some((key.as_str(), self.row("release", key)?))
    }

    /// Requests on which somebody can still decide.
    pub fn open_requests(&self) -> impl Iterator<Item = (&str, &Row)> {
        OPEN.iter().flat_map(|state| self.of("promotion_request", "state", state))
    }

    /// The active releases in a place.
    pub fn active<'a>(&'a self, place: &'a (String, String)) -> impl Iterator<Item = (&'a str, &'a Row)> {
        self.of("release", "state", "active").filter(move |(_, row)| place_of(row) == *place)
    }

    /// The newest revision of a document of an environment: its key and row.
    pub fn document(&self, environment: &str, kind: &str) -> Option<(&str, &Row)> {
        self.of("environment_revision", "environment_id", environment)
            .filter(|(_, row)| text(row, "kind") == kind)
            .max_by_key(|(_, row)| number(row, "revision"))
    }
}

const OPEN: [&str; 3] = ["awaiting_approval", "approved", "held"];

/// Environment and model.
pub(super) fn place_of(row: &Row) -> (String, String) {
    (text(row, "environment_id").to_owned(), text(row, "model_id").to_owned())
}

/// A column's text; empty if it has none.
pub(super) fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Option::as_ref).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Option::as_ref).and_then(Value::as_i64).unwrap_or_default()
}
