//! Findings, waivers, emergencies, rehearsals, reviews and records, for machines.

use crate::{
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        watched::{Seen, word},
    },
    oversight::{break_glass::BreakGlass, waivers::Waiver},
};
use serde_json::{Value, json};

/// Name and value of each part.
pub(super) fn parts(of: &Collected) -> Vec<(&'static str, Value)> {
    let watched = &of.watched;
    vec![
        ("findings", watched.findings.iter().map(|seen| finding(of, seen)).collect()),
        ("waivers", watched.waivers.iter().map(|one| waiver(of, one)).collect()),
        ("break_glass", watched.emergencies.iter().map(|one| emergency(of, one)).collect()),
        ("rehearsals", watched.rehearsals.iter().map(|one| rehearsal(of, one)).collect()),
        ("rollback_reviews", watched.reviews.iter().map(|one| review(of, one)).collect()),
        ("records", watched.records.iter().map(|one| record(of, one)).collect()),
    ]
}

fn finding(of: &Collected, Seen { finding, steps }: &Seen) -> Value {
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            json!({"step": word(step.step), "at": rfc3339(step.at), "by": step.by.map(|by| of.name(by)),
                "reason": step.reason, "until": step.until.map(rfc3339)})
        })
        .collect();
    json!({
        "id": finding.id, "code": finding.code, "severity": word(finding.severity), "state": word(finding.state),
        "title": finding.title, "detail": finding.detail, "owner": finding.owner.map(|owner| of.name(owner)),
        "opened_at": rfc3339(finding.opened_at), "opened_by": finding.opened_by.map(|by| of.name(by)),
        "due_at": rfc3339(finding.due_at), "accepted_until": finding.accepted_until.map(rfc3339),
        "closed_at": finding.closed_at.map(rfc3339), "of_this_version": finding.reach.version.is_some(), "steps": steps,
    })
}

fn waiver(of: &Collected, waiver: &Waiver) -> Value {
    let grants: Vec<_> = waiver
        .grants
        .iter()
        .map(|grant| {
            json!({"by": of.name(grant.account), "outcome": word(grant.outcome), "reason": grant.reason,
                "at": rfc3339(grant.decided_at),
                "statement": serde_json::from_str::<Value>(&grant.statement).unwrap_or_default()})
        })
        .collect();
    json!({
        "id": waiver.id, "constraint": waiver.constraint, "constraint_digest": waiver.constraint_digest.to_string(),
        "state": word(waiver.state), "of_this_version": waiver.version.is_some(), "reason": waiver.reason,
        "compensating_control": waiver.compensating_control, "requested_by": of.name(waiver.requested_by),
        "requested_at": rfc3339(waiver.requested_at), "expires_at": rfc3339(waiver.expires_at),
        "granted_at": waiver.granted_at.map(rfc3339), "closed_at": waiver.closed_at.map(rfc3339),
        "closed_by": waiver.closed_by.map(|by| of.name(by)), "closed_reason": waiver.closed_reason, "grants": grants,
    })
}

fn emergency(of: &Collected, broken: &BreakGlass) -> Value {
    json!({
        "id": broken.id, "state": word(broken.state), "invoked_by": of.name(broken.invoked_by),
        "invoked_at": rfc3339(broken.invoked_at), "second_by": broken.second_by.map(|by| of.name(by)),
        "justification": broken.justification, "hours": broken.hours, "would_have_passed": broken.would_have_passed,
        "promotion": broken.promotion, "release": broken.release, "starts_at": broken.starts_at.map(rfc3339),
        "ends_at": broken.ends_at.map(rfc3339), "ended_at": broken.ended_at.map(rfc3339),
        "ended_by": broken.ended_by.map(|by| of.name(by)), "ended_reason": broken.ended_reason,
        "review_due_at": broken.review_due_at.map(rfc3339), "review_overdue": broken.is_review_overdue(of.at),
        "reviewed_by": broken.reviewed_by.map(|by| of.name(by)), "reviewed_at": broken.reviewed_at.map(rfc3339),
        "review_reason": broken.review_reason,
    })
}

fn rehearsal(of: &Collected, rehearsal: &crate::releases::rehearsals::Rehearsal) -> Value {
    json!({
        "id": rehearsal.id, "release": rehearsal.release, "version": of.released.get(&rehearsal.version),
        "state": rehearsal.state.name(), "requested_by": of.name(rehearsal.requested_by),
        "requested_at": rfc3339(rehearsal.requested_at), "finished_at": rehearsal.finished_at.map(rfc3339),
        "digest": rehearsal.digest.map(|digest| digest.to_string()),
        "body": rehearsal.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok()),
    })
}

fn review(of: &Collected, review: &crate::releases::reviews::Review) -> Value {
    let given = review.given.as_ref().map(|given| {
        json!({"outcome": given.outcome.name(), "reason": given.reason, "by": of.name(given.by), "at": rfc3339(given.at)})
    });
    json!({"id": review.id, "release": review.release, "due_at": rfc3339(review.due_at),
        "overdue": review.is_overdue(of.at), "given": given})
}

fn record(of: &Collected, record: &crate::accountability::Record) -> Value {
    json!({
        "id": record.id, "kind": word(record.kind), "name": record.name, "of_the_model": record.reach.model.is_some(),
        "of_the_environment": record.reach.environment.is_some(), "revision": record.revision,
        "digest": record.digest.to_string(), "owner": of.name(record.owner), "review_by": rfc3339(record.review_by),
        "revised_by": of.name(record.revised_by), "revised_at": rfc3339(record.revised_at),
        "lapsed": record.has_lapsed(of.at), "body": record.body,
    })
}
