//! The only SQL about findings.

use crate::{
    authz::Scope,
    constraints::words::Words,
    core::{
        ids::{AccountId, EnvironmentId, FindingId, FindingStepId, ModelId, VersionId, WorkspaceId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{account, finding, finding_step},
    },
    error::Error,
    oversight::{
        Reach,
        findings::{ASSURANCE_LAPSED, Finding, NewFinding, Severity, State, Step, Subject},
    },
    sweeps,
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType, OnConflict, Query},
};

/// What a sweep takes on at once.
const BATCH: u64 = 500;

/// Which findings a list has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Leaves out what is closed.
    pub standing_only: bool,
    /// The state at `now`: an acceptance that has ended is none.
    pub state: Option<State>,
    pub severity: Option<Severity>,
    /// An account's name, active or not.
    pub owner: Option<&'a str>,
    /// Only those whose due date has passed with nobody having dealt with them.
    pub overdue: bool,
    pub model: Option<ModelId>,
    pub environment: Option<EnvironmentId>,
    pub now: DateTime<Utc>,
}

/// One step in the life of a finding.
#[derive(Clone, Debug)]
pub struct Told {
    pub step: Step,
    pub by: Option<AccountId>,
    pub reason: String,
    pub until: Option<DateTime<Utc>>,
    pub at: DateTime<Utc>,
}

