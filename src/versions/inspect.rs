//! What the files of a version are, looked at before it is sealed.
//!
//! Reads bytes and executes nothing: a model is run only in the sandbox. A file that can't be what its name says is refused
//! with the element that is wrong, and the version stays a draft.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    blobs,
    error::Error,
    formats::{self, Contents, Pickles, Refusal, onnx},
    versions::{StoredFile, Version},
};
use std::{fs::File, io::BufReader};

/// Weights are passed over, so that little is read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Refuses the first file that is not what it says, or that would run code.
///
/// # Errors
/// `Invalid` names file and element. What would reach outside of the version is `Denied`, and so in the log.
pub async fn check_files(app: &App, who: &Principal, version: &Version, files: &[StoredFile]) -> Result<(), Error> {
    for file in files {
        let path = file.declared.path.as_str();
        let judged = contents(app, file, files).await?.and_then(|contents| contents.judge(app.limits.pickles));
        match judged {
            Ok(()) => {}
            Err(Refusal::Storage(detail)) => return Err(Error::internal(detail)),
            Err(Refusal::Unsafe(detail)) => {
                let reason = format!("{path}: {detail}");
                let denied = policy::refuse(who, Action::VersionSeal, "unsafe_model", reason);
                return Err(Error::Denied(denied.on("version", version.id)));
            }
            Err(refusal) => return Err(Error::invalid(path, refusal.detail())),
        }
    }
    Ok(())
}

/// What one file of a version holds. Off the async threads, because a file system may be slow.
pub(super) async fn contents(
    app: &App,
    file: &StoredFile,
    files: &[StoredFile],
) -> Result<Result<Contents, Refusal>, Error> {
    let path = file.declared.path.to_string();
    let sized = files.iter().map(|file| (file.declared.path.as_str(), file.declared.size_bytes.unsigned_abs()));
    let beside = beside(&path, sized);
    let (bytes, size_bytes) = blobs::ops::local(app, &file.declared.sha256).await?;
    let bytes = bytes.into_std().await;
    let read = move || read(&path, bytes, size_bytes, &beside);
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)
}

/// What is wrong with one file of a version; `beside` are the files of its folder and below, as a model names them.
///
/// # Errors
/// The first rule that it breaks.
pub fn refuse(
    path: &str,
    bytes: File,
    size_bytes: u64,
    beside: &[(String, u64)],
    pickles: Pickles,
) -> Result<(), Refusal> {
    read(path, bytes, size_bytes, beside)?.judge(pickles)
}

/// What one file of a version holds.
///
/// # Errors
/// Where it can't be read as what it is.
pub fn read(path: &str, bytes: File, size_bytes: u64, beside: &[(String, u64)]) -> Result<Contents, Refusal> {
    let files: Vec<_> = beside.iter().map(|(name, size_bytes)| (name.as_str(), *size_bytes)).collect();
    let mut bytes = BufReader::with_capacity(BUFFER_BYTES, bytes);
    formats::read(path, &mut bytes, size_bytes, &onnx::Surroundings { files: &files })
}

/// The files of a model's folder and below with their sizes, as the model names them.
pub fn beside<'a>(path: &str, files: impl Iterator<Item = (&'a str, u64)>) -> Vec<(String, u64)> {
    let folder = path.rfind('/').map_or("", |end| path.get(..=end).unwrap_or_default());
    files.filter_map(|(file, size_bytes)| Some((file.strip_prefix(folder)?.to_owned(), size_bytes))).collect()
}
