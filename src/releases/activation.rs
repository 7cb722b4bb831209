//! Making an approved version the one that runs.

use crate::{
    app::App,
    authz::{Action, Principal, Role, policy},
    core::{
        event::Event,
        ids::{PromotionId, ReleaseId},
    },
    db::WriteTx,
    error::{Error, FailedCheck},
    promotions::{
        self,
        lane::{self, Looked, Telling},
        workflow::{self, Command},
    },
    releases::{
        Assurance, Kind, Release, State, assurance, statement,
        statement::{Basis, Claim},
        store,
    },
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
    let approvals = promotions::store::approvals(&tx.conn(), id).await?;
    let before = store::last_moment(&tx.conn(), promotion.environment, promotion.model).await?;
    tx.catch_up(before.max(lane::last_moment(&promotion, &approvals)));
    let facts = promotions::ops::reload(&tx.conn(), sight.scope(), &promotion, tx.at()).await?;
    let looked = lane::look_up(&tx.conn(), &promotion, facts, approvals, None, tx.at()).await?;
    let mut lane = lane::whole(&tx, sight.scope(), promotion.environment, promotion.model, &[]).await?;
    let request = lane::request(&promotion, &looked.approvals);
    lane.requests.insert(id, request.clone());
    let release_id = ReleaseId::generate();
    let command = Command::Activate { promotion: id, release: release_id };
    let happened = match workflow::apply(&lane, &command, &looked.observed, tx.at()) {
        Ok(happened) => happened,
        Err(refusal) if refusal.code == "quorum_lost" => {
            return Err(quorum_lost(&tx, who, id, &looked, refusal.detail).await);
        }
        Err(refusal) => {
            let (action, seen) = (Action::PromotionActivate, promotion.decision_digest);
            return Err(lane::refuse(tx, who, action, &promotion, Some(&looked.assessment), &seen, refusal).await);
        }
    };
    let replaced = lane.active().map(|release| release.id);
    let why = "another release took its place";
    let telling = Telling { ended: why, by: Some(activated_by), workspace: Some(who.workspace), ..Telling::default() };
    let mut then = lane::record(&tx, &lane, &happened, telling).await?;
    let seated = workflow::seated(&request, &looked.observed, tx.at());
    let approvals: Vec<_> = looked.approvals.into_iter().filter(|approval| seated.contains(&approval.id)).collect();
    let facts = looked.facts;
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
            basis: Basis::Approvals(&approvals),
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
        assurance: Assurance::Sound,
        lapsed_at: None,
        lapse_cause: None,
    };
    store::insert(&tx, &release).await?;
    then.extend(assurance::ops::cured(&tx, &release).await?);
    let event = Event::ReleaseActivated {
        release: release.id,
        promotion: id,
        version: release.version,
        environment: release.environment,
        replaces: replaced,
        decision: promotion.decision_digest.to_string(),
    };
    tx.commit_all(permit, event, then).await?;
    Ok(release)
}

/// Who could fill the seats that are empty.
async fn quorum_lost(tx: &WriteTx, who: &Principal, id: PromotionId, looked: &Looked, detail: String) -> Error {
    let involved = looked.involved.people();
    let unblock =
        match promotions::store::holders(&tx.conn(), who.workspace, &looked.place(), Role::JUDGES, &involved).await {
            Ok(unblock) => unblock,
            Err(error) => return error,
        };
    let denied = policy::refuse(who, Action::PromotionActivate, "quorum_lost", detail.clone());
    let failed = vec![FailedCheck { check: "quorum_lost".to_owned(), detail, owner: None }];
    Error::Refused { denied: denied.on("promotion", id), failed, unblock }
}
