//! The part of the audit log that is about a dossier's subject, with proofs against one head.

use crate::{
    app::App,
    audit::{guard, sequencer},
    authz::Scope,
    crypto::{merkle, proof_file},
    db::Conn,
    dossiers::store::{self, Placed},
    error::Error,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Somebody may write between placing and reading.
const ATTEMPTS: usize = 5;

#[derive(Default)]
pub(super) struct Slice {
    /// In the log's order.
    pub leaves: Vec<Placed>,
    /// One proof per leaf (C2SP tlog-proof).
    pub proofs: Vec<String>,
    /// The signed head that the proofs lead to; `None` where there is no leaf.
    pub checkpoint: Option<String>,
    /// Whether there were more records than a slice holds.
    pub is_cut: bool,
}

/// Events about these objects until a moment. The head is the first one that covers them, so
/// that the same question has the same answer for ever.
pub(super) async fn of(
    app: &App,
    conn: &Conn<'_>,
    scope: Scope,
    objects: &[String],
    at: DateTime<Utc>,
) -> Result<Slice, Error> {
    let mut leaves = placed(app, conn, scope, objects, at).await?;
    let most = usize::try_from(store::MAX_LEAVES).unwrap_or(usize::MAX);
    let is_cut = most < leaves.len();
    leaves.truncate(most);
    let Some(last) = leaves.last() else { return Ok(Slice::default()) };
    let (size, note) = store::head_over(conn, last.index + 1).await?.ok_or_else(unproven)?;
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
    Ok(Slice { leaves, proofs, checkpoint: Some(note), is_cut })
}

/// All of them, each with its place: without, nothing could be proven.
async fn placed(
    app: &App,
    conn: &Conn<'_>,
    scope: Scope,
    objects: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<Placed>, Error> {
    for _ in 0..ATTEMPTS {
        match sequencer::sequence(app).await {
            Err(error) if !guard::is_refusal(&error) => return Err(error),
            _ => {}
        }
        if let Some(leaves) = store::events(conn, scope, objects, at).await? {
            return Ok(leaves);
        }
    }
    Err(unproven())
}

fn unproven() -> Error {
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

    /// What had become of a request that was not activated.
    pub fn stage(&self, promotion: &str) -> &'static str {
        let mut stage = "awaiting_approval";
        for leaf in self.done(promotion) {
            let detail: Value = serde_json::from_str(&leaf.leaf).unwrap_or_default();
            let detail = &detail["detail"];
            stage = match leaf.action.as_str() {
                "promotion.request" if detail["state"] == "checks_failed" => "checks_failed",
                "promotion.approve" if detail["quorum"] == true => "approved",
                "promotion.reject" => "rejected",
                "promotion.withdraw" => "withdrawn",
                "promotion.invalidate" => "invalidated",
                "promotion.expire" => "expired",
                _ => stage,
            };
        }
        stage
    }

    fn done<'a>(&'a self, object: &'a str) -> impl Iterator<Item = &'a Placed> {
        self.leaves.iter().filter(move |leaf| leaf.object == object && leaf.outcome == "done")
    }
}
