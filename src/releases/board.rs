//! What runs where, across models and environments: for showing, never for deciding.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::ids::{EnvironmentId, ModelId, VersionId},
    environments,
    error::Error,
    models,
    releases::{Release, store},
    versions,
};
use std::collections::{BTreeSet, HashMap};

/// A release with the names of what it ties together.
#[derive(Clone, Debug)]
pub struct Posted {
    pub release: Release,
    pub model: String,
    pub environment: String,
    pub version: i64,
    pub version_digest: String,
    pub activated_by: String,
}

/// Everything that is active in the workspace, the latest first; at most 200.
pub async fn active(app: &App, who: &Principal) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let releases = store::all_active(&app.db.read(&sight)).await?;
    named(app, who, releases).await
}

/// Where a version is active.
pub async fn of_version(app: &App, who: &Principal, version: VersionId) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let releases = store::active_of(&app.db.read(&sight), version).await?;
    named(app, who, releases).await
}

/// What is active in an environment, the latest first; at most 1,000.
pub async fn of_environment(app: &App, who: &Principal, environment: EnvironmentId) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let releases = store::active_in(&app.db.read(&sight), environment, 1_000).await?;
    named(app, who, releases).await
}

/// What of a model is active, the latest first.
pub async fn of_model(app: &App, who: &Principal, model: ModelId) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let releases = store::active_of_model(&app.db.read(&sight), model).await?;
    named(app, who, releases).await
}

/// What ran in an environment, whichever the model, the latest first; at most 50.
pub async fn recent(app: &App, who: &Principal, environment: EnvironmentId) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let releases = store::recent(&app.db.read(&sight), environment).await?;
    named(app, who, releases).await
}

async fn named(app: &App, who: &Principal, releases: Vec<Release>) -> Result<Vec<Posted>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let (conn, scope) = (reader.conn(), sight.scope());
    let people: Vec<_> = releases.iter().map(|release| release.activated_by).collect();
    let names = accounts::ops::names(app, &people).await?;
    // A query for each kind of thing, however many releases there are.
    let models = models::store::names(conn, scope, releases.iter().map(|release| release.model)).await?;
    let environments: BTreeSet<_> = releases.iter().map(|release| release.environment).collect();
    let environments = environments::store::names(conn, scope, environments).await?;
    let ids: BTreeSet<_> = releases.iter().map(|release| release.version).collect();
    let versions = versions::store::by_ids(conn, scope, ids).await?;
    let versions: HashMap<_, _> = versions.into_iter().map(|version| (version.id, version)).collect();
    let posted = |release: Release| {
        let version = versions.get(&release.version).ok_or(versions::ops::NOT_FOUND)?;
        Ok(Posted {
            model: models.get(&release.model).ok_or(Error::not_found("model"))?.clone(),
            environment: environments.get(&release.environment).ok_or(environments::ops::NOT_FOUND)?.clone(),
            version: version.number,
            version_digest: version.manifest.to_string(),
            activated_by: names.get(&release.activated_by).cloned().unwrap_or_default(),
            release,
        })
    };
    releases.into_iter().map(posted).collect()
}