/// Opens a finding, unless one of its code stands about its subject: then `None`.
pub(crate) async fn insert(tx: &WriteTx, new: &NewFinding) -> Result<Option<Finding>, Error> {
    let id = FindingId::generate();
    let due_at = tx.at() + TimeDelta::days(new.severity.due_days());
    let row = finding::ActiveModel {
        id: Set(id),
        workspace_id: Set(new.workspace),
        code: Set(new.code.clone()),
        subject_kind: Set(new.subject.kind.clone()),
        subject_id: Set(new.subject.id),
        subject_part: Set(new.subject.part.clone()),
        model_id: Set(new.reach.model),
        version_id: Set(new.reach.version),
        environment_id: Set(new.reach.environment),
        release_id: Set(new.release),
        severity: Set(new.severity.word().to_owned()),
        title: Set(new.title.clone()),
        detail: Set(new.detail.clone()),
        owner_id: Set(new.owner),
        due_at: Set(due_at),
        opened_by: Set(new.opened_by),
        opened_at: Set(tx.at()),
        state: Set(State::Open.word().to_owned()),
        remediated_by: Set(None),
        accepted_until: Set(None),
        closed_at: Set(None),
        reminded_at: Set(None),
    };
    let unless_it_stands = OnConflict::new().do_nothing().to_owned();
    let inserted = finding::Entity::insert(row).on_conflict(unless_it_stands).exec_without_returning(&tx.conn()).await;
    match inserted {
        Ok(0) | Err(sea_orm::DbErr::RecordNotInserted) => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    tell(tx, id, Step::Opened, new.opened_by, "", None).await?;
    let opened = finding::Entity::find_by_id(id).one(&tx.conn()).await?;
    opened.map(TryInto::try_into).transpose()
}

/// Writes down what happened.
pub(crate) async fn tell(
    tx: &WriteTx,
    id: FindingId,
    step: Step,
    by: Option<AccountId>,
    reason: &str,
    until: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let row = finding_step::ActiveModel {
        id: Set(FindingStepId::generate()),
        finding_id: Set(id),
        step: Set(step.word().to_owned()),
        account_id: Set(by),
        reason: Set(reason.to_owned()),
        until: Set(until),
        at: Set(tx.at()),
    };
    finding_step::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Oldest first.
pub(crate) async fn steps(conn: &Conn<'_>, id: FindingId) -> Result<Vec<Told>, Error> {
    let rows = finding_step::Entity::find()
        .filter(finding_step::COLUMN.finding_id.eq(id))
        .order_by_asc(finding_step::Column::Id)
        .all(conn)
        .await?;
    let told = |row: finding_step::Model| {
        let step = Step::from_word(&row.step).ok_or_else(|| Error::internal(format!("step {}", row.step)))?;
        Ok(Told { step, by: row.account_id, reason: row.reason, until: row.until, at: row.at })
    };
    rows.into_iter().map(told).collect()
}

pub(crate) async fn find(conn: &Conn<'_>, scope: Scope, id: FindingId) -> Result<Option<Finding>, Error> {
    visible(scope).filter(finding::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn lock(tx: &WriteTx, scope: Scope, id: FindingId) -> Result<Option<Finding>, Error> {
    let query = visible(scope).filter(finding::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// The finding of a code that stands about a subject, locked.
pub(crate) async fn lock_standing(
    tx: &WriteTx,
    workspace: WorkspaceId,
    code: &str,
    subject: &Subject,
) -> Result<Option<Finding>, Error> {
    let query = about(Scope::Workspace(workspace), code, subject).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// The finding of a code that stands about a subject.
pub(crate) async fn standing_about(
    reader: &Reader<'_>,
    code: &str,
    subject: &Subject,
) -> Result<Option<Finding>, Error> {
    let query = about(reader.scope(), code, subject);
    query.one(reader.conn()).await?.map(TryInto::try_into).transpose()
}

/// Whether a finding of a code about a subject was ever opened.
pub(crate) async fn was_opened(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    code: &str,
    subject: &Subject,
) -> Result<bool, Error> {
    let found = visible(Scope::Workspace(workspace))
        .filter(finding::COLUMN.code.eq(code))
        .filter(finding::COLUMN.subject_kind.eq(subject.kind.as_str()))
        .filter(finding::COLUMN.subject_id.eq(subject.id))
        .filter(finding::COLUMN.subject_part.eq(subject.part.as_str()));
    Ok(found.one(conn).await?.is_some())
}

/// What stands about a version of a model in an environment, oldest first.
pub(crate) async fn reaching(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Vec<Finding>, Error> {
    let (of_model, of_version, of_environment) =
        (finding::COLUMN.model_id, finding::COLUMN.version_id, finding::COLUMN.environment_id);
    let somewhere = of_model.is_not_null().or(of_version.is_not_null()).or(of_environment.is_not_null());
    let rows = standing(scope)
        // What a new approval is the cure of does not stand in its way.
        .filter(finding::COLUMN.code.ne(ASSURANCE_LAPSED))
        .filter(of_model.is_null().or(of_model.eq(model)))
        .filter(of_version.is_null().or(of_version.eq(version)))
        .filter(of_environment.is_null().or(of_environment.eq(environment)))
        .filter(somewhere)
        .order_by_asc(finding::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What was ever open about a version of a model in an environment, closed findings too.
pub(crate) async fn ever_reaching(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Vec<Finding>, Error> {
    let (of_model, of_version, of_environment) =
        (finding::COLUMN.model_id, finding::COLUMN.version_id, finding::COLUMN.environment_id);
    let rows = visible(scope)
        .filter(of_model.is_null().or(of_model.eq(model)))
        .filter(of_version.is_null().or(of_version.eq(version)))
        .filter(of_environment.is_null().or(of_environment.eq(environment)))
        .filter(of_model.is_not_null().or(of_version.is_not_null()).or(of_environment.is_not_null()))
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Newest first.
pub(crate) async fn list(reader: &Reader<'_>, filter: Filter<'_>, page: PageRequest) -> Result<Page<Finding>, Error> {
    let mut query = if filter.standing_only { standing(reader.scope()) } else { visible(reader.scope()) };
    let still_accepted = || finding::COLUMN.accepted_until.gt(filter.now);
    let is = |state: State| finding::COLUMN.state.eq(state.word());
    let is_open = || {
        let ended = finding::COLUMN.accepted_until.lte(filter.now).or(finding::COLUMN.accepted_until.is_null());
        is(State::Open).or(is(State::RiskAccepted).and(ended))
    };
    query = match filter.state {
        None => query,
        Some(State::Open) => query.filter(is_open()),
        Some(State::RiskAccepted) => query.filter(is(State::RiskAccepted).and(still_accepted())),
        Some(state) => query.filter(is(state)),
    };
    if filter.overdue {
        query = query.filter(is_open().or(is(State::Remediating))).filter(finding::COLUMN.due_at.lte(filter.now));
    }
    if let Some(severity) = filter.severity {
        query = query.filter(finding::COLUMN.severity.eq(severity.word()));
    }
    if let Some(owner) = filter.owner {
        let mut named = Query::select();
        named.column(account::Column::Id).from(account::Entity).and_where(account::COLUMN.name.eq(owner));
        query = query.filter(finding::COLUMN.owner_id.in_subquery(named));
    }
    if let Some(model) = filter.model {
        query = query.filter(finding::COLUMN.model_id.eq(model));
    }
    if let Some(environment) = filter.environment {
        query = query.filter(finding::COLUMN.environment_id.eq(environment));
    }
    if let Some(after) = page.after {
        query = query.filter(finding::COLUMN.id.lt(FindingId(after)));
    }
    let rows = query.order_by_desc(finding::Column::Id).limit(page.limit + 1).all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Findings whose acceptance has ended and that nobody has written so yet.
pub(crate) async fn no_longer_accepted(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Finding>, Error> {
    let rows = visible(reader.scope())
        .filter(finding::COLUMN.state.eq(State::RiskAccepted.word()))
        .filter(finding::COLUMN.accepted_until.lte(now))
        .limit(BATCH)
        .all(reader.conn())
        .await?;
    Ok(sweeps::readable(rows))
}

/// Findings whose due date has passed and of which nobody was reminded yet.
pub(crate) async fn unreminded(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Finding>, Error> {
    let rows = visible(reader.scope())
        .filter(finding::COLUMN.state.is_in([State::Open.word(), State::Remediating.word()]))
        .filter(finding::COLUMN.due_at.lte(now))
        .filter(finding::COLUMN.reminded_at.is_null())
        .limit(BATCH)
        .all(reader.conn())
        .await?;
    Ok(sweeps::readable(rows))
}

/// Writes what can change of a finding.
pub(crate) async fn update(tx: &WriteTx, finding: &Finding) -> Result<(), Error> {
    finding::Entity::update_many()
        .col_expr(finding::Column::State, Expr::value(finding.state.word()))
        .col_expr(finding::Column::RemediatedBy, Expr::value(finding.remediated_by))
        .col_expr(finding::Column::AcceptedUntil, Expr::value(finding.accepted_until))
        .col_expr(finding::Column::ClosedAt, Expr::value(finding.closed_at))
        .col_expr(finding::Column::RemindedAt, Expr::value(finding.reminded_at))
        .filter(finding::COLUMN.id.eq(finding.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

fn about(scope: Scope, code: &str, subject: &Subject) -> Select<finding::Entity> {
    standing(scope)
        .filter(finding::COLUMN.code.eq(code))
        .filter(finding::COLUMN.subject_kind.eq(subject.kind.as_str()))
        .filter(finding::COLUMN.subject_id.eq(subject.id))
        .filter(finding::COLUMN.subject_part.eq(subject.part.as_str()))
}

fn standing(scope: Scope) -> Select<finding::Entity> {
    visible(scope).filter(finding::COLUMN.state.ne(State::Closed.word()))
}

fn visible(scope: Scope) -> Select<finding::Entity> {
    match scope {
        Scope::Instance => finding::Entity::find(),
        Scope::Workspace(id) => finding::Entity::find().filter(finding::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<finding::Model> for Finding {
    type Error = Error;

    fn try_from(row: finding::Model) -> Result<Self, Error> {
        let unknown = |word: &str| Error::internal(format!("a finding says {word}"));
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            code: row.code,
            subject: Subject { kind: row.subject_kind, id: row.subject_id, part: row.subject_part },
            reach: Reach { model: row.model_id, version: row.version_id, environment: row.environment_id },
            release: row.release_id,
            severity: Severity::from_word(&row.severity).ok_or_else(|| unknown(&row.severity))?,
            title: row.title,
            detail: row.detail,
            owner: row.owner_id,
            due_at: row.due_at,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            state: State::from_word(&row.state).ok_or_else(|| unknown(&row.state))?,
            remediated_by: row.remediated_by,
            accepted_until: row.accepted_until,
            closed_at: row.closed_at,
            reminded_at: row.reminded_at,
        })
    }
}
