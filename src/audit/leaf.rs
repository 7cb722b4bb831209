//! One record of the audit log, as it is hashed for ever: canonical JSON (RFC 8785).
//!
//! Invariants: a leaf has one text, at most 32 KiB; numbers in it are integers that every
//! JSON reader keeps exactly; options that are absent are left out; no text has a NUL,
//! which some databases cannot store; the id, the time, the kind of actor and the detail
//! have one form each, so a record that holds anything else was never written here.

use crate::{
    audit::{changes::Change, leaf_scan},
    crypto::json,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// What one record may measure.
pub const MAX_LEAF_BYTES: usize = 32 << 10;
/// The largest integer that a reader with double precision keeps exactly: 2^53 - 1.
pub(super) const MAX_INTEGER: u64 = (1 << 53) - 1;
const MAX_DEPTH: usize = 32;
const VERSION: u32 = 1;
pub(super) const ACTOR_KINDS: [&str; 4] = ["user", "service", "system", "anonymous"];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("the record has {size_bytes} bytes, and at most {MAX_LEAF_BYTES} are kept; record less detail")]
    TooLarge { size_bytes: usize },
    #[error("the record has version {0}; only version {VERSION} is known, so a newer program must read it")]
    Version(u32),
    #[error("the record holds the number {0}, which is no integer between -(2^53 - 1) and 2^53 - 1; write it as text")]
    Number(String),
    #[error("the record holds a NUL character; leave it out")]
    Nul,
    #[error("the record is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("the record's {field} must be {expected}; write it so")]
    Shape { field: &'static str, expected: &'static str },
    #[error("this is not a record of the log: {0}")]
    Malformed(String),
    #[error("the record is not written in its canonical form (RFC 8785), so it is not what was logged")]
    NotCanonical,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The version of this form: 1.
    pub v: u32,
    /// A UUID, hyphenated and in lowercase.
    pub id: String,
    /// RFC 3339, UTC, microseconds: `2026-11-21T10:00:00.000000Z`.
    pub at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    pub actor: LeafActor,
    pub action: String,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<LeafObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// An object.
    pub detail: Value,
    /// What became of the rows of the domain's tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// Who did it, and by which credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafActor {
    /// `user`, `service`, `system` or `anonymous`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Of the registry's own parts only: who a person is, stands in the table of accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub auth: String,
    /// The id of the token or session, whose row has its accessor. Absent without one, and in records
    /// of before it was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafObject {
    pub kind: String,
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Denied,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

impl Leaf {
    /// The bytes that are hashed and stored.
    pub fn to_canonical(&self) -> Result<String, LeafError> {
        if self.v != VERSION {
            return Err(LeafError::Version(self.v));
        }
        self.check_shape()?;
        // Before anything that recurses without a bound looks at it.
        check(&self.detail, MAX_DEPTH)?;
        let value = serde_json::to_value(self).map_err(|e| LeafError::Malformed(e.to_string()))?;
        check(&value, MAX_DEPTH + 1)?;
        let text = serde_json_canonicalizer::to_string(&value).map_err(|e| LeafError::Malformed(e.to_string()))?;
        match text.len() <= MAX_LEAF_BYTES {
            true => Ok(text),
            false => Err(LeafError::TooLarge { size_bytes: text.len() }),
        }
    }

    fn check_shape(&self) -> Result<(), LeafError> {
        let shape = |holds: bool, field, expected| {
            if holds { Ok(()) } else { Err(LeafError::Shape { field, expected }) }
        };
        shape(is_uuid(&self.id), "id", "a UUID, hyphenated and in lowercase")?;
        shape(is_instant(&self.at), "at", "a time like 2026-11-21T10:00:00.000000Z")?;
        let kind = self.actor.kind.as_str();
        shape(ACTOR_KINDS.contains(&kind), "actor.kind", "user, service, system or anonymous")?;
        shape(self.detail.is_object(), "detail", "an object")
    }

    /// The time of a record, if the text is that of one: [`parse`](Self::parse) for those who
    /// have millions of them.
    pub fn time_of(text: &str) -> Result<Cow<'_, str>, LeafError> {
        match leaf_scan::time_of(text) {
            Some(at) => Ok(Cow::Borrowed(at)),
            None => Ok(Cow::Owned(Self::parse(text)?.at)),
        }
    }

    /// Reads exactly what [`to_canonical`](Self::to_canonical) writes.
    pub fn parse(text: &str) -> Result<Self, LeafError> {
        if MAX_LEAF_BYTES < text.len() {
            return Err(LeafError::TooLarge { size_bytes: text.len() });
        }
        let leaf: Self = json::parse(text.as_bytes()).map_err(|e| LeafError::Malformed(e.to_string()))?;
        match leaf.to_canonical()? == text {
            true => Ok(leaf),
            false => Err(LeafError::NotCanonical),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}

/// One instant has one text, so that texts sort as the times do.
fn is_instant(text: &str) -> bool {
    let written = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    DateTime::parse_from_rfc3339(text).is_ok_and(|at| written(at.to_utc()) == text)
}

fn check(value: &Value, depth_left: usize) -> Result<(), LeafError> {
    let depth_left = depth_left.checked_sub(1).ok_or(LeafError::TooDeep)?;
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude.is_some_and(|magnitude| magnitude <= MAX_INTEGER) {
                true => Ok(()),
                false => Err(LeafError::Number(number.to_string())),
            }
        }
        Value::String(text) => check_text(text),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth_left)),
        Value::Object(entries) => entries.iter().try_for_each(|(key, value)| {
            check_text(key)?;
            check(value, depth_left)
        }),
    }
}

