use super::tables::{self, Form};
use crate::crypto::hex;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A row as the log tells it; a column without a value is left out.
pub type Row = BTreeMap<String, Option<Value>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("the table {0} is not described, so its change can't be told by the log")]
    UnknownTable(String),
    #[error("a row of {table} is not as it is described: {what}")]
    Shape { table: String, what: String },
}

/// Reads a row as the database wrote it: a JSON object of all its columns.
///
/// A salted column becomes `salted:` and the hexadecimal SHA-256 of the salt, the column's name, a
/// NUL and the text.
pub fn row(table: &str, text: &str, salt: Option<&str>) -> Result<Row, RowError> {
    let described = tables::find(table).ok_or_else(|| RowError::UnknownTable(table.to_owned()))?;
    let wrong = |what: String| RowError::Shape { table: table.to_owned(), what };
    let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let mut row = Row::new();
    for column in described.columns {
        let value = fields.remove(column.name).ok_or_else(|| wrong(format!("it lacks {}", column.name)))?;
        if value.is_null() || column.form == Form::Bookkeeping {
            continue;
        }
        let told = tell(column.name, column.form, value, salt).map_err(wrong)?;
        row.insert(column.name.to_owned(), Some(told));
    }
    match fields.keys().next() {
        Some(more) => Err(wrong(format!("nothing says how to log {more}"))),
        None => Ok(row),
    }
}

fn tell(column: &str, form: Form, value: Value, salt: Option<&str>) -> Result<Value, String> {
    match (form, value) {
        (Form::Plain, value @ (Value::String(_) | Value::Bool(_))) => Ok(value),
        (Form::Plain, Value::Number(n)) if n.is_i64() => Ok(Value::Number(n)),
        (Form::RunState, Value::String(state)) => Ok(Value::String(tables::run_state(state))),
        (Form::Time, Value::String(text)) => time(&text).map(Value::String).ok_or(format!("{column} is no time")),
        (Form::Salted, Value::String(text)) => {
            let salt = salt.ok_or_else(|| format!("{column} needs the row's salt, and there is none"))?;
            Ok(Value::String(salted(salt, column, &text)))
        }
        _ => Err(format!("{column} has another type")),
    }
}

/// What stands in the log for a text, given the salt of its row.
pub fn salted(salt: &str, column: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(salt).chain_update(column).chain_update([0]).chain_update(text).finalize();
    format!("salted:{}", hex::encode(&hash))
}

/// Both databases' forms of a time, as leaves have it.
fn time(text: &str) -> Option<String> {
    let text = text.replacen(' ', "T", 1).replacen(" +", "+", 1);
    let zoned = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc());
    let at = zoned.or_else(|_| text.parse::<NaiveDateTime>().map(|at| at.and_utc()));
    at.ok().map(|at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_databases_have_one_form() {
        for text in [
            "2026-01-02T03:04:05.123456+00:00",
            "2026-01-02T05:04:05.123456+02:00",
            "2026-01-02 03:04:05.123456 +00:00",
            "2026-01-02 03:04:05.123456",
            "2026-01-02T03:04:05.123456Z",
        ] {
            assert_eq!(time(text).as_deref(), Some("2026-01-02T03:04:05.123456Z"), "{text}");
        }
        assert_eq!(time("2026-01-02T03:04:05+00:00").as_deref(), Some("2026-01-02T03:04:05.000000Z"));
        assert_eq!(time("yesterday"), None);
    }

    /// sha256("00" || "title" || 0x00 || "x"), by another program.
    #[test]
    fn a_salted_text_is_the_hash_of_salt_column_and_text() {
        let told = salted("00", "title", "x");
        assert_eq!(told, "salted:eeff132c464d37b932b21b63dba108bb6a13c9d67a41b3f28044ec804efdb79e");
        assert_ne!(told, salted("00", "titl", "ex"));
        assert_ne!(told, salted("01", "title", "x"));
    }
}
