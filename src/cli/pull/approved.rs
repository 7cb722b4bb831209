//! Whether people approved a release, by what the registry signed of it: the summary of what was verified, and each
//! approval.
//!
//! Invariant: the release's own statement names the summary, and the summary names the approvals. So none of
//! them can be left out, added or exchanged.

use super::verify::{Asked, Told, signed, wrong};
use crate::{
    cli::Failure,
    crypto::{keys::RegistryVerifyingKey, statement::Statement},
    promotions::ops::APPROVAL_TYPE,
    releases::summary::{self, APPROVED, SUMMARY_TYPE},
};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn check(
    told: &Told<'_>,
    release: &Statement,
    asked: &Asked<'_>,
    keys: &[RegistryVerifyingKey],
) -> Result<(), Failure> {
    let named = release.predicate["verification_summary"].as_str();
    let summary = match (named, told.summary) {
        (None, None) if told.approvals.is_empty() => return Ok(()),
        (None, _) => return Err(wrong("it comes with approvals that its statement does not speak of")),
        (Some(_), None) => return Err(wrong("the summary of what was verified is missing")),
        (Some(_), Some(summary)) => summary,
    };
    if summary::payload_digest(&summary.to_string()).map(|digest| digest.to_string()).as_deref() != named {
        return Err(wrong("the summary of what was verified is of another release"));
    }
    let summary = signed(summary, keys)?;
    let (version, place) = (asked.model, asked.environment);
    let resource = format!("/models/{version}/versions/{}", told.release.version);
    let says = |pointer: &str| summary.predicate.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let levels = summary.predicate["verifiedLevels"].as_array().cloned().unwrap_or_default();
    let checks = [
        (summary.predicate_type == SUMMARY_TYPE, "the summary is of another type"),
        (summary.subject == release.subject, "the summary is about another version"),
        (says("/verificationResult") == "PASSED", "the summary does not say that it passed"),
        (says("/resourceUri").ends_with(&resource), "the summary is about another resource"),
        (says("/policy/uri").ends_with(&format!("/environments/{place}/policy")), "the summary is of another policy"),
        (levels.iter().any(|level| level == APPROVED), "the summary does not say that it was approved"),
    ];
    if let Some((_, why)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(wrong(why));
    }
    let wanted: BTreeSet<_> = summary::approvals(&summary).into_iter().collect();
    let mut shown = BTreeSet::new();
    for approval in told.approvals {
        shown.extend(summary::payload_digest(&approval.to_string()).map(|digest| digest.to_string()));
        approves(&signed(approval, keys)?, release, asked)?;
    }
    if shown != wanted || wanted.is_empty() {
        return Err(wrong("its approvals are not those that the summary rests on"));
    }
    Ok(())
}

