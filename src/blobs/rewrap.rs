//! Keys of files go over to a newer wrapping key; no file is touched.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    blobs::{ops, store},
    core::{event::Event, ids::StoredBlobId},
    error::Error,
    workspaces,
};
use std::collections::BTreeMap;

const PAGE: u64 = 500;

/// How many files were under which key, and are now.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Rewrapped {
    pub before: BTreeMap<String, u64>,
    pub now: BTreeMap<String, u64>,
    /// Files that came before there was a key, and are stored as they are.
    pub not_encrypted: u64,
    pub rewrapped: u64,
}

/// Wraps every key with what wraps new ones; tells after each page how far it is. May be broken off and run again.
///
/// # Errors
/// `Unavailable` when a key does not open; what was rewrapped until then stays so.
pub async fn rewrap(app: &App, is_dry: bool, mut tell: impl FnMut(&Rewrapped)) -> Result<Rewrapped, Error> {
    let mut done = Rewrapped::default();
    let outcome = each(app, is_dry, &mut done, &mut tell).await;
    // Also of what was done before it broke off there is a record.
    if !is_dry && 0 < done.rewrapped {
        let now = done.now.keys().cloned().collect::<Vec<_>>().join(", ");
        let system = Principal::system("store", workspaces::ops::ensure_default(app).await?);
        let permit = policy::system(&system, Action::BlobRewrap)?;
        let files = i64::try_from(done.rewrapped).map_err(Error::internal)?;
        app.db.begin().await?.commit(permit, Event::BlobsRewrapped { key: now, files }).await?;
    }
    outcome.map(|()| done)
}

async fn each(app: &App, is_dry: bool, done: &mut Rewrapped, tell: &mut impl FnMut(&Rewrapped)) -> Result<(), Error> {
    let keys = app.blobs.keys().map_err(ops::keys)?;
    let mut after = None::<StoredBlobId>;
    loop {
        let page = store::wrapped(&app.db.read(&policy::upkeep()), after, PAGE).await?;
        let Some(last) = page.last().map(|copy| copy.id) else { return Ok(()) };
        for copy in page {
            let Some(old) = copy.key else {
                done.not_encrypted += 1;
                continue;
            };
            *done.before.entry(old.by.clone()).or_default() += 1;
            let new = keys.rewrap(&old).await.map_err(ops::keys)?;
            *done.now.entry(new.by.clone()).or_default() += 1;
            if new == old {
                continue;
            }
            // Of two who do this at once, one finds that it was done.
            if is_dry || store::rewrap(&app.db, copy.id, &old, &new).await? {
                done.rewrapped += 1;
            }
        }
        tell(done);
        after = Some(last);
    }
}

/// Opens one file's key under each wrapping key: a service that could not give what it holds must not start.
///
/// # Errors
/// Which key is missing, and what to do.
pub async fn ask_for_keys(app: &App) -> Result<(), Error> {
    for wrapped in store::wrappings(&app.db.read(&policy::upkeep())).await? {
        let opened = match app.blobs.keys() {
            Ok(keys) => keys.unwrap(&wrapped).await.map(drop),
            Err(error) => Err(error),
        };
        opened.map_err(|error| Error::invalid("--encryption-key-file", error.to_string()))?;
    }
    Ok(())
}
