//! Keys whose signatures a workspace trusts, and authorities that may say who signed: the trust roots of its models.
//!
//! A root counts from `valid_from` until `valid_until` or its revocation. Which are
//! trusted is decided by administrators, never by what a signature says about itself.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::{
    core::ids::{AccountId, TrustKeyId},
    crypto::{
        certificate::{Authority, Signatory},
        certificate_names::Rule,
        keys::VerifyingKey,
        oms::Trust,
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct TrustKey {
    pub id: TrustKeyId,
    pub name: String,
    /// Lowercase hex SHA-256: over the PEM text of a key, as OMS bundles hint at keys; over the DER of an authority's certificate.
    pub fingerprint: String,
    /// Of a public key, or of the certificate of an authority.
    pub public_key_pem: String,
    /// Whom an authority may name, one rule a line; none for a key, which stands for itself.
    pub identities: Option<String>,
    /// Of an authority: certificates that count no more, by SHA-256 or `serial:` and number, all in lowercase hex.
    pub revoked_certificates: BTreeSet<String>,
    pub added_by: AccountId,
    pub valid_from: DateTime<Utc>,
    pub valid_until: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl TrustKey {
    pub fn is_valid_at(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.valid_from <= at && self.valid_until.is_none_or(|end| at < end)
    }

    pub fn is_authority(&self) -> bool {
        self.identities.is_some()
    }

    /// The first of these certificates that was revoked.
    pub fn revoked_of<'c>(&self, certificates: &'c [String]) -> Option<&'c str> {
        certificates.iter().find(|one| self.revoked_certificates.contains(*one)).map(String::as_str)
    }
}

/// Rules of whom an authority may name, one a line.
pub(crate) fn rules(text: &str) -> Result<Vec<Rule>, crate::crypto::certificate_names::RuleError> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Rule::parse).collect()
}

/// How the certificates by which a version was signed are noted: what a revocation may name.
pub(crate) fn certificates(signatory: &Signatory) -> Vec<String> {
    let serials = signatory.serials.iter().map(|serial| format!("{SERIAL}{serial}"));
    let key = format!("{OF_KEY}{}", signatory.key_fingerprint);
    signatory.path.iter().cloned().chain(serials).chain([key]).collect()
}

/// How the key is noted that a certificate is of, so that its holder is known by it alone, too.
pub(crate) const OF_KEY: &str = "key:";
/// The number of a certificate. It is of one authority, where a SHA-256 is of all.
const SERIAL: &str = "serial:";

/// Trust roots, read.
pub(crate) struct Roots {
    pub keys: Vec<VerifyingKey>,
    authorities: Vec<Authority>,
}

impl Roots {
    pub fn of<'k>(all: impl IntoIterator<Item = &'k TrustKey>) -> Result<Self, Error> {
        let (mut keys, mut authorities) = (Vec::new(), Vec::new());
        let unreadable = |e: String| Error::internal(e);
        for root in all {
            match &root.identities {
                None => keys.push(VerifyingKey::from_pem(&root.public_key_pem).map_err(|e| unreadable(e.to_string()))?),
                Some(text) => {
                    let rules = rules(text).map_err(|e| unreadable(e.to_string()))?;
                    let read = Authority::from_pem(&root.public_key_pem, rules);
                    authorities.push(read.map_err(|e| unreadable(e.to_string()))?);
                }
            }
        }
        Ok(Self { keys, authorities })
    }

    /// At the time at which a signature came in.
    pub fn at(&self, at: DateTime<Utc>) -> Trust<'_> {
        Trust { keys: &self.keys, authorities: &self.authorities, at }
    }
}
