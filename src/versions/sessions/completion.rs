//! Pieces become the file: read again in their order, compared, and kept as one.

use super::{
    Chunk, State, UploadSession,
    joining::{self, Turn},
    ops::{NOT_FOUND, end, own},
    store,
};
use crate::{
    app::App,
    authz::{Principal, policy},
    blobs,
    core::ids::UploadId,
    error::Error,
    versions::{VersionRef, files},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// So many numbers of missing pieces are named.
const NAMED: usize = 20;
/// Whoever completes hears something by then: connections that are silent for longer are cut by somebody in between.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the wish to complete.
#[derive(Debug, PartialEq, Eq)]
pub enum Completion {
    Done,
    /// It takes longer; asking again waits on.
    UnderWay,
}

/// Puts the pieces together, if they are the declared file, and keeps it. It goes on when the caller goes away.
///
/// # Errors
/// `Conflict` when pieces are missing, `Invalid` when together they are another file, and the session is over.
pub async fn complete(
    app: &Arc<App>,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    id: UploadId,
) -> Result<Completion, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        own(app, who, model, version, id).await?;
        // What went wrong while nobody listened is told to who asks next, before it is tried again; unless it was that they
        // were signed out by then.
        match app.joins.take_failure(id) {
            None | Some(Error::Unauthenticated) => {}
            Some(failed) => return Err(failed),
        }
        let join = match joining::enter(app, id) {
            Turn::Own(join) => join,
            Turn::Others(wait) if wait.until(deadline).await => continue,
            Turn::Others(_) => return Ok(Completion::UnderWay),
        };
        // As it is now: another turn may have ended since it was looked at.
        let session = own(app, who, model, version, id).await?;
        match session.state {
            State::Open => {}
            State::Completed => return Ok(Completion::Done),
            State::Mismatched => return Err(another_file()),
        }
        let work = {
            let (app, mut who, model, version) = (Arc::clone(app), who.clone(), model.to_owned(), version.clone());
            // The answer to this request is given before the work ends, so that it is nothing to keep for a repetition.
            who.cause.claim = None;
            async move {
                let outcome = put_together(&app, &who, &model, &version, &session).await;
                join.ends(
                    outcome.inspect_err(|error| tracing::warn!(upload = %id, %error, "a file was not put together")),
                );
            }
        };
        match timeout_at(deadline, tokio::spawn(work.in_current_span())).await {
            Ok(ended) => ended.map_err(Error::internal)?,
            Err(_) => return Ok(Completion::UnderWay),
        }
        return app.joins.take_failure(id).map_or(Ok(Completion::Done), Err);
    }
}

async fn put_together(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    session: &UploadSession,
) -> Result<(), Error> {
    if let files::Begun::Kept(mut intake) = files::begin(app, who, model, version, &session.path).await? {
        let here = store::chunks(app.db.read(&policy::upkeep()).conn(), session.id).await?;
        require_all(session, &here)?;
        for chunk in &here {
            copy(app, session, chunk, &mut intake).await?;
        }
        if let Err(error) = files::finish(app, who, model, version, *intake).await {
            if !matches!(error, Error::Invalid(_)) {
                return Err(error);
            }
            end(app, session.id, Some(State::Mismatched)).await?;
            return Err(another_file());
        }
    }
    end(app, session.id, Some(State::Completed)).await
}

/// One piece, read again and compared with what it was when it came.
async fn copy(app: &App, session: &UploadSession, chunk: &Chunk, intake: &mut files::Intake<'_>) -> Result<(), Error> {
    let Some(opened) = blobs::pieces::open(app, chunk.copy).await? else {
        return Err(unread(app, session, chunk).await);
    };
    for part in 0..opened.stored.checksums.chunks() {
        match blobs::pieces::read(&opened, part).await? {
            Some(bytes) => intake.write(&bytes).await?,
            None => return Err(unread(app, session, chunk).await),
        }
    }
    Ok(())
}

async fn unread(app: &App, session: &UploadSession, chunk: &Chunk) -> Error {
    // Another completion may have been faster, and its end took the pieces away.
    match store::find(app.db.read(&policy::upkeep()).conn(), session.id).await {
        Ok(None) => return NOT_FOUND,
        Ok(Some(now)) if now.state != State::Open => return over(now.state),
        Ok(Some(_)) => {}
        Err(error) => return error,
    }
    tracing::error!(upload = %session.id, number = chunk.number, "a stored piece is damaged; it is asked for again");
    if let Err(error) = store::forget(&app.db, session.id, chunk).await {
        return error;
    }
    let detail = format!("piece {} was damaged where it was stored; send it again, then complete", chunk.number);
    Error::conflict("chunk_damaged", detail)
}

pub(super) fn over(state: State) -> Error {
    match state {
        State::Mismatched => another_file(),
        _ => Error::conflict("upload_over", "this upload is over: its file is here".to_owned()),
    }
}

fn another_file() -> Error {
    let detail = "the pieces were not the declared file together, and are gone; look whether the file changed while it was \
                  sent, and begin again";
    Error::invalid("body", detail.to_owned())
}

fn require_all(session: &UploadSession, here: &[Chunk]) -> Result<(), Error> {
    let missing: Vec<_> =
        (0..session.chunks()).filter(|n| here.binary_search_by_key(n, |chunk| chunk.number).is_err()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = missing.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if NAMED < missing.len() { ", and more" } else { "" };
    let detail = format!(
        "{} of {} pieces are missing: {}{more}; send them, then complete",
        missing.len(),
        session.chunks(),
        named.join(", ")
    );
    Err(Error::conflict("chunks_missing", detail))
}
