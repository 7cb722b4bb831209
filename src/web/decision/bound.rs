//! What the digest of a decision is over, in words; the findings and exceptions in it by themselves.

use crate::{
    core::clock::rfc3339,
    frameworks::Pin,
    oversight::{findings::Finding, waivers::Waiver},
    promotions::{api::PromotionView, ops::Detail},
    web::words,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Parts of the decision that have a section of their own.
const ELSEWHERE: [&str; 2] = ["findings", "waivers"];

/// A finding that approvals are given in knowledge of.
pub struct FindingRow {
    pub id: String,
    pub code: String,
    pub severity: String,
    /// As the decision that is shown has it.
    pub state: String,
    pub title: String,
    pub owner: String,
    pub due_at: String,
    pub is_overdue: bool,
}

/// An exception that the request rests on.
pub struct WaiverRow {
    pub id: String,
    pub constraint: String,
    pub reason: String,
    pub control: String,
    pub until: String,
    pub digest: String,
}

/// Name and value of everything else that the digest is over.
pub fn rest(request: &PromotionView) -> Vec<(String, String)> {
    let entries = request.decision.as_object().into_iter().flatten();
    let entries = entries.filter(|(name, _)| name.as_str() != "v" && !ELSEWHERE.contains(&name.as_str()));
    entries.map(|(name, value)| (words::spoken(name), text(value))).collect()
}

pub fn findings(detail: &Detail, request: &PromotionView) -> Vec<FindingRow> {
    let known = request.decision["findings"].as_array().into_iter().flatten();
    known.map(|known| finding(detail, known)).collect()
}

pub fn waivers(detail: &Detail, request: &PromotionView) -> Vec<WaiverRow> {
    let excepted = request.decision["waivers"].as_array().into_iter().flatten();
    excepted.map(|excepted| waiver(&detail.facts.oversight.waivers, excepted)).collect()
}

fn finding(detail: &Detail, known: &Value) -> FindingRow {
    let said = |field: &str| known[field].as_str().unwrap_or_default().to_owned();
    let standing: &[Finding] = &detail.facts.oversight.findings;
    let (id, now): (String, DateTime<Utc>) = (said("finding"), detail.at);
    let found = standing.iter().find(|finding| finding.id.to_string() == id);
    let owner = found.and_then(|finding| detail.facts.oversight.owners.get(&finding.owner?));
    FindingRow {
        id,
        code: said("code"),
        severity: said("severity"),
        state: said("state"),
        title: found.map(|finding| finding.title.clone()).unwrap_or_default(),
        owner: owner.cloned().unwrap_or_default(),
        due_at: found.map(|finding| rfc3339(finding.due_at)).unwrap_or_default(),
        is_overdue: found.is_some_and(|finding| finding.is_overdue(now)),
    }
}

fn waiver(granted: &[Waiver], excepted: &Value) -> WaiverRow {
    let said = |field: &str| excepted[field].as_str().unwrap_or_default().to_owned();
    let id = said("waiver");
    let found = granted.iter().find(|waiver| waiver.id.to_string() == id);
    WaiverRow {
        id,
        constraint: said("constraint"),
        reason: found.map(|waiver| waiver.reason.clone()).unwrap_or_default(),
        control: found.map(|waiver| waiver.compensating_control.clone()).unwrap_or_default(),
        until: found.map(|waiver| rfc3339(waiver.expires_at)).unwrap_or_default(),
        digest: said("digest"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(entry).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields
                .map(|(name, value)| format!("{}: {}", words::spoken(name), text(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// One of several: a digest, or a framework's revision with its digest.
fn entry(item: &Value) -> String {
    match serde_json::from_value::<Pin>(item.clone()) {
        Ok(Pin { id, revision, digest }) => format!("{id}@{revision} {digest}"),
        Err(_) => text(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_shape_of_a_part_reads_as_words() {
        for (value, wanted) in [
            (json!(null), "none"),
            (json!([]), "none"),
            (json!(["a", "b"]), "a b"),
            (json!({"risk_tier": "high", "jurisdiction": null, "mode": "advisory"}), "mode: advisory, risk tier: high"),
            (json!([{"id": "x", "revision": 2, "digest": "sha256:0"}]), "x@2 sha256:0"),
            (json!(7), "7"),
        ] {
            assert_eq!(text(&value), wanted);
        }
    }
}
