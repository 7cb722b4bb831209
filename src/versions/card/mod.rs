//! The model card that lies beside a version's model, read for showing. Its author's word, and no evidence.

pub mod api;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    blobs,
    error::Error,
    readme::{self, Card, CardError},
    versions::{StoredFile, VersionRef, ops, ops::Detail},
};
use tokio::io::AsyncReadExt;

const NO_CARD: Error = Error::NotFound { kind: "model card" };

/// The card of a version.
///
/// # Errors
/// `NotFound` where there is none; `Conflict` for one that can't be read.
pub async fn of(app: &App, who: &Principal, model: &str, version: &VersionRef) -> Result<Card, Error> {
    policy::read(who, Action::VersionRead).map(drop)?;
    let detail = ops::find(app, who, model, version).await?;
    let read = beside(app, &detail).await?.ok_or(NO_CARD)?;
    read.map_err(|e| Error::conflict("card_unreadable", e.to_string()))
}

/// The same for who has the version already; `None` where there is none.
pub(crate) async fn beside(app: &App, detail: &Detail) -> Result<Option<Result<Card, CardError>>, Error> {
    let is_card = |file: &&StoredFile| file.declared.path.as_str() == readme::FILE && file.is_here();
    let Some(file) = detail.files.iter().find(is_card) else { return Ok(None) };
    let size = usize::try_from(file.declared.size_bytes).unwrap_or(usize::MAX);
    if readme::MAX_BYTES < size {
        return Ok(Some(Err(CardError::TooLong(size))));
    }
    let (bytes, _) = blobs::ops::local(app, &file.declared.sha256).await?;
    let mut text = Vec::with_capacity(size);
    bytes.take(readme::MAX_BYTES as u64).read_to_end(&mut text).await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || Some(readme::read(&text))).await.map_err(Error::internal)
}
