use crate::{
    accounts,
    app::App,
    authz::{Action, Permit, Persons, Principal, Scope, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{BreakGlassId, EnvironmentId, ModelId},
        page::{Page, PageRequest},
        text::{Line, Paragraph},
    },
    db::{Conn, WriteTx},
    environments,
    error::Error,
    models,
    oversight::{
        self, Names,
        break_glass::{BreakGlass, CONFIRM_WITHIN_HOURS, Command, Outcome, State, check_hours, store},
        findings::{self, BREAK_GLASS, BREAK_GLASS_UNJUSTIFIED, NewFinding, REVIEW_OVERDUE, Severity, Subject},
    },
    policies::BreakGlass as Terms,
    promotions::assessment::Facts,
    releases::{self, emergency},
    sweeps, trust,
    versions::{self, VersionRef, fitness},
};
use chrono::{DateTime, TimeDelta, Utc};

pub const NOT_FOUND: Error = Error::NotFound { kind: "break-glass" };
/// What a finding that is about one names it.
pub(crate) const KIND: &str = "break_glass";

/// What somebody calls for, every field checked.
pub struct Call {
    pub model: String,
    pub version: VersionRef,
    pub environment: String,
    pub justification: Paragraph,
    pub hours: u32,
}

/// An emergency with the names of what it is about.
pub struct Detail {
    pub broken: BreakGlass,
    pub names: Names,
}

