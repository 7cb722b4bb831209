//! Texts that the log shows only as hashes: decisions, policies, verdicts. Each is taken only if it
//! has the digest that the log names, so that nothing changed past the service is believed.

use crate::{
    audit::changes,
    core::{canonical, digest::Digest},
};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// By the id of the request.
    decisions: HashMap<String, Value>,
    /// By their digests.
    documents: HashMap<String, Value>,
    /// By the digest over all of a run.
    verdicts: HashMap<String, Value>,
    /// Names of accounts, by what stands in the log for them.
    names: HashMap<String, String>,
}

impl Texts {
    /// The text that a request is about; its sha256 is the decision digest.
    pub fn add_decision(&mut self, request: &str, text: &str, digest: &str) {
        if Digest::of(text).to_string() == digest
            && let Ok(decision) = serde_json::from_str(text)
        {
            self.decisions.insert(request.to_owned(), decision);
        }
    }

    /// A document of an environment: canonical JSON.
    pub fn add_document(&mut self, text: &str, digest: &str) {
        add(&mut self.documents, text, digest);
    }

    pub fn add_verdicts(&mut self, text: &str, digest: &str) {
        add(&mut self.verdicts, text, digest);
    }

    /// The name of an account, with the salt of its row.
    pub fn add_name(&mut self, name: &str, salt: &str) {
        self.names.insert(changes::salted(salt, "name", name), name.to_owned());
    }

    /// The name behind what stands in the log; `None` of one that was forgotten since.
    pub fn name(&self, salted: &str) -> Option<&str> {
        self.names.get(salted).map(String::as_str)
    }

    pub fn decision(&self, request: &str) -> Option<&Value> {
        self.decisions.get(request)
    }

    pub fn document(&self, digest: &str) -> Option<&Value> {
        self.documents.get(digest)
    }

    pub fn verdicts(&self, digest: &str) -> Option<&Vec<Value>> {
        self.verdicts.get(digest)?.as_array()
    }
}

fn add(texts: &mut HashMap<String, Value>, text: &str, digest: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    if canonical::digest(&value).is_ok_and(|found| found.to_string() == digest) {
        texts.insert(digest.to_owned(), value);
    }
}

/// A field of a decision that is a text; empty if it is null or absent.
pub(super) fn field<'a>(decision: &'a Value, name: &str) -> &'a str {
    decision.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list in a decision.
pub(super) fn list<'a>(decision: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    decision.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_another_digest_is_not_believed() {
        let mut texts = Texts::default();
        let (text, digest) = (r#"{"policy":"p"}"#, Digest::of(r#"{"policy":"p"}"#).to_string());
        texts.add_decision("a", text, &digest);
        texts.add_decision("b", r#"{"policy":"q"}"#, &digest);
        texts.add_document(r#"{"approvals":[]}"#, &digest);
        assert!(texts.decision("a").is_some() && texts.decision("b").is_none() && texts.document(&digest).is_none());
    }
}
