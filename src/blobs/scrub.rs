//! Reading everything again, before somebody needs it.

use crate::{
    app::App,
    authz::policy,
    blobs::{ops, store},
    core::digest::Digest,
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// In the background every copy is looked at so often.
const EVERY_DAYS: i64 = 7;
/// How fast, so that whoever works here does not feel it.
const BACKGROUND_RATE: u64 = 32 << 20;
/// Between two looks at whether something is due.
const PAUSE: Duration = Duration::from_secs(60);
const PAGE: u64 = 100;

/// The fault of what could not be looked at: it is not withheld, and looked at again.
pub const NOT_READ: &str = "not_read_now";

/// A copy that is not what was stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    pub sha256: String,
    pub fault: String,
}

/// What a scrub came upon.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Scrubbed {
    pub blobs: u64,
    pub bytes: u64,
    pub damaged: Vec<Found>,
}

/// Reads everything once, at most so many bytes a second; tells after each copy how far it is.
pub async fn scrub(app: &App, rate: Option<u64>, mut tell: impl FnMut(&Scrubbed)) -> Result<Scrubbed, Error> {
    let (begun, mut done) = (app.db.clock().now(), Scrubbed::default());
    let mut seen = BTreeSet::new();
    loop {
        // What can't be read at all is not asked for twice.
        let page: Vec<_> = next(app, begun, PAGE + seen.len() as u64).await?;
        let page: Vec<_> = page.into_iter().filter(|digest| !seen.contains(digest)).collect();
        if page.is_empty() {
            return Ok(done);
        }
        for digest in page {
            if !check(app, &digest, rate, &mut done).await {
                seen.insert(digest);
            }
            tell(&done);
        }
    }
}

/// The background's scrub: a task of its own, since a large file takes minutes.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut unread = BTreeMap::new();
    while !*stop.borrow() {
        tokio::select! {
            done = turn(&app, &mut unread) => {
                if let Err(error) = done {
                    tracing::error!(?error, "stored bytes can't be looked at");
                }
            }
            _ = stop.changed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.changed() => {}
        }
    }
}

/// `unread` is what could not be read at all, and when: it is tried again after a day, and keeps no other from its turn.
async fn turn(app: &App, unread: &mut BTreeMap<Digest, DateTime<Utc>>) -> Result<(), Error> {
    let now = app.db.clock().now();
    unread.retain(|_, tried| now < *tried + TimeDelta::days(1));
    let mut done = Scrubbed::default();
    for digest in next(app, now - TimeDelta::days(EVERY_DAYS), PAGE + unread.len() as u64).await? {
        if !unread.contains_key(&digest) && !check(app, &digest, Some(BACKGROUND_RATE), &mut done).await {
            unread.insert(digest, now);
        }
    }
    Ok(())
}

/// What was not looked at since then.
async fn next(app: &App, since: DateTime<Utc>, limit: u64) -> Result<Vec<Digest>, Error> {
    let reader = app.db.read(&policy::upkeep());
    let mut all = store::unknown(&reader, limit).await?;
    all.extend(store::due(&reader, since, limit).await?);
    Ok(all)
}

/// Whether it could be looked at.
async fn check(app: &App, digest: &Digest, rate: Option<u64>, done: &mut Scrubbed) -> bool {
    done.blobs += 1;
    match ops::check(app, digest, rate).await {
        Ok((fault, bytes)) => {
            done.bytes += bytes;
            done.damaged.extend(fault.map(|fault| Found { sha256: digest.to_string(), fault }));
            true
        }
        Err(error) => {
            tracing::error!(%digest, ?error, "stored bytes can't be read");
            done.damaged.push(Found { sha256: digest.to_string(), fault: NOT_READ.to_owned() });
            false
        }
    }
}
