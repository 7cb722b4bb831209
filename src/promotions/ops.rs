use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, Scope, policy, policy::Involved},
    core::{
        event::Event,
        ids::{PromotionId, VersionId},
        page::{Page, PageRequest},
        text::Paragraph,
    },
    db::{Conn, WriteTx},
    environments,
    environments::profile::OperatingMode,
    error::Error,
    frameworks::{self, ops::Held},
    models,
    promotions::{
        Approval, Promotion, Stage,
        assessment::{Assessment, Facts},
        known,
        lane::{self, Looked, Telling},
        parties::{self, Seat},
        store,
        workflow::{self, Asked, Command, Hold, Lane, Observed},
    },
    releases, trust,
    versions::{self, VersionRef},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

pub use crate::promotions::{
    decision::{APPROVAL_TYPE, decide},
    sweep::expire_due,
};

pub const NOT_FOUND: Error = Error::NotFound { kind: "promotion request" };
/// Without a policy nothing can be approved; a request that says so still has an end.
const DEFAULT_EXPIRY_HOURS: u32 = 72;

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
    /// What keeps it from being activated although it is approved.
    pub holds: Vec<Hold>,
    /// When it stood so.
    pub at: DateTime<Utc>,
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
    let name = models::store::lock_shared(&tx, sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    versions::store::lock_shared(&tx, sight.scope(), name.id, version).await?;
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    // One at a time here: two callers must not both find that no request is open.
    environments::store::lock(&tx, sight.scope(), environment).await?;
    let mut facts = named(&tx.conn(), &sight, (model, version, environment), tx.at()).await?;
    facts.mode = Some(mode.unwrap_or(facts.ladder()?.unasked()));
    tx.catch_up(releases::store::last_moment(&tx.conn(), facts.environment.id, facts.model.id).await?);
    let assessment = facts.assess(tx.at())?;
    let hours = assessment.asked.as_ref().map_or(DEFAULT_EXPIRY_HOURS, |asked| asked.request_expires_after_hours);
    let id = PromotionId::generate();
    let expires_at = tx.at() + TimeDelta::hours(i64::from(hours));
    let mut lane = Lane::default();
    if let Some(open) = store::find_open(&tx.conn(), facts.version.id, facts.environment.id).await? {
        lane.requests.insert(open.id, lane::request(&open, &[]));
    }
    let asked = Asked { promotion: id, version: facts.version.id, by: requested_by, expires_at };
    let observed = Observed { assessment: Some(lane::assessed(&assessment)), ..Observed::default() };
    let made = workflow::apply(&lane, &Command::Ask(asked), &observed, tx.at()).map_err(lane::untimely)?;
    for fact in &made {
        lane.evolve(fact);
    }
    let stage = lane.requests.get(&id).map_or(Stage::ChecksFailed, |request| request.stage);
    let promotion = Promotion {
        id,
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
        expires_at,
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

pub async fn withdraw(app: &App, who: &Principal, id: PromotionId) -> Result<Promotion, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let tx = app.db.begin().await?;
    let mut promotion = store::lock(&tx, sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let permit = policy::withdraw_promotion(who, promotion.requested_by).map_err(|d| d.on("promotion", id))?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let lane = lane::alone(&promotion, &[]);
    let command = Command::Withdraw { promotion: id, by };
    let facts = match workflow::apply(&lane, &command, &Observed::default(), tx.at()) {
        Ok(facts) => facts,
        Err(refusal) => {
            let (action, seen) = (Action::PromotionWithdraw, promotion.decision_digest);
            return Err(lane::refuse(tx, who, action, &promotion, None, &seen, refusal).await);
        }
    };
    let then = lane::record(&tx, &lane, &facts, Telling::default()).await?;
    tx.commit_all(permit, Event::PromotionWithdrawn { promotion: id }, then).await?;
    promotion.stage = Stage::Withdrawn;
    Ok(promotion)
}

pub async fn find(app: &App, who: &Principal, id: PromotionId) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let reader = app.db.read(&sight);
    let promotion = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let now = app.db.clock().now();
    let facts = reload(reader.conn(), sight.scope(), &promotion, now).await?;
    let approvals = store::approvals(reader.conn(), id).await?;
    let looked = lane::look_up(reader.conn(), &promotion, facts, approvals, None, now).await?;
    let seating = seating(reader.conn(), &promotion, &looked, now).await?;
    let Looked { mut facts, assessment, approvals, involved, observed } = looked;
    let verdicts = facts.verdicts(now)?;
    if let Some(run) = &mut facts.run {
        run.verdicts = verdicts;
    }
    let on = promotion.requested_at.date_naive();
    let frameworks = frameworks::ops::pinned(reader.conn(), &facts, &assessment, on, now).await?;
    let filled = workflow::filled(&lane::request(&promotion, &approvals), &observed, now, None);
    let seats = observed.assessment.as_ref().map_or(0, |assessed| assessed.seats.len());
    let holds = if promotion.stage.has_quorum() { observed.holds } else { Vec::new() };
    let quorum = (filled, seats);
    Ok(Detail { promotion, facts, assessment, approvals, involved, quorum, seating, holds, frameworks, at: now })
}

pub async fn list(app: &App, who: &Principal, open_only: bool, page: PageRequest) -> Result<Page<Promotion>, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    store::list(&app.db.read(&sight), open_only, page).await
}

