use crate::{
    app::App,
    authz::{Principal, Scope, policy},
    core::{event::Event, ids::ReleaseId},
    db::{Conn, WriteTx},
    environments,
    error::Error,
    oversight::{
        Reach,
        findings::{ASSURANCE_LAPSED, NewFinding, Severity, Subject, ops as findings},
    },
    promotions::{
        self, Stage, changes,
        invalidation::Cause,
        lane::{self, Telling},
        workflow::{self, Command, Fact, Lane, Observed},
    },
    releases::{self, Release, State, assurance, assurance::store},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// How many releases the clock looks at in one go.
const PAGE: u64 = 200;

/// Marks the active releases whose approval a cause has taken the ground from. Their environments are
/// locked already.
pub(crate) async fn follow(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for release in store::lock_reached(tx, scope, cause).await? {
        events.extend(look(tx, &release).await?);
    }
    Ok(events)
}

/// Marks one release if it has lapsed, opens its finding, and returns what the log says of it.
pub(crate) async fn look(tx: &WriteTx, release: &Release) -> Result<Vec<Event>, Error> {
    let Some((cause, detail)) = lapsed(&tx.conn(), release, tx.at()).await else { return Ok(Vec::new()) };
    let lane = Lane { releases: vec![lane::release_of(release)], ..Lane::default() };
    let observed = Observed { lapsed: true, ..Observed::default() };
    let marked = workflow::apply(&lane, &Command::Lapse { release: release.id }, &observed, tx.at());
    if !marked.is_ok_and(|facts| facts.contains(&Fact::Lapsed { release: release.id })) {
        return Ok(Vec::new());
    }
    store::mark(tx, release.id, &cause).await?;
    let reach =
        Reach { model: Some(release.model), version: Some(release.version), environment: Some(release.environment) };
    let title = "What the approval of an active release rested on no longer holds";
    let finding = NewFinding::seen(release.workspace, ASSURANCE_LAPSED, about(release.id), Severity::High, title);
    let opened = findings::open(tx, finding.reaching(reach).of_release(release.id).saying(detail)).await?;
    Ok([Event::AssuranceLapsed { release: release.id, cause }].into_iter().chain(opened).collect())
}

fn about(release: ReleaseId) -> Subject {
    Subject::release(release)
}

/// Why the approval of a release no longer holds. What can't be read no longer holds either.
async fn lapsed(conn: &Conn<'_>, release: &Release, now: DateTime<Utc>) -> Option<(String, String)> {
    let scope = Scope::Workspace(release.workspace);
    let found = async {
        let promotion = promotions::store::find(conn, scope, release.promotion).await?;
        let promotion = promotion.ok_or(promotions::ops::NOT_FOUND)?;
        // Nobody approved an emergency, so there is no approval to lapse.
        if promotion.stage == Stage::Bypassed {
            return Ok::<_, Error>(None);
        }
        let assessment = promotions::ops::reload(conn, scope, &promotion).await?.assess(now)?;
        let changes = changes::between(&promotion.decision, &assessment.decision);
        Ok(assurance::lapse(&changes, &assessment.failed))
    };
    found.await.unwrap_or_else(|error| {
        tracing::error!(release = %release.id, ?error, "what the approval of a release rests on can't be read");
        Some(("record_unreadable".to_owned(), "what it rests on can't be read any more".to_owned()))
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
    for release in store::page(&reader, turn, PAGE).await? {
        if lapsed(reader.conn(), &release, now).await.is_none() {
            continue;
        }
        let scope = Scope::Workspace(release.workspace);
        let tx = app.db.begin().await?;
        environments::store::lock_all(&tx, scope, &BTreeSet::from([release.environment])).await?;
        let Some(active) = releases::store::lock_active(&tx, scope, release.id).await? else { continue };
        if active.assurance == releases::Assurance::Lapsed {
            continue;
        }
        let mut events = look(&tx, &active).await?.into_iter();
        if let Some(first) = events.next() {
            let permit = policy::system(&Principal::system("clock", release.workspace), first.action())?;
            tx.commit_all(permit, first, events.collect()).await?;
        }
    }
    Ok(())
}
