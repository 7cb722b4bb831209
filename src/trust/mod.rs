//! Keys whose signatures a workspace trusts: the trust roots of its models.
//!
//! A key counts from `valid_from` until `valid_until` or its revocation. Which keys are
//! trusted is decided by administrators, never by what a signature says about itself.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::core::ids::{AccountId, TrustKeyId};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub struct TrustKey {
    pub id: TrustKeyId,
    pub name: String,
    /// Lowercase hex SHA-256 over the PEM text, as OMS bundles hint at keys.
    pub fingerprint: String,
    pub public_key_pem: String,
    pub added_by: AccountId,
    pub valid_from: DateTime<Utc>,
    pub valid_until: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl TrustKey {
    pub fn is_valid_at(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.valid_from <= at && self.valid_until.is_none_or(|end| at < end)
    }
}
