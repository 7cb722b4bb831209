//! The bytes of a version on their way in and, to inspect, out.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    blobs::{self, Opened, Upload, ops::storage, store::settle},
    core::{digest::Digest, event::Event, path::FilePath},
    error::Error,
    http::uploads::Place,
    quotas,
    versions::{DeclaredFile, StoredFile, Version, VersionRef, ops, store},
};
use sha2::{Digest as _, Sha256};

const NO_FILE: Error = Error::NotFound { kind: "file" };

/// A place for a file's bytes: made before the first byte is read, so that nothing is
/// taken that could not be kept.
pub struct Intake<'a> {
    file: DeclaredFile,
    upload: Upload,
    /// Whether it takes the place of bytes that are damaged: then nothing else of the version changes.
    heals: bool,
    /// Among those who upload.
    _place: Place<'a>,
}

/// What becomes of the bytes that somebody sends.
pub enum Begun<'a> {
    /// They are kept.
    Kept(Box<Intake<'a>>),
    /// They are here already: they are compared, and that is all.
    Compared(Known<'a>),
}

/// Bytes that are here, sent again.
pub struct Known<'a> {
    file: DeclaredFile,
    hasher: Sha256,
    size_bytes: u64,
    /// Among those who upload.
    _place: Place<'a>,
}

impl Begun<'_> {
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        match self {
            Self::Kept(intake) => intake.write(chunk).await,
            Self::Compared(known) => known.write(chunk),
        }
    }

    pub async fn finish(self, app: &App, who: &Principal, model: &str, version: &VersionRef) -> Result<(), Error> {
        match self {
            Self::Kept(intake) => finish(app, who, model, version, *intake).await,
            Self::Compared(known) => known.finish(),
        }
    }
}

/// Where the bytes of one declared file go.
///
/// # Errors
/// `Unavailable` when too many uploads are under way for too long, `OverQuota` when there is no room for it.
pub async fn begin<'a>(
    app: &'a App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<Begun<'a>, Error> {
    let Wanted { file, heals, .. } = wanted(app, who, model, version, path).await?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    if file.is_here() {
        let _place = app.uploads.take(account).await?;
        return Ok(Begun::Compared(Known { file: file.declared, hasher: Sha256::new(), size_bytes: 0, _place }));
    }
    quotas::ops::require_room(app, who, &file.declared).await?;
    let _place = app.uploads.take(account).await?;
    let upload = app.blobs.begin().await.map_err(storage)?;
    Ok(Begun::Kept(Box::new(Intake { file: file.declared, upload, heals, _place })))
}

/// A file that somebody wants to send.
pub(super) struct Wanted {
    pub version: Version,
    pub file: StoredFile,
    /// As of [`Intake`].
    pub heals: bool,
}

/// Looks whether they may, and whether there is such a file.
pub(super) async fn wanted(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<Wanted, Error> {
    policy::act(who, Action::VersionUpload).map(drop)?;
    let (version, file) = ops::find_with(app, who, model, version, path).await?;
    let heals = file.as_ref().is_some_and(|file| file.uploaded && file.damaged);
    if !heals {
        ops::require_own_draft(who, &version)?;
    }
    Ok(Wanted { version, file: file.ok_or(NO_FILE)?, heals })
}

impl Intake<'_> {
    /// Takes a chunk, and refuses more bytes than were declared.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        require_within(&self.file, self.upload.size_bytes() + chunk.len() as u64)?;
        self.upload.write(chunk).await.map_err(storage)
    }
}

impl Known<'_> {
    /// Takes a chunk, and refuses more bytes than were declared.
    fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.size_bytes += chunk.len() as u64;
        require_within(&self.file, self.size_bytes)?;
        self.hasher.update(chunk);
        Ok(())
    }

    /// # Errors
    /// `Invalid` for other bytes.
    fn finish(self) -> Result<(), Error> {
        let found = Digest::finish(self.hasher);
        if found == self.file.sha256 {
            return Ok(());
        }
        let detail = format!(
            "the bytes have the digest {found}, and \"{}\" is here with {}; nothing was changed. Declare another version \
             for another file",
            self.file.path, self.file.sha256
        );
        Err(Error::invalid("body", detail))
    }
}

fn require_within(file: &DeclaredFile, size_bytes: u64) -> Result<(), Error> {
    if size_bytes <= u64::try_from(file.size_bytes).unwrap_or(0) {
        return Ok(());
    }
    Err(Error::TooLarge {
        detail: format!("\"{}\" was declared with {} bytes; more arrived", file.path, file.size_bytes),
    })
}

/// Keeps the bytes, if they are the declared ones.
///
/// # Errors
/// `OverQuota` when others took the room meanwhile.
pub async fn finish(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    intake: Intake<'_>,
) -> Result<(), Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let permit = policy::act(who, Action::VersionUpload)?;
    // It was looked at before the first byte, and the last may have come hours later.
    if !accounts::ops::is_signed_in(app, who).await? {
        return Err(Error::Unauthenticated);
    }
    let Intake { file, upload, heals, _place } = intake;
    if u64::try_from(file.size_bytes).ok() != Some(upload.size_bytes()) {
        let detail = format!("{} bytes arrived where {} were declared", upload.size_bytes(), file.size_bytes);
        return Err(Error::invalid("body", detail));
    }
    let placed = blobs::ops::place(app, upload, &file.sha256).await?;
    let kept = async {
        let tx = app.db.begin().await?;
        let version = ops::lock(&tx, &sight, model, version).await?;
        if !heals {
            ops::require_own_draft(who, &version)?;
        }
        let settled = settle(&tx, &placed).await?;
        quotas::store::keep(&tx, version.workspace, &file.sha256, file.size_bytes).await?;
        store::set_uploaded(&tx, &version, &file).await?;
        let event =
            Event::FileUploaded { version: version.id, sha256: file.sha256.to_string(), size_bytes: file.size_bytes };
        tx.commit(permit, event).await.map(|()| settled)
    };
    match kept.await {
        Ok(settled) => blobs::ops::tidy(app, &file.sha256, settled).await,
        Err(error) => {
            blobs::pieces::discard(app, placed).await?;
            Err(error)
        }
    }
}

/// A file for reading, to inspect or to sign it. Deployers use the gate instead.
pub async fn open(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<(Opened, DeclaredFile), Error> {
    let permit = policy::act(who, Action::VersionInspect)?;
    let (version, file) = ops::find_with(app, who, model, version, path).await?;
    let file = held(file)?;
    let bytes = blobs::ops::open(app, &file.sha256).await?;
    let (path, sha256) = (path.to_string(), file.sha256.to_string());
    // Before the first byte leaves.
    app.db.begin().await?.commit(permit, Event::FileInspected { version: version.id, path, sha256 }).await?;
    Ok((bytes, file))
}

/// What [`open`] would open; nothing leaves, and nothing is recorded.
pub async fn describe(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<DeclaredFile, Error> {
    policy::act(who, Action::VersionInspect).map(drop)?;
    held(ops::find_with(app, who, model, version, path).await?.1)
}

fn held(file: Option<StoredFile>) -> Result<DeclaredFile, Error> {
    file.filter(|file| file.uploaded).map(|file| file.declared).ok_or(NO_FILE)
}
