//! What one file of a version holds: format, tensors, what it says about itself, and what in it would run.

pub mod api;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::path::FilePath,
    error::Error,
    formats::{Contents, Refusal},
    versions::{VersionRef, inspect, ops},
};

const NO_FILE: Error = Error::NotFound { kind: "file" };

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
