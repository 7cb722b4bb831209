use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, Scope, policy, policy::Involved},
    core::{
        clock::rfc3339,
        digest::Digest,
        event::Event,
        ids::{AccountId, ApprovalId, PromotionId},
        page::{Page, PageRequest},
        text::Paragraph,
    },
    crypto::statement::{Statement, Subject},
    db::{Conn, WriteTx},
    environments,
    environments::profile::OperatingMode,
    error::Error,
    frameworks::{self, ops::Held},
    models,
    oversight::waivers,
    promotions::{
        Approval, Outcome, Promotion,
        assessment::{Assessment, Facts},
        invalidation,
        parties::{self, Seat, Vote},
        said::Said,
        stage::{Command, Stage},
        store,
    },
    releases, trust,
    versions::{self, VersionRef},
};
use chrono::{DateTime, TimeDelta, Utc};

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub const NOT_FOUND: Error = Error::NotFound { kind: "promotion request" };
/// Without a policy nothing can be approved; a request that says so still has an end.
const DEFAULT_EXPIRY_HOURS: u32 = 72;
pub const APPROVAL_TYPE: &str = "https://plimsoll.example/attestations/approval/v1";

/// A request with what is decided on it and whether it still holds.
pub struct Detail {
    pub promotion: Promotion,
    pub facts: Facts,
    pub assessment: Assessment,
    pub approvals: Vec<Approval>,
    pub involved: Involved,
    /// Seats filled, and seats there are.
    pub quorum: (usize, usize),
    /// Who sits where.
    pub seating: Vec<Seat>,
    /// What the pinned frameworks find, one per pin.
    pub frameworks: Vec<Held>,
}

/// Asks for a version to become active. Checks run at once.
pub async fn request(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    environment: &str,
    mode: Option<OperatingMode>,
    comment: Paragraph,
) -> Result<Promotion, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let permit = policy::act(who, Action::PromotionRequest)?;
    let requested_by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    // What it rests on stays until the request is there for its end to find.
    let name = models::store::find(&tx.conn(), sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    versions::store::lock_shared(&tx, sight.scope(), name.id, version).await?;
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    // One at a time here: two callers must not both find that no request is open.
    environments::store::lock(&tx, sight.scope(), environment).await?;
    let mut facts = named(&tx.conn(), &sight, model, version, environment).await?;
    facts.mode = Some(mode.unwrap_or(facts.ladder()?.unasked()));
    if let Some(open) = store::find_open(&tx.conn(), facts.version.id, facts.environment.id).await? {
        let detail =
            format!("request {} for this version is {}; decide on it or withdraw it", open.id, open.stage.name());
        return Err(Error::conflict("promotion_open", detail));
    }
    tx.catch_up(releases::store::last_moment(&tx.conn(), facts.environment.id, facts.model.id).await?);
    let assessment = facts.assess(tx.at())?;
    let hours = assessment.asked.as_ref().map_or(DEFAULT_EXPIRY_HOURS, |asked| asked.request_expires_after_hours);
    let stage = if assessment.failed.is_empty() { Stage::AwaitingApproval } else { Stage::ChecksFailed };
    let promotion = Promotion {
        id: PromotionId::generate(),
        workspace: who.workspace,
        model: facts.model.id,
        version: facts.version.id,
        environment: facts.environment.id,
        run: facts.run.as_ref().map(|run| run.id),
        stage,
        decision: assessment.decision,
        decision_digest: assessment.digest,
        checks: assessment.failed,
        comment: comment.to_string(),
        requested_by,
        requested_at: tx.at(),
        expires_at: tx.at() + TimeDelta::hours(i64::from(hours)),
        closed_at: (!stage.is_open()).then(|| tx.at()),
        closed_reason: None,
        mode: facts.mode,
    };
    store::insert(&tx, &promotion).await?;
    let event = Event::PromotionRequested {
        promotion: promotion.id,
        version: promotion.version,
        environment: promotion.environment,
        state: stage.name().to_owned(),
        decision: promotion.decision_digest.to_string(),
    };
    tx.commit(permit, event).await?;
    Ok(promotion)
}

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
    let mut promotion = lock_in_place(&tx, sight.scope(), id).await?;
    let facts = reload(&tx.conn(), sight.scope(), &promotion).await?;
    let action = match outcome {
        Outcome::Approve => Action::PromotionApprove,
        Outcome::Reject => Action::PromotionReject,
    };
    let involved = parties::involved(&facts, &promotion, tx.at());
    let permit = policy::decide_promotion(who, action, &involved).map_err(|d| d.on("promotion", id))?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let on_behalf_of = said.stands_in_for(app, who, action, &involved).await?;
    if *seen != promotion.decision_digest {
        let detail = format!("the request's decision digest is {}; look at it again", promotion.decision_digest);
        return Err(Error::conflict("decision_changed", detail));
    }
    let mut approvals = store::approvals(&tx.conn(), id).await?;
    tx.catch_up(last_moment(&promotion, &approvals));
    // The same decision again changes nothing; on a closed request it is refused like any other.
    if promotion.stage.is_open() && approvals.iter().any(|a| a.account == account && a.outcome == outcome) {
        return Ok(promotion);
    }
    if promotion.stage == Stage::ChecksFailed
        && outcome == Outcome::Approve
        && let Some(red) = waivers::gate_red(&promotion.checks)
    {
        return Err(red);
    }
    // Asked before anything is written, so that a closed request says so and stays as it is.
    promotion.apply(if outcome == Outcome::Reject { Command::Reject } else { Command::Approve { quorum: false } })?;
    let (tx, assessment) = invalidation::still_holds(tx, &promotion, &facts).await?;
    said.require_allowed(assessment.policy.as_ref().is_some_and(|policy| policy.conditions_allowed))?;
    let statement = approval_statement(app, who, &promotion, &facts, (&said, on_behalf_of), tx.at());
    let approval = Approval {
        id: ApprovalId::generate(),
        promotion: id,
        account,
        outcome,
        decision_digest: *seen,
        reason: said.reason.to_string(),
        statement,
        created_at: tx.at(),
        on_behalf_of,
        conditions: said.conditions.iter().map(ToString::to_string).collect(),
    };
    let roles: Vec<_> = who.roles.iter().map(|role| role.name()).collect();
    store::insert_approval(&tx, &approval, &roles).await?;
    let (approval_id, conditions) = (approval.id, !approval.conditions.is_empty());
    approvals.push(approval);
    let (filled, seats) = count(&tx.conn(), &promotion, &assessment, &approvals, &involved).await?;
    let quorum = filled == seats && 0 < seats;
    let command = match outcome {
        Outcome::Approve => Command::Approve { quorum },
        Outcome::Reject => Command::Reject,
    };
    promotion.stage = promotion.apply(command)?;
    let why = (outcome == Outcome::Reject).then_some("a reviewer rejected it");
    store::set_stage(&tx, id, promotion.stage, why).await?;
    let decision = seen.to_string();
    let event = match outcome {
        Outcome::Approve => Event::PromotionApproved {
            promotion: id,
            approval: approval_id,
            decision,
            quorum,
            on_behalf_of,
            conditions,
        },
        Outcome::Reject => Event::PromotionRejected { promotion: id, approval: approval_id, decision },
    };
    tx.commit(permit, event).await?;
    Ok(promotion)
}

