use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, Scope, policy, policy::Involved},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{FindingId, WorkspaceId},
        page::{Page, PageRequest},
        text::{Line, Paragraph},
    },
    db::WriteTx,
    environments,
    error::Error,
    models,
    oversight::{
        self, Reach,
        findings::{Command, Finding, NewFinding, Severity, State, Step, Subject, settling, store},
        store::Names,
    },
    promotions::{invalidation, invalidation::Cause},
    sweeps,
    versions::{self, VersionRef},
};
use chrono::{DateTime, Utc};

pub use store::Told;

pub const NOT_FOUND: Error = Error::NotFound { kind: "finding" };

/// What somebody reports, every field checked. A version goes with its model.
pub struct Report {
    pub code: String,
    pub model: Option<String>,
    pub version: Option<VersionRef>,
    pub environment: Option<String>,
    pub severity: Severity,
    pub title: Line,
    pub detail: Paragraph,
    /// An account's name.
    pub owner: Option<String>,
}

/// A finding with the names of what it bears on, and what happened to it.
pub struct Detail {
    pub finding: Finding,
    pub steps: Vec<Told>,
    pub names: Names,
}

/// Opens a finding in a transaction that does something else as well, and gives the event for it;
/// `None` if one of its code stands about its subject. Whoever calls this ends what rests on it
/// being absent: [`open_and_follow`] does both.
pub async fn open(tx: &WriteTx, new: NewFinding) -> Result<Option<Event>, Error> {
    Ok(insert(tx, new).await?.map(|finding| opened(&finding)))
}

/// Opens a finding and ends the requests that it bears on. Empty if it stands already. Nothing that
/// comes before findings in the order of locks may be locked afterwards but what is locked by then.
pub async fn open_and_follow(tx: &WriteTx, new: NewFinding) -> Result<Vec<Event>, Error> {
    let (scope, reach) = (Scope::Workspace(new.workspace), new.reach);
    oversight::ops::hold(tx, scope, reach).await?;
    let Some(event) = open(tx, new).await? else { return Ok(Vec::new()) };
    let mut events = vec![event];
    events.extend(invalidation::follow(tx, scope, Cause::Oversight(reach)).await?);
    Ok(events)
}

/// Closes the finding of a code about a subject that the registry sees no longer, and gives the
/// event for it; `None` if none stands.
pub async fn close_by_system(
    tx: &WriteTx,
    workspace: WorkspaceId,
    code: &str,
    subject: &Subject,
    reason: &str,
) -> Result<Option<Event>, Error> {
    let Some(mut finding) = store::lock_standing(tx, workspace, code, subject).await? else { return Ok(None) };
    close_with(tx, &mut finding, None, reason).await?;
    Ok(Some(Event::FindingClosed { finding: finding.id, code: finding.code }))
}

/// [`close_by_system`], and what rested on it being there is looked at again.
pub async fn close_and_follow(
    tx: &WriteTx,
    workspace: WorkspaceId,
    code: &str,
    subject: &Subject,
    reach: Reach,
    reason: &str,
) -> Result<Vec<Event>, Error> {
    let scope = Scope::Workspace(workspace);
    oversight::ops::hold(tx, scope, reach).await?;
    let Some(event) = close_by_system(tx, workspace, code, subject, reason).await? else { return Ok(Vec::new()) };
    let mut events = vec![event];
    events.extend(invalidation::follow(tx, scope, Cause::Oversight(reach)).await?);
    Ok(events)
}

async fn insert(tx: &WriteTx, mut new: NewFinding) -> Result<Option<Finding>, Error> {
    if new.owner.is_none() {
        new.owner = oversight::store::answerable(&tx.conn(), new.reach).await?;
    }
    store::insert(tx, &new).await
}

fn opened(finding: &Finding) -> Event {
    Event::FindingOpened {
        finding: finding.id,
        code: finding.code.clone(),
        severity: finding.severity.to_string(),
        owner: finding.owner,
    }
}

/// Somebody reports a finding. One that stands already is given as it is, and nothing changes; the
/// second value says whether it was opened now.
pub async fn report(app: &App, who: &Principal, report: Report) -> Result<(Finding, bool), Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let scope = sight.scope();
    let tx = app.db.begin().await?;
    let reach = resolve(&tx, scope, &report).await?;
    let permit = policy::act(who, Action::FindingOpen)?;
    let owner = match &report.owner {
        Some(name) => Some(accounts::ops::require_member_in(&tx.conn(), who, "owner", name).await?),
        None => None,
    };
    let new = NewFinding {
        workspace: who.workspace,
        code: report.code,
        subject: subject(reach),
        reach,
        release: None,
        severity: report.severity,
        title: report.title.to_string(),
        detail: report.detail.to_string(),
        owner,
        opened_by: who.id,
    };
    oversight::ops::hold(&tx, scope, reach).await?;
    if let Some(standing) = store::lock_standing(&tx, who.workspace, &new.code, &new.subject).await? {
        return Ok((standing, false));
    }
    let raced = || {
        Error::conflict(
            "finding_raced",
            "the same was reported at the same moment; report it again, and you are given the one that stands",
        )
    };
    let finding = insert(&tx, new).await?.ok_or_else(raced)?;
    let ended = invalidation::follow(&tx, scope, Cause::Oversight(reach)).await?;
    tx.commit_all(permit, opened(&finding), ended).await?;
    Ok((finding, true))
}

