//! Making an approved version the one that runs.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{PromotionId, ReleaseId},
    },
    db::WriteTx,
    error::{Error, FailedCheck},
    promotions::{
        self, Promotion,
        invalidation::{self, Cause},
        stage::{Command, Stage},
    },
    releases::{Kind, Release, State, statement, statement::Claim, store},
};

/// Activates an approved request: quorum, independence and checks are asked once more,
/// in the transaction that moves the pointer.
pub async fn activate(app: &App, who: &Principal, id: PromotionId) -> Result<Release, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let permit = policy::act(who, Action::PromotionActivate)?;
    let activated_by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    // Everything that becomes active here, and every revision of a document, goes through the lock
    // of the environment, one after the other; what the decision rests on is read under it.
    let promotion = promotions::ops::lock_in_place(&tx, sight.scope(), id).await?;
    let stage = next_stage(&tx, &promotion).await?;
    let approvals = promotions::store::approvals(&tx.conn(), id).await?;
    let before = store::last_moment(&tx.conn(), promotion.environment, promotion.model).await?;
    tx.catch_up(before.max(promotions::ops::last_moment(&promotion, &approvals)));
    let facts = promotions::ops::reload(&tx.conn(), sight.scope(), &promotion).await?;
    let (tx, assessment) = invalidation::still_holds(tx, &promotion, &facts).await?;
    let involved = promotions::parties::involved(&facts, &promotion, tx.at());
    let (filled, seats) = promotions::ops::count(&tx.conn(), &promotion, &assessment, &approvals, &involved).await?;
    if filled < seats || seats == 0 {
        let detail =
            format!("{filled} of {seats} approvals still count; an approver lost the role or had a part in it");
        let denied = policy::refuse(who, Action::PromotionActivate, "quorum_lost", detail.clone());
        return Err(Error::Refused {
            denied: denied.on("promotion", id),
            failed: vec![FailedCheck { check: "quorum_lost".to_owned(), detail, owner: None }],
            unblock: promotions::store::holders(
                &tx.conn(),
                who.workspace,
                crate::authz::Role::JUDGES,
                &involved.people(),
            )
            .await?,
        });
    }
    let replaced = store::active(&tx.conn(), facts.environment.id, facts.model.id).await?;
    if let Some(replaced) = &replaced {
        store::end(&tx, replaced.id, State::Superseded).await?;
        let why = "another release took its place";
        promotions::ops::supersede(&tx, sight.scope(), replaced.promotion, why).await?;
    }
    let release_id = ReleaseId::generate();
    let mode = facts.ladder()?.unasked();
    let mode = promotion.mode.unwrap_or(mode);
    let signed = statement::sign(
        app,
        &Claim {
            release: release_id,
            model: &facts.model,
            version: &facts.version,
            environment: &facts.environment,
            promotion: &promotion,
            approvals: &approvals,
            kind: Kind::Promotion,
            mode: Some(mode),
            restores: None,
            activated_by,
            activated_at: tx.at(),
            ends_at: None,
        },
    );
    let release = Release {
        id: release_id,
        workspace: who.workspace,
        environment: facts.environment.id,
        model: facts.model.id,
        version: facts.version.id,
        promotion: id,
        restores: None,
        state: State::Active,
        reason: None,
        statement: signed.statement,
        activated_by,
        activated_at: tx.at(),
        ended_at: None,
        mode: Some(mode),
        kind: Kind::Promotion,
        ends_at: None,
        summary: signed.summary,
        ended_by: None,
        ended_reason: None,
    };
    store::insert(&tx, &release).await?;
    promotions::store::set_stage(&tx, id, stage, None).await?;
    let beside = Cause::Release(release.environment, release.model);
    let ended = invalidation::follow(&tx, sight.scope(), beside).await?;
    let event = Event::ReleaseActivated {
        release: release.id,
        promotion: id,
        version: release.version,
        environment: release.environment,
        replaces: replaced.map(|r| r.id),
        decision: promotion.decision_digest.to_string(),
    };
    tx.commit_all(permit, event, ended).await?;
    Ok(release)
}

/// Compare and swap: a request replaces the release that was active when it was asked, or none.
async fn next_stage(tx: &WriteTx, promotion: &Promotion) -> Result<Stage, Error> {
    let refusal = match promotion.apply(Command::Activate) {
        Ok(stage) => return Ok(stage),
        Err(refusal) => refusal,
    };
    let active = store::active(&tx.conn(), promotion.environment, promotion.model).await?.map(|release| release.id);
    if promotion.stage != Stage::Invalidated || !invalidation::is_beside_another(promotion, active) {
        return Err(refusal);
    }
    let now = active.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let detail = format!(
        "another release became active since this was asked, so what was approved is not what would change; the \
         active one is {now}: look at it, and ask again"
    );
    Err(Error::conflict("release_raced", detail))
}
