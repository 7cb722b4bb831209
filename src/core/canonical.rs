//! Canonical JSON (RFC 8785): the one serialisation that Plimsoll hashes and signs.

use crate::core::digest::Digest;
use serde::Serialize;

#[derive(Debug, thiserror::Error)]
#[error("not representable as canonical JSON: {0}")]
pub struct NotCanonical(#[from] serde_json::Error);

pub fn to_string(value: &impl Serialize) -> Result<String, NotCanonical> {
    Ok(serde_json_canonicalizer::to_string(value)?)
}

/// SHA-256 over the canonical JSON of a value: the identity of immutable things.
pub fn digest(value: &impl Serialize) -> Result<Digest, NotCanonical> {
    to_string(value).map(Digest::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_change_the_digest() {
        let one = digest(&json!({"b": 1, "a": [1.5, "x"]})).expect("canonical");
        let two = digest(&json!({"a": [1.5, "x"], "b": 1})).expect("canonical");
        assert_eq!(one, two);
    }
}
