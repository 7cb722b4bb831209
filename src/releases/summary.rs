//! The verification summary of a release: a SLSA VSA, for those who know no other form.
//! Format: <https://slsa.dev/spec/v1.0/verification_summary>.
//!
//! Invariants: there is one only if what the registry verified passed, and it says when that was. A release
//! that nobody approved has none; one that follows on another has that of the other, since nothing is verified
//! anew.

use crate::{
    core::{clock::rfc3339, digest::Digest},
    crypto::{dsse::Envelope, statement::Statement},
    environments::profile::OperatingMode,
    promotions::{Approval, Outcome},
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
/// Of a level that names the mode.
const MODE: &str = "PLIMSOLL_MODE_";

/// The fragment of the address of an input that is an approval.
const APPROVAL: &str = "approval";

/// What of a decision is told as input.
#[derive(Deserialize)]
struct Decided {
    policy: Option<String>,
    #[serde(default)]
    attestations: Vec<String>,
    #[serde(default)]
    evidence: Vec<String>,
}

/// The summary, not yet signed, of a release that rests on these approvals; none if there are none, or under no
/// policy.
pub(super) fn of(claim: &Claim<'_>, approvals: &[Approval], origin: &str) -> Option<Statement> {
    let decided: Decided = serde_json::from_str(&claim.promotion.decision).ok()?;
    let policy = Digest::parse(&decided.policy?).ok()?;
    let stand = approvals.iter().filter(|approval| {
        approval.outcome == Outcome::Approve && approval.decision_digest == claim.promotion.decision_digest
    });
    let approvals: Vec<_> = stand.filter_map(|approval| payload_digest(&approval.statement)).collect();
    if approvals.is_empty() || claim.kind == Kind::BreakGlass {
        return None;
    }
    let base = format!("https://{origin}/api/v1");
    let version = format!("{base}/models/{}/versions/{}", claim.model.name, claim.version.number);
    let request = format!("{base}/promotions/{}", claim.promotion.id);
    let mut inputs: Vec<Value> = approvals.iter().map(|digest| input(&request, APPROVAL, digest)).collect();
    let listed = |texts: &[String], uri: &str, part: &str| -> Vec<Value> {
        texts.iter().filter_map(|text| Digest::parse(text).ok()).map(|digest| input(uri, part, &digest)).collect()
    };
    inputs.extend(listed(&decided.evidence, &request, "evidence"));
    inputs.extend(listed(&decided.attestations, &format!("{version}/attestations"), "attestation"));
    let mut levels = vec![APPROVED.to_owned()];
    levels.extend(claim.mode.map(in_capitals));
    let predicate = json!({
        "verifier": {"id": format!("https://{origin}")},
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

/// What an earlier summary says, of the same moment, for a release in another mode; nothing if it says that mode, or
/// can't be read.
pub(super) fn in_mode(bundle: &str, mode: Option<OperatingMode>) -> Option<Statement> {
    let mut summary = read(bundle)?;
    let before = summary.predicate["verifiedLevels"].as_array()?;
    let is_mode = |level: &Value| level.as_str().is_some_and(|level| level.starts_with(MODE));
    let mut levels: Vec<Value> = before.iter().filter(|level| !is_mode(level)).cloned().collect();
    levels.extend(mode.map(|mode| in_capitals(mode).into()));
    if levels == *before {
        return None;
    }
    summary.predicate["verifiedLevels"] = levels.into();
    Some(summary)
}

fn in_capitals(mode: OperatingMode) -> String {
    format!("{MODE}{}", mode.name().to_uppercase())
}

/// An address and a digest, and nothing else: tools with a fixed schema read no more fields here.
fn input(uri: &str, part: &str, digest: &Digest) -> Value {
    json!({"uri": format!("{uri}#{part}"), "digest": {"sha256": digest.hex()}})
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

/// The digests of the approvals among the inputs, in the order of the summary.
pub fn approvals(summary: &Statement) -> Vec<String> {
    let listed = summary.predicate["inputAttestations"].as_array().into_iter().flatten();
    let part = |input: &Value| input["uri"].as_str()?.rsplit_once('#').map(|(_, part)| part == APPROVAL);
    let named = listed.filter(|input| part(input) == Some(true));
    named.filter_map(|input| Some(format!("sha256:{}", input["digest"]["sha256"].as_str()?))).collect()
}