pub async fn withdraw(app: &App, who: &Principal, id: PromotionId) -> Result<Promotion, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let tx = app.db.begin().await?;
    let mut promotion = store::lock(&tx, sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let permit = policy::withdraw_promotion(who, promotion.requested_by).map_err(|d| d.on("promotion", id))?;
    promotion.stage = promotion.apply(Command::Withdraw)?;
    store::set_stage(&tx, id, promotion.stage, Some("withdrawn by the one who asked")).await?;
    tx.commit(permit, Event::PromotionWithdrawn { promotion: id }).await?;
    Ok(promotion)
}

pub async fn find(app: &App, who: &Principal, id: PromotionId) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let reader = app.db.read(&sight);
    let promotion = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let mut facts = reload(reader.conn(), sight.scope(), &promotion).await?;
    let now = app.db.clock().now();
    let assessment = facts.assess(now)?;
    let verdicts = facts.verdicts(now)?;
    if let Some(run) = &mut facts.run {
        run.verdicts = verdicts;
    }
    let on = promotion.requested_at.date_naive();
    let frameworks = frameworks::ops::pinned(reader.conn(), &facts, &assessment, on, now).await?;
    let approvals = store::approvals(reader.conn(), id).await?;
    let involved = parties::involved(&facts, &promotion, now);
    let seating = seating(reader.conn(), &promotion, &assessment, &approvals, &involved).await?;
    let quorum = (parties::filled(&seating), seating.len());
    Ok(Detail { promotion, facts, assessment, approvals, involved, quorum, seating, frameworks })
}

pub async fn list(app: &App, who: &Principal, open_only: bool, page: PageRequest) -> Result<Page<Promotion>, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    store::list(&app.db.read(&sight), open_only, page).await
}

/// A time-out always means no.
pub async fn expire_due(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    for due in store::overdue(&reader, app.db.clock().now()).await? {
        let who = Principal::system("clock", due.workspace);
        let tx = app.db.begin().await?;
        let Some(now) = store::lock(&tx, Scope::Workspace(due.workspace), due.id).await? else { continue };
        let Ok(stage) = now.stage.apply(Command::Expire) else { continue };
        store::set_stage(&tx, due.id, stage, Some("nobody decided in time")).await?;
        let permit = policy::system(&who, Action::PromotionExpire)?;
        tx.commit(permit, Event::PromotionExpired { promotion: due.id }).await?;
    }
    Ok(())
}

