//! in-toto Statement v1: which artifacts, by digest, a predicate is about.
//! Format: in-toto attestation framework, `spec/v1/statement.md`.

use crate::crypto::json;
use serde::{Deserialize, Serialize};
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

/// One artifact: its name and its digests by algorithm, such as `sha256` to lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub name: String,
    pub digest: BTreeMap<String, String>,
    /// The author's remarks, kept and never read.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Subject {
    pub fn sha256(name: impl Into<String>, hex: impl Into<String>) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([("sha256".to_owned(), hex.into())]), annotations: Map::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

    /// Reads a statement of at most [`MAX_STATEMENT_BYTES`]. Unknown fields, repeated keys
    /// at any depth and other versions are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::parse_up_to(bytes, MAX_STATEMENT_BYTES)
    }

    pub(super) fn parse_up_to(bytes: &[u8], max_bytes: usize) -> Result<Self, StatementError> {
        if max_bytes < bytes.len() {
            return Err(StatementError::TooLarge { size_bytes: bytes.len(), max_bytes });
        }
        let statement: Self = json::parse(bytes).map_err(|e| StatementError::Malformed(e.to_string()))?;
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
            (r#""predicateType":"t""#, r#""predicateType":"t","extra":1"#),
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
}
