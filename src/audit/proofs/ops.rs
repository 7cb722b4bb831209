use crate::{
    app::App,
    audit::{
        ops::{current_head, whole_log},
        proofs::{Consistency, Inclusion},
        store,
    },
    authz::{Action, Principal, policy},
    crypto::{
        merkle::{self, Hash},
        tile::{Tile, entry_bundle},
    },
    error::Error,
};

/// The hashes of a tile, one after the other.
pub async fn tile(app: &App, who: &Principal, tile: Tile) -> Result<Vec<u8>, Error> {
    policy::read(who, Action::AuditRead).map(drop)?;
    require_signed(app, tile).await?;
    let hashes = hashes_at(app, &tile.positions()).await?;
    Ok(hashes.concat())
}

/// The leaves of everybody: for those who may export the log.
pub async fn entries(app: &App, who: &Principal, tile: Tile) -> Result<Vec<u8>, Error> {
    policy::read(who, Action::AuditExport).map(drop)?;
    whole_log(app, who).await?;
    require_signed(app, tile).await?;
    let (from, to) = tile.range();
    let leaves = store::leaves(&app.db.read(&policy::upkeep()), from, to).await?;
    let bundle = entry_bundle(leaves.iter().map(String::as_bytes));
    bundle.ok_or_else(|| Error::internal("a leaf is longer than an entry may be"))
}

/// Nothing is shown that no head covers. Somebody who just read a checkpoint asks next, so
/// what is signed already is enough.
async fn require_signed(app: &App, tile: Tile) -> Result<(), Error> {
    let head = store::head(&app.db.read(&policy::upkeep())).await?;
    match head.is_some_and(|head| tile.is_in(head.size)) {
        true => Ok(()),
        false => Err(Error::not_found("tile")),
    }
}

/// `to`: the size of the last signed head, if absent.
pub async fn consistency(app: &App, who: &Principal, from: u64, to: Option<u64>) -> Result<Consistency, Error> {
    policy::read(who, Action::AuditRead).map(drop)?;
    let head = current_head(app).await?;
    let to = to.unwrap_or(head.size);
    if to < from {
        return Err(Error::invalid("from", format!("the older tree has at most as many leaves as the newer: {to}")));
    }
    if head.size < to {
        return Err(Error::not_found("tree of that size"));
    }
    let positions = merkle::consistency_positions(from, to);
    let nodes = store::nodes(&app.db.read(&policy::upkeep()), &positions).await?;
    let proof = merkle::consistency_proof(from, to, |position| nodes.get(&position).copied());
    let proof = proof.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
    Ok(Consistency { from, to, from_root: root(app, from).await?, to_root: root(app, to).await?, proof })
}

/// The proof of one leaf against the last signed head.
pub async fn inclusion(app: &App, who: &Principal, index: u64) -> Result<Inclusion, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    let head = current_head(app).await?;
    if head.size <= index || !store::is_visible(&app.db.read(&sight), index).await? {
        return Err(Error::not_found("log entry"));
    }
    let mut positions = merkle::inclusion_positions(index, head.size);
    let leaf = merkle::stored_index(0, index);
    positions.push(leaf);
    let nodes = store::nodes(&app.db.read(&policy::upkeep()), &positions).await?;
    let proof = merkle::inclusion_proof(index, head.size, |position| nodes.get(&position).copied());
    match (proof, nodes.get(&leaf)) {
        (Some(proof), Some(leaf_hash)) => {
            Ok(Inclusion { index, leaf_hash: *leaf_hash, size: head.size, proof, note: head.note })
        }
        _ => Err(Error::internal("the log's tree lacks a node")),
    }
}

async fn root(app: &App, size: u64) -> Result<Hash, Error> {
    let peaks = hashes_at(app, &merkle::root_positions(size)).await?;
    Ok(merkle::root_from(size, &peaks))
}

async fn hashes_at(app: &App, positions: &[u64]) -> Result<Vec<Hash>, Error> {
    let nodes = store::nodes(&app.db.read(&policy::upkeep()), positions).await?;
    let hashes: Option<Vec<_>> = positions.iter().map(|position| nodes.get(position).copied()).collect();
    hashes.ok_or_else(|| Error::internal("the log's tree lacks a node"))
}
