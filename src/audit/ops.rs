use crate::{
    app::App,
    audit::{Head, archive::Extent, export, guard, sequencer, store},
    authz::{Action, Principal, policy},
    core::event::Event,
    db::Reader,
    error::Error,
    workspaces,
};

/// The last signed head, after everything that is committed got its place; or the last one
/// that so many witnesses signed too. With the signatures of witnesses that there are.
pub async fn head(app: &App, who: &Principal, witnesses: u64) -> Result<Head, Error> {
    policy::read(who, Action::AuditRead).map(drop)?;
    if witnesses == 0 {
        return current_head(app).await;
    }
    let reader = app.db.read(&policy::upkeep());
    let head = store::cosigned_head(&reader, witnesses).await?;
    with_cosignatures(&reader, head.ok_or(Error::not_found("head with so many cosignatures"))?).await
}

pub(super) async fn with_cosignatures(reader: &Reader<'_>, head: Head) -> Result<Head, Error> {
    let lines = store::cosignatures(reader, head.size).await?;
    Ok(Head { note: head.note + &lines, ..head })
}

/// A log that may not be extended can still be read, as far as it was signed.
pub(super) async fn catch_up(app: &App) -> Result<(), Error> {
    match sequencer::sequence(app).await {
        Err(error) if !guard::is_refusal(&error) => Err(error),
        _ => Ok(()),
    }
}

/// For use-cases that asked the policy already.
pub(super) async fn current_head(app: &App) -> Result<Head, Error> {
    catch_up(app).await?;
    let reader = app.db.read(&policy::upkeep());
    let head = store::head(&reader).await?.ok_or_else(|| Error::internal("the log is empty"))?;
    with_cosignatures(&reader, head).await
}

/// Begins an export: its first line, and how many leaves follow.
pub async fn begin_export(app: &App, who: &Principal) -> Result<(String, u64), Error> {
    let permit = policy::act(who, Action::AuditExport)?;
    whole_log(app, who).await?;
    let head = current_head(app).await?;
    let origin = app.signer.origin().to_owned();
    let size = i64::try_from(head.size).map_err(Error::internal)?;
    app.db
        .begin()
        .await?
        .commit(permit, Event::AuditExported { origin: origin.clone(), size, extent: Extent::Log.name().to_owned() })
        .await?;
    Ok((export::header_line(&origin, &head.note), head.size))
}

/// Leave to take the records of every workspace: for the workspace that the registry itself
/// belongs to.
pub(super) async fn whole_log(app: &App, who: &Principal) -> Result<(), Error> {
    let home = workspaces::ops::find(app, workspaces::DEFAULT).await?;
    Ok(policy::export_whole_log(who, home)?)
}

/// A run of leaves of an export that has begun.
pub async fn export_leaves(app: &App, from: u64, to: u64) -> Result<Vec<String>, Error> {
    store::leaves(&app.db.read(&policy::upkeep()), from, to).await
}
