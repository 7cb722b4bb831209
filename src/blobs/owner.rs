//! Whose store it is: a note beside the copies that names the registry.
//!
//! Without it a mount that is missing would look as if every file were lost, and in the place of another registry all of
//! its files would look like rubbish.

use crate::{
    app::App,
    authz::policy,
    blobs::{ops::storage, store},
    error::Error,
    workspaces,
};
use std::{io, time::Duration};

/// The note's name, beside the first folders of digests.
pub(super) const NOTE: &str = "registry";
/// A store that does not answer keeps a start waiting for no longer; whoever asks later looks again.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many files are looked for in a store that has no note.
const SAMPLE: u64 = 20;

/// What a store says of itself.
enum Owner {
    Ours,
    /// The name on its note.
    Another(String),
    /// There is no note, and none of the files that were looked for.
    Nobody,
}

/// At start: a store without a note gets one, if it may be ours.
///
/// # Errors
/// `Invalid` when it is not ours. One that does not answer is no error here.
pub async fn claim(app: &App) -> Result<(), Error> {
    let looked = tokio::time::timeout(PATIENCE, look(app)).await;
    let owner = match looked {
        Ok(Ok(owner)) => owner,
        Ok(Err(error @ Error::Unavailable { .. })) => {
            tracing::warn!(%error, "whose store of files it is was not seen");
            return Ok(());
        }
        Ok(Err(error)) => return Err(error),
        Err(_) => {
            tracing::warn!("the store of files does not answer; whose it is was not seen");
            return Ok(());
        }
    };
    let (place, name) = (app.blobs.place_of_note(), name(app).await?);
    match owner {
        Owner::Ours => Ok(()),
        Owner::Another(other) => Err(Error::invalid(
            "--blobs",
            format!(
                "the files there are another registry's: {place} says {other}, and this one is {name}. Name the place of this \
                 registry's files, or a place of its own"
            ),
        )),
        Owner::Nobody => Err(Error::invalid(
            "--blobs",
            format!(
                "none of the files that the database knows is there, and no note {place}. Name the place where they are, or \
                 mount it. If they are lost, write this line into {place} and start again, so that each file is reported as \
                 missing and can be pushed again: {name}"
            ),
        )),
    }
}

/// Before anything is called lost, or rubbish.
///
/// # Errors
/// `Unavailable` when the store is not ours, or does not answer.
pub async fn confirm(app: &App) -> Result<(), Error> {
    let what = match look(app).await? {
        Owner::Ours => return Ok(()),
        Owner::Another(other) => format!("it is another registry's: {other}"),
        Owner::Nobody => "none of the files that were looked for is there".to_owned(),
    };
    tracing::error!(note = app.blobs.place_of_note(), what, "the store of files is not this registry's");
    Err(Error::Unavailable {
        code: "storage_elsewhere",
        detail: "the store of the registry's files is not where it was. Tell its operator: a mount may be missing"
            .to_owned(),
    })
}

/// What a registry is called for as long as it lives: the name of its log, and the workspace that it began with.
async fn name(app: &App) -> Result<String, Error> {
    let first = workspaces::ops::find(app, workspaces::DEFAULT).await?;
    let first = first.ok_or_else(|| Error::internal("the registry has no first workspace"))?;
    Ok(format!("{} {first}", app.signer.origin()))
}

async fn look(app: &App) -> Result<Owner, Error> {
    let name = name(app).await?;
    match app.blobs.read_note().await.map_err(storage)? {
        Some(note) if note.trim() == name => Ok(Owner::Ours),
        Some(note) => Ok(Owner::Another(note.trim().chars().take(200).collect())),
        None if may_be_ours(app).await? => {
            app.blobs.write_note(&format!("{name}\n")).await.map_err(storage)?;
            Ok(Owner::Ours)
        }
        None => Ok(Owner::Nobody),
    }
}

/// One that is to have no files yet, or has one of those that came last.
async fn may_be_ours(app: &App) -> Result<bool, Error> {
    let places = store::latest(&app.db.read(&policy::upkeep()), SAMPLE).await?;
    for place in &places {
        match app.blobs.read_raw(*place).await {
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(storage(error)),
        }
    }
    Ok(places.is_empty())
}
