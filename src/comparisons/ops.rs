use crate::{
    app::App,
    authz::{Action, Principal, policy},
    comparisons::{Comparison, State, store},
    core::{
        event::Event,
        ids::{ComparisonId, VersionId},
        page::{Page, PageRequest},
    },
    datasets, environments,
    error::Error,
    jobs::{self, Job},
    releases,
    versions::{self, State as VersionState, Version, VersionRef},
};

pub const NOT_FOUND: Error = Error::NotFound { kind: "comparison" };

/// What a version is held against.
pub enum Against {
    /// What is active in the environment at the moment of the request.
    Release,
    Version(VersionRef),
}

/// Asks for a comparison of two sealed versions of a model, on the rows and under the loads of an environment.
pub async fn request(
    app: &App,
    who: &Principal,
    (model, version): (&str, &VersionRef),
    environment: &str,
    against: &Against,
) -> Result<Comparison, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let candidate = versions::ops::find(app, who, model, version).await?.version;
    require_sealed(&candidate)?;
    let named = match against {
        Against::Version(other) => Some(versions::ops::find(app, who, model, other).await?.version),
        Against::Release => None,
    };
    let tx = app.db.begin().await?;
    let environment =
        environments::store::find(&tx.conn(), sight.scope(), environment).await?.ok_or(environments::ops::NOT_FOUND)?;
    let permit = policy::act(who, Action::RunRequest)?;
    let requested_by = who.id.ok_or(Error::Unauthenticated)?;
    let (baseline, release) = match named {
        Some(version) => (version, None),
        None => {
            let active = releases::store::active(&tx.conn(), environment.id, candidate.model).await?;
            let active = active.ok_or_else(|| {
                let text = format!("nothing of {model} is active in {}; name a version instead", environment.name);
                Error::conflict("no_active_release", text)
            })?;
            let version = versions::store::find_by_id(&tx.conn(), sight.scope(), active.version).await?;
            (version.ok_or(versions::ops::NOT_FOUND)?, Some(active.id))
        }
    };
    require_sealed(&baseline)?;
    if baseline.id == candidate.id {
        let text = format!("version {} is held against itself; name two versions", candidate.number);
        return Err(Error::conflict("same_version", text));
    }
    let current = environments::store::all_current(&tx.conn(), environment.id).await?;
    let revision = current.constraints.ok_or_else(|| {
        Error::conflict("constraints_missing", format!("{} has no constraint spec to measure under", environment.name))
    })?;
    let spec = revision.constraints()?;
    let missing = || {
        let text = format!("the constraint spec of {} names no registered dataset for {model}", environment.name);
        Error::conflict("dataset_not_named", text)
    };
    let name = spec.dataset(model).ok_or_else(missing)?;
    let dataset = datasets::store::find(&tx.conn(), sight.scope(), name).await?.ok_or_else(missing)?;
    let comparison = Comparison {
        id: ComparisonId::generate(),
        workspace: who.workspace,
        environment: environment.id,
        constraints: revision.id,
        dataset: dataset.id,
        version: candidate.id,
        baseline: baseline.id,
        release,
        state: State::Queued,
        requested_by,
        requested_at: tx.at(),
        finished_at: None,
        reason: None,
        body: None,
        digest: None,
    };
    store::insert(&tx, &comparison).await?;
    jobs::store::enqueue(&tx, &Job::Compare { comparison: comparison.id }).await?;
    let event = Event::ComparisonRequested {
        comparison: comparison.id,
        version: comparison.version,
        baseline: comparison.baseline,
        environment: comparison.environment,
        release,
        constraints: revision.digest.to_string(),
        dataset: dataset.digest.to_string(),
    };
    tx.commit(permit, event).await?;
    app.work.notify_waiters();
    Ok(comparison)
}

fn require_sealed(version: &Version) -> Result<(), Error> {
    match version.state {
        VersionState::Sealed => Ok(()),
        other => {
            let text = format!("version {} is {}; only sealed versions are compared", version.number, other.name());
            Err(Error::conflict("version_not_sealed", text))
        }
    }
}

pub async fn find(app: &App, who: &Principal, id: ComparisonId) -> Result<Comparison, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::find(app.db.read(&sight).conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)
}

/// The name of the environment whose rows and loads it rests on.
pub async fn place(app: &App, who: &Principal, comparison: &Comparison) -> Result<String, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let reader = app.db.read(&sight);
    let found = environments::store::find_by_id(reader.conn(), sight.scope(), comparison.environment).await?;
    Ok(found.ok_or(environments::ops::NOT_FOUND)?.name)
}

/// Newest first.
pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Comparison>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// Those of one version, newest first; at most 50.
pub async fn of_version(app: &App, who: &Principal, version: VersionId) -> Result<Vec<Comparison>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    store::of_version(&app.db.read(&sight), version).await
}
