//! Taking one person's decision on a request, and taking it back.

use crate::{
    app::App,
    authz::{Action, Principal, Touched, policy},
    core::{
        clock::rfc3339,
        digest::Digest,
        event::Event,
        ids::{AccountId, ApprovalId, PromotionId},
        text::Line,
    },
    crypto::statement::{Statement, Subject},
    error::Error,
    oversight::waivers,
    promotions::{
        Approval, Outcome, Promotion, Stage, known,
        lane::{self, Looked, Telling},
        ops, parties,
        said::Said,
        store,
        workflow::{self, Command, Decision, Fact},
    },
};
use chrono::{DateTime, Utc};
use serde_json::json;

pub const APPROVAL_TYPE: &str = "https://plimsoll.example/attestations/approval/v1";

/// Takes one person's decision, if it is on what holds now.
pub async fn decide(
    app: &App,
    who: &Principal,
    id: PromotionId,
    seen: &Digest,
    said: Said,
) -> Result<Promotion, Error> {
    let outcome = said.outcome;
    let sight = policy::read(who, Action::PromotionRead)?;
    let mut tx = app.db.begin().await?;
    let mut promotion = ops::lock_in_place(&tx, sight.scope(), id).await?;
    let facts = ops::reload(&tx.conn(), sight.scope(), &promotion, tx.at()).await?;
    let action = match outcome {
        Outcome::Approve => Action::PromotionApprove,
        Outcome::Reject => Action::PromotionReject,
    };
    let involved = parties::involved(&facts, &promotion, tx.at());
    let permit = policy::decide_promotion(who, action, &involved).map_err(|d| d.on("promotion", id))?;
    let place = Touched { models: [promotion.model].into(), environments: [promotion.environment].into() };
    policy::require_range(permit.actor(), action, &place, vec![("promotion", id.to_string())])?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let on_behalf_of = said.stands_in_for(&tx.conn(), who, action, &involved).await?;
    let approvals = store::approvals(&tx.conn(), id).await?;
    tx.catch_up(lane::last_moment(&promotion, &approvals));
    let also = Some((account, on_behalf_of));
    let looked = lane::look_up(&tx.conn(), &promotion, facts, approvals, also, tx.at()).await?;
    if promotion.stage == Stage::ChecksFailed
        && outcome == Outcome::Approve
        && let Some(red) = waivers::gate_red(&promotion.checks)
    {
        return Err(red);
    }
    let mut lane = lane::alone(&promotion, &looked.approvals);
    let approval = ApprovalId::generate();
    let meant = known::meant(seen, &promotion, &looked.assessment);
    let decision = Decision { promotion: id, approval, account, outcome, seen: meant };
    let happened = match workflow::apply(&lane, &Command::Decide(decision), &looked.observed, tx.at()) {
        Ok(happened) => happened,
        Err(refusal) => {
            return Err(lane::refuse(tx, who, action, &promotion, Some(&looked.assessment), &meant, refusal).await);
        }
    };
    if outcome == Outcome::Approve && taken(&happened).is_some() && *seen != looked.assessment.shown_digest {
        return Err(known::unseen(&promotion, &looked.assessment));
    }
    for fact in &happened {
        lane.evolve(fact);
    }
    promotion.stage = lane.requests.get(&id).map_or(promotion.stage, |request| request.stage);
    let Some(expires_at) = taken(&happened) else {
        // The same decision again changes nothing; time may have.
        lane::commit_seen(tx, &promotion, &happened, &[]).await?;
        return Ok(promotion);
    };
    said.require_allowed(looked.assessment.asked.as_ref().is_some_and(|asked| asked.conditions_allowed))?;
    let stands = (&said, on_behalf_of, expires_at);
    let statement = approval_statement(app, who, &promotion, &looked, stands, (seen, tx.at()))?;
    let approval = Approval {
        id: approval,
        promotion: id,
        account,
        outcome,
        decision_digest: meant,
        reason: said.reason.to_string(),
        statement,
        created_at: tx.at(),
        on_behalf_of,
        conditions: said.conditions.iter().map(ToString::to_string).collect(),
        expires_at,
        withdrawn: None,
    };
    let roles: Vec<_> = who.roles.iter().map(|role| role.name()).collect();
    store::insert_approval(&tx, &approval, &roles).await?;
    let then = lane::record(&tx, &lane, &happened, Telling::default()).await?;
    let conditions = !approval.conditions.is_empty();
    let (approval, decision) = (approval.id, meant.to_string());
    let quorum = happened.iter().any(|fact| matches!(fact, Fact::Approved { quorum: true, .. }));
    let event = match outcome {
        Outcome::Approve => {
            Event::PromotionApproved { promotion: id, approval, decision, quorum, on_behalf_of, conditions }
        }
        Outcome::Reject => Event::PromotionRejected { promotion: id, approval, decision },
    };
    tx.commit_all(permit, event, then).await?;
    Ok(promotion)
}