async fn resolve(tx: &WriteTx, scope: Scope, report: &Report) -> Result<Reach, Error> {
    let mut reach = Reach::default();
    if let Some(name) = &report.model {
        let model = models::store::find(&tx.conn(), scope, name).await?.ok_or(Error::not_found("model"))?;
        reach.model = Some(model.id);
        if let Some(version) = &report.version {
            let version = versions::store::find(&tx.conn(), scope, model.id, version).await?;
            reach.version = Some(version.ok_or(versions::ops::NOT_FOUND)?.id);
        }
    }
    if let Some(name) = &report.environment {
        let environment = environments::store::find(&tx.conn(), scope, name).await?;
        reach.environment = Some(environment.ok_or(environments::ops::NOT_FOUND)?.id);
    }
    match (reach.is_nowhere(), reach.model, &report.version) {
        (true, ..) => Err(Error::invalid("model", "say what it is about: a model, a version of it, an environment")),
        (_, None, Some(_)) => Err(Error::invalid("model", "say of which model the version is")),
        _ => Ok(reach),
    }
}

/// The narrowest thing that was named; the environment beside it is a part of the subject.
fn subject(reach: Reach) -> Subject {
    let part = reach.environment.map_or_else(String::new, |id| id.to_string());
    match (reach.version, reach.model, reach.environment) {
        (Some(version), ..) => Subject::version(version).part(part),
        (None, Some(model), _) => Subject::model(model).part(part),
        (None, None, Some(environment)) => Subject::environment(environment),
        (None, None, None) => Subject::new("none", uuid::Uuid::nil()),
    }
}

pub async fn find(app: &App, who: &Principal, id: FindingId) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let reader = app.db.read(&sight);
    let finding = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let steps = store::steps(reader.conn(), id).await?;
    let names = oversight::store::names(reader.conn(), &[finding.reach]).await?;
    Ok(Detail { finding, steps, names })
}

/// Which findings somebody wants to see; every condition that is there must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Leaves out what is closed.
    pub standing_only: bool,
    pub state: Option<State>,
    pub severity: Option<Severity>,
    /// An account's name.
    pub owner: Option<&'a str>,
    pub overdue: bool,
    pub model: Option<&'a str>,
    pub environment: Option<&'a str>,
}

/// Newest first.
pub async fn list(
    app: &App,
    who: &Principal,
    wanted: Wanted<'_>,
    page: PageRequest,
) -> Result<(Page<Finding>, Names), Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let reader = app.db.read(&sight);
    let mut filter = store::Filter {
        standing_only: wanted.standing_only,
        state: wanted.state,
        severity: wanted.severity,
        owner: wanted.owner,
        overdue: wanted.overdue,
        model: None,
        environment: None,
        now: app.db.clock().now(),
    };
    if let Some(name) = wanted.model {
        let model = models::store::find(reader.conn(), sight.scope(), name).await?;
        filter.model = Some(model.ok_or(Error::not_found("model"))?.id);
    }
    if let Some(name) = wanted.environment {
        let environment = environments::store::find(reader.conn(), sight.scope(), name).await?;
        filter.environment = Some(environment.ok_or(environments::ops::NOT_FOUND)?.id);
    }
    let page = store::list(&reader, filter, page).await?;
    let reaches: Vec<_> = page.items.iter().map(|finding| finding.reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((page, names))
}

/// Somebody works on it.
pub async fn remediate(app: &App, who: &Principal, id: FindingId, reason: &Line) -> Result<(), Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let (tx, mut finding) = take(app, sight.scope(), id).await?;
    let permit = policy::act(who, Action::FindingRemediate).map_err(|d| d.on("finding", id))?;
    finding.state = finding.apply(Command::Remediate, tx.at())?;
    finding.remediated_by = who.id;
    store::update(&tx, &finding).await?;
    store::tell(&tx, id, Step::Remediated, who.id, reason.as_str(), None).await?;
    commit(tx, permit, &finding, sight.scope(), Event::FindingRemediated { finding: id }).await
}

/// Everybody who may not settle a finding, by whichever account.
pub async fn involved(app: &App, who: &Principal, finding: &Finding) -> Result<Involved, Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    settling::involved(app.db.read(&sight).conn(), who, finding, app.db.clock().now()).await
}

