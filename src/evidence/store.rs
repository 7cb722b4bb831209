//! The only SQL about reported evidence, and about all evidence of a version; what one run
//! found is read by `validation`.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{AccountId, EvidenceId, RunId, TrustKeyId, VersionId},
        page::PageRequest,
    },
    db::{
        WriteTx,
        entity::{evidence, reported_evidence, reported_statement, validation_run},
    },
    error::Error,
    evidence::{Closed, EvidenceRef, Kind, Measured, Reported, ReportingKey, State},
    trust::{self, TrustKey},
    validation::EvidenceKind,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::Expr,
};
use std::collections::{BTreeSet, HashMap};

/// What was signed, as it was received, and the body of its predicate as canonical JSON.
#[derive(Clone, Debug)]
pub struct Stored {
    pub body: String,
    pub bundle: String,
}

/// Every reported record of a version, closed ones too, newest first.
pub(crate) async fn of_version(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    version: VersionId,
) -> Result<Vec<Reported>, Error> {
    let rows = of(scope, version).order_by_desc(reported_evidence::Column::Id).all(conn).await?;
    named(conn, scope, rows).await
}

/// Newest first, one more than the page asks for.
pub(crate) async fn page_of_version(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    version: VersionId,
    page: PageRequest,
) -> Result<Vec<Reported>, Error> {
    let mut query = of(scope, version).order_by_desc(reported_evidence::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(reported_evidence::COLUMN.id.lt(EvidenceId(after)));
    }
    named(conn, scope, query.all(conn).await?).await
}

pub(crate) async fn find(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    version: VersionId,
    which: EvidenceRef,
) -> Result<Option<Reported>, Error> {
    let rows = which_of(scope, version, which).all(conn).await?;
    Ok(named(conn, scope, rows).await?.pop())
}

pub async fn lock(
    tx: &WriteTx,
    scope: Scope,
    version: VersionId,
    which: EvidenceRef,
) -> Result<Option<Reported>, Error> {
    let rows = which_of(scope, version, which).lock_exclusive().all(&tx.conn()).await?;
    Ok(named(&tx.conn(), scope, rows).await?.pop())
}

pub async fn count(tx: &WriteTx, version: VersionId) -> Result<u64, Error> {
    let all = reported_evidence::Entity::find().filter(reported_evidence::COLUMN.version_id.eq(version));
    Ok(all.count(&tx.conn()).await?)
}

/// What the same key said of the same kind and name about a version, newest first.
pub async fn line(
    tx: &WriteTx,
    scope: Scope,
    (version, key, kind, document): (VersionId, TrustKeyId, Kind, Option<&str>),
) -> Result<Vec<Reported>, Error> {
    let mut query = of(scope, version)
        .filter(reported_evidence::COLUMN.trust_key_id.eq(key))
        .filter(reported_evidence::COLUMN.kind.eq(kind.name()));
    query = match document {
        Some(name) => query.filter(reported_evidence::COLUMN.document.eq(name)),
        None => query.filter(reported_evidence::COLUMN.document.is_null()),
    };
    let rows = query.order_by_desc(reported_evidence::Column::IssuedAt).all(&tx.conn()).await?;
    named(&tx.conn(), scope, rows).await
}

pub async fn insert(tx: &WriteTx, new: &Reported, stored: Stored) -> Result<(), Error> {
    let row = reported_evidence::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        version_id: Set(new.version),
        trust_key_id: Set(new.key.id),
        kind: Set(new.kind.name().to_owned()),
        document: Set(new.document.clone()),
        title: Set(new.title.clone()),
        method: Set(new.method.clone()),
        basis: Set(new.basis.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?),
        issued_at: Set(new.issued_at),
        measured_at: Set(new.measured_at),
        valid_until: Set(new.valid_until),
        digest: Set(new.digest.to_string()),
        submitted_by: Set(new.submitted_by),
        submitted_at: Set(new.submitted_at),
        state: Set(new.state.name().to_owned()),
        closed_at: Set(None),
        closed_by: Set(None),
        closed_reason: Set(None),
    };
    reported_evidence::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    let statement = reported_statement::ActiveModel {
        evidence_id: Set(new.id),
        body: Set(stored.body),
        bundle: Set(stored.bundle),
    };
    reported_statement::Entity::insert(statement).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Ends a record; the database itself refuses to end it twice.