/// Until when the decision counts, if one was taken.
fn taken(happened: &[Fact]) -> Option<Option<DateTime<Utc>>> {
    happened.iter().find_map(|fact| match fact {
        Fact::Approved { vote, .. } => Some(vote.expires_at),
        Fact::Rejected { .. } => Some(None),
        _ => None,
    })
}

/// Takes the caller's own approval back, while nothing is active by it.
pub async fn unapprove(app: &App, who: &Principal, id: PromotionId, reason: Line) -> Result<Promotion, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let mut tx = app.db.begin().await?;
    let mut promotion = ops::lock_in_place(&tx, sight.scope(), id).await?;
    let permit = policy::unapprove_promotion(who).map_err(|d| d.on("promotion", id))?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let facts = ops::reload(&tx.conn(), sight.scope(), &promotion, tx.at()).await?;
    let approvals = store::approvals(&tx.conn(), id).await?;
    tx.catch_up(lane::last_moment(&promotion, &approvals));
    let looked = lane::look_up(&tx.conn(), &promotion, facts, approvals, None, tx.at()).await?;
    let mut lane = lane::alone(&promotion, &looked.approvals);
    let command = Command::Unapprove { promotion: id, account };
    let happened = match workflow::apply(&lane, &command, &looked.observed, tx.at()) {
        Ok(happened) => happened,
        Err(refusal) => {
            let (action, seen) = (Action::PromotionUnapprove, promotion.decision_digest);
            return Err(lane::refuse(tx, who, action, &promotion, Some(&looked.assessment), &seen, refusal).await);
        }
    };
    for fact in &happened {
        lane.evolve(fact);
    }
    promotion.stage = lane.requests.get(&id).map_or(promotion.stage, |request| request.stage);
    let gone = happened.iter().find_map(|fact| match fact {
        Fact::ApprovalWithdrawn { approval, .. } => Some(*approval),
        _ => None,
    });
    let Some(approval) = gone else { return Ok(promotion) };
    store::withdraw_approval(&tx, promotion.workspace, approval, account, &reason).await?;
    let then = lane::record(&tx, &lane, &happened, Telling::default()).await?;
    tx.commit_all(permit, Event::ApprovalWithdrawn { promotion: id, approval }, then).await?;
    Ok(promotion)
}

/// The registry signs who decided what, with which authentication. People stand in it by the id of their account: a
/// name in it could never be erased.
fn approval_statement(
    app: &App,
    who: &Principal,
    promotion: &Promotion,
    looked: &Looked,
    (said, on_behalf_of, expires_at): (&Said, Option<AccountId>, Option<DateTime<Utc>>),
    (seen, at): (&Digest, DateTime<Utc>),
) -> Result<String, Error> {
    let facts = &looked.facts;
    let name = format!("{}@{}", facts.model.name, facts.version.number);
    let subject = Subject::sha256(name, facts.version.manifest.hex());
    let mut predicate = json!({
        "request": promotion.id,
        "decision_digest": promotion.decision_digest.to_string(),
        "environment": facts.environment.name,
        "outcome": said.outcome.name(),
        "decided_by": who.id,
        "roles": who.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        "authentication": who.credential.name(),
        "decided_at": rfc3339(at),
        "registry": app.signer.origin(),
    });
    if let Some(delegator) = on_behalf_of {
        predicate["on_behalf_of"] = json!(delegator);
    }
    if !said.conditions.is_empty() {
        predicate["conditions"] = said.conditions.iter().map(ToString::to_string).collect();
    }
    if let Some(end) = expires_at {
        predicate["expires_at"] = rfc3339(end).into();
    }
    if *seen != promotion.decision_digest {
        // With these findings in place of its own, the decision has the digest that was seen.
        predicate["seen_digest"] = seen.to_string().into();
        predicate["seen_findings"] = known::named(&facts.oversight.known(at))?.into();
    }
    let statement = Statement::new(vec![subject], APPROVAL_TYPE, predicate);
    Ok(app.signer.sign_statement(&statement).to_string())
}
