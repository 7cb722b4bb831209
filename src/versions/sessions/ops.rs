//! A file in pieces: begun, continued, completed or abandoned.

use super::{
    Chunk, LARGEST_CHUNK_BYTES, LEAST_CHUNK_BYTES, LIFETIME, MOST_CHUNKS, State, UploadSession, chunks,
    joining::{self, Turn},
    store::{self, Arrival, Begun},
};
use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    blobs::{self, Upload, ops::storage},
    core::{digest::Digest, ids::UploadId, path::FilePath},
    error::Error,
    http::uploads,
    sweeps,
    versions::{VersionRef, files, ops},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

const NOT_FOUND: Error = Error::NotFound { kind: "upload" };
/// So many numbers of missing pieces are named.
const NAMED: usize = 20;
/// Whoever completes hears something by then: connections that are silent for longer are cut by somebody in between.
const PATIENCE: Duration = Duration::from_secs(5);

/// What somebody wants to send, and how.
pub struct Plan {
    pub path: FilePath,
    pub sha256: Digest,
    pub size_bytes: i64,
    pub chunk_bytes: i64,
}

/// A session and which of its pieces are here.
pub struct Progress {
    pub session: UploadSession,
    pub received: Vec<i64>,
}

/// What became of the wish to complete.
#[derive(Debug, PartialEq, Eq)]
pub enum Completion {
    Done,
    /// It takes longer; asking again waits on.
    UnderWay,
}

/// A place for one piece: made before its first byte is read.
pub struct Piece<'a> {
    session: UploadSession,
    number: i64,
    sha256: Digest,
    size_bytes: u64,
    upload: Upload,
    /// Among those who upload.
    _place: uploads::Place<'a>,
}

/// Begins a session. Where this account has one open for the file, that is the answer; whether it is new is said.
///
/// # Errors
/// `Conflict` when the bytes are here already, `TooMany` when too many sessions are open, `OverQuota` when the file does not fit.
pub async fn begin(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    plan: Plan,
) -> Result<(Progress, bool), Error> {
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let wanted = files::wanted(app, who, model, version, &plan.path).await?;
    let declared = &wanted.file.declared;
    if (plan.sha256, plan.size_bytes) != (declared.sha256, declared.size_bytes) {
        let detail = format!(
            "\"{}\" was declared with {} and {} bytes; send that file, or declare another version",
            declared.path, declared.sha256, declared.size_bytes
        );
        return Err(Error::invalid("sha256", detail));
    }
    check_chunks(plan.size_bytes, plan.chunk_bytes)?;
    if wanted.file.is_here() {
        let detail = format!("the bytes of \"{}\" are here already; there is nothing to send", declared.path);
        return Err(Error::conflict("file_is_here", detail));
    }
    let now = app.db.clock().now();
    let upkeep = app.db.read(&policy::upkeep());
    if let Some(same) = store::find_same(upkeep.conn(), wanted.version.id, account, &plan.path).await? {
        if same.state == State::Open && now < same.expires_at {
            return Ok((progress(app, same).await?, false));
        }
        end(app, same.id, None).await?;
    }
    let session = UploadSession {
        id: UploadId::generate(),
        workspace: wanted.version.workspace,
        version: wanted.version.id,
        account,
        path: plan.path,
        sha256: plan.sha256,
        size_bytes: plan.size_bytes,
        chunk_bytes: plan.chunk_bytes,
        begun_at: now,
        expires_at: now + LIFETIME,
        state: State::Open,
    };
    match store::begin(&app.db, &session, wanted.heals).await? {
        Begun::New => Ok((Progress { session, received: Vec::new() }, true)),
        Begun::Known(same) if same.state == State::Open && now < same.expires_at => {
            Ok((progress(app, same).await?, false))
        }
        Begun::Known(_) => Err(Error::Unavailable {
            code: "upload_over",
            detail: "another upload of this file ended at this moment; ask again".to_owned(),
        }),
        Begun::TooMany(most) => {
            let detail = format!(
                "{most} uploads in pieces are open at once, which is the most; complete or abandon one (DELETE), or wait \
                 for one to expire"
            );
            Err(Error::TooMany { code: "too_many_uploads", detail, retry_after: 60 })
        }
    }
}

/// How far it is.
pub async fn look(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    id: UploadId,
) -> Result<Progress, Error> {
    progress(app, own(app, who, model, version, id).await?).await
}

/// Where a piece goes. `None` when it is here already.
///
/// # Errors
/// `Conflict` when another piece has the number already, or the session is over.
pub async fn begin_piece<'a>(
    app: &'a App,
    who: &Principal,
    (model, version): (&str, &VersionRef),
    id: UploadId,
    number: i64,
    sha256: Digest,
) -> Result<Option<Piece<'a>>, Error> {
    let session = own(app, who, model, version, id).await?;
    if session.state != State::Open {
        return Err(over(session.state));
    }
    let size_bytes = session
        .size_of(number)
        .and_then(|size| u64::try_from(size).ok())
        .ok_or_else(|| Error::invalid("number", format!("there are {} pieces, numbered from 0", session.chunks())))?;
    if let Some(known) = store::chunk(app.db.read(&policy::upkeep()).conn(), id, number).await? {
        return same_piece(number, &known.sha256, &sha256).map(|()| None);
    }
    let _place = app.uploads.take(session.account).await?;
    let upload = app.blobs.begin().await.map_err(storage)?;
    Ok(Some(Piece { session, number, sha256, size_bytes, upload, _place }))
}

