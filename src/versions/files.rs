//! The bytes of a version on their way in and, to inspect, out.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    blobs::{Upload, UploadError},
    core::{event::Event, path::FilePath},
    error::Error,
    http::uploads::Place,
    versions::{DeclaredFile, VersionRef, ops, store},
};
use tokio::fs::File;

const NO_FILE: Error = Error::NotFound { kind: "file" };

/// A place for a file's bytes: made before the first byte is read, so that nothing is
/// taken that could not be kept.
pub struct Intake<'a> {
    file: DeclaredFile,
    upload: Upload,
    /// Among those who upload.
    _place: Place<'a>,
}

/// Where the bytes of one declared file go. `None` when they are here already.
///
/// # Errors
/// `Unavailable` when too many uploads are under way for too long.
pub async fn begin<'a>(
    app: &'a App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<Option<Intake<'a>>, Error> {
    policy::act(who, Action::VersionUpload).map(drop)?;
    let detail = ops::find(app, who, model, version).await?;
    ops::require_own_draft(who, &detail.version)?;
    let file = detail.files.into_iter().find(|f| f.declared.path == *path).ok_or(NO_FILE)?;
    if file.uploaded {
        return Ok(None);
    }
    let _place = app.uploads.take(who.id.ok_or(Error::Unauthenticated)?).await?;
    let upload = app.blobs.begin().await.map_err(storage)?;
    Ok(Some(Intake { file: file.declared, upload, _place }))
}

impl Intake<'_> {
    /// Takes a chunk, and refuses more bytes than were declared.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let size = self.upload.size_bytes() + chunk.len() as u64;
        if u64::try_from(self.file.size_bytes).unwrap_or(0) < size {
            let detail =
                format!("\"{}\" was declared with {} bytes; more arrived", self.file.path, self.file.size_bytes);
            return Err(Error::TooLarge { detail });
        }
        self.upload.write(chunk).await.map_err(storage)
    }
}

/// Keeps the bytes, if they are the declared ones.
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
    let Intake { file, upload, _place } = intake;
    if u64::try_from(file.size_bytes).ok() != Some(upload.size_bytes()) {
        let detail = format!("{} bytes arrived where {} were declared", upload.size_bytes(), file.size_bytes);
        return Err(Error::invalid("body", detail));
    }
    app.blobs.keep(upload, &file.sha256).await.map_err(|e| match e {
        UploadError::WrongDigest { .. } => Error::invalid("body", format!("{e}; send the file again")),
        UploadError::Io(e) => storage(e),
    })?;
    let tx = app.db.begin().await?;
    let version = ops::lock(&tx, &sight, model, version).await?;
    ops::require_own_draft(who, &version)?;
    store::set_uploaded(&tx, &version, &file).await?;
    let event =
        Event::FileUploaded { version: version.id, sha256: file.sha256.to_string(), size_bytes: file.size_bytes };
    tx.commit(permit, event).await
}

/// A file for reading, to inspect or to sign it. Deployers use the gate instead.
pub async fn open(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<(File, DeclaredFile), Error> {
    let permit = policy::act(who, Action::VersionInspect)?;
    let detail = ops::find(app, who, model, version).await?;
    let file = detail.files.into_iter().find(|f| f.declared.path == *path && f.uploaded).ok_or(NO_FILE)?;
    let (bytes, _) = app.blobs.read(&file.declared.sha256).await.map_err(Error::internal)?;
    let (path, sha256) = (path.to_string(), file.declared.sha256.to_string());
    // Before the first byte leaves.
    app.db.begin().await?.commit(permit, Event::FileInspected { version: detail.version.id, path, sha256 }).await?;
    Ok((bytes, file.declared))
}

/// A full disk is the operator's business, and worth trying again later.
fn storage(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::Unavailable {
            code: "storage_full",
            detail: "the registry's storage is full; nothing was kept. Tell its operator".to_owned(),
        },
        _ => Error::internal(error),
    }
}
