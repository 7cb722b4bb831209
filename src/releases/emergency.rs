//! A release that nobody approved, for the hours of an emergency.
//!
//! Invariant: it rests on a request in the state `bypassed`, which fixes what was let past; it has an
//! end, and once it ended nothing brings it back.

use crate::{
    app::App,
    authz::{Principal, Scope},
    core::{
        event::Event,
        ids::{AccountId, PromotionId, ReleaseId},
    },
    db::WriteTx,
    environments::profile::OperatingMode,
    error::Error,
    oversight::break_glass::BreakGlass,
    promotions::{
        self, Promotion,
        assessment::{Assessment, Facts},
        invalidation::{self, Cause},
        stage::Stage,
    },
    releases::{Kind, Release, State, statement, statement::Claim, store},
};

/// Makes a version active past checks and approvals. The environment is locked, and the version is
/// fit to leave.
pub(crate) async fn bypass(
    app: &App,
    tx: &WriteTx,
    who: &Principal,
    facts: &Facts,
    assessment: Assessment,
    broken: &BreakGlass,
) -> Result<(Release, Vec<Event>), Error> {
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let scope = Scope::Workspace(broken.workspace);
    if let Some(replaced) = store::active(&tx.conn(), broken.environment, broken.model).await? {
        let why = "an emergency took its place";
        store::end_because(tx, replaced.id, State::Superseded, Some(by), Some(why)).await?;
        promotions::ops::supersede(tx, scope, replaced.promotion, why).await?;
    }
    let mode = facts.ladder()?.unasked();
    let promotion = bypassed(tx, facts, assessment, broken, by, mode);
    promotions::store::insert(tx, &promotion).await?;
    let id = ReleaseId::generate();
    let signed = statement::sign(
        app,
        &Claim {
            release: id,
            model: &facts.model,
            version: &facts.version,
            environment: &facts.environment,
            promotion: &promotion,
            approvals: &[],
            kind: Kind::BreakGlass,
            mode: Some(mode),
            restores: None,
            activated_by: by,
            activated_at: tx.at(),
            ends_at: broken.ends_at,
        },
    );
    let release = Release {
        id,
        workspace: broken.workspace,
        environment: broken.environment,
        model: broken.model,
        version: broken.version,
        promotion: promotion.id,
        restores: None,
        state: State::Active,
        reason: Some(format!("break-glass {}", broken.id)),
        statement: signed.statement,
        activated_by: by,
        activated_at: tx.at(),
        ended_at: None,
        mode: Some(mode),
        kind: Kind::BreakGlass,
        ends_at: broken.ends_at,
        summary: signed.summary,
        ended_by: None,
        ended_reason: None,
    };
    store::insert(tx, &release).await?;
    let then = invalidation::follow(tx, scope, Cause::Release(broken.environment, broken.model)).await?;
    Ok((release, then))
}

/// What was let past, as it was.
fn bypassed(
    tx: &WriteTx,
    facts: &Facts,
    assessment: Assessment,
    broken: &BreakGlass,
    by: AccountId,
    mode: OperatingMode,
) -> Promotion {
    Promotion {
        id: PromotionId::generate(),
        workspace: broken.workspace,
        model: broken.model,
        version: broken.version,
        environment: broken.environment,
        run: facts.run.as_ref().map(|run| run.id),
        stage: Stage::Bypassed,
        decision: assessment.decision,
        decision_digest: assessment.digest,
        checks: assessment.failed,
        comment: String::new(),
        requested_by: by,
        requested_at: tx.at(),
        expires_at: tx.at(),
        closed_at: Some(tx.at()),
        closed_reason: Some("let past by break-glass".to_owned()),
        mode: Some(mode),
    }
}

/// Takes an emergency's release down, if it is what is active still. Nothing takes its place: what
/// ran before may be what the emergency was about.
pub(crate) async fn end(tx: &WriteTx, broken: &BreakGlass, reason: &str) -> Result<Vec<Event>, Error> {
    let active = store::active(&tx.conn(), broken.environment, broken.model).await?;
    let Some(active) = active.filter(|active| Some(active.id) == broken.release) else { return Ok(Vec::new()) };
    store::end_because(tx, active.id, State::Suspended, broken.ended_by, Some(reason)).await?;
    let scope = Scope::Workspace(broken.workspace);
    let ended =
        Event::ReleaseSuspended { release: active.id, version: active.version, environment: active.environment };
    let then = invalidation::follow(tx, scope, Cause::Release(broken.environment, broken.model)).await?;
    Ok([ended].into_iter().chain(then).collect())
}
