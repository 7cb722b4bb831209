//! The same facts for machines.

mod watched;

use crate::{
    core::clock::rfc3339,
    dossiers::{archive::FORMAT, collect::Collected, document::Document},
    environments::profile::OperatingMode,
    error::Error,
    frameworks::api::HeldView,
    releases::Release,
};
use serde_json::{Value, json};

/// `dossier.json`. The part `document` is what people read, block by block.
pub(super) fn render(of: &Collected, document: &Document) -> Result<String, Error> {
    let (facts, model, version) = (&of.facts, &of.facts.model, &of.facts.version);
    let held = HeldView::new(crate::frameworks::ops::Held {
        entry: of.held.entry,
        standing: of.held.standing,
        on_missing: None,
        items: of.held.items.clone(),
        metrics: of.held.metrics.clone(),
    });
    let revision = |found: &Option<crate::environments::Revision>| {
        found.as_ref().map(|r| json!({"revision": r.number, "digest": r.digest.to_string()}))
    };
    let mut value = json!({
        "format": FORMAT,
        "registry": of.origin,
        "as_of": rfc3339(of.at),
        "profile": of.held.entry.profile,
        "coverage": held,
        "model": {
            "id": model.id, "name": model.name, "title": model.title, "intended_use": model.intended_use,
            "prohibited_use": model.prohibited_use, "risk_tier": model.risk_tier.to_string(),
            "owners": of.known.owners, "vacant": of.known.vacant,
        },
        "version": {
            "id": version.id, "number": version.number, "digest": version.manifest.to_string(),
            "state": version.state.name(), "signature": version.signature.name(),
            "sealed_at": version.sealed_at.map(rfc3339),
            "files": of.files.iter().map(|f| json!({
                "path": f.declared.path.as_str(), "sha256": f.declared.sha256.to_string(), "size_bytes": f.declared.size_bytes,
            })).collect::<Vec<_>>(),
            "attestations": facts.attestations.iter().map(|a| json!({
                "predicate_type": a.predicate_type, "digest": a.digest,
            })).collect::<Vec<_>>(),
        },
        "environment": {
            "id": facts.environment.id, "name": facts.environment.name,
            "profile": revision(&facts.current.profile),
            "constraints": revision(&facts.current.constraints),
            "policy": revision(&facts.current.policy),
        },
        "dataset": facts.dataset.as_ref().map(|data| json!({
            "name": data.name, "digest": data.digest.to_string(), "rows": data.rows, "description": data.description,
        })),
        "run": facts.run.as_ref().map(|run| json!({
            "id": run.id, "state": run.state.name(), "finished_at": run.finished_at.map(rfc3339), "verdicts": run.verdicts,
        })),
        "evidence": facts.evidence.iter().map(|record| json!({
            "kind": record.kind.name(), "digest": record.digest.to_string(), "at": rfc3339(record.created_at),
        })).collect::<Vec<_>>(),
        "reported": of.reports.iter().map(|report| reported(of, report)).collect::<Vec<_>>(),
        "requests": of.requests.iter().map(|request| requested(of, request)).collect::<Vec<_>>(),
        "releases": of.releases.iter().map(|release| released(of, release)).collect::<Vec<_>>(),
        "audit": of.slice.leaves.iter().map(|leaf| json!({"index": leaf.index, "action": leaf.action})).collect::<Vec<_>>(),
        "notices": document.notices,
        "document": document,
    });
    // A call of its own: the macro nests as deep as there are fields.
    for (name, part) in watched::parts(of) {
        value[name] = part;
    }
    serde_json::to_string_pretty(&value).map_err(Error::internal)
}

fn reported(of: &Collected, report: &crate::dossiers::collect::Report) -> Value {
    let record = &report.record;
    json!({
        "id": record.id, "kind": record.kind.name(), "document": record.document, "title": record.title,
        "digest": record.digest.to_string(), "key": record.key.fingerprint, "reported_by": record.key.name,
        "issued_at": rfc3339(record.issued_at), "standing": record.standing(of.at).name(),
    })
}

fn requested(of: &Collected, request: &crate::dossiers::collect::Request) -> Value {
    let promotion = &request.promotion;
    let approvals: Vec<_> = request
        .approvals
        .iter()
        .map(|approval| {
            json!({
                "id": approval.id, "by": of.name(approval.account), "outcome": approval.outcome.name(),
                "decision_digest": approval.decision_digest.to_string(), "at": rfc3339(approval.created_at),
                "reason": approval.reason, "conditions": approval.conditions,
                "on_behalf_of": approval.on_behalf_of.map(|from| of.name(from)),
                "expires_at": approval.expires_at.map(rfc3339),
                "withdrawn": approval.withdrawn.as_ref().map(|gone| json!({"at": rfc3339(gone.at), "reason": gone.reason})),
            })
        })
        .collect();
    json!({
        "id": promotion.id, "state": request.stage, "decision_digest": promotion.decision_digest.to_string(),
        "requested_by": of.name(promotion.requested_by), "requested_at": rfc3339(promotion.requested_at),
        "mode": promotion.mode.map(OperatingMode::name),
        "decisions": approvals,
        "comments": of.watched.comments.iter().filter(|comment| comment.promotion == promotion.id).map(|comment| json!({
            "id": comment.id, "by": of.name(comment.account), "at": rfc3339(comment.created_at), "body": comment.body,
        })).collect::<Vec<_>>(),
    })
}

fn released(of: &Collected, release: &Release) -> Value {
    json!({
        "id": release.id, "version": of.released.get(&release.version), "state": release.state.name(),
        "activated_at": rfc3339(release.activated_at), "ended_at": release.ended_at.map(rfc3339),
        "activated_by": of.name(release.activated_by), "restores": release.restores, "reason": release.reason,
        "mode": release.mode.map(OperatingMode::name), "kind": release.kind.name(), "promotion": release.promotion,
        "ended_by": release.ended_by.map(|by| of.name(by)), "ended_reason": release.ended_reason,
        "assurance": release.assurance.name(), "lapsed_at": release.lapsed_at.map(rfc3339),
        "lapse_cause": release.lapse_cause,
    })
}
