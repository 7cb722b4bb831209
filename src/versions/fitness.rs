//! Whether a version's bytes are fit to leave: asked at a request, at a decision, at an
//! activation, at a rollback, and by the gate at every pull.

use crate::{
    error::FailedCheck,
    trust::TrustKey,
    versions::{Signature, State, Version},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

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
        (Signature::Verified { signatory, .. }, Some(key)) if key.is_valid_at(now) => {
            let revoked = signatory.as_ref().and_then(|named| key.revoked_of(&named.certificates));
            if let Some(certificate) = revoked {
                let detail = format!("the certificate {certificate} that signed it, or stands above it, was revoked");
                failed.push(check("signing_certificate_revoked", detail));
            }
        }
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

/// The same of a version's bytes: which of them were found damaged in the store, by their sha256.
pub fn bytes(damaged: &BTreeSet<String>) -> Option<FailedCheck> {
    let first = damaged.first()?;
    let of = match damaged.len() {
        1 => format!("the stored bytes of {first} are"),
        more => format!("the stored bytes of {more} files are, {first} among them,"),
    };
    let detail = format!("{of} damaged and in quarantine; push the same files again, or have a good copy put in place");
    Some(check("bytes_damaged", detail))
}

fn check(code: &str, detail: impl Into<String>) -> FailedCheck {
    FailedCheck { check: code.to_owned(), detail: detail.into(), owner: None }
}