/// Makes a version active past checks and approvals, or proposes it where the policy asks for a
/// second person.
pub async fn invoke(app: &App, who: &Principal, call: Call) -> Result<BreakGlass, Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let scope = sight.scope();
    let mut tx = app.db.begin().await?;
    let model = models::store::find(&tx.conn(), scope, &call.model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::lock_shared(&tx, scope, model.id, &call.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    // No key is revoked while what it signed becomes active.
    trust::store::lock_all_shared(&tx, scope).await?;
    let environment = environments::store::lock(&tx, scope, &call.environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    tx.catch_up(releases::store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let facts = Facts::load(&tx.conn(), scope, model, version, environment, tx.at()).await?;
    let terms = terms(&facts)?;
    let permit = policy::break_glass(who, Action::BreakGlassInvoke, terms.as_ref().map(|terms| &terms.roles[..]))
        .map_err(|d| d.on("environment", facts.environment.id))?;
    let terms = terms.ok_or_else(|| Error::internal("a break-glass that no policy allows"))?;
    check_hours(call.hours, &terms)?;
    may_begin(&tx, who, &facts).await?;
    let mut then = end_what_is_over(&tx, &facts).await?;
    let two = terms.second_person;
    let mut broken = BreakGlass {
        id: BreakGlassId::generate(),
        workspace: who.workspace,
        environment: facts.environment.id,
        model: facts.model.id,
        version: facts.version.id,
        state: State::Proposed,
        invoked_by: who.id.ok_or(Error::Unauthenticated)?,
        second_by: None,
        justification: call.justification.to_string(),
        hours: call.hours,
        invoked_at: tx.at(),
        confirm_by: two.then(|| tx.at() + TimeDelta::hours(CONFIRM_WITHIN_HOURS)),
        promotion: None,
        release: None,
        would_have_passed: None,
        starts_at: None,
        ends_at: None,
        ended_at: None,
        ended_by: None,
        ended_reason: None,
        review_due_at: None,
        reviewed_by: None,
        reviewed_at: None,
        review_reason: None,
    };
    if !two {
        then.extend(begin(app, &tx, who, facts, &terms, &mut broken).await?);
    }
    store::insert(&tx, &broken).await?;
    let event = Event::BreakGlassInvoked {
        break_glass: broken.id,
        version: broken.version,
        environment: broken.environment,
        release: broken.release,
        would_have_passed: broken.would_have_passed,
        until: broken.ends_at.map(rfc3339),
    };
    tx.commit_all(permit, event, then).await?;
    Ok(broken)
}

/// An earlier emergency of the same place whose time is over, if nobody has written so yet.
async fn end_what_is_over(tx: &WriteTx, facts: &Facts) -> Result<Vec<Event>, Error> {
    let open = store::lock_open(tx, facts.environment.id, facts.model.id).await?;
    let Some(mut earlier) = open.filter(|open| open.standing(tx.at()) != open.state) else { return Ok(Vec::new()) };
    let mut then = end(tx, &mut earlier, None, OVER).await?;
    then.insert(0, Event::BreakGlassExpired { break_glass: earlier.id, release: earlier.release });
    Ok(then)
}

/// The second person agrees, and it begins.
pub async fn confirm(app: &App, who: &Principal, id: BreakGlassId) -> Result<BreakGlass, Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let scope = sight.scope();
    let (tx, mut broken) = take(app, scope, id).await?;
    policy::read(who, Action::BreakGlassConfirm).map_err(|d| d.on("break_glass", id))?;
    broken.apply(Command::Confirm, tx.at())?;
    let facts = facts(&tx, scope, &broken).await?;
    let terms = terms(&facts)?;
    let persons = persons(&tx, &broken).await?;
    let roles = terms.as_ref().map(|terms| &terms.roles[..]);
    let permit =
        policy::confirm_break_glass(who, roles, broken.invoked_by, &persons).map_err(|d| d.on("break_glass", id))?;
    let terms = terms.ok_or_else(|| Error::internal("a break-glass that no policy allows"))?;
    check_hours(broken.hours, &terms)?;
    may_begin(&tx, who, &facts).await?;
    broken.second_by = who.id;
    let then = begin(app, &tx, who, facts, &terms, &mut broken).await?;
    store::update(&tx, &broken).await?;
    let event = Event::BreakGlassConfirmed {
        break_glass: id,
        release: broken.release.ok_or_else(|| Error::internal("a break-glass began without a release"))?,
        would_have_passed: broken.would_have_passed.unwrap_or_default(),
        until: broken.ends_at.map(rfc3339).unwrap_or_default(),
    };
    tx.commit_all(permit, event, then).await?;
    Ok(broken)
}

/// What the policy allows here in an emergency; nothing unless it says so.
fn terms(facts: &Facts) -> Result<Option<Terms>, Error> {
    Ok(oversight::ops::asked(&facts.current, &facts.model)?.and_then(|asked| asked.break_glass))
}

/// Neither a review that is still to be given, nor a version that may not leave, is broken past.
async fn may_begin(tx: &WriteTx, who: &Principal, facts: &Facts) -> Result<(), Error> {
    let (environment, model) = (facts.environment.id, facts.model.id);
    let place = format!("{} in {}", facts.model.name, facts.environment.name);
    if let Some(what) = overdue(&tx.conn(), environment, model, tx.at()).await? {
        let detail = format!("{what} of {place} should have been reviewed by now; review it first");
        return Err(Error::conflict("review_overdue", detail));
    }
    // Back to back, emergencies would be an unapproved release without an end.
    if let Some(ended) = store::unreviewed(&tx.conn(), environment, model, tx.at()).await?.first() {
        let detail = format!(
            "break-glass {} of {place} has ended and nobody has reviewed it; somebody else than who invoked it reviews \
             it first",
            ended.id
        );
        return Err(Error::conflict("review_pending", detail));
    }
    let failed = fitness::checks(&facts.version, facts.key.as_ref(), tx.at());
    let Some(first) = failed.first() else { return Ok(()) };
    let detail = format!("the version may not leave, not even by break-glass: {}", first.detail);
    let denied = policy::refuse(who, Action::BreakGlassInvoke, "release_blocked", detail);
    let denied = denied.on("version", facts.version.id);
    Err(Error::Refused { denied, failed, unblock: Vec::new() })
}

/// What somebody should have reviewed by now, of a model in an environment.
async fn overdue(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    now: DateTime<Utc>,
) -> Result<Option<String>, Error> {
    let unreviewed = store::unreviewed(conn, environment, model, now).await?;
    if let Some(broken) = unreviewed.iter().find(|broken| broken.is_review_overdue(now)) {
        return Ok(Some(format!("break-glass {}", broken.id)));
    }
    let rollbacks = releases::reviews::open_at(conn, environment, model).await?;
    let late = releases::reviews::review_overdue(&rollbacks, now);
    Ok(late.map(|review| format!("the rollback to release {}", review.release)))
}

/// Makes it active, with everything that follows from it.
async fn begin(
    app: &App,
    tx: &WriteTx,
    who: &Principal,
    facts: Facts,
    terms: &Terms,
    broken: &mut BreakGlass,
) -> Result<Vec<Event>, Error> {
    broken.begin(terms, tx.at());
    let assessment = facts.assess(tx.at())?;
    broken.would_have_passed = Some(assessment.failed.is_empty());
    let passed_by = assessment.failed.len();
    let title = format!("{} runs in {} by break-glass", facts.model.name, facts.environment.name);
    let (release, mut then) = emergency::bypass(app, tx, who, &facts, assessment, broken).await?;
    broken.promotion = Some(release.promotion);
    broken.release = Some(release.id);
    let said = format!("Checks that it was let past: {passed_by}. It ends by itself, and somebody else reviews it.");
    let finding = NewFinding::seen(broken.workspace, BREAK_GLASS, subject(broken), Severity::Medium, &title)
        .reaching(broken.reach())
        .of_release(release.id)
        .saying(said);
    then.extend(findings::ops::open(tx, finding).await?);
    Ok(then)
}

fn subject(broken: &BreakGlass) -> Subject {
    Subject::new(KIND, broken.id.0)
}

/// Ends it early, or withdraws what nobody confirmed. Nothing is active then until somebody decides.
pub async fn close(app: &App, who: &Principal, id: BreakGlassId, reason: Line) -> Result<BreakGlass, Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let (tx, mut broken) = take(app, sight.scope(), id).await?;
    let permit = policy::close_break_glass(who).map_err(|d| d.on("break_glass", id))?;
    let then = end(&tx, &mut broken, Some(who), reason.as_str()).await?;
    let event = Event::BreakGlassClosed { break_glass: id, release: broken.release };
    tx.commit_all(permit, event, then).await?;
    Ok(broken)
}

/// Somebody else says whether it was right.
pub async fn review(
    app: &App,
    who: &Principal,
    id: BreakGlassId,
    outcome: Outcome,
    reason: Line,
) -> Result<BreakGlass, Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let (tx, mut broken) = take(app, sight.scope(), id).await?;
    policy::read(who, Action::BreakGlassReview).map_err(|d| d.on("break_glass", id))?;
    let reviewed = broken.apply(Command::Review(outcome), tx.at())?;
    let persons = persons(&tx, &broken).await?;
    let permit = policy::review_break_glass(who, broken.invoked_by, broken.second_by, &persons)
        .map_err(|d| d.on("break_glass", id))?;
    let mut then = Vec::new();
    if broken.state == State::Active {
        then.extend(end(&tx, &mut broken, None, OVER).await?);
    }
    broken.state = reviewed;
    broken.reviewed_by = who.id;
    broken.reviewed_at = Some(tx.at());
    broken.review_reason = Some(reason.to_string());
    store::update(&tx, &broken).await?;
    let (workspace, about, reach) = (broken.workspace, subject(&broken), broken.reach());
    let closed = findings::ops::close_and_follow(&tx, workspace, REVIEW_OVERDUE, &about, reach, "it was reviewed");
    then.extend(closed.await?);
    match outcome {
        Outcome::Justified => {
            let why = "a review found it justified";
            let closed = findings::ops::close_and_follow(&tx, workspace, BREAK_GLASS, &about, reach, why);
            then.extend(closed.await?);
        }
        Outcome::Unjustified => {
            let title = "A break-glass was not justified";
            let new = NewFinding::seen(workspace, BREAK_GLASS_UNJUSTIFIED, about, Severity::High, title);
            then.extend(findings::ops::open_and_follow(&tx, new.reaching(reach)).await?);
        }
    }
    let event = Event::BreakGlassReviewed { break_glass: id, outcome: outcome.to_string() };
    tx.commit_all(permit, event, then).await?;
    Ok(broken)
}

