//! What one file of a version holds: format, tensors, what it says about itself, and what in it would run.

pub mod api;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::path::FilePath,
    error::Error,
    formats::{Contents, Refusal},
    versions::{VersionRef, inspect, ops, ops::Detail},
};
use std::collections::BTreeMap;

const NO_FILE: Error = Error::NotFound { kind: "file" };
/// So many files of a version at most are looked at for their class.
const MOST_CLASSED: usize = 64;

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

/// By path, whether loading a file can run code: of files that are here and have at most so many bytes, the first of them.
/// What can't be read as what its name says has none.
pub(crate) async fn classes(
    app: &App,
    detail: &Detail,
    most_bytes: i64,
) -> Result<BTreeMap<String, &'static str>, Error> {
    let mut classes = BTreeMap::new();
    let small = detail.files.iter().filter(|file| file.is_here() && file.declared.size_bytes <= most_bytes);
    for file in small.take(MOST_CLASSED) {
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
