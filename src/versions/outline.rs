//! What the file that a run executes says about itself, for showing: read from its bytes, and nothing is executed.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    blobs,
    error::Error,
    formats::{
        Refusal,
        onnx::{self, Summary},
    },
    versions::{MODEL_FILE, State, ops::Detail},
};
use std::io::BufReader;

/// Weights are passed over, so that little is read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// A page is answered at once: a larger file is read where somebody asks for its graph alone.
pub const AT_ONCE_BYTES: i64 = 8 << 20;

/// Why there is no summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The version has no such file, or is no more than declared.
    NotHere,
    /// More than [`AT_ONCE_BYTES`].
    Large,
    Unreadable(String),
}

/// The graph of a version's model, if the file has at most so many bytes.
pub async fn graph(
    app: &App,
    who: &Principal,
    detail: &Detail,
    most_bytes: i64,
) -> Result<Result<Summary, Missing>, Error> {
    policy::read(who, Action::VersionRead).map(drop)?;
    let file = detail.files.iter().find(|file| file.declared.path.as_str() == MODEL_FILE && file.is_here());
    // What was not looked at when it was sealed is nothing to read into a page.
    let Some(file) = file.filter(|_| detail.version.state != State::Draft) else { return Ok(Err(Missing::NotHere)) };
    if most_bytes < file.declared.size_bytes {
        return Ok(Err(Missing::Large));
    }
    // A file of few bytes can still make much work: one at a time.
    let _turn = app.graphs.acquire().await.map_err(Error::internal)?;
    let (bytes, size_bytes) = match blobs::ops::local(app, &file.declared.sha256).await {
        Ok(read) => read,
        Err(Error::Conflict { detail, .. }) => return Ok(Err(Missing::Unreadable(detail))),
        Err(error) => return Err(error),
    };
    let bytes = BufReader::with_capacity(BUFFER_BYTES, bytes.into_std().await);
    let read = move || onnx::summary(bytes, size_bytes);
    match tokio::task::spawn_blocking(read).await.map_err(Error::internal)? {
        Ok(summary) => Ok(Ok(summary)),
        Err(Refusal::Storage(detail)) => Err(Error::internal(detail)),
        Err(refusal) => Ok(Err(Missing::Unreadable(refusal.detail().to_owned()))),
    }
}
