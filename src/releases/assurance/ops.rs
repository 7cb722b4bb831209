use crate::{
    app::App,
    authz::{Principal, Scope, policy},
    core::{event::Event, ids::ReleaseId},
    db::{Conn, WriteTx},
    environments,
    error::Error,
    models,
    oversight::{
        self, Reach,
        findings::{ASSURANCE_LAPSED, NewFinding, Severity, Subject, ops as findings},
    },
    policies::OnLapse,
    promotions::{
        self, Stage, changes,
        invalidation::Cause,
        lane::{self, Telling},
        workflow::{self, Command, Fact, Lane, Observed},
    },
    releases::{
        self, Assurance, Release, State, assurance,
        assurance::{Lapse, store},
    },
    sweeps,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// How many releases the clock looks at in one go.
const PAGE: u64 = 200;

/// Marks the active releases whose approval a cause has taken the ground from, and takes down those
/// that the policy in force wants down. Their environments are locked already.
pub(crate) async fn follow(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for release in store::lock_reached(tx, scope, cause).await? {
        events.extend(settle(tx, &release).await?);
    }
    Ok(events)
}

/// What is to be done about an active release: mark it, take it down, or both.
struct Due {
    lapse: Lapse,
    mark: bool,
    take_down: bool,
}

async fn due(conn: &Conn<'_>, release: &Release, now: DateTime<Utc>) -> Option<Due> {
    let lapse = lapsed(conn, release, now).await?;
    let mark = release.assurance == Assurance::Sound;
    let take_down = lapse.takes_down() && wants_down(conn, release).await;
    (mark || take_down).then_some(Due { lapse, mark, take_down })
}

/// Whether the policy in force takes down what lapses here, in the mode that the release runs in. One
/// that can't be read asks for nothing: no pull depends on it.
async fn wants_down(conn: &Conn<'_>, release: &Release) -> bool {
    let asked = async {
        let model = models::store::find_by_id(conn, Scope::Workspace(release.workspace), release.model).await?;
        let model = model.ok_or(Error::not_found("model"))?;
        let current = environments::store::all_current(conn, release.environment).await?;
        oversight::ops::asked_in(&current, &model, release.mode)
    };
    match asked.await {
        Ok(asked) => asked.is_some_and(|asked| asked.on_lapse == OnLapse::Suspend),
        Err(error) => {
            tracing::error!(release = %release.id, ?error, "what the policy asks for when a release lapses can't be read");
            false
        }
    }
}

async fn settle(tx: &WriteTx, release: &Release) -> Result<Vec<Event>, Error> {
    let Some(due) = due(&tx.conn(), release, tx.at()).await else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    if due.mark {
        events.extend(mark(tx, release, &due.lapse).await?);
    }
    if due.take_down {
        events.extend(take_down(tx, release, &due.lapse).await?);
    }
    Ok(events)
}

/// Marks one release that somebody brings back or leads down a step, if what its approval rests on has
/// lapsed by then; and returns what the log says of it.
pub(crate) async fn look(tx: &WriteTx, release: &Release) -> Result<Vec<Event>, Error> {
    match lapsed(&tx.conn(), release, tx.at()).await {
        Some(lapse) => mark(tx, release, &lapse).await,
        None => Ok(Vec::new()),
    }
}

/// Writes the mark, and opens the finding.
async fn mark(tx: &WriteTx, release: &Release, lapse: &Lapse) -> Result<Vec<Event>, Error> {
    let lane = Lane { releases: vec![lane::release_of(release)], ..Lane::default() };
    let observed = Observed { lapsed: true, ..Observed::default() };
    let marked = workflow::apply(&lane, &Command::Lapse { release: release.id }, &observed, tx.at());
    if !marked.is_ok_and(|facts| facts.contains(&Fact::Lapsed { release: release.id })) {
        return Ok(Vec::new());
    }
    store::mark(tx, release.id, &lapse.cause).await?;
    let reach =
        Reach { model: Some(release.model), version: Some(release.version), environment: Some(release.environment) };
    let title = "What the approval of an active release rested on no longer holds";
    let finding = NewFinding::seen(release.workspace, ASSURANCE_LAPSED, about(release.id), Severity::High, title);
    let finding = finding.reaching(reach).of_release(release.id).saying(&lapse.detail);
    let opened = findings::open(tx, finding).await?;
    let event = Event::AssuranceLapsed { release: release.id, cause: lapse.cause.clone() };
    Ok([event].into_iter().chain(opened).collect())
}

/// Ends a release because the policy says so. Its finding stays until something else runs there.
async fn take_down(tx: &WriteTx, release: &Release, lapse: &Lapse) -> Result<Vec<Event>, Error> {
    let telling = Telling {
        ended: "its release was suspended when its approval lapsed",
        reason: Some(&lapse.detail),
        ..Telling::default()
    };
    let here = (release.environment, release.model);
    let scope = Scope::Workspace(release.workspace);
    let then = lane::succeed(tx, scope, here, &[], &Command::Suspend, telling).await?;
    let event =
        Event::ReleaseSuspended { release: release.id, version: release.version, environment: release.environment };
    Ok([event].into_iter().chain(then).collect())
}

/// Closes what was left open about a release that lapsed and was taken down, now that something
/// runs there again.
pub(crate) async fn cured(tx: &WriteTx, next: &Release) -> Result<Option<Event>, Error> {
    let before = releases::store::newest_but(&tx.conn(), next).await?;
    let Some(before) = before.filter(|before| before.state == State::Suspended) else { return Ok(None) };
    let why = "another release became active";
    findings::close_by_system(tx, next.workspace, ASSURANCE_LAPSED, &about(before.id), why).await
}

/// What keeps a suspended release from being resumed: the policy takes down what lapses, and it has.
pub(crate) async fn in_the_way(conn: &Conn<'_>, release: &Release, now: DateTime<Utc>) -> Option<Lapse> {
    let lapse = lapsed(conn, release, now).await?;
    (lapse.takes_down() && wants_down(conn, release).await).then_some(lapse)
}

fn about(release: ReleaseId) -> Subject {
    Subject::release(release)
}

/// Why the approval of a release no longer holds. What can't be read no longer holds either.
async fn lapsed(conn: &Conn<'_>, release: &Release, now: DateTime<Utc>) -> Option<Lapse> {
    let scope = Scope::Workspace(release.workspace);
    let found = async {
        let promotion = promotions::store::find(conn, scope, release.promotion).await?;
        let promotion = promotion.ok_or(promotions::ops::NOT_FOUND)?;
        // Nobody approved an emergency, so there is no approval to lapse.
        if promotion.stage == Stage::Bypassed {
            return Ok::<_, Error>(None);
        }
        let facts = promotions::ops::reload(conn, scope, &promotion, now).await?;
        let assessment = facts.of_what_runs().assess(now)?;
        let changes = changes::between(&promotion.decision, &assessment.decision);
        Ok(assurance::lapse(&changes, &assessment.failed))
    };
    found.await.unwrap_or_else(|error| {
        tracing::error!(release = %release.id, ?error, "what the approval of a release rests on can't be read");
        Some(Lapse {
            cause: "record_unreadable".to_owned(),
            detail: "what it rests on can't be read any more".to_owned(),
        })
    })
}

/// Ends a release, and with it what is wrong with its approval.
pub(crate) async fn end(
    tx: &WriteTx,
    release: ReleaseId,
    how: State,
    telling: &Telling<'_>,
    events: &mut Vec<Event>,
) -> Result<(), Error> {
    releases::store::end_because(tx, release, how, telling.by, telling.reason).await?;
    if let Some(workspace) = telling.workspace {
        let why = "the release ended";
        events.extend(findings::close_by_system(tx, workspace, ASSURANCE_LAPSED, &about(release), why).await?);
    }
    Ok(())
}

/// What the clock took from active releases, a page of them each time: evidence and keys end by themselves.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.db.clock().now();
    let reader = app.db.read(&policy::upkeep());
    let turn = u64::try_from(now.timestamp().max(0)).unwrap_or_default() / 30;
    let mut outcome = Ok(());
    for release in store::page(&reader, turn, PAGE).await? {
        if due(reader.conn(), &release, now).await.is_some() {
            outcome = sweeps::and(outcome, release.id, look_again(app, &release).await);
        }
    }
    outcome
}

/// Records how a release stands by now.
async fn look_again(app: &App, release: &Release) -> Result<(), Error> {
    let scope = Scope::Workspace(release.workspace);
    let mut tx = app.db.begin().await?;
    environments::store::lock_all(&tx, scope, &BTreeSet::from([release.environment])).await?;
    let Some(active) = releases::store::lock_active(&tx, scope, release.id).await? else { return Ok(()) };
    tx.catch_up(Some(active.activated_at));
    let mut events = settle(&tx, &active).await?.into_iter();
    let Some(first) = events.next() else { return Ok(()) };
    let permit = policy::system(&Principal::system("clock", release.workspace), first.action())?;
    tx.commit_all(permit, first, events.collect()).await
}