pub async fn close(app: &App, who: &Principal, id: FindingId, reason: &Line) -> Result<(), Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let (tx, mut finding) = take(app, sight.scope(), id).await?;
    policy::read(who, Action::FindingClose).map_err(|d| d.on("finding", id))?;
    let involved = settling::involved(&tx.conn(), who, &finding, tx.at()).await?;
    let permit = policy::close_finding(who, &involved).map_err(|d| d.on("finding", id))?;
    settling::ask_for_review(&tx.conn(), &finding).await?;
    close_with(&tx, &mut finding, who, reason.as_str()).await?;
    let event = Event::FindingClosed { finding: id, code: finding.code.clone() };
    commit(tx, permit, &finding, sight.scope(), event).await
}

async fn close_with<'a>(
    tx: &WriteTx,
    finding: &mut Finding,
    who: impl Into<Option<&'a Principal>>,
    reason: &str,
) -> Result<(), Error> {
    finding.state = finding.apply(Command::Close, tx.at())?;
    finding.closed_at = Some(tx.at());
    store::update(tx, finding).await?;
    let by = who.into().and_then(|who| who.id);
    store::tell(tx, finding.id, Step::Closed, by, reason, None).await
}

/// The risk stands, and somebody answers for that until a moment.
pub async fn accept(
    app: &App,
    who: &Principal,
    id: FindingId,
    until: DateTime<Utc>,
    reason: &Line,
) -> Result<(), Error> {
    let sight = policy::read(who, Action::FindingRead)?;
    let (tx, mut finding) = take(app, sight.scope(), id).await?;
    policy::read(who, Action::FindingAccept).map_err(|d| d.on("finding", id))?;
    let involved = settling::involved(&tx.conn(), who, &finding, tx.at()).await?;
    let permit = policy::accept_finding(who, &involved).map_err(|d| d.on("finding", id))?;
    settling::ask_for_review(&tx.conn(), &finding).await?;
    finding.state = finding.apply(Command::Accept { until }, tx.at())?;
    finding.accepted_until = Some(until);
    store::update(&tx, &finding).await?;
    store::tell(&tx, id, Step::Accepted, who.id, reason.as_str(), Some(until)).await?;
    commit(tx, permit, &finding, sight.scope(), Event::FindingAccepted { finding: id, until: rfc3339(until) }).await
}

/// A finding to be changed, with what it bears on locked before it.
async fn take(app: &App, scope: Scope, id: FindingId) -> Result<(WriteTx, Finding), Error> {
    let mut tx = app.db.begin().await?;
    let there = store::find(&tx.conn(), scope, id).await?.ok_or(NOT_FOUND)?;
    oversight::ops::hold(&tx, scope, there.reach).await?;
    let finding = store::lock(&tx, scope, id).await?.ok_or(NOT_FOUND)?;
    tx.catch_up(Some(finding.opened_at));
    Ok((tx, finding))
}

async fn commit(
    tx: WriteTx,
    permit: crate::authz::Permit,
    finding: &Finding,
    scope: Scope,
    event: Event,
) -> Result<(), Error> {
    let ended = invalidation::follow(&tx, scope, Cause::Oversight(finding.reach)).await?;
    tx.commit_all(permit, event, ended).await
}

/// Writes down which acceptances have ended, and reminds once of each finding that is due.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let now = app.db.clock().now();
    let mut outcome = Ok(());
    for due in store::no_longer_accepted(&reader, now).await? {
        outcome = sweeps::and(outcome, due.id, reopen(app, &due).await);
    }
    for due in store::unreminded(&reader, now).await? {
        outcome = sweeps::and(outcome, due.id, remind(app, &due).await);
    }
    outcome
}

async fn reopen(app: &App, due: &Finding) -> Result<(), Error> {
    let (scope, clock) = (Scope::Workspace(due.workspace), Principal::system("clock", due.workspace));
    let (tx, mut finding) = take(app, scope, due.id).await?;
    if finding.apply(Command::Reopen, tx.at()).is_err() {
        return Ok(());
    }
    finding.state = State::Open;
    finding.accepted_until = None;
    store::update(&tx, &finding).await?;
    store::tell(&tx, due.id, Step::Reopened, None, "the acceptance of its risk has ended", None).await?;
    let permit = policy::system(&clock, Action::FindingReopen)?;
    commit(tx, permit, &finding, scope, Event::FindingReopened { finding: due.id }).await
}

async fn remind(app: &App, due: &Finding) -> Result<(), Error> {
    let (scope, clock) = (Scope::Workspace(due.workspace), Principal::system("clock", due.workspace));
    let tx = app.db.begin().await?;
    let Some(mut finding) = store::lock(&tx, scope, due.id).await? else { return Ok(()) };
    if finding.reminded_at.is_some() || !finding.is_overdue(tx.at()) {
        return Ok(());
    }
    finding.reminded_at = Some(tx.at());
    store::update(&tx, &finding).await?;
    let event = Event::FindingReminded { finding: due.id, owner: finding.owner, due: rfc3339(finding.due_at) };
    tx.commit(policy::system(&clock, Action::FindingRemind)?, event).await
}
