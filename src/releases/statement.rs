//! What the registry signs about a release, so that a deployer can check it offline.

use crate::{
    app::App,
    core::{
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, ReleaseId},
    },
    crypto::statement::{Statement, Subject},
    environments::{Environment, profile::OperatingMode},
    models::Model,
    promotions::{Approval, Promotion},
    releases::{Kind, summary},
    versions::Version,
};
use chrono::{DateTime, Utc};
use serde_json::json;

pub const RELEASE_TYPE: &str = "https://plimsoll.example/attestations/release/v1";

pub struct Claim<'a> {
    pub release: ReleaseId,
    pub model: &'a Model,
    pub version: &'a Version,
    pub environment: &'a Environment,
    /// The request that it rests on.
    pub promotion: &'a Promotion,
    pub basis: Basis<'a>,
    pub kind: Kind,
    pub mode: Option<OperatingMode>,
    pub restores: Option<ReleaseId>,
    pub activated_by: AccountId,
    pub activated_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
}

/// What its verification summary is made of.
pub enum Basis<'a> {
    /// What was verified just now: the approvals by which the seats were filled.
    Approvals(&'a [Approval]),
    /// What was verified for the release that it follows on, and at no other time.
    Earlier(Option<&'a str>),
}

/// What goes into the release's row.
pub struct Signed {
    pub statement: String,
    pub summary: Option<String>,
}

/// In-toto statements, signed with the registry's key. They name people by the id of their account: a name in them
/// could never be erased. The release's own names the digest of the summary, so that neither stands without the other.
pub fn sign(app: &App, claim: &Claim<'_>) -> Signed {
    let origin = app.signer.origin();
    let sign = |summary: &Statement| app.signer.sign_statement(summary).to_string();
    let summary = match claim.basis {
        Basis::Approvals(approvals) => summary::of(claim, approvals, origin).map(|summary| sign(&summary)),
        Basis::Earlier(told) => told
            .map(|told| summary::in_mode(told, claim.mode).map_or_else(|| told.to_owned(), |summary| sign(&summary))),
    };
    let mut predicate = json!({
        "release": claim.release,
        "environment": claim.environment.name,
        "decision_digest": claim.promotion.decision_digest.to_string(),
        "restores": claim.restores,
        "kind": claim.kind.name(),
        "activated_by": claim.activated_by,
        "activated_at": rfc3339(claim.activated_at),
        "registry": origin,
    });
    if let Some(mode) = claim.mode {
        predicate["mode"] = mode.name().into();
    }
    if let Some(end) = claim.ends_at {
        predicate["ends_at"] = rfc3339(end).into();
    }
    if let Some(digest) = summary.as_deref().and_then(summary::payload_digest) {
        predicate["verification_summary"] = digest.to_string().into();
    }
    let statement = Statement::new(vec![subject(claim)], RELEASE_TYPE, predicate);
    Signed { statement: app.signer.sign_statement(&statement).to_string(), summary }
}

pub(super) fn subject(claim: &Claim<'_>) -> Subject {
    let name = format!("{}@{}", claim.model.name, claim.version.number);
    Subject::sha256(name, claim.version.manifest.hex())
}

/// The digest that an approver saw, as every statement writes it.
pub fn decision_digest(statement: &Statement) -> Option<Digest> {
    Digest::parse(statement.predicate["decision_digest"].as_str()?).ok()
}
