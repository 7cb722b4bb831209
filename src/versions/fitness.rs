//! Whether a version's bytes are fit to leave: asked at a request, at a decision, at an
//! activation, at a rollback, and by the gate at every pull.

use crate::{
    error::FailedCheck,
    trust::TrustKey,
    versions::{Signature, State, Version},
};
use chrono::{DateTime, Utc};

/// What stands in the way; nothing means that the version is sealed, and signed by a key that
/// is trusted at this moment. `key` is the one that the signature names, if it is still listed.
pub fn checks(version: &Version, key: Option<&TrustKey>, now: DateTime<Utc>) -> Vec<FailedCheck> {
    let mut failed = Vec::new();
    match version.state {
        State::Sealed => {}
        State::Draft => failed.push(check("version_not_sealed", "the version is a draft; seal it first")),
        State::Revoked => {
            let why = version.revocation_reason.as_deref().unwrap_or("no reason given");
            failed.push(check("version_revoked", format!("the version was revoked: {why}")));
        }
    }
    match (&version.signature, key) {
        (Signature::Verified { .. }, Some(key)) if key.is_valid_at(now) => {}
        (Signature::Verified { .. }, Some(key)) => {
            let detail = format!("the signing key {} is revoked or no longer valid", key.name);
            failed.push(check("signing_key_not_valid", detail));
        }
        (Signature::Verified { .. }, None) => {
            failed.push(check("signing_key_not_valid", "the signing key is not listed any more"));
        }
        (Signature::Untrusted { detail }, _) => failed.push(check("signature_not_trusted", detail.clone())),
        (Signature::Absent, _) => {
            failed.push(check("signature_missing", "the version was sealed without a signature; push it signed"));
        }
    }
    failed
}

fn check(code: &str, detail: impl Into<String>) -> FailedCheck {
    FailedCheck { check: code.to_owned(), detail: detail.into(), owner: None }
}
