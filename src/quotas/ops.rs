use crate::{
    accounts::ops::console,
    app::App,
    authz::{Action, Principal, policy},
    core::{bytes::Bytes, event::Event},
    error::Error,
    quotas::{Usage, store},
    versions::DeclaredFile,
    workspaces,
};

/// How much of its quota the caller's workspace uses. Whoever sees versions sees how large they are anyway.
pub async fn look(app: &App, who: &Principal) -> Result<Usage, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    store::usage(app.db.read(&sight).conn(), who.workspace).await
}

/// Whether a file's bytes would fit as of now, before the first of them is read. The commit has the last word.
pub async fn require_room(app: &App, who: &Principal, file: &DeclaredFile) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    store::require_room(reader.conn(), who.workspace, [(file.sha256, file.size_bytes)]).await
}

/// What the workspace of that name may keep and does, for the operator.
///
/// # Errors
/// `NotFound` when there is no such workspace.
pub async fn look_as_operator(app: &App, workspace: &str) -> Result<Usage, Error> {
    let id = workspaces::ops::find(app, workspace).await?.ok_or(Error::not_found("workspace"))?;
    store::usage(app.db.read(&policy::upkeep()).conn(), id).await
}

/// Sets what a workspace may keep. What it keeps beyond that stays; only new bytes are refused.
///
/// # Errors
/// `NotFound` when there is no such workspace.
pub async fn set(app: &App, workspace: &str, limit: Option<Bytes>) -> Result<Usage, Error> {
    let id = workspaces::ops::find(app, workspace).await?.ok_or(Error::not_found("workspace"))?;
    let tx = app.db.begin().await?;
    if let Some(before) = store::set(&tx, id, limit).await? {
        let permit = policy::system(&console(id), Action::QuotaSet)?;
        let event = Event::QuotaSet { workspace: id, before: before.limit_bytes, now: limit.map(Bytes::get) };
        tx.commit(permit, event).await?;
    }
    look_as_operator(app, workspace).await
}