/// Those that somebody can still decide on, oldest first.
pub async fn waiting(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Promotion>, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    store::waiting(&app.db.read(&sight), page).await
}

/// How a request stands, for a list of them.
pub struct Standing {
    pub model: String,
    pub version: i64,
    pub environment: String,
    /// Seats that are filled, and how many there are.
    pub quorum: (usize, usize),
    pub involved: Involved,
}

/// A part of what [`find`] finds: as much as a line of a list shows.
pub async fn standing(app: &App, who: &Principal, promotion: &Promotion) -> Result<Standing, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let reader = app.db.read(&sight);
    let now = app.db.clock().now();
    let facts = reload(reader.conn(), sight.scope(), promotion, now).await?;
    let approvals = store::approvals(reader.conn(), promotion.id).await?;
    let looked = lane::look_up(reader.conn(), promotion, facts, approvals, None, now).await?;
    let filled = workflow::filled(&lane::request(promotion, &looked.approvals), &looked.observed, now, None);
    let seats = looked.observed.assessment.as_ref().map_or(0, |assessed| assessed.seats.len());
    Ok(Standing {
        model: looked.facts.model.name,
        version: looked.facts.version.number,
        environment: looked.facts.environment.name,
        quorum: (filled, seats),
        involved: looked.involved,
    })
}

/// Requests for a version, newest first; at most 50.
pub async fn of_version(app: &App, who: &Principal, version: VersionId) -> Result<Vec<Promotion>, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    store::of_version(&app.db.read(&sight), version, 50).await
}

/// Locks a request and its environment, the environment first as everyone does: so no two ever
/// wait for each other.
pub(crate) async fn lock_in_place(tx: &WriteTx, scope: Scope, id: PromotionId) -> Result<Promotion, Error> {
    let there = store::find(&tx.conn(), scope, id).await?.ok_or(NOT_FOUND)?;
    environments::store::lock_all(tx, scope, &BTreeSet::from([there.environment])).await?;
    store::lock(tx, scope, id).await?.ok_or(NOT_FOUND)
}

/// Who sits where by approvals that still count, for whoever looks; the machine counts for itself.
async fn seating(
    conn: &Conn<'_>,
    promotion: &Promotion,
    looked: &Looked,
    now: DateTime<Utc>,
) -> Result<Vec<Seat>, Error> {
    let Some(asked) = &looked.assessment.asked else { return Ok(Vec::new()) };
    let request = lane::request(promotion, &looked.approvals);
    let live = |a: &&Approval| request.votes.iter().any(|vote| vote.id == a.id && vote.is_live(&request.digest, now));
    let votes = lane::votes(conn, promotion, looked.approvals.iter().filter(live)).await?;
    let seats = asked.seats();
    let seats: Vec<_> = seats.iter().map(String::as_str).collect();
    Ok(parties::seating(&seats, &votes, &looked.involved))
}

/// What the request names, as it is now.
pub(crate) async fn reload(
    conn: &Conn<'_>,
    scope: Scope,
    promotion: &Promotion,
    now: DateTime<Utc>,
) -> Result<Facts, Error> {
    let model = models::store::find_by_id(conn, scope, promotion.model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::find_by_id(conn, scope, promotion.version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find_by_id(conn, scope, promotion.environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    let mut facts = Facts::load(conn, scope, model, version, environment, now).await?;
    facts.robots.extend(store::robots(conn, &[promotion.requested_by]).await?);
    facts.pinned = Some(frameworks::pins::of_decision(&promotion.decision)?);
    facts.fixed_findings = Some(known::fixed(&promotion.decision)?);
    facts.mode = promotion.mode;
    Ok(facts)
}

pub(crate) async fn named(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    (model, version, environment): (&str, &VersionRef, &str),
    now: DateTime<Utc>,
) -> Result<Facts, Error> {
    let scope = sight.scope();
    let model = models::store::find(conn, scope, model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::find(conn, scope, model.id, version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find(conn, scope, environment).await?.ok_or(environments::ops::NOT_FOUND)?;
    Facts::load(conn, scope, model, version, environment, now).await
}
