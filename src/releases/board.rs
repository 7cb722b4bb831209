//! What runs where, across models and environments: for showing, never for deciding.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::ids::EnvironmentId,
    environments,
    error::Error,
    models,
    releases::{Release, store},
    versions,
};

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
    let mut posted = Vec::with_capacity(releases.len());
    for release in releases {
        let model = models::store::find_by_id(conn, scope, release.model).await?;
        let environment = environments::store::find_by_id(conn, scope, release.environment).await?;
        let version = versions::store::find_by_id(conn, scope, release.version).await?;
        let version = version.ok_or(versions::ops::NOT_FOUND)?;
        posted.push(Posted {
            model: model.ok_or(Error::not_found("model"))?.name,
            environment: environment.ok_or(environments::ops::NOT_FOUND)?.name,
            version: version.number,
            version_digest: version.manifest.to_string(),
            activated_by: names.get(&release.activated_by).cloned().unwrap_or_default(),
            release,
        });
    }
    Ok(posted)
}
