//! Gives committed events their place: dense, in the order of their transactions.
//!
//! Any process may run it; a lock on the head row makes them take turns.

use crate::{
    app::App,
    audit::{Head, store},
    crypto::merkle::{self, Hash},
    error::Error,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Events per transaction.
const BATCH: u64 = 1_000;
/// How often to look without being woken: other processes write too.
const POLL: Duration = Duration::from_millis(500);
/// After a wake-up, wait for company: one signature for many events.
const GATHER: Duration = Duration::from_millis(20);

pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let committed = app.db.committed();
    while !*stop.borrow() {
        let woken = committed.notified();
        if let Err(error) = sequence(&app).await {
            tracing::error!(?error, "the audit log can't be sequenced");
        }
        tokio::select! {
            () = woken => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
    // What was committed last should not have to wait for the next start.
    if let Err(error) = sequence(&app).await {
        tracing::error!(?error, "the audit log can't be sequenced");
    }
}

/// Sequences everything that is committed; returns how many events got a place.
pub async fn sequence(app: &App) -> Result<u64, Error> {
    let mut total = 0;
    loop {
        let placed = batch(app).await?;
        total += placed;
        if placed < BATCH {
            return Ok(total);
        }
    }
}

async fn batch(app: &App) -> Result<u64, Error> {
    let tx = app.db.begin_bookkeeping().await?;
    let first = store::lock_head(&tx).await?;
    let events = store::pending(&tx, BATCH).await?;
    if events.is_empty() {
        return Ok(0);
    }
    // The peaks of the tree are all that later leaves can need of earlier ones.
    let mut known: HashMap<u64, Hash> = store::nodes_in(&tx, &merkle::root_positions(first)).await?;
    let mut added = Vec::new();
    let mut size = first;
    for event in &events {
        let hashes = merkle::stored_for_leaf(size, store::leaf_hash(event), |position| known.get(&position).copied());
        let hashes = hashes.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
        for (position, hash) in (merkle::stored_index(0, size)..).zip(hashes) {
            known.insert(position, hash);
            added.push((position, hash));
        }
        size += 1;
    }
    let root = root_of(size, &known)?;
    let head = Head { size, note: app.signer.sign_checkpoint(size, root) };
    store::extend(&tx, first, &events, &added, &head, &root).await?;
    tx.commit().await?;
    Ok(size - first)
}

fn root_of(size: u64, known: &HashMap<u64, Hash>) -> Result<Hash, Error> {
    let peaks = merkle::root_positions(size).iter().map(|p| known.get(p).copied()).collect::<Option<Vec<_>>>();
    let peaks = peaks.ok_or_else(|| Error::internal("the log's tree lacks a peak"))?;
    Ok(merkle::root_from(size, &peaks))
}