/// Somebody approved exactly what became active.
fn approves(approval: &Statement, release: &Statement, asked: &Asked<'_>) -> Result<(), Failure> {
    let says = |field: &str| approval.predicate[field].as_str();
    let checks = [
        (approval.predicate_type == APPROVAL_TYPE, "an approval is of another type"),
        (approval.subject == release.subject, "an approval is about another version"),
        (says("outcome") == Some("approve"), "an approval approves nothing"),
        (says("environment") == Some(asked.environment), "an approval is about another environment"),
        (
            says("decision_digest").is_some()
                && says("decision_digest") == release.predicate["decision_digest"].as_str(),
            "an approval is of another decision",
        ),
    ];
    match checks.into_iter().find(|(holds, _)| !holds) {
        Some((_, why)) => Err(wrong(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::pull::verify::statements,
        core::{
            digest::Digest,
            ids::{PromotionId, ReleaseId},
        },
        crypto::{bundle::sign_registry_statement, keys::RegistryKey, statement::Subject},
        releases::{api::ReleaseView, statement::RELEASE_TYPE},
    };
    use serde_json::json;

    const ASKED: Asked<'static> = Asked { model: "m", version: None, environment: "prod" };

    struct Shown {
        release: ReleaseView,
        statement: Value,
        summary: Value,
        approvals: Vec<Value>,
    }

    fn payload(bundle: &Value) -> String {
        summary::payload_digest(&bundle.to_string()).expect("a bundle").to_string()
    }

    /// Everything as the registry signs it; `change` is made to what is signed before.
    fn shown(key: &RegistryKey, change: impl Fn(&str, &mut Value)) -> Shown {
        let digest = Digest::of("weights");
        let id = ReleaseId::generate();
        let sign = |kind: &str, name: &str, mut predicate: Value| {
            change(name, &mut predicate);
            let subject = vec![Subject::sha256("m@1", digest.hex())];
            sign_registry_statement(&Statement::new(subject, kind, predicate), key)
        };
        let approval = |by: &str| {
            let said = json!({"outcome": "approve", "environment": "prod", "decision_digest": "d", "decided_by": by});
            sign(APPROVAL_TYPE, "approval", said)
        };
        let approvals = vec![approval("mara"), approval("rui")];
        let inputs: Vec<_> = approvals
            .iter()
            .map(|a| json!({"uri": "https://r/api/v1/promotions/x#approval", "digest": {"sha256": payload(a).replace("sha256:", "")}}))
            .collect();
        let summary = json!({
            "resourceUri": "https://r/api/v1/models/m/versions/1", "policy": {"uri": "https://r/api/v1/environments/prod/policy"},
            "verificationResult": "PASSED", "verifiedLevels": [APPROVED], "inputAttestations": inputs,
        });
        let summary = sign(SUMMARY_TYPE, "summary", summary);
        let statement = json!({"release": id, "environment": "prod", "decision_digest": "d",
            "verification_summary": payload(&summary)});
        let release = ReleaseView {
            id,
            version: 1,
            version_digest: digest.to_string(),
            state: "active".to_owned(),
            kind: "promotion".to_owned(),
            mode: None,
            promotion: PromotionId::generate(),
            restores: None,
            reason: None,
            activated_by: "tom".to_owned(),
            activated_at: String::new(),
            ends_at: None,
            ended_at: None,
            ended_by: None,
            ended_reason: None,
            assurance: "sound".to_owned(),
            lapsed_at: None,
            lapse_cause: None,
        };
        Shown { release, statement: sign(RELEASE_TYPE, "release", statement), summary, approvals }
    }

    fn verify(shown: &Shown, key: &RegistryKey) -> Result<(), Failure> {
        let told = Told {
            release: &shown.release,
            statement: &shown.statement,
            summary: Some(&shown.summary).filter(|summary| !summary.is_null()),
            approvals: &shown.approvals,
        };
        statements(&told, &ASKED, &[key.verifying_key()])
    }

    #[test]
    fn what_is_signed_and_complete_verifies() {
        let key = RegistryKey::generate().expect("key");
        verify(&shown(&key, |_, _| ()), &key).expect("honest");
    }

    #[test]
    fn nothing_can_be_left_out_added_or_exchanged() {
        let key = RegistryKey::generate().expect("key");
        let stranger = shown(&RegistryKey::generate().expect("key"), |_, _| ());
        type Change = fn(&mut Shown, &Shown, &Shown);
        let changes: [(&str, Change); 7] = [
            ("no summary", |s, _, _| s.summary = Value::Null),
            ("an approval less", |s, _, _| drop(s.approvals.pop())),
            ("no approvals", |s, _, _| s.approvals.clear()),
            ("an approval twice for another", |s, _, _| s.approvals[0] = s.approvals[1].clone()),
            ("an approval of a stranger", |s, stranger, _| s.approvals.push(stranger.approvals[0].clone())),
            ("the summary of another release", |s, _, other| s.summary = other.summary.clone()),
            ("approvals of another release", |s, _, other| s.approvals = other.approvals.clone()),
        ];
        for (name, change) in changes {
            let mut told = shown(&key, |_, _| ());
            let other = shown(&key, |name, said| {
                if name == "approval" {
                    said["decided_by"] = "ines".into();
                }
            });
            change(&mut told, &stranger, &other);
            assert!(verify(&told, &key).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_signed_must_say_the_right_thing() {
        let key = RegistryKey::generate().expect("key");
        for (name, field, value) in [
            ("approval", "outcome", "reject"),
            ("approval", "environment", "test"),
            ("approval", "decision_digest", "e"),
            ("summary", "verificationResult", "FAILED"),
            ("summary", "resourceUri", "https://r/api/v1/models/m/versions/2"),
            ("summary", "verifiedLevels", "none"),
            ("release", "verification_summary", "sha256:00"),
        ] {
            let told = shown(&key, |signed, said| {
                if signed == name {
                    said[field] = value.into();
                }
            });
            assert!(verify(&told, &key).is_err(), "{name} {field}");
        }
    }
}
