//! What the registry signs about a release, so that a deployer can check it offline.

use crate::{
    app::App,
    core::{
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, ReleaseId},
    },
    crypto::statement::{Statement, Subject},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::BTreeMap;

pub const RELEASE_TYPE: &str = "https://plimsoll.example/attestations/release/v1";

pub struct Claim<'a> {
    pub release: ReleaseId,
    pub model: &'a str,
    pub number: i64,
    pub manifest: &'a Digest,
    pub environment: &'a str,
    pub decision_digest: &'a Digest,
    pub restores: Option<ReleaseId>,
    pub activated_by: AccountId,
    pub activated_at: DateTime<Utc>,
}

/// An in-toto statement, signed with the registry's key. It names people by the id of their account: a name in it
/// could never be erased.
pub fn sign(app: &App, claim: &Claim<'_>) -> String {
    let subject = Subject {
        name: format!("{}@{}", claim.model, claim.number),
        digest: BTreeMap::from([("sha256".to_owned(), claim.manifest.hex())]),
    };
    let predicate = json!({
        "release": claim.release,
        "environment": claim.environment,
        "decision_digest": claim.decision_digest.to_string(),
        "restores": claim.restores,
        "activated_by": claim.activated_by,
        "activated_at": rfc3339(claim.activated_at),
        "registry": app.signer.origin(),
    });
    let statement = Statement::new(vec![subject], RELEASE_TYPE, predicate);
    app.signer.sign_statement(&statement).to_string()
}