const OVER: &str = "its time was over";

/// Ends it, and its release if that is what is active still.
async fn end(
    tx: &WriteTx,
    broken: &mut BreakGlass,
    who: Option<&Principal>,
    reason: &str,
) -> Result<Vec<Event>, Error> {
    broken.state = broken.apply(Command::End, tx.at())?;
    broken.ended_at = Some(tx.at());
    broken.ended_by = who.and_then(|who| who.id);
    broken.ended_reason = Some(reason.to_owned());
    store::update(tx, broken).await?;
    emergency::end(tx, broken, reason).await
}

pub async fn find(app: &App, who: &Principal, id: BreakGlassId) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let reader = app.db.read(&sight);
    let broken = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let names = oversight::store::names(reader.conn(), &[broken.reach()]).await?;
    Ok(Detail { broken, names })
}

/// Newest first.
pub async fn list(
    app: &App,
    who: &Principal,
    unreviewed_only: bool,
    page: PageRequest,
) -> Result<(Page<BreakGlass>, Names), Error> {
    let sight = policy::read(who, Action::BreakGlassRead)?;
    let reader = app.db.read(&sight);
    let page = store::list(&reader, unreviewed_only, page).await?;
    let reaches: Vec<_> = page.items.iter().map(BreakGlass::reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((page, names))
}

/// Writes down which emergencies are over, and opens a finding for each review that is overdue.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let now = app.db.clock().now();
    let mut outcome = Ok(());
    for due in store::over(&reader, now).await? {
        outcome = sweeps::and(outcome, due.id, expire(app, &due).await);
    }
    for due in store::all_unreviewed(&reader, now).await? {
        outcome = sweeps::and(outcome, due.id, tell_overdue(app, &due).await);
    }
    outcome
}

