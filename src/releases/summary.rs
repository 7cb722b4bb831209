//! The verification summary of a release: a SLSA VSA, for those who know no other form.
//! Format: <https://slsa.dev/spec/v1.0/verification_summary>.
//!
//! Invariant: there is one only if what the registry verified passed. A release that nobody
//! approved has none.

use crate::{
    core::{clock::rfc3339, digest::Digest},
    crypto::{dsse::Envelope, statement::Statement},
    promotions::Outcome,
    releases::{
        Kind,
        statement::{Claim, subject},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Levels of ours: the registry says nothing about the tracks of SLSA, whose names begin with `SLSA_`.
pub const APPROVED: &str = "PLIMSOLL_APPROVED";

/// What of a decision is told as input.
#[derive(Deserialize)]
struct Decided {
    policy: Option<String>,
    #[serde(default)]
    attestations: Vec<String>,
    #[serde(default)]
    evidence: Vec<String>,
}

/// The summary, not yet signed; none if nobody approved, or under no policy.
pub(super) fn of(claim: &Claim<'_>, origin: &str) -> Option<Statement> {
    let decided: Decided = serde_json::from_str(&claim.promotion.decision).ok()?;
    let policy = Digest::parse(&decided.policy?).ok()?;
    let stand = claim.approvals.iter().filter(|approval| {
        approval.outcome == Outcome::Approve && approval.decision_digest == claim.promotion.decision_digest
    });
    let approvals: Vec<_> = stand.filter_map(|approval| payload_digest(&approval.statement)).collect();
    if approvals.is_empty() || claim.kind == Kind::BreakGlass {
        return None;
    }
    let base = format!("https://{origin}/api/v1");
    let version = format!("{base}/models/{}/versions/{}", claim.model.name, claim.version.number);
    let request = format!("{base}/promotions/{}", claim.promotion.id);
    let mut inputs: Vec<Value> = approvals.iter().map(|digest| input(&request, "approval", digest)).collect();
    let listed = |texts: &[String], uri: &str, name: &str| -> Vec<Value> {
        texts.iter().filter_map(|text| Digest::parse(text).ok()).map(|digest| input(uri, name, &digest)).collect()
    };
    inputs.extend(listed(&decided.evidence, &request, "evidence"));
    inputs.extend(listed(&decided.attestations, &format!("{version}/attestations"), "attestation"));
    let mut levels = vec![APPROVED.to_owned()];
    levels.extend(claim.mode.map(|mode| format!("PLIMSOLL_MODE_{}", mode.name().to_uppercase())));
    let predicate = json!({
        "verifier": {"id": format!("https://{origin}"), "version": {"plimsoll": env!("CARGO_PKG_VERSION")}},
        "timeVerified": rfc3339(claim.activated_at),
        "resourceUri": version,
        "policy": {
            "uri": format!("{base}/environments/{}/policy", claim.environment.name),
            "digest": {"sha256": policy.hex()},
        },
        "inputAttestations": inputs,
        "verificationResult": "PASSED",
        "verifiedLevels": levels,
    });
    Some(Statement::new(vec![subject(claim)], SUMMARY_TYPE, predicate))
}

fn input(uri: &str, name: &str, digest: &Digest) -> Value {
    json!({"uri": uri, "name": name, "digest": {"sha256": digest.hex()}})
}

/// sha256 over the bytes that a bundle signs, however its JSON is written.
pub fn payload_digest(bundle: &str) -> Option<Digest> {
    let bundle: Value = serde_json::from_str(bundle).ok()?;
    let envelope = Envelope::parse(bundle["dsseEnvelope"].to_string().as_bytes()).ok()?;
    Some(Digest::of(&envelope.payload))
}

/// What a summary of the registry's own says; its signature is not looked at.
pub fn read(bundle: &str) -> Option<Statement> {
    let bundle: Value = serde_json::from_str(bundle).ok()?;
    let envelope = Envelope::parse(bundle["dsseEnvelope"].to_string().as_bytes()).ok()?;
    Statement::parse(&envelope.payload).ok()
}

/// The digests of the inputs of one name, in the order of the summary.
pub fn inputs(summary: &Statement, name: &str) -> Vec<String> {
    let listed = summary.predicate["inputAttestations"].as_array().into_iter().flatten();
    let named = listed.filter(|input| input["name"] == name);
    named.filter_map(|input| Some(format!("sha256:{}", input["digest"]["sha256"].as_str()?))).collect()
}
