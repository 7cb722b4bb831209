use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{bytes::Bytes, event::Event, ids::WorkspaceId},
    error::Error,
    workspaces::{DEFAULT, store},
};

/// Makes the workspace `default` at the first start.
pub async fn ensure_default(app: &App) -> Result<WorkspaceId, Error> {
    let reader = app.db.read(&policy::upkeep());
    if let Some(id) = store::find(&reader, DEFAULT).await? {
        return Ok(id);
    }
    let tx = app.db.begin().await?;
    let id = WorkspaceId::generate();
    if !store::insert(&tx, id, DEFAULT, app.limits.workspace_quota.map(Bytes::signed)).await? {
        // Another process was faster; what it made is what we wanted.
        drop(tx);
        return store::find(&reader, DEFAULT).await?.ok_or(Error::not_found("workspace"));
    }
    let permit = policy::system(&Principal::system("start", id), Action::WorkspaceCreate)?;
    tx.commit(permit, Event::WorkspaceCreated { workspace: id, name: DEFAULT.to_owned() }).await?;
    Ok(id)
}

pub async fn find(app: &App, name: &str) -> Result<Option<WorkspaceId>, Error> {
    store::find(&app.db.read(&policy::authenticate()), name).await
}
