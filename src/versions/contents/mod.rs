//! What one file of a version holds: format, tensors, what it says about itself, and what in it would run.

pub mod api;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::path::FilePath,
    error::Error,
    formats::{Contents, Refusal},
    versions::{StoredFile, VersionRef, inspect, ops, ops::Detail},
};
use std::collections::BTreeMap;

const NO_FILE: Error = Error::NotFound { kind: "file" };
/// So many files of a version with so many bytes are looked at for their class: whoever asks is answered at once.
const MOST_CLASSED: usize = 64;
const MOST_CLASSED_BYTES: u64 = 64 << 20;

/// What was read of a file, or why nothing was.
pub struct Read {
    pub path: FilePath,
    pub contents: Contents,
    /// Why a version with this file is not sealed.
    pub refusal: Option<Refusal>,
}

/// Reads a file whose bytes are here. It may be one of a draft: that is how somebody sees why it is not sealed.
pub async fn of(app: &App, who: &Principal, model: &str, version: &VersionRef, path: FilePath) -> Result<Read, Error> {
    policy::read(who, Action::VersionRead).map(drop)?;
    let detail = ops::find(app, who, model, version).await?;
    let file = detail.files.iter().find(|file| file.declared.path == path && file.uploaded).ok_or(NO_FILE)?;
    // A file of few bytes can still make much work: one at a time.
    let _turn = app.graphs.acquire().await.map_err(Error::internal)?;
    match inspect::contents(app, file, &detail.files).await? {
        Ok(contents) => {
            let refusal = contents.judge(app.limits.pickles).err();
            Ok(Read { path, contents, refusal })
        }
        Err(Refusal::Storage(detail)) => Err(Error::internal(detail)),
        Err(refusal) => Ok(Read { path, contents: Contents::default(), refusal: Some(refusal) }),
    }
}

/// By path, whether loading a file can run code. Which files are looked at follows from their sizes alone: those, in their order,
/// that fit into what is left. What can't be read as what its name says has no class.
pub(crate) async fn classes(app: &App, detail: &Detail) -> Result<BTreeMap<String, &'static str>, Error> {
    let (mut classes, mut left) = (BTreeMap::new(), MOST_CLASSED_BYTES);
    let mut fits = |file: &&StoredFile| {
        let rest = left.checked_sub(file.declared.size_bytes.unsigned_abs());
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    let chosen: Vec<_> = detail.files.iter().filter(|file| fits(file)).take(MOST_CLASSED).collect();
    for file in chosen.into_iter().filter(|file| file.is_here()) {
        let _turn = app.graphs.acquire().await.map_err(Error::internal)?;
        match inspect::contents(app, file, &detail.files).await {
            Ok(Ok(contents)) => classes.insert(file.declared.path.to_string(), contents.class.name()),
            Ok(Err(Refusal::Storage(detail))) => return Err(Error::internal(detail)),
            // What is damaged is told where somebody reads it.
            Ok(Err(_)) | Err(Error::Conflict { .. }) => None,
            Err(error) => return Err(error),
        };
    }
    Ok(classes)
}
