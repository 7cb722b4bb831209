use crate::{
    app::App,
    audit::{Entry, Head, export, sequencer, store},
    authz::{Action, Principal, policy},
    core::event::Event,
    crypto::{merkle, proof_file},
    error::Error,
};

const NOT_FOUND: Error = Error::NotFound { kind: "log entry" };

/// The last signed head, after everything that is committed got its place.
pub async fn head(app: &App, who: &Principal) -> Result<Head, Error> {
    policy::read(who, Action::AuditRead).map(drop)?;
    current_head(app).await
}

async fn current_head(app: &App) -> Result<Head, Error> {
    sequencer::sequence(app).await?;
    let reader = app.db.read(&policy::upkeep());
    store::head(&reader).await?.ok_or_else(|| Error::internal("the log is empty"))
}

/// Newest first, of the caller's workspace.
pub async fn events(
    app: &App,
    who: &Principal,
    action: Option<&str>,
    object: Option<&str>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Entry>, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    sequencer::sequence(app).await?;
    store::events(&app.db.read(&sight), action, object, before, limit).await
}

/// A file that proves, offline, that a leaf is in the log.
pub async fn proof(app: &App, who: &Principal, index: u64) -> Result<String, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    let head = current_head(app).await?;
    if head.size <= index || !store::is_visible(&app.db.read(&sight), index).await? {
        return Err(NOT_FOUND);
    }
    let reader = app.db.read(&policy::upkeep());
    let nodes = store::nodes(&reader, &merkle::inclusion_positions(index, head.size)).await?;
    let proof = merkle::inclusion_proof(index, head.size, |position| nodes.get(&position).copied());
    let proof = proof.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
    Ok(proof_file::format(index, &proof, &head.note))
}

/// Begins an export: its first line, and how many leaves follow.
pub async fn begin_export(app: &App, who: &Principal) -> Result<(String, u64), Error> {
    let permit = policy::act(who, Action::AuditExport)?;
    let head = current_head(app).await?;
    let origin = app.signer.origin().to_owned();
    let size = i64::try_from(head.size).map_err(Error::internal)?;
    app.db.begin().await?.commit(permit, Event::AuditExported { origin: origin.clone(), size }).await?;
    Ok((export::header_line(&origin, &head.note), head.size))
}

/// A run of leaves of an export that has begun.
pub async fn export_leaves(app: &App, from: u64, to: u64) -> Result<Vec<String>, Error> {
    store::leaves(&app.db.read(&policy::upkeep()), from, to).await
}
