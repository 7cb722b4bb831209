//! What nobody answers for any more, and what nobody looked at in time: each is a finding by itself,
//! and closed by itself when somebody does.

use crate::{
    accountability::{Record, store},
    app::App,
    authz::{Action, Principal, Scope, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, ModelId, WorkspaceId},
    },
    db::WriteTx,
    environments,
    error::Error,
    models::{self, Accountability},
    oversight::{
        Reach,
        findings::{self, NewFinding, OWNER_VACANT, RECORD_LAPSED, Severity, Subject},
    },
    promotions::{
        self,
        invalidation::{self, Cause},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// What an account answers for.
pub struct Left {
    models: Vec<(ModelId, Accountability)>,
    records: Vec<Record>,
}

/// What an account answers for, with everything locked that its going may change. Before any change.
pub async fn leaving(tx: &WriteTx, scope: Scope, account: AccountId) -> Result<Left, Error> {
    let left = Left {
        models: store::answered_by(&tx.conn(), scope, account).await?,
        records: store::owned_by(&tx.conn(), scope, account).await?,
    };
    hold(tx, scope, &left.reaches()).await?;
    Ok(left)
}

/// Opens a finding for each thing that has no owner now, ends the requests that it bears on, and
/// gives the events.
pub async fn open(tx: &WriteTx, workspace: WorkspaceId, left: Left) -> Result<Vec<Event>, Error> {
    let reaches = left.reaches();
    let of_models = left.models.into_iter().map(|(model, what)| of_model(workspace, model, what));
    let of_records = left.records.iter().map(|record| {
        NewFinding::seen(workspace, OWNER_VACANT, record.subject(), Severity::Medium, &no_owner(&record.spoken()))
            .reaching(record.reach)
    });
    let mut events = Vec::new();
    for new in of_models.chain(of_records) {
        events.extend(findings::ops::open(tx, new).await?);
    }
    events.extend(follow(tx, workspace, &reaches).await?);
    Ok(events)
}

/// Owners of a model came and went: `before` and `now` by what they answer for. What is left without
/// one is a finding, and what has one again is none.
pub async fn owners_changed(
    tx: &WriteTx,
    workspace: WorkspaceId,
    model: ModelId,
    before: &BTreeSet<Accountability>,
    now: &BTreeMap<Accountability, AccountId>,
) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for what in before.iter().filter(|what| !now.contains_key(what)) {
        events.extend(findings::ops::open(tx, of_model(workspace, model, *what)).await?);
    }
    for what in now.keys() {
        let subject = Subject::model(model).part(what.name());
        let reason = "somebody answers for it again";
        events.extend(findings::ops::close_by_system(tx, workspace, OWNER_VACANT, &subject, reason).await?);
    }
    if !events.is_empty() {
        events.extend(follow(tx, workspace, &[Reach { model: Some(model), ..Reach::default() }]).await?);
    }
    Ok(events)
}

/// Somebody wrote a record or looked at it again, so it has an owner and has not lapsed.
pub(super) async fn settle(tx: &WriteTx, record: &Record) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for (code, reason) in [(OWNER_VACANT, "somebody answers for it again"), (RECORD_LAPSED, "it was looked at again")] {
        let closed = findings::ops::close_by_system(tx, record.workspace, code, &record.subject(), reason).await?;
        events.extend(closed);
    }
    Ok(events)
}

/// Writes down what has lapsed, once per lapse, and opens a finding for its owner.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.db.clock().now();
    for due in store::unwritten_lapses(&app.db.read(&policy::upkeep()), now).await? {
        let (scope, clock) = (Scope::Workspace(due.workspace), Principal::system("clock", due.workspace));
        let mut tx = app.db.begin().await?;
        hold(&tx, scope, &[due.reach]).await?;
        let Some(record) = store::lock_by_id(&tx, scope, due.id).await? else { continue };
        tx.catch_up(Some(record.revised_at));
        if record.lapsed_at.is_some() || !record.has_lapsed(tx.at()) {
            continue;
        }
        store::set_lapsed(&tx, record.id).await?;
        let title = format!("Nobody looked at the {} by the day on which somebody had to.", record.spoken());
        let owner = store::active(&tx.conn(), record.owner).await?.then_some(record.owner);
        let new = NewFinding::seen(record.workspace, RECORD_LAPSED, record.subject(), Severity::Medium, &title)
            .reaching(record.reach)
            .owned_by(owner);
        let mut events: Vec<_> = findings::ops::open(&tx, new).await?.into_iter().collect();
        events.extend(follow(&tx, record.workspace, &[record.reach]).await?);
        let lapsed = Event::RecordLapsed {
            record: record.id,
            revision: record.revision,
            owner: record.owner,
            review_by: rfc3339(record.review_by),
        };
        tx.commit_all(policy::system(&clock, Action::RecordLapse)?, lapsed, events).await?;
    }
    Ok(())
}

/// Locks the models, so that nobody asks for one at the same moment, and every environment in which
/// something may end, in the order in which everybody does.
pub(crate) async fn hold(tx: &WriteTx, scope: Scope, reaches: &[Reach]) -> Result<(), Error> {
    let models = reaches.iter().filter_map(|reach| reach.model).collect();
    models::store::lock_all(tx, scope, &models).await?;
    let mut places = BTreeSet::new();
    for reach in reaches.iter().filter(|reach| !reach.is_nowhere()) {
        places.extend(promotions::store::places(&tx.conn(), scope, Cause::Oversight(*reach)).await?);
        places.extend(reach.environment);
    }
    environments::store::lock_all(tx, scope, &places).await
}

async fn follow(tx: &WriteTx, workspace: WorkspaceId, reaches: &[Reach]) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for reach in reaches {
        events.extend(invalidation::follow(tx, Scope::Workspace(workspace), Cause::Oversight(*reach)).await?);
    }
    Ok(events)
}

impl Left {
    /// Each place once.
    fn reaches(&self) -> Vec<Reach> {
        let of_models = self.models.iter().map(|(model, _)| Reach { model: Some(*model), ..Reach::default() });
        let mut all: Vec<_> = of_models.chain(self.records.iter().map(|record| record.reach)).collect();
        all.sort_unstable_by_key(|reach| (reach.model, reach.environment));
        all.dedup();
        all
    }
}

fn of_model(workspace: WorkspaceId, model: ModelId, what: Accountability) -> NewFinding {
    let subject = Subject::model(model).part(what.name());
    let title = format!("Nobody answers for {what} of the model any more.");
    NewFinding::seen(workspace, OWNER_VACANT, subject, Severity::Medium, &title)
        .reaching(Reach { model: Some(model), ..Reach::default() })
}

fn no_owner(what: &str) -> String {
    format!("Nobody answers for the {what} any more.")
}