fn same_piece(number: i64, known: &Digest, sent: &Digest) -> Result<(), Error> {
    if known == sent {
        return Ok(());
    }
    let detail = format!("piece {number} is here with {known}; abandon this upload to send another file");
    Err(Error::conflict("chunk_differs", detail))
}

impl Piece<'_> {
    /// Takes some bytes, and refuses more than the piece has.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.size_bytes < self.upload.size_bytes() + bytes.len() as u64 {
            let detail = format!("piece {} has {} bytes; more arrived", self.number, self.size_bytes);
            return Err(Error::TooLarge { detail });
        }
        self.upload.write(bytes).await.map_err(storage)
    }
}

/// Keeps a piece, if it is what its checksum says.
pub async fn finish_piece(app: &App, who: &Principal, piece: Piece<'_>) -> Result<(), Error> {
    let Piece { session, number, sha256, size_bytes, upload, _place } = piece;
    // As with whole files: the last byte may have come long after the first.
    if !accounts::ops::is_signed_in(app, who).await? {
        return Err(Error::Unauthenticated);
    }
    if upload.size_bytes() != size_bytes {
        let detail =
            format!("{} bytes arrived where piece {number} has {size_bytes}; send it again", upload.size_bytes());
        return Err(Error::invalid("body", detail));
    }
    let placed = blobs::ops::place(app, upload, &sha256).await?;
    let outcome = match store::arrive(&app.db, session.id, &Chunk { number, sha256, copy: placed.id }).await? {
        Arrival::Kept => return Ok(()),
        Arrival::Known(known) => same_piece(number, &known, &sha256),
        Arrival::Ended => Err(NOT_FOUND),
        Arrival::Lapsed => Err(Error::Unavailable {
            code: "upload_lapsed",
            detail: "the piece took so long that its bytes were put away; send it again".to_owned(),
        }),
    };
    blobs::pieces::discard(app, placed).await?;
    outcome
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
    if let Some(mut intake) = files::begin(app, who, model, version, &session.path).await? {
        let here = store::chunks(app.db.read(&policy::upkeep()).conn(), session.id).await?;
        require_all(session, &here)?;
        for chunk in &here {
            copy(app, session, chunk, &mut intake).await?;
        }
        if let Err(error) = files::finish(app, who, model, version, intake).await {
            if !matches!(error, Error::Invalid(_)) {
                return Err(error);
            }
            end(app, session.id, Some(State::Mismatched)).await?;
            return Err(another_file());
        }
    }
    end(app, session.id, Some(State::Completed)).await
}

/// Forgets a session and what came of it.
pub async fn abandon(app: &App, who: &Principal, model: &str, version: &VersionRef, id: UploadId) -> Result<(), Error> {
    let session = own(app, who, model, version, id).await?;
    end(app, session.id, None).await
}

/// Forgets what nobody completed in time.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.db.clock().now();
    let mut outcome = Ok(());
    for id in store::expired(app.db.read(&policy::upkeep()).conn(), now).await? {
        outcome = sweeps::and(outcome, id, end(app, id, None).await);
    }
    outcome
}

/// The caller's own session of this version; everybody else's does not exist.
async fn own(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    id: UploadId,
) -> Result<UploadSession, Error> {
    policy::act(who, Action::VersionUpload).map(drop)?;
    let version = ops::find(app, who, model, version).await?.version;
    let found = store::find(app.db.read(&policy::upkeep()).conn(), id).await?;
    let is_own = |session: &UploadSession| {
        session.version == version.id && Some(session.account) == who.id && app.db.clock().now() < session.expires_at
    };
    found.filter(is_own).ok_or(NOT_FOUND)
}

async fn progress(app: &App, session: UploadSession) -> Result<Progress, Error> {
    let here = store::chunks(app.db.read(&policy::upkeep()).conn(), session.id).await?;
    Ok(Progress { session, received: here.into_iter().map(|chunk| chunk.number).collect() })
}

/// Takes the pieces away, and remembers what became of them, if that is said.
async fn end(app: &App, id: UploadId, known_as: Option<State>) -> Result<(), Error> {
    let places = store::end(&app.db, id, known_as).await?;
    blobs::ops::clear(app, places).await;
    Ok(())
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

fn over(state: State) -> Error {
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

fn check_chunks(size_bytes: i64, chunk_bytes: i64) -> Result<(), Error> {
    if !(LEAST_CHUNK_BYTES..=LARGEST_CHUNK_BYTES).contains(&chunk_bytes) {
        let detail = format!("a piece has {LEAST_CHUNK_BYTES} to {LARGEST_CHUNK_BYTES} bytes");
        return Err(Error::invalid("chunk_bytes", detail));
    }
    if MOST_CHUNKS < chunks(size_bytes, chunk_bytes) {
        let least = chunks(size_bytes, MOST_CHUNKS);
        let detail = format!("a file has at most {MOST_CHUNKS} pieces; take at least {least} bytes for each");
        return Err(Error::invalid("chunk_bytes", detail));
    }
    Ok(())
}