fn check_text(text: &str) -> Result<(), LeafError> {
    if text.contains('\0') { Err(LeafError::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn leaf(detail: Value) -> Leaf {
        Leaf {
            v: 1,
            id: "0190a3c4-0000-7000-8000-00000000000a".to_owned(),
            at: "2026-01-01T00:00:00.000000Z".to_owned(),
            workspace: None,
            actor: LeafActor {
                kind: "user".to_owned(),
                id: None,
                name: None,
                auth: "session".to_owned(),
                credential: None,
            },
            action: "model.register".to_owned(),
            outcome: Outcome::Done,
            object: Some(LeafObject { kind: "model".to_owned(), id: "m".to_owned() }),
            request_id: None,
            detail,
            changes: Vec::new(),
        }
    }

    #[test]
    fn a_leaf_survives_its_canonical_text_and_leaves_out_what_is_absent() {
        let leaf = leaf(json!({"b": 9_007_199_254_740_991_u64, "a": [-1, null, "\u{e9}"]}));
        let text = leaf.to_canonical().expect("text");
        assert_eq!(
            text,
            r#"{"action":"model.register","actor":{"auth":"session","kind":"user"},"at":"2026-01-01T00:00:00.000000Z","detail":{"a":[-1,null,"é"],"b":9007199254740991},"id":"0190a3c4-0000-7000-8000-00000000000a","object":{"id":"m","kind":"model"},"outcome":"done","v":1}"#
        );
        assert_eq!(Leaf::parse(&text), Ok(leaf));
    }

    #[test]
    fn what_readers_could_understand_differently_is_never_logged() {
        let mut deep = json!(0);
        for _ in 0..10_000 {
            deep = Value::Array(vec![deep]);
        }
        let cases = [
            (json!({"x": 1.5}), "Number"),
            (json!({"x": 1.0}), "Number"),
            (json!({"x": [9_007_199_254_740_992_u64]}), "Number"),
            (json!({"x": -9_007_199_254_740_992_i64}), "Number"),
            (json!({"x": "a\0"}), "Nul"),
            (json!({"\0": 1}), "Nul"),
            (json!({"x": "x".repeat(MAX_LEAF_BYTES)}), "TooLarge"),
            (Value::Object([("x".to_owned(), deep)].into_iter().collect()), "TooDeep"),
            (json!([1]), "Shape"),
            (Value::Null, "Shape"),
        ];
        for (detail, variant) in cases {
            let error = leaf(detail).to_canonical().expect_err(variant);
            assert!(format!("{error:?}").starts_with(variant), "{error:?}");
        }
        assert_eq!(Leaf { v: 2, ..leaf(json!({})) }.to_canonical(), Err(LeafError::Version(2)));
    }

    #[test]
    fn every_field_has_one_form() {
        let good = leaf(json!({}));
        let refused = |leaf: Leaf, field: &str| {
            let error = leaf.to_canonical().expect_err(field);
            assert!(matches!(error, LeafError::Shape { field: found, .. } if found == field), "{error:?}");
        };
        for id in ["", "id", "0190A3C4-0000-7000-8000-00000000000A", "0190a3c40000700080000000000000aa"] {
            refused(Leaf { id: id.to_owned(), ..good.clone() }, "id");
        }
        for at in [
            "yesterday",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000+00:00",
            "2026-01-01t00:00:00.000000Z",
            "2026-02-30T00:00:00.000000Z",
            "2026-01-01T00:00:00.000000000Z",
        ] {
            refused(Leaf { at: at.to_owned(), ..good.clone() }, "at");
        }
        let actor = LeafActor { kind: "wizard".to_owned(), ..good.actor.clone() };
        refused(Leaf { actor, ..good.clone() }, "actor.kind");
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        let text = leaf(json!({"a": 1})).to_canonical().expect("text");
        for (from, to) in [
            (r#""a":1"#, r#""a": 1"#),
            (r#""a":1"#, r#""a":1,"a":1"#),
            (r#""a":1"#, r#""a":1e0"#),
            (r#""v":1"#, r#""v":1,"w":1"#),
            (r#""v":1"#, r#""v":2"#),
            (r#""v":1"#, r#""v":1,"workspace":null"#),
            ("done", "undone"),
            (r#""id":"0190a3c4-0000-7000-8000-00000000000a","#, ""),
        ] {
            assert!(Leaf::parse(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
