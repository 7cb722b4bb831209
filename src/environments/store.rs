//! The only SQL about environments and their documents.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{EnvironmentId, RevisionId},
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{environment, environment_revision},
    },
    environments::{Current, DocumentKind, Environment, Revision},
    error::Error,
};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::LockType,
};
use std::collections::{BTreeSet, HashMap};

pub(crate) async fn find(conn: &DatabaseExecutor<'_>, scope: Scope, name: &str) -> Result<Option<Environment>, Error> {
    Ok(visible(scope).filter(environment::COLUMN.name.eq(name)).one(conn).await?.map(Environment::from))
}

pub(crate) async fn find_by_id(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    id: EnvironmentId,
) -> Result<Option<Environment>, Error> {
    Ok(visible(scope).filter(environment::COLUMN.id.eq(id)).one(conn).await?.map(Environment::from))
}

/// The names of several, by id.
pub(crate) async fn names(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    ids: BTreeSet<EnvironmentId>,
) -> Result<HashMap<EnvironmentId, String>, Error> {
    let rows = visible(scope).filter(environment::COLUMN.id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Environment>, Error> {
    let mut query = visible(reader.scope()).order_by_asc(environment::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(environment::COLUMN.id.gt(EnvironmentId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id.0).map(Environment::from))
}

pub(crate) async fn lock(tx: &WriteTx, scope: Scope, name: &str) -> Result<Option<Environment>, Error> {
    let query = visible(scope).filter(environment::COLUMN.name.eq(name)).lock(LockType::NoKeyUpdate);
    Ok(query.one(&tx.conn()).await?.map(Environment::from))
}

/// One after the other in the order of their ids, so that two that lock several never wait for each other.
pub(crate) async fn lock_all(tx: &WriteTx, scope: Scope, ids: &BTreeSet<EnvironmentId>) -> Result<(), Error> {
    let query = visible(scope).filter(environment::COLUMN.id.is_in(ids.iter().copied()));
    query.order_by_asc(environment::Column::Id).lock(LockType::NoKeyUpdate).all(&tx.conn()).await?;
    Ok(())
}

pub async fn insert(tx: &WriteTx, new: &Environment) -> Result<(), Error> {
    let row = environment::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        name: Set(new.name.clone()),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
    };
    environment::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("environment_name_taken", format!("an environment named {} exists", new.name))
        }
        _ => e.into(),
    })?;
    Ok(())
}

pub async fn insert_revision(tx: &WriteTx, environment: &Environment, new: &Revision) -> Result<(), Error> {
    let row = environment_revision::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(environment.workspace),
        environment_id: Set(environment.id),
        kind: Set(new.kind.name().to_owned()),
        revision: Set(new.number),
        digest: Set(new.digest.to_string()),
        body: Set(new.body.clone()),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
    };
    environment_revision::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// The revision of a kind that holds now: the last one.
pub(crate) async fn current(
    conn: &DatabaseExecutor<'_>,
    environment: EnvironmentId,
    kind: DocumentKind,
) -> Result<Option<Revision>, Error> {
    let row = environment_revision::Entity::find()
        .filter(environment_revision::COLUMN.environment_id.eq(environment))
        .filter(environment_revision::COLUMN.kind.eq(kind.name()))
        .order_by_desc(environment_revision::Column::Revision)
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// All revisions of a kind, the newest first.
pub(crate) async fn revisions(
    reader: &Reader<'_>,
    environment: EnvironmentId,
    kind: DocumentKind,
    page: PageRequest,
) -> Result<Page<Revision>, Error> {
    let mut query = environment_revision::Entity::find()
        .filter(environment_revision::COLUMN.environment_id.eq(environment))
        .filter(environment_revision::COLUMN.kind.eq(kind.name()))
        .order_by_desc(environment_revision::Column::Id)
        .limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(environment_revision::COLUMN.id.lt(RevisionId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// One revision of a kind by its number.
pub(crate) async fn numbered(
    conn: &DatabaseExecutor<'_>,
    environment: EnvironmentId,
    kind: DocumentKind,
    number: i64,
) -> Result<Option<Revision>, Error> {
    let row = environment_revision::Entity::find()
        .filter(environment_revision::COLUMN.environment_id.eq(environment))
        .filter(environment_revision::COLUMN.kind.eq(kind.name()))
        .filter(environment_revision::COLUMN.revision.eq(number))
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Every environment by name, at most 200, with the policy that holds there.
pub(crate) async fn policies(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
) -> Result<Vec<(String, Option<Revision>)>, Error> {
    let mut all = Vec::new();
    for row in visible(scope).order_by_asc(environment::Column::Name).limit(200).all(conn).await? {
        all.push((row.name, current(conn, row.id, DocumentKind::Policy).await?));
    }
    Ok(all)
}

pub(crate) async fn all_current(conn: &DatabaseExecutor<'_>, id: EnvironmentId) -> Result<Current, Error> {
    Ok(Current {
        profile: current(conn, id, DocumentKind::Profile).await?,
        constraints: current(conn, id, DocumentKind::Constraints).await?,
        policy: current(conn, id, DocumentKind::Policy).await?,
    })
}

pub(crate) async fn revision(conn: &DatabaseExecutor<'_>, id: RevisionId) -> Result<Option<Revision>, Error> {
    environment_revision::Entity::find_by_id(id).one(conn).await?.map(TryInto::try_into).transpose()
}

fn visible(scope: Scope) -> Select<environment::Entity> {
    match scope {
        Scope::Instance => environment::Entity::find(),
        Scope::Workspace(id) => environment::Entity::find().filter(environment::COLUMN.workspace_id.eq(id)),
    }
}

impl From<environment::Model> for Environment {
    fn from(row: environment::Model) -> Self {
        Self {
            id: row.id,
            workspace: row.workspace_id,
            name: row.name,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

impl TryFrom<environment_revision::Model> for Revision {
    type Error = Error;

    fn try_from(row: environment_revision::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            kind: DocumentKind::parse(&row.kind).map_err(|e| Error::internal(e.0))?,
            number: row.revision,
            digest: Digest::parse(&row.digest).map_err(|e| Error::internal(e.0))?,
            body: row.body,
            created_by: row.created_by,
            created_at: row.created_at,
        })
    }
}