pub async fn close(
    tx: &WriteTx,
    id: EvidenceId,
    state: State,
    by: AccountId,
    reason: Option<&str>,
) -> Result<(), Error> {
    reported_evidence::Entity::update_many()
        .col_expr(reported_evidence::Column::State, Expr::value(state.name()))
        .col_expr(reported_evidence::Column::ClosedAt, Expr::value(tx.at()))
        .col_expr(reported_evidence::Column::ClosedBy, Expr::value(by))
        .col_expr(reported_evidence::Column::ClosedReason, Expr::value(reason.map(str::to_owned)))
        .filter(reported_evidence::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// The statement of a record that the caller was allowed to find.
pub(crate) async fn statement(conn: &DatabaseExecutor<'_>, id: EvidenceId) -> Result<Stored, Error> {
    let row = reported_statement::Entity::find_by_id(id).one(conn).await?;
    let row = row.ok_or_else(|| Error::internal(format!("reported evidence {id} has no statement")))?;
    Ok(Stored { body: row.body, bundle: row.bundle })
}

/// What runs measured, newest first, one more than the page asks for. Without the bodies.
pub(crate) async fn measured_of_version(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    version: VersionId,
    page: PageRequest,
) -> Result<Vec<Measured>, Error> {
    let mut query = measured(scope, version).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(evidence::COLUMN.id.lt(EvidenceId(after)));
    }
    let rows = headers(query).into_tuple().all(conn).await?;
    with_requesters(conn, rows).await
}

/// The newest measured record of that id or digest, and its body.
pub(crate) async fn find_measured(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    version: VersionId,
    which: EvidenceRef,
) -> Result<Option<(Measured, String)>, Error> {
    let query = match which {
        EvidenceRef::Id(id) => measured(scope, version).filter(evidence::COLUMN.id.eq(id)),
        EvidenceRef::Digest(digest) => measured(scope, version).filter(evidence::COLUMN.digest.eq(digest.to_string())),
    };
    let Some(row) = query.one(conn).await? else { return Ok(None) };
    let header = (row.id, row.run_id, row.kind, row.digest, row.created_at);
    let found = with_requesters(conn, vec![header]).await?.pop();
    Ok(found.map(|found| (found, row.body)))
}

type Header = (EvidenceId, RunId, String, String, DateTime<Utc>);

fn headers(query: Select<evidence::Entity>) -> Select<evidence::Entity> {
    query.select_only().columns([
        evidence::Column::Id,
        evidence::Column::RunId,
        evidence::Column::Kind,
        evidence::Column::Digest,
        evidence::Column::CreatedAt,
    ])
}

async fn with_requesters(conn: &DatabaseExecutor<'_>, rows: Vec<Header>) -> Result<Vec<Measured>, Error> {
    let runs: BTreeSet<_> = rows.iter().map(|(_, run, ..)| *run).collect();
    let asked: HashMap<RunId, AccountId> = validation_run::Entity::find()
        .select_only()
        .columns([validation_run::Column::Id, validation_run::Column::RequestedBy])
        .filter(validation_run::COLUMN.id.is_in(runs))
        .into_tuple()
        .all(conn)
        .await?
        .into_iter()
        .collect();
    rows.into_iter()
        .map(|(id, run, kind, digest, created_at)| {
            Ok(Measured {
                id,
                run,
                kind: EvidenceKind::parse(&kind)?,
                digest: Digest::parse(&digest).map_err(|e| Error::internal(e.0))?,
                created_at,
                requested_by: *asked.get(&run).ok_or_else(|| Error::internal("evidence of a run that is not there"))?,
            })
        })
        .collect()
}

/// Newest first.
fn measured(scope: Scope, version: VersionId) -> Select<evidence::Entity> {
    let all = evidence::Entity::find().filter(evidence::COLUMN.version_id.eq(version));
    let all = all.order_by_desc(evidence::Column::Id);
    match scope {
        Scope::Instance => all,
        Scope::Workspace(id) => all.filter(evidence::COLUMN.workspace_id.eq(id)),
    }
}

fn which_of(scope: Scope, version: VersionId, which: EvidenceRef) -> Select<reported_evidence::Entity> {
    match which {
        EvidenceRef::Id(id) => of(scope, version).filter(reported_evidence::COLUMN.id.eq(id)),
        EvidenceRef::Digest(digest) => {
            of(scope, version).filter(reported_evidence::COLUMN.digest.eq(digest.to_string()))
        }
    }
}

fn of(scope: Scope, version: VersionId) -> Select<reported_evidence::Entity> {
    visible(scope).filter(reported_evidence::COLUMN.version_id.eq(version))
}

fn visible(scope: Scope) -> Select<reported_evidence::Entity> {
    match scope {
        Scope::Instance => reported_evidence::Entity::find(),
        Scope::Workspace(id) => reported_evidence::Entity::find().filter(reported_evidence::COLUMN.workspace_id.eq(id)),
    }
}

/// Says of each row who signed it.
async fn named(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    rows: Vec<reported_evidence::Model>,
) -> Result<Vec<Reported>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = trust::store::all(conn, scope).await?;
    let keys: HashMap<_, _> = keys.into_iter().map(|key| (key.id, key)).collect();
    rows.into_iter()
        .map(|row| {
            let key = keys.get(&row.trust_key_id);
            to_reported(row, key.ok_or_else(|| Error::internal("reported by a key that is not listed"))?)
        })
        .collect()
}

fn to_reported(row: reported_evidence::Model, key: &TrustKey) -> Result<Reported, Error> {
    let unreadable = |e: crate::core::Malformed| Error::internal(e.0);
    Ok(Reported {
        id: row.id,
        workspace: row.workspace_id,
        version: row.version_id,
        kind: Kind::parse(&row.kind).map_err(unreadable)?,
        document: row.document,
        title: row.title,
        method: row.method,
        basis: row.basis.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
        issued_at: row.issued_at,
        measured_at: row.measured_at,
        valid_until: row.valid_until,
        digest: Digest::parse(&row.digest).map_err(unreadable)?,
        key: ReportingKey::from(key),
        submitted_by: row.submitted_by,
        submitted_at: row.submitted_at,
        state: State::parse(&row.state).map_err(unreadable)?,
        closed: row.closed_at.zip(row.closed_by).map(|(at, by)| Closed { at, by, reason: row.closed_reason }),
    })
}

impl From<&TrustKey> for ReportingKey {
    fn from(key: &TrustKey) -> Self {
        Self { id: key.id, name: key.name.clone(), fingerprint: key.fingerprint.clone(), revoked_at: key.revoked_at }
    }
}
