//! What the files of a version are, looked at before it is sealed.
//!
//! Reads bytes and executes nothing: a model is run only in the sandbox. A file that can't be what its name says is refused
//! with the element that is wrong, and the version stays a draft.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    error::Error,
    formats::{Refusal, foreign, onnx},
    versions::{StoredFile, Version},
};
use std::{fs::File, io::BufReader};

/// What models of this format end with, in any case.
const ONNX_ENDING: &str = ".onnx";
/// Weights are passed over, so that little is read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Refuses the first file that is not what it says, or that would run code.
///
/// # Errors
/// `Invalid` names file and element. What would reach outside of the version is `Denied`, and so in the log.
pub async fn check_files(app: &App, who: &Principal, version: &Version, files: &[StoredFile]) -> Result<(), Error> {
    for file in files {
        let path = file.declared.path.as_str();
        match inspect(app, file, beside(path, files.iter().map(|file| file.declared.path.as_str()))).await? {
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

/// Off the async threads, because a file system may be slow.
async fn inspect(app: &App, file: &StoredFile, beside: Vec<String>) -> Result<Result<(), Refusal>, Error> {
    let (bytes, size_bytes) = app.blobs.read(&file.declared.sha256).await.map_err(Error::internal)?;
    let (bytes, path) = (bytes.into_std().await, file.declared.path.to_string());
    let read = move || refuse(&path, bytes, size_bytes, &beside);
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)
}

/// What is wrong with one file of a version; `beside` are the files of its folder and below, as a model names them.
///
/// # Errors
/// The first rule that it breaks.
pub fn refuse(path: &str, bytes: File, size_bytes: u64, beside: &[String]) -> Result<(), Refusal> {
    let files: Vec<&str> = beside.iter().map(String::as_str).collect();
    let bytes = BufReader::with_capacity(BUFFER_BYTES, bytes);
    if !path.to_ascii_lowercase().ends_with(ONNX_ENDING) {
        return foreign::inspect(path, bytes, size_bytes);
    }
    onnx::inspect(bytes, size_bytes, &onnx::Surroundings { files: &files })
}

/// The files of a model's folder and below, as the model names them.
pub fn beside<'a>(path: &str, files: impl Iterator<Item = &'a str>) -> Vec<String> {
    let folder = path.rfind('/').map_or("", |end| path.get(..=end).unwrap_or_default());
    files.filter_map(|file| file.strip_prefix(folder)).map(str::to_owned).collect()
}
