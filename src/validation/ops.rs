use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{RunId, VersionId},
        page::{Page, PageRequest},
        text::Line,
    },
    datasets, environments,
    error::Error,
    jobs,
    validation::{Evidence, Place, Run, RunState, store},
    versions::{self, State, VersionRef},
};
use std::collections::HashMap;

pub const NOT_FOUND: Error = Error::NotFound { kind: "run" };

/// Asks for a run of a sealed version against the environment's current constraint spec,
/// on the dataset that the spec names for the model.
pub async fn request(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    environment: &str,
) -> Result<Run, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let permit = policy::act(who, Action::RunRequest)?;
    let requested_by = who.id.ok_or(Error::Unauthenticated)?;
    let detail = versions::ops::find(app, who, model, version).await?;
    if detail.version.state != State::Sealed {
        let text = format!(
            "version {} is {}; only a sealed version is measured",
            detail.version.number,
            detail.version.state.name()
        );
        return Err(Error::conflict("version_not_sealed", text));
    }
    let tx = app.db.begin().await?;
    let environment =
        environments::store::find(&tx.conn(), sight.scope(), environment).await?.ok_or(environments::ops::NOT_FOUND)?;
    let current = environments::store::all_current(&tx.conn(), environment.id).await?;
    let revision = current.constraints.ok_or_else(|| {
        Error::conflict(
            "constraints_missing",
            format!("{} has no constraint spec to measure against", environment.name),
        )
    })?;
    let spec = revision.constraints()?;
    let name = spec.dataset(model).ok_or_else(|| {
        let text = format!(
            "the constraint spec of {} names no dataset for {model}; add it under `datasets`",
            environment.name
        );
        Error::conflict("dataset_not_named", text)
    })?;
    let dataset = datasets::store::find(&tx.conn(), sight.scope(), name).await?.ok_or_else(|| {
        Error::conflict(
            "dataset_missing",
            format!("the dataset {name} that the constraint spec names is not registered"),
        )
    })?;
    let run = Run {
        id: RunId::generate(),
        workspace: who.workspace,
        version: detail.version.id,
        environment: environment.id,
        constraints: revision.id,
        dataset: dataset.id,
        state: RunState::Queued,
        phase: "queued".to_owned(),
        percent: 0,
        reason: None,
        verdicts: Vec::new(),
        verdicts_digest: None,
        attempt: 0,
        requested_by,
        requested_at: tx.at(),
        started_at: None,
        finished_at: None,
        requires: spec.required_label(),
        measured_by: None,
    };
    store::insert(&tx, &run).await?;
    jobs::store::enqueue_run(&tx, &run).await?;
    let event = Event::RunRequested {
        run: run.id,
        version: run.version,
        environment: run.environment,
        constraints: revision.digest.to_string(),
        dataset: dataset.digest.to_string(),
    };
    tx.commit(permit, event).await?;
    app.work.notify_waiters();
    Ok(run)
}

/// Calls a run off: whoever carries it out finds the lease gone, and ends the model's process.
pub async fn cancel(app: &App, who: &Principal, id: RunId, reason: &Line) -> Result<Run, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let tx = app.db.begin().await?;
    let run = store::find(&tx.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let permit = policy::cancel_run(who, run.requested_by)?;
    if !store::cancel(&tx, id, reason).await? {
        let text = format!("the run is {}; what has ended cannot be cancelled", run.state.name());
        return Err(Error::conflict("run_finished", text));
    }
    jobs::store::drop_of_run(&tx, id).await?;
    let cancelled = store::find(&tx.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    tx.commit(permit, Event::RunCancelled { run: id, attempt: i64::from(run.attempt) }).await?;
    app.work.notify_waiters();
    Ok(cancelled)
}

pub async fn find(app: &App, who: &Principal, id: RunId) -> Result<(Run, Vec<Evidence>), Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let reader = app.db.read(&sight);
    let run = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let evidence = store::evidence(reader.conn(), id).await?;
    Ok((run, evidence))
}

/// What runs are about, by name.
pub async fn places(app: &App, who: &Principal, runs: &[Run]) -> Result<HashMap<RunId, Place>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::places(&app.db.read(&sight), runs).await
}

/// Newest first.
pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Run>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// Runs of one version, newest first; at most 50.
pub async fn of_version(app: &App, who: &Principal, version: VersionId) -> Result<Vec<Run>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::of_version(&app.db.read(&sight), version).await
}
