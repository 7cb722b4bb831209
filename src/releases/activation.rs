//! Making an approved version the one that runs.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{PromotionId, ReleaseId},
    },
    environments,
    error::{Error, FailedCheck},
    promotions::{
        self,
        stage::{Command, Stage},
    },
    releases::{Release, State, statement, statement::Claim, store},
};

/// Activates an approved request: quorum, independence and checks are asked once more,
/// in the transaction that moves the pointer.
pub async fn activate(app: &App, who: &Principal, id: PromotionId) -> Result<Release, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let permit = policy::act(who, Action::PromotionActivate)?;
    let activated_by = who.id.ok_or(Error::Unauthenticated)?;
    let tx = app.db.begin().await?;
    let promotion = promotions::store::lock(&tx, sight.scope(), id).await?.ok_or(promotions::ops::NOT_FOUND)?;
    let stage = promotion.stage.apply(Command::Activate)?;
    // Everything that becomes active here, and every revision of a document, goes through this
    // lock, one after the other; what the decision rests on is read under it.
    let place = environments::store::find_by_id(&tx.conn(), sight.scope(), promotion.environment).await?;
    let place = place.ok_or(environments::ops::NOT_FOUND)?;
    environments::store::lock(&tx, sight.scope(), &place.name).await?;
    let facts = promotions::ops::reload(&tx.conn(), sight.scope(), &promotion).await?;
    let (tx, assessment) = promotions::ops::still_holds(tx, &promotion, &facts).await?;
    let involved = promotions::ops::involved(&facts, &promotion);
    let approvals = promotions::store::approvals(&tx.conn(), id).await?;
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
                crate::authz::Role::Reviewer,
                &involved.people(),
            )
            .await?,
        });
    }
    let replaced = store::active(&tx.conn(), facts.environment.id, facts.model.id).await?;
    if let Some(replaced) = &replaced {
        store::end(&tx, replaced.id, State::Superseded).await?;
        promotions::store::set_stage(
            &tx,
            replaced.promotion,
            Stage::Superseded,
            Some("another release took its place"),
        )
        .await?;
    }
    let release_id = ReleaseId::generate();
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
        statement: statement::sign(
            app,
            &Claim {
                release: release_id,
                model: &facts.model.name,
                number: facts.version.number,
                manifest: &facts.version.manifest,
                environment: &facts.environment.name,
                decision_digest: &promotion.decision_digest,
                restores: None,
                activated_by,
                activated_at: tx.at(),
            },
        ),
        activated_by,
        activated_at: tx.at(),
        ended_at: None,
    };
    store::insert(&tx, &release).await?;
    promotions::store::set_stage(&tx, id, stage, None).await?;
    let event = Event::ReleaseActivated {
        release: release.id,
        promotion: id,
        version: release.version,
        environment: release.environment,
        replaces: replaced.map(|r| r.id),
        decision: promotion.decision_digest.to_string(),
    };
    tx.commit(permit, event).await?;
    Ok(release)
}