/// Locks a request and its environment, the environment first as everyone does: so no two ever
/// wait for each other.
pub(crate) async fn lock_in_place(tx: &WriteTx, scope: Scope, id: PromotionId) -> Result<Promotion, Error> {
    let there = store::find(&tx.conn(), scope, id).await?.ok_or(NOT_FOUND)?;
    environments::store::lock_all(tx, scope, &BTreeSet::from([there.environment])).await?;
    store::lock(tx, scope, id).await?.ok_or(NOT_FOUND)
}

/// When something last happened to a request: nothing that follows is dated before it.
pub(crate) fn last_moment(promotion: &Promotion, approvals: &[Approval]) -> Option<DateTime<Utc>> {
    approvals.iter().map(|approval| approval.created_at).chain([promotion.requested_at]).max()
}

/// Another release takes the place of the one that a request led to. Of a request that was
/// superseded before, a rollback having brought its version back, nothing changes.
pub(crate) async fn supersede(tx: &WriteTx, scope: Scope, id: PromotionId, why: &str) -> Result<(), Error> {
    let promotion = store::lock(tx, scope, id).await?.ok_or(NOT_FOUND)?;
    match promotion.stage.apply(Command::Supersede) {
        Ok(stage) => store::set_stage(tx, id, stage, Some(why)).await,
        Err(_) => Ok(()),
    }
}

/// Seats filled by people who may still decide, and all seats.
pub(crate) async fn count(
    conn: &Conn<'_>,
    promotion: &Promotion,
    assessment: &Assessment,
    approvals: &[Approval],
    involved: &Involved,
) -> Result<(usize, usize), Error> {
    let seats = seating(conn, promotion, assessment, approvals, involved).await?;
    Ok((parties::filled(&seats), seats.len()))
}

/// Who sits where by approvals that still count.
pub(crate) async fn seating(
    conn: &Conn<'_>,
    promotion: &Promotion,
    assessment: &Assessment,
    approvals: &[Approval],
    involved: &Involved,
) -> Result<Vec<Seat>, Error> {
    let Some(asked) = &assessment.asked else { return Ok(Vec::new()) };
    let counts = |a: &&Approval| a.outcome == Outcome::Approve && a.decision_digest == promotion.decision_digest;
    let mut votes = Vec::new();
    for approval in approvals.iter().filter(counts) {
        let people: Vec<_> = [approval.account].into_iter().chain(approval.on_behalf_of).collect();
        let mut roles = store::roles_now(conn, promotion.workspace, &people).await?.into_iter();
        votes.push(Vote {
            account: approval.account,
            roles: roles.next().unwrap_or_default(),
            on_behalf_of: approval.on_behalf_of.zip(roles.next()),
        });
    }
    let seats = asked.seats();
    Ok(parties::seating(&seats.iter().map(String::as_str).collect::<Vec<_>>(), &votes, involved))
}

/// What the request names, as it is now.
pub(crate) async fn reload(conn: &Conn<'_>, scope: Scope, promotion: &Promotion) -> Result<Facts, Error> {
    let model = models::store::find_by_id(conn, scope, promotion.model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::find_by_id(conn, scope, promotion.version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find_by_id(conn, scope, promotion.environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    let mut facts = Facts::load(conn, scope, model, version, environment).await?;
    facts.robots.extend(store::robots(conn, &[promotion.requested_by]).await?);
    facts.pinned = Some(frameworks::pins::of_decision(&promotion.decision)?);
    facts.mode = promotion.mode;
    Ok(facts)
}

pub(crate) async fn named(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    model: &str,
    version: &VersionRef,
    environment: &str,
) -> Result<Facts, Error> {
    let scope = sight.scope();
    let model = models::store::find(conn, scope, model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::find(conn, scope, model.id, version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find(conn, scope, environment).await?.ok_or(environments::ops::NOT_FOUND)?;
    Facts::load(conn, scope, model, version, environment).await
}

/// The registry signs who decided what, with which authentication. People stand in it by the id of their account: a
/// name in it could never be erased.
fn approval_statement(
    app: &App,
    who: &Principal,
    promotion: &Promotion,
    facts: &Facts,
    (said, on_behalf_of): (&Said, Option<AccountId>),
    at: DateTime<Utc>,
) -> String {
    let subject = Subject {
        name: format!("{}@{}", facts.model.name, facts.version.number),
        digest: BTreeMap::from([("sha256".to_owned(), facts.version.manifest.hex())]),
    };
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
    let statement = Statement::new(vec![subject], APPROVAL_TYPE, predicate);
    app.signer.sign_statement(&statement).to_string()
}
