//! in-toto Statement v1: which artifacts, by digest, a predicate is about.
//! Format: in-toto attestation framework, `spec/v1/statement.md`.

use crate::crypto::json;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The DSSE payload type of a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a statement may measure as JSON.
pub const MAX_STATEMENT_BYTES: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("the statement has {size_bytes} bytes, and at most {max_bytes} are read; state less in one statement")]
    TooLarge { size_bytes: usize, max_bytes: usize },
    #[error("the payload is not an in-toto statement: {0}")]
    Malformed(String),
    #[error("the statement's _type is \"{0}\"; only \"{STATEMENT_TYPE}\" is read")]
    WrongType(String),
    #[error("the statement cannot be written as canonical JSON: {0}")]
    NotCanonical(String),
}

/// One artifact: its digests by algorithm, such as `sha256` to lowercase hex, and a name, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    #[serde(default, deserialize_with = "null_is_absent")]
    pub name: String,
    pub digest: BTreeMap<String, String>,
    /// The author's remarks, kept and never read.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Subject {
    pub fn sha256(name: impl Into<String>, hex: impl Into<String>) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([("sha256".to_owned(), hex.into())]), annotations: Map::new() }
    }
}

/// In the protobuf form of JSON, in which others write statements, both mean the same.
fn null_is_absent<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    type_: String,
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    #[serde(default)]
    pub predicate: Value,
}

impl Statement {
    pub fn new(subject: Vec<Subject>, predicate_type: impl Into<String>, predicate: Value) -> Self {
        Self { type_: STATEMENT_TYPE.to_owned(), subject, predicate_type: predicate_type.into(), predicate }
    }

    /// Reads a statement of at most [`MAX_STATEMENT_BYTES`]. Repeated keys at any depth and other versions are refused;
    /// unknown fields are passed over, as the format asks.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::of(read(bytes, MAX_STATEMENT_BYTES)?)
    }

    /// The same where every field counts: unknown ones are refused, too, and each subject has a name.
    pub(super) fn parse_exactly(bytes: &[u8], max_bytes: usize) -> Result<Self, StatementError> {
        let value = read(bytes, max_bytes)?;
        only(&value, "the statement", &["_type", "subject", "predicateType", "predicate"])?;
        for subject in value["subject"].as_array().into_iter().flatten() {
            only(subject, "a subject", &["name", "digest", "annotations"])?;
            if !subject["name"].is_string() {
                return Err(StatementError::Malformed("a subject has no name".to_owned()));
            }
        }
        Self::of(value)
    }

    fn of(value: Value) -> Result<Self, StatementError> {
        let statement: Self =
            serde_json::from_value(value).map_err(|error| StatementError::Malformed(error.to_string()))?;
        if statement.type_ != STATEMENT_TYPE {
            return Err(StatementError::WrongType(statement.type_));
        }
        Ok(statement)
    }

    /// RFC 8785: what is signed.
    pub fn to_canonical(&self) -> Result<String, StatementError> {
        serde_json_canonicalizer::to_string(self).map_err(|e| StatementError::NotCanonical(e.to_string()))
    }
}

fn read(bytes: &[u8], max_bytes: usize) -> Result<Value, StatementError> {
    if max_bytes < bytes.len() {
        return Err(StatementError::TooLarge { size_bytes: bytes.len(), max_bytes });
    }
    json::parse(bytes).map_err(|error| StatementError::Malformed(error.to_string()))
}

fn only(value: &Value, what: &str, known: &[&str]) -> Result<(), StatementError> {
    let strange = value.as_object().into_iter().flatten().find(|(key, _)| !known.contains(&key.as_str()));
    let Some((key, _)) = strange else { return Ok(()) };
    let key: String = key.chars().take(64).collect();
    Err(StatementError::Malformed(format!("{what} has the unknown field {key:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_survives_its_canonical_text() {
        let statement =
            Statement::new(vec![Subject::sha256("a", "00")], "https://example.com/x", json!({"b": 1, "a": []}));
        let text = statement.to_canonical().expect("text");
        assert_eq!(
            text,
            r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"a":[],"b":1},"predicateType":"https://example.com/x","subject":[{"digest":{"sha256":"00"},"name":"a"}]}"#
        );
        assert_eq!(Statement::parse(text.as_bytes()).expect("read"), statement);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let good = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"00"}}],"predicateType":"t","predicate":{"k":1}}"#;
        assert!(Statement::parse(good.as_bytes()).is_ok());
        for (from, to) in [
            (r#""k":1"#, r#""k":1,"k":2"#),
            (r#""predicateType":"t""#, r#""predicateType":"t","extra":1,"extra":1"#),
            (r#""digest":{"sha256":"00"}"#, r#""digest":null"#),
            (r#""name":"a""#, r#""name":7"#),
            (r#""name":"a""#, r#""name":"a","name":"b""#),
            (r#""sha256":"00""#, r#""sha256":"00","sha256":"11""#),
            ("Statement/v1", "Statement/v0.1"),
            (r#""subject""#, r#""subjects""#),
        ] {
            assert!(Statement::parse(good.replace(from, to).as_bytes()).is_err(), "{to}");
        }
        let large = good.replace(r#""k":1"#, &format!(r#""k":"{}""#, "x".repeat(MAX_STATEMENT_BYTES)));
        assert!(matches!(Statement::parse(large.as_bytes()), Err(StatementError::TooLarge { .. })));
    }

    #[test]
    fn what_the_format_lets_authors_add_is_passed_over_but_where_every_field_counts() {
        let good = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"00"}}],"predicateType":"t","predicate":{"k":1}}"#;
        let exactly = |text: &str| Statement::parse_exactly(text.as_bytes(), MAX_STATEMENT_BYTES);
        let known = exactly(good).expect("known");
        for (from, to) in [
            (r#""predicateType":"t""#, r#""predicateType":"t","extra":1"#),
            (r#""name":"a""#, r#""name":"a","uri":"pkg:generic/a","mediaType":"application/octet-stream""#),
        ] {
            let text = good.replace(from, to);
            assert_eq!(Statement::parse(text.as_bytes()).expect(to), known);
            assert!(exactly(&text).is_err(), "{to}");
        }
        let nameless = good.replace(r#""name":"a","#, "");
        assert_eq!(Statement::parse(nameless.as_bytes()).expect("read").subject, [Subject::sha256("", "00")]);
        assert!(exactly(&nameless).is_err());
        let null = good.replace(r#""name":"a""#, r#""name":null,"annotations":null"#);
        assert_eq!(Statement::parse(null.as_bytes()).expect("read").subject, [Subject::sha256("", "00")]);
    }
}
