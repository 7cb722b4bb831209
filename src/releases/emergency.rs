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
    environments::{self, profile::OperatingMode},
    error::Error,
    oversight::break_glass::BreakGlass,
    promotions::{
        self, Promotion, Stage,
        assessment::{Assessment, Facts},
        lane::{self, Telling},
        workflow::{self, Asked, Command, Observed},
    },
    releases::{
        Assurance, Kind, Release, State, assurance, statement,
        statement::{Basis, Claim},
        store,
    },
};
use std::collections::BTreeSet;

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
    let mode = facts.ladder()?.unasked();
    let observed = Observed { assessment: Some(lane::assessed(&assessment)), ..Observed::default() };
    let promotion = bypassed(tx, facts, assessment, broken, by, mode);
    let id = ReleaseId::generate();
    let asked = Asked { promotion: promotion.id, version: promotion.version, by, expires_at: promotion.expires_at };
    let lane = lane::whole(tx, scope, broken.environment, broken.model, &[]).await?;
    let command = Command::Bypass { asked, release: id };
    let happened = workflow::apply(&lane, &command, &observed, tx.at()).map_err(lane::untimely)?;
    let why = "an emergency took its place";
    let telling = Telling {
        ended: why,
        by: Some(by),
        reason: Some(why),
        workspace: Some(broken.workspace),
        ..Telling::default()
    };
    let mut then = lane::record(tx, &lane, &happened, telling).await?;
    promotions::store::insert(tx, &promotion).await?;
    let signed = statement::sign(
        app,
        &Claim {
            release: id,
            model: &facts.model,
            version: &facts.version,
            environment: &facts.environment,
            promotion: &promotion,
            basis: Basis::Approvals(&[]),
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
        assurance: Assurance::Sound,
        lapsed_at: None,
        lapse_cause: None,
    };
    store::insert(tx, &release).await?;
    then.extend(assurance::ops::cured(tx, &release).await?);
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
    let scope = Scope::Workspace(broken.workspace);
    environments::store::lock_all(tx, scope, &BTreeSet::from([broken.environment])).await?;
    let active = store::active(&tx.conn(), broken.environment, broken.model).await?;
    let Some(active) = active.filter(|active| Some(active.id) == broken.release) else { return Ok(Vec::new()) };
    let telling = Telling {
        ended: reason,
        by: broken.ended_by,
        reason: Some(reason),
        workspace: Some(broken.workspace),
        ..Telling::default()
    };
    let here = (broken.environment, broken.model);
    let then = lane::succeed(tx, scope, here, &[], &Command::Suspend, telling).await?;
    let ended =
        Event::ReleaseSuspended { release: active.id, version: active.version, environment: active.environment };
    Ok([ended].into_iter().chain(then).collect())
}