async fn expire(app: &App, due: &BreakGlass) -> Result<(), Error> {
    let clock = Principal::system("clock", due.workspace);
    let (tx, mut broken) = take(app, Scope::Workspace(due.workspace), due.id).await?;
    if !matches!(broken.state, State::Active | State::Proposed) || broken.standing(tx.at()) == broken.state {
        return Ok(());
    }
    let then = end(&tx, &mut broken, None, OVER).await?;
    let permit = policy::system(&clock, Action::BreakGlassExpire)?;
    let event = Event::BreakGlassExpired { break_glass: due.id, release: broken.release };
    tx.commit_all(permit, event, then).await
}

async fn tell_overdue(app: &App, due: &BreakGlass) -> Result<(), Error> {
    let clock = Principal::system("clock", due.workspace);
    let (tx, broken) = take(app, Scope::Workspace(due.workspace), due.id).await?;
    if !broken.is_review_overdue(tx.at()) {
        return Ok(());
    }
    let title = "Nobody reviewed a break-glass in time";
    let new = NewFinding::seen(broken.workspace, REVIEW_OVERDUE, subject(&broken), Severity::High, title);
    let mut events = findings::ops::open_and_follow(&tx, new.reaching(broken.reach())).await?.into_iter();
    let permit: Permit = policy::system(&clock, Action::FindingOpen)?;
    if let Some(event) = events.next() {
        tx.commit_all(permit, event, events.collect()).await?;
    }
    Ok(())
}

/// An emergency to be changed, with what it bears on locked before it.
async fn take(app: &App, scope: Scope, id: BreakGlassId) -> Result<(WriteTx, BreakGlass), Error> {
    let mut tx = app.db.begin().await?;
    let there = store::find(&tx.conn(), scope, id).await?.ok_or(NOT_FOUND)?;
    versions::store::lock_by_id(&tx, scope, there.version).await?;
    trust::store::lock_all_shared(&tx, scope).await?;
    environments::store::lock_all(&tx, scope, &[there.environment].into()).await?;
    let broken = store::lock(&tx, scope, id).await?.ok_or(NOT_FOUND)?;
    let last = releases::store::last_moment(&tx.conn(), broken.environment, broken.model).await?;
    tx.catch_up(last.max(Some(broken.invoked_at)));
    Ok((tx, broken))
}

async fn facts(tx: &WriteTx, scope: Scope, broken: &BreakGlass) -> Result<Facts, Error> {
    let conn = &tx.conn();
    let model = models::store::find_by_id(conn, scope, broken.model).await?.ok_or(Error::not_found("model"))?;
    let version = versions::store::find_by_id(conn, scope, broken.version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find_by_id(conn, scope, broken.environment).await?;
    Facts::load(conn, scope, model, version, environment.ok_or(environments::ops::NOT_FOUND)?, tx.at()).await
}

async fn persons(tx: &WriteTx, broken: &BreakGlass) -> Result<Persons, Error> {
    Ok(accounts::people::store::people(&tx.conn(), broken.workspace, tx.at()).await?.at(tx.at()))
}
