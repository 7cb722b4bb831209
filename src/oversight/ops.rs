use crate::{
    authz::Scope,
    core::ids::{EnvironmentId, ModelId, VersionId},
    db::{Conn, WriteTx},
    environments::{self, Current, profile::OperatingMode},
    error::Error,
    models::Model,
    oversight::{Reach, Standing, break_glass, findings, store, waivers},
    policies::{Asked, Circumstances},
    promotions::{self, invalidation::Cause},
    versions,
};
use chrono::{DateTime, Utc};

/// What people found and decided about a version of a model in an environment.
pub(crate) async fn standing(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Standing, Error> {
    let findings = findings::store::reaching(conn, scope, model, version, environment).await?;
    let owners: Vec<_> = findings.iter().filter_map(|finding| finding.owner).collect();
    let waivers = waivers::store::granted(conn, scope, model, version, environment).await?;
    let invokers = break_glass::store::invokers(conn, version, Some(environment)).await?;
    Ok(Standing { findings, owners: store::people(conn, &owners).await?, waivers, invokers })
}

/// Locks what something bears on, in the order in which everybody does: so no request for it is made
/// at the same moment.
pub(crate) async fn hold(tx: &WriteTx, scope: Scope, reach: Reach) -> Result<(), Error> {
    if reach.is_nowhere() {
        return Ok(());
    }
    if let Some(version) = reach.version {
        versions::store::lock_by_id(tx, scope, version).await?;
    }
    let mut places = promotions::store::places(&tx.conn(), scope, Cause::Oversight(reach)).await?;
    places.extend(reach.environment);
    environments::store::lock_all(tx, scope, &places).await
}

/// What held at a moment; findings are not told of the past.
pub(crate) async fn standing_at(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
    at: DateTime<Utc>,
) -> Result<Standing, Error> {
    let waivers = waivers::store::held_at(conn, scope, model, version, environment, at).await?;
    Ok(Standing { waivers, ..Standing::default() })
}

/// What the policy of an environment asks for of a model there; nothing without a policy.
pub(crate) fn asked(current: &Current, model: &Model) -> Result<Option<Asked>, Error> {
    asked_in(current, model, None)
}

/// The same of a model that runs in a mode; without one in the environment's.
pub(crate) fn asked_in(current: &Current, model: &Model, mode: Option<OperatingMode>) -> Result<Option<Asked>, Error> {
    let Some(policy) = &current.policy else { return Ok(None) };
    let profile = current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
    let place = profile.as_ref().map(|profile| profile.jurisdiction.clone());
    let here = Circumstances {
        risk_tier: model.risk_tier,
        jurisdiction: place.filter(|place| !place.trim().is_empty()),
        class: profile.as_ref().map(|profile| profile.class),
        mode: mode.or_else(|| profile.as_ref().map(|profile| profile.operating_mode)),
    };
    Ok(Some(policy.policy()?.effective(&here)))
}
