//! A file in pieces: begun, continued or abandoned.

use super::{
    Chunk, LARGEST_CHUNK_BYTES, LEAST_CHUNK_BYTES, LIFETIME, MOST_CHUNKS, State, UploadSession, chunks,
    completion::over,
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

pub(super) const NOT_FOUND: Error = Error::NotFound { kind: "upload" };

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

/// Forgets a session and what came of it.
pub async fn abandon(app: &App, who: &Principal, model: &str, version: &VersionRef, id: UploadId) -> Result<(), Error> {
    let session = own(app, who, model, version, id).await?;
    end(app, session.id, None).await
}

/// Forgets what nobody completed in time, and what nobody can or need complete any more.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.db.clock().now();
    let mut outcome = Ok(());
    for (id, known_as) in store::over(app.db.read(&policy::upkeep()).conn(), now).await? {
        outcome = sweeps::and(outcome, id, end(app, id, known_as).await);
    }
    outcome
}

/// The caller's own session of this version; everybody else's does not exist.
pub(super) async fn own(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    id: UploadId,
) -> Result<UploadSession, Error> {
    policy::act(who, Action::VersionUpload).map(drop)?;
    let version = ops::find_alone(app, who, model, version).await?;
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
pub(super) async fn end(app: &App, id: UploadId, known_as: Option<State>) -> Result<(), Error> {
    let places = store::end(&app.db, id, known_as).await?;
    blobs::ops::clear(app, places).await;
    Ok(())
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
