//! What a change did to the rows of the domain's tables, as a record of the log tells it.
//!
//! Invariants: the database notes each changed row by itself (`plimsoll_migrations::capture`), so
//! no change is forgotten; ids, names, states, digests, numbers and times stand as they are; texts
//! of people and secrets stand as a hash with the row's salt, so that who deletes the text and the
//! salt leaves nothing behind, and every proof holds.

mod row;
pub mod tables;

pub use row::{Row, RowError, row, salted};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tables::Form;

/// A row that a transaction changed, as the database noted it: JSON texts, and the row's salt.
#[derive(Clone, Debug)]
pub struct Noted {
    pub table: String,
    pub key: String,
    pub old: Option<String>,
    pub new: Option<String>,
    pub salt: Option<String>,
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub table: String,
    /// The primary key; several columns are joined by `:`.
    pub key: String,
    pub op: Operation,
    /// All columns of an inserted row that have a value; of an updated one those that differ, with
    /// null for those that lost theirs; none of a deleted one.
    #[serde(default, skip_serializing_if = "Row::is_empty")]
    pub row: Row,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

/// The net changes of a transaction, in the order in which the rows were first touched.
///
/// # Errors
/// When a row is not what its table's description says: the schema moved on without it.
pub fn net(noted: Vec<Noted>) -> Result<Vec<Change>, RowError> {
    let mut order = Vec::new();
    let mut ends: BTreeMap<(String, String), (Option<Row>, Option<Row>)> = BTreeMap::new();
    let mut forgotten: BTreeSet<(String, String)> = BTreeSet::new();
    for Noted { table, key, old, new, salt } in noted {
        if old.is_none() && new.is_none() {
            forgotten.insert((table, key));
            continue;
        }
        let read = |text: Option<String>| text.map(|text| row(&table, &text, salt.as_deref())).transpose();
        let (old, new) = (read(old)?, read(new)?);
        let place = (table, key);
        match ends.get_mut(&place) {
            Some((_, last)) => *last = new,
            None => {
                order.push(place.clone());
                ends.insert(place, (old, new));
            }
        }
    }
    if let Some((table, key)) = forgotten.iter().find(|place| !ends.contains_key(place)) {
        let what = format!("the salt of {key} was replaced and its texts were not written again");
        return Err(RowError::Shape { table: table.clone(), what });
    }
    let changes = order.into_iter().filter_map(|place| {
        let (old, new) = ends.remove(&place)?;
        let forgotten = forgotten.contains(&place);
        change(place, old, new, forgotten)
    });
    Ok(changes.collect())
}

/// Of a row with another salt, every text is told again: its old hash is none of the new salt.
fn change((table, key): (String, String), old: Option<Row>, new: Option<Row>, forgotten: bool) -> Option<Change> {
    let (op, row) = match (old, new) {
        (None, None) => return None,
        (None, Some(new)) => (Operation::Insert, new),
        (Some(_), None) => (Operation::Delete, Row::new()),
        (Some(mut old), Some(new)) => {
            if forgotten {
                let salted = |column: &str| tables::form(&table, column) == Some(Form::Salted);
                old.iter_mut().filter(|(column, _)| salted(column)).for_each(|(_, value)| *value = None);
            }
            (Operation::Update, difference(&old, new))
        }
    };
    (op != Operation::Update || !row.is_empty()).then_some(Change { table, key, op, row })
}

fn difference(old: &Row, new: Row) -> Row {
    let gone = old.keys().filter(|column| !new.contains_key(*column)).map(|column| (column.clone(), None));
    let gone: Vec<_> = gone.collect();
    new.into_iter().filter(|(column, value)| old.get(column) != Some(value)).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0190a3c4-0000-7000-8000-00000000000a";

    fn model(name: &str, title: &str) -> String {
        let at = "2026-01-01T00:00:00.000000+00:00";
        json!({"id": ID, "workspace_id": ID, "name": name, "title": title, "intended_use": "a", "prohibited_use": "b",
            "risk_tier": "high", "revision": 1, "created_by": ID, "created_at": at})
        .to_string()
    }

    fn noted(old: Option<String>, new: Option<String>) -> Noted {
        Noted { table: "model".to_owned(), key: ID.to_owned(), old, new, salt: Some("00ff".to_owned()) }
    }

    #[test]
    fn an_update_names_what_differs_and_texts_of_people_are_hashed() {
        let changes = net(vec![noted(Some(model("m", "Old")), Some(model("m", "New")))]).expect("net");
        assert_eq!(changes.len(), 1);
        let row = &changes[0].row;
        assert_eq!((changes[0].op, row.len()), (Operation::Update, 1));
        let title = row["title"].as_ref().and_then(|v| v.as_str()).expect("text");
        assert!(title.starts_with("salted:") && title.len() == 7 + 64, "{title}");
    }

    #[test]
    fn a_transaction_has_one_net_change_for_each_row() {
        let (a, b) = (model("a", "t"), model("b", "t"));
        let some = |text: &str| Some(text.to_owned());
        let net_of = |noted| net(noted).expect("net");
        let inserted = net_of(vec![noted(None, some(&a)), noted(some(&a), some(&b))]);
        assert_eq!((inserted[0].op, &inserted[0].row["name"]), (Operation::Insert, &Some(json!("b"))));
        assert!(net_of(vec![noted(None, some(&a)), noted(some(&a), None)]).is_empty());
        assert!(net_of(vec![noted(some(&a), some(&b)), noted(some(&b), some(&a))]).is_empty());
        assert!(net_of(vec![noted(some(&a), None), noted(None, some(&a))]).is_empty(), "written again as it was");
        assert_eq!(net_of(vec![noted(some(&a), None)])[0].op, Operation::Delete);
    }

    #[test]
    fn every_text_of_a_row_with_another_salt_is_told_again() {
        let (a, b) = (model("m", "Old"), model("m", "New"));
        let changes = net(vec![noted(None, None), noted(Some(a), Some(b))]).expect("net");
        let told: Vec<_> = changes[0].row.keys().map(String::as_str).collect();
        assert_eq!(told, ["intended_use", "prohibited_use", "title"]);
        assert!(net(vec![noted(None, None)]).is_err(), "forgotten, and not written again");
    }

    #[test]
    fn a_row_of_another_shape_or_without_its_salt_is_refused() {
        for text in ["{}", "[]", "x", r#"{"id": 1, "more": 2}"#] {
            assert!(net(vec![noted(None, Some(text.to_owned()))]).is_err(), "{text}");
        }
        let unsalted = Noted { salt: None, ..noted(None, Some(model("m", "t"))) };
        assert!(net(vec![unsalted]).is_err());
        let unknown = Noted { table: "nothing".to_owned(), ..noted(None, Some(model("m", "t"))) };
        assert!(net(vec![unknown]).is_err());
    }
}
