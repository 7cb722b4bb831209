//! Taking away what nothing refers to.
//!
//! Safe beside uploads without any clock being right: a copy's row goes first, under its lock, and an upload counts
//! only if its row is still there when it is referred to. A place is used once, so that removing it afterwards
//! removes nothing else.

use crate::{
    app::App,
    authz::policy,
    blobs::{incoming, ops, owner, store},
    error::Error,
};
use chrono::TimeDelta;
use std::time::{Duration, SystemTime};

/// What a collection took away, or would.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Collected {
    pub copies: u64,
    pub bytes: u64,
    /// Files of which the database knows nothing, half-written ones too.
    pub strays: u64,
    pub sha256: Vec<String>,
}

/// An upload that takes longer than this is not under way any more.
const ABANDONED: TimeDelta = TimeDelta::days(1);

/// Takes away what came and was never referred to, as when a process was killed in the middle.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let before = app.db.clock().now() - ABANDONED;
    for copy in store::abandoned(&reader, before).await? {
        if store::forget(&app.db, &copy, before).await? {
            app.blobs.remove(copy.place()).await.map_err(ops::storage)?;
        }
    }
    Ok(())
}

/// Takes away what nothing refers to and is older than the grace period; with `dry_run` only says what.
pub async fn collect(app: &App, grace: Duration, dry_run: bool) -> Result<Collected, Error> {
    owner::confirm(app).await?;
    let reader = app.db.read(&policy::upkeep());
    let before = app.db.clock().now() - TimeDelta::from_std(grace).map_err(Error::internal)?;
    let mut collected = Collected::default();
    for copy in store::unreferenced(&reader, before).await? {
        if dry_run || store::forget(&app.db, &copy, before).await? {
            if !dry_run {
                app.blobs.remove(copy.place()).await.map_err(ops::storage)?;
            }
            collected.copies += 1;
            collected.bytes += copy.checksums.size_bytes;
            collected.sha256.push(copy.digest.to_string());
        }
    }
    let old = SystemTime::now().checked_sub(grace).unwrap_or(SystemTime::UNIX_EPOCH);
    for place in app.blobs.older_than(old).await.map_err(ops::storage)? {
        // Without a row it never gets one: a row comes before its file.
        if !store::is_known(&reader, place).await? {
            if !dry_run {
                app.blobs.remove(place).await.map_err(ops::storage)?;
            }
            collected.strays += 1;
            collected.sha256.push(place.digest.to_string());
        }
    }
    for path in incoming::untouched(app.blobs.incoming(), old).await.map_err(ops::storage)? {
        if !dry_run {
            incoming::remove(&path).await.map_err(ops::storage)?;
        }
        collected.strays += 1;
    }
    Ok(collected)
}
