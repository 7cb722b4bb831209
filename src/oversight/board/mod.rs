//! What stands about a place, across its models: for showing, never for deciding.

mod store;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::ids::{EnvironmentId, ModelId},
    error::Error,
    oversight::{self, Names, Reach, break_glass::BreakGlass, snapshot::Snapshot},
    releases::{Release, rehearsals::Rehearsal, reviews::Review},
};

/// An environment, and perhaps one model in it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub environment: EnvironmentId,
    /// Every model if absent.
    pub model: Option<ModelId>,
}

/// Emergency activations, newest first; at most 20.
pub async fn emergencies(app: &App, who: &Principal, place: Place) -> Result<(Vec<BreakGlass>, Names), Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let reader = app.db.read(&sight);
    let found = store::emergencies(&reader, place).await?;
    let reaches: Vec<_> = found.iter().map(BreakGlass::reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((found, names))
}

/// Rehearsals of rollbacks, newest first; at most 20.
pub async fn rehearsals(app: &App, who: &Principal, place: Place) -> Result<(Vec<Rehearsal>, Names), Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let found = store::rehearsals(&reader, place).await?;
    let reach = |r: &Rehearsal| Reach { version: Some(r.version), ..Reach::place(r.environment, r.model) };
    let reaches: Vec<_> = found.iter().map(reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((found, names))
}

/// What each host of an environment said last, of at most 100 hosts and models.
pub async fn running(app: &App, who: &Principal, environment: EnvironmentId) -> Result<(Vec<Snapshot>, Names), Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let mut found = Vec::new();
    for (model, host) in store::hosts(&reader, environment).await? {
        found.extend(oversight::snapshot::store::last(reader.conn(), environment, model, &host).await?);
    }
    let reaches: Vec<_> = found.iter().map(|said| Reach::place(said.environment, said.model)).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((found, names))
}

/// Rollbacks of an environment that somebody has to review, the oldest first, each with the release
/// that it made; at most 50.
pub async fn reviews(
    app: &App,
    who: &Principal,
    environment: EnvironmentId,
) -> Result<(Vec<(Review, Release)>, Names), Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let found = store::reviews(&reader, environment).await?;
    let reach = |release: &Release| Reach {
        version: Some(release.version),
        ..Reach::place(release.environment, release.model)
    };
    let reaches: Vec<_> = found.iter().map(|(_, release)| reach(release)).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((found, names))
}
