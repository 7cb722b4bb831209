//! What a leaf mentions: the ids and digests in it, and facets that are rare enough to be
//! looked for. The table of mentions answers every search that names something.
//!
//! Invariants: mentions are made of the leaf's text, and of what its object and the rows that it
//! changed belong to, which never changes: a run, a request, a release and a report belong to a
//! version and an environment, and a version to a model; findings, waivers, emergencies, rehearsals,
//! reports of what runs, and records belong to what they bear on. So they can be made again at any
//! time. The workspace is no mention, as it is everywhere.

pub mod store;

use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

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

/// What belongs to something above it for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Run,
    Request,
    Release,
    Report,
    Version,
    Finding,
    Waiver,
    Emergency,
    Rehearsal,
    Snapshot,
    Record,
}

/// What one leaf mentions by itself, and what of it belongs to more that it mentions too.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    pub terms: BTreeSet<String>,
    pub parts: BTreeSet<(Part, Uuid)>,
}

impl Part {
    fn of_object(kind: &str) -> Option<Self> {
        match kind {
            "run" => Some(Self::Run),
            "promotion" => Some(Self::Request),
            "release" => Some(Self::Release),
            "evidence" => Some(Self::Report),
            "version" => Some(Self::Version),
            "finding" => Some(Self::Finding),
            "waiver" => Some(Self::Waiver),
            "break_glass" => Some(Self::Emergency),
            "record" => Some(Self::Record),
            _ => None,
        }
    }

    fn of_table(table: &str) -> Option<Self> {
        match table {
            "validation_run" => Some(Self::Run),
            "promotion_request" => Some(Self::Request),
            "release" => Some(Self::Release),
            "reported_evidence" => Some(Self::Report),
            "model_version" => Some(Self::Version),
            "finding" => Some(Self::Finding),
            "waiver" => Some(Self::Waiver),
            "break_glass" => Some(Self::Emergency),
            "rehearsal" => Some(Self::Rehearsal),
            "running_snapshot" => Some(Self::Snapshot),
            "accountability_record" => Some(Self::Record),
            _ => None,
        }
    }
}

/// The term of what one request led to.
pub fn of_request(request_id: &str) -> String {
    format!("{FACET}request {request_id}")
}

/// Whether a text can be an id that leaves mention.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TERM_BYTES && !text.starts_with(FACET) && !text.contains('\0')
}

/// All mentions of a leaf. Bounded, as a leaf is.
pub fn of_leaf(leaf: &str) -> Mentions {
    match serde_json::from_str::<Value>(leaf) {
        Ok(leaf) => Mentions { terms: terms(&leaf), parts: parts(&leaf) },
        Err(_) => Mentions::default(),
    }
}

/// The object, and the changed rows: a rollback has the release that it ended as a key and says
/// no more of it.
fn parts(leaf: &Value) -> BTreeSet<(Part, Uuid)> {
    let part = |part: Option<Part>, id: &Value| Some((part?, id.as_str()?.parse().ok()?));
    let object = part(leaf["object"]["kind"].as_str().and_then(Part::of_object), &leaf["object"]["id"]);
    let changes = leaf["changes"].as_array().into_iter().flatten();
    let changed = changes.filter_map(|c| part(c["table"].as_str().and_then(Part::of_table), &c["key"]));
    object.into_iter().chain(changed).collect()
}

fn terms(leaf: &Value) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
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
        let found = of_leaf(&leaf.to_string()).terms;
        let wanted: BTreeSet<String> = [A, B, C, "r", "=request q", &digest].into_iter().map(str::to_owned).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn actors_without_an_id_and_refusals_are_facets() {
        let leaf = |kind: &str, outcome: &str| {
            of_leaf(&json!({"actor": {"kind": kind}, "outcome": outcome, "detail": {}}).to_string()).terms
        };
        assert_eq!(leaf("system", "done"), BTreeSet::from([BY_SYSTEM.to_owned()]));
        assert_eq!(leaf("anonymous", "denied"), BTreeSet::from([BY_ANONYMOUS.to_owned(), DENIED.to_owned()]));
        assert_eq!(leaf("user", "done"), BTreeSet::new());
        // What an object calls itself does not make it a facet.
        let sly = json!({"object": {"kind": "x", "id": "=denied"}, "detail": {"a": "=system"}});
        assert_eq!(of_leaf(&sly.to_string()), Mentions::default());
        assert_eq!(of_leaf("no leaf"), Mentions::default());
        assert!(!is_id("") && !is_id("=x") && !is_id("a\0b"));
    }

    #[test]
    fn a_workspace_is_found_only_by_the_events_about_it() {
        let leaf = json!({"workspace": W, "object": {"kind": "workspace", "id": W}, "detail": {"workspace": W}});
        assert_eq!(of_leaf(&leaf.to_string()).terms, BTreeSet::from([W.to_owned()]));
    }

    #[test]
    fn the_object_and_the_changed_rows_belong_to_more() {
        let leaf = json!({
            "object": {"kind": "release", "id": A},
            "changes": [
                {"table": "release", "key": B, "op": "update", "row": {"state": "rolled_back"}},
                {"table": "model_version", "key": C, "op": "update", "row": {}},
                {"table": "account", "key": W, "op": "update", "row": {}},
                {"table": "finding", "key": A, "op": "update", "row": {}},
                {"table": "release", "key": "no id"}, {"key": A}, 7,
            ],
        });
        let wanted = [(Part::Release, A), (Part::Release, B), (Part::Version, C), (Part::Finding, A)];
        let wanted = wanted.map(|(part, id)| (part, id.parse().expect("an id")));
        assert_eq!(of_leaf(&leaf.to_string()).parts, BTreeSet::from(wanted));
    }
}
