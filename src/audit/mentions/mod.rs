//! What a leaf mentions: the ids and digests in it, and facets that are rare enough to be
//! looked for. The table of mentions answers every search that names something.
//!
//! Invariants: mentions are made of the leaf's text, and of what its object belongs to, which
//! never changes: a run, a request, a release and a report belong to a version and an
//! environment, and a version to a model. So they can be made again at any time. The
//! workspace is no mention, as it is everywhere.

pub mod store;

use serde_json::Value;
use std::collections::BTreeSet;

/// Facets begin with a character that no id begins with.
const FACET: char = '=';
/// An id is not longer; what is, was never one.
const MAX_TERM_BYTES: usize = 255;

/// The term of everything that the registry did itself.
pub const BY_SYSTEM: &str = "=system";
/// The term of everything that somebody did who was not signed in.
pub const BY_ANONYMOUS: &str = "=anonymous";
/// The term of every refusal.
pub const DENIED: &str = "=denied";

/// The term of what one request led to.
pub fn of_request(request_id: &str) -> String {
    format!("{FACET}request {request_id}")
}

/// Whether a text can be an id that leaves mention.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TERM_BYTES && !text.starts_with(FACET) && !text.contains('\0')
}

/// All terms of a leaf. Bounded, as a leaf is.
pub fn of_leaf(leaf: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    let Ok(leaf) = serde_json::from_str::<Value>(leaf) else { return terms };
    let text = |pointer: &str| leaf.pointer(pointer).and_then(Value::as_str);
    for part in ["detail", "changes"] {
        if let Some(value) = leaf.get(part) {
            collect(value, &mut terms);
        }
    }
    if let Some(workspace) = text("/workspace") {
        terms.remove(workspace);
    }
    terms.extend(text("/object/id").filter(|id| is_id(id)).map(str::to_owned));
    terms.extend(text("/actor/id").filter(|id| is_id(id)).map(str::to_owned));
    match text("/actor/kind") {
        Some("system") => terms.insert(BY_SYSTEM.to_owned()),
        Some("anonymous") => terms.insert(BY_ANONYMOUS.to_owned()),
        _ => false,
    };
    if text("/outcome") == Some("denied") {
        terms.insert(DENIED.to_owned());
    }
    let request = text("/request_id").map(of_request);
    terms.extend(request.filter(|term| term.len() <= MAX_TERM_BYTES));
    terms
}

fn collect(value: &Value, terms: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_uuid(text) || is_digest(text) => {
            terms.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, terms)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, terms)),
        _ => {}
    }
}

fn is_uuid(text: &str) -> bool {
    let fits = |(n, b): (usize, u8)| match n {
        8 | 13 | 18 | 23 => b == b'-',
        _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

fn is_digest(text: &str) -> bool {
    text.starts_with("sha256:") && crate::core::digest::Digest::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const A: &str = "0190a3c4-0000-7000-8000-00000000000a";
    const B: &str = "0190a3c4-0000-7000-8000-00000000000b";
    const C: &str = "0190a3c4-0000-7000-8000-00000000000c";
    const W: &str = "0190a3c4-0000-7000-8000-0000000000ff";

    #[test]
    fn ids_and_digests_are_found_wherever_they_stand() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let leaf = json!({
            "action": "run.finish", "actor": {"kind": "user", "id": A}, "workspace": W, "outcome": "done",
            "object": {"kind": "run", "id": "r"}, "request_id": "q",
            "detail": {"x": [{"y": B}, "text", 7, null], "workspace": W, "d": digest},
            "changes": [{"table": "run", "key": [C], "row": {"w": W, "n": "0190A3C4-0000-7000-8000-00000000000D"}}],
        });
        let found = of_leaf(&leaf.to_string());
        let wanted: BTreeSet<String> = [A, B, C, "r", "=request q", &digest].into_iter().map(str::to_owned).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn actors_without_an_id_and_refusals_are_facets() {
        let leaf = |kind: &str, outcome: &str| {
            of_leaf(&json!({"actor": {"kind": kind}, "outcome": outcome, "detail": {}}).to_string())
        };
        assert_eq!(leaf("system", "done"), BTreeSet::from([BY_SYSTEM.to_owned()]));
        assert_eq!(leaf("anonymous", "denied"), BTreeSet::from([BY_ANONYMOUS.to_owned(), DENIED.to_owned()]));
        assert_eq!(leaf("user", "done"), BTreeSet::new());
        // What an object calls itself does not make it a facet.
        let sly = json!({"object": {"kind": "x", "id": "=denied"}, "detail": {"a": "=system"}});
        assert_eq!(of_leaf(&sly.to_string()), BTreeSet::new());
        assert!(of_leaf("no leaf").is_empty() && !is_id("") && !is_id("=x") && !is_id("a\0b"));
    }

    #[test]
    fn a_workspace_is_found_only_by_the_events_about_it() {
        let leaf = json!({"workspace": W, "object": {"kind": "workspace", "id": W}, "detail": {"workspace": W}});
        assert_eq!(of_leaf(&leaf.to_string()), BTreeSet::from([W.to_owned()]));
    }
}
