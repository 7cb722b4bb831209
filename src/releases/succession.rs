//! A release that follows from an earlier one: the same version on the same approvals, as a new line of the history.

use crate::{
    app::App,
    authz::Scope,
    core::{
        ids::{AccountId, ReleaseId},
        text::Line,
    },
    db::WriteTx,
    environments::{self, Environment, profile::OperatingMode},
    error::Error,
    models::Model,
    promotions::{self, Promotion},
    releases::{
        Assurance, Kind, Release, State, statement,
        statement::{Basis, Claim},
        store,
    },
    versions::Version,
};

/// Where it happens; the environment is locked.
pub(super) struct Place<'a> {
    pub scope: Scope,
    pub environment: &'a Environment,
    pub model: &'a Model,
}

/// What follows.
pub(super) struct Next<'a> {
    pub id: ReleaseId,
    /// The release whose version and approvals it takes over.
    pub of: &'a Release,
    pub version: &'a Version,
    pub kind: Kind,
    pub mode: Option<OperatingMode>,
    pub restores: Option<ReleaseId>,
    pub by: AccountId,
    pub reason: &'a Line,
}

/// Signs and writes it; whatever was active before has ended already.
pub(super) async fn follow_on(
    app: &App,
    tx: &WriteTx,
    place: &Place<'_>,
    next: Next<'_>,
) -> Result<(Release, Promotion), Error> {
    let promotion = promotions::store::find(&tx.conn(), place.scope, next.of.promotion).await?;
    let promotion = promotion.ok_or(promotions::ops::NOT_FOUND)?;
    let id = next.id;
    let signed = statement::sign(
        app,
        &Claim {
            release: id,
            model: place.model,
            version: next.version,
            environment: place.environment,
            promotion: &promotion,
            basis: Basis::Earlier(next.of.summary.as_deref()),
            kind: next.kind,
            mode: next.mode,
            restores: next.restores,
            activated_by: next.by,
            activated_at: tx.at(),
            ends_at: None,
        },
    );
    let release = Release {
        id,
        workspace: next.of.workspace,
        environment: place.environment.id,
        model: place.model.id,
        version: next.version.id,
        promotion: promotion.id,
        restores: next.restores,
        state: State::Active,
        reason: Some(next.reason.to_string()),
        statement: signed.statement,
        activated_by: next.by,
        activated_at: tx.at(),
        ended_at: None,
        mode: next.mode,
        kind: next.kind,
        ends_at: None,
        summary: signed.summary,
        ended_by: None,
        ended_reason: None,
        assurance: Assurance::Sound,
        lapsed_at: None,
        lapse_cause: None,
    };
    store::insert(tx, &release).await?;
    Ok((release, promotion))
}

/// The most that the environment's profile allows now; `None` if nobody can read it, which must not stand in the way
/// of getting out.
pub(super) async fn ceiling(tx: &WriteTx, environment: &Environment) -> Option<OperatingMode> {
    let current = environments::store::all_current(&tx.conn(), environment.id).await.ok()?;
    Some(current.profile?.profile().ok()?.operating_mode)
}

/// The mode of a release under a ceiling. One of before there were modes runs in what the profile names.
pub(super) fn capped(mode: Option<OperatingMode>, ceiling: Option<OperatingMode>) -> Option<OperatingMode> {
    match (mode, ceiling) {
        (Some(mode), Some(ceiling)) => Some(mode.min(ceiling)),
        (mode, ceiling) => mode.or(ceiling),
    }
}
