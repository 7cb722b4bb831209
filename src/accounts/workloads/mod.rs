//! Workloads of others, such as the jobs of a CI service, that prove who they are with a token of their issuer and get a short
//! one of this service for it. No secret is kept anywhere for them.
//!
//! Invariants: an issuer is one that the operator lets this service ask; a workspace says which of an issuer's tokens stand
//! for which of its service accounts, how far that reaches and how long; each of these tokens is exchanged once; what was
//! given for them holds while the trust does, which is asked with every request.

pub mod api;
pub mod ops;
pub mod rules;
pub(super) mod store;

use crate::{
    accounts::issuers::Issuer,
    authz::Limits,
    core::{
        Malformed,
        ids::{AccountId, WorkloadTrustId, WorkspaceId},
    },
};
use chrono::{DateTime, Utc};
use rules::Rules;

/// How long a token lasts at most that was given for another.
pub const MAX_MINUTES: i64 = 60;
/// A workspace has a handful.
pub const MAX_TRUSTS: u64 = 100;

/// That tokens of an issuer stand for a service account.
#[derive(Clone, Debug)]
pub struct Trust {
    pub id: WorkloadTrustId,
    pub workspace: WorkspaceId,
    /// Unique among those of the workspace that have not ended.
    pub name: String,
    pub issuer: String,
    /// For whom the issuer's tokens have to be made.
    pub audience: String,
    pub rules: Rules,
    /// What they stand for.
    pub account: AccountId,
    pub limits: Limits,
    /// How long a token lasts that is given for one.
    pub minutes: i64,
    pub created_by: Option<AccountId>,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// The issuers that the operator lets workspaces trust.
#[derive(Debug, Default)]
pub struct Issuers(Vec<Issuer>);

impl Issuers {
    pub fn open(names: &[String]) -> Result<Self, Malformed> {
        names.iter().map(|name| Issuer::new(name)).collect::<Result<_, _>>().map(Self)
    }

    pub fn named(&self, name: &str) -> Option<&Issuer> {
        self.0.iter().find(|issuer| issuer.name == name)
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|issuer| issuer.name.as_str()).collect()
    }
}
