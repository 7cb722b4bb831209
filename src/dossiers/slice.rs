//! The part of the audit log that is about a dossier's subject, with proofs against one head.

use crate::{
    authz::Scope,
    crypto::{merkle, proof_file},
    db::Conn,
    dossiers::store::{self, Placed},
    error::Error,
};
use chrono::{DateTime, Utc};

#[derive(Default)]
pub(super) struct Slice {
    /// In the log's order.
    pub leaves: Vec<Placed>,
    /// One proof per leaf (C2SP tlog-proof).
    pub proofs: Vec<String>,
    /// The signed head that the proofs lead to; `None` where there is no leaf.
    pub checkpoint: Option<String>,
    /// How many records there are about this, also those that a slice has no room for.
    pub total: u64,
}

/// What the records are about, by id.
pub(super) struct Objects {
    /// The version, and what exists only because of it: runs, reports, requests, releases.
    pub own: Vec<String>,
    /// What it shares with others: model, environment, key, data.
    pub around: Vec<String>,
}

/// Events about these objects until a moment. The head is the first one that covers them, so
/// that the same question has the same answer for ever. `None` if one has no place yet: without,
/// nothing could be proven.
pub(super) async fn of(
    conn: &Conn<'_>,
    scope: Scope,
    objects: &Objects,
    at: DateTime<Utc>,
) -> Result<Option<Slice>, Error> {
    let Some(leaves) = store::events(conn, scope, objects, at).await? else { return Ok(None) };
    let total = store::count_events(conn, scope, objects, at).await?;
    let Some(last) = leaves.last() else { return Ok(Some(Slice::default())) };
    let Some((size, note)) = store::head_over(conn, last.index + 1).await? else { return Ok(None) };
    let mut positions: Vec<_> = leaves.iter().flat_map(|leaf| merkle::inclusion_positions(leaf.index, size)).collect();
    positions.sort_unstable();
    positions.dedup();
    let nodes = store::nodes(conn, &positions).await?;
    let proof = |leaf: &Placed| {
        let hashes = merkle::inclusion_proof(leaf.index, size, |position| nodes.get(&position).copied());
        let hashes = hashes.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
        Ok::<_, Error>(proof_file::format(leaf.index, &hashes, &note))
    };
    let proofs = leaves.iter().map(proof).collect::<Result<_, _>>()?;
    Ok(Some(Slice { leaves, proofs, checkpoint: Some(note), total }))
}

/// What is said when the log stays behind.
pub(super) fn unproven() -> Error {
    let detail = "the audit log is not extended at the moment, so not everything could be proven; try again, and tell \
                  the operator if it stays so (/readyz says why)";
    Error::Unavailable { code: "log_not_extended", detail: detail.to_owned() }
}

impl Slice {
    /// Where the sealing of a version stands, and when that was.
    pub fn sealing(&self, version: &str) -> Option<(i64, DateTime<Utc>)> {
        let found = self.done(version).find(|leaf| leaf.action == "version.seal")?;
        Some((i64::try_from(found.index).ok()?, found.at))
    }

    fn done<'a>(&'a self, object: &'a str) -> impl Iterator<Item = &'a Placed> {
        self.leaves.iter().filter(move |leaf| leaf.object == object && leaf.outcome == "done")
    }
}
