//! The only SQL about records that somebody answers for.

use crate::{
    accountability::{Body, Held, Kind, Record},
    authz::Scope,
    constraints::words::Words,
    core::{
        canonical,
        digest::Digest,
        ids::{AccountId, EnvironmentId, ModelId, RecordId, RecordRevisionId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{account, accountability_record, accountability_revision, model, model_owner},
    },
    error::Error,
    models::Accountability,
    oversight::Reach,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType, OnConflict},
};
use std::collections::HashMap;

/// What a sweep takes on at once.
const BATCH: u64 = 500;

/// Which records a list has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub model: Option<ModelId>,
    pub environment: Option<EnvironmentId>,
    pub kind: Option<Kind>,
}

/// One revision as it was written.
#[derive(Clone, Debug)]
pub struct Revision {
    pub number: i64,
    pub owner: AccountId,
    pub review_by: DateTime<Utc>,
    pub digest: Digest,
    pub revised_by: AccountId,
    pub revised_at: DateTime<Utc>,
}

/// The model and the environment in one text, which is unique where one of the two is absent.
fn place(reach: Reach) -> String {
    let named = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
    let (model, environment) = (reach.model.map(|id| id.to_string()), reach.environment.map(|id| id.to_string()));
    format!("{}/{}", named(model), named(environment))
}

pub(crate) async fn find(
    conn: &Conn<'_>,
    scope: Scope,
    reach: Reach,
    kind: Kind,
    name: &str,
) -> Result<Option<Record>, Error> {
    of_that_name(scope, reach, kind, name).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn lock(
    tx: &WriteTx,
    scope: Scope,
    reach: Reach,
    kind: Kind,
    name: &str,
) -> Result<Option<Record>, Error> {
    let query = of_that_name(scope, reach, kind, name).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn lock_by_id(tx: &WriteTx, scope: Scope, id: RecordId) -> Result<Option<Record>, Error> {
    let query = visible(scope).filter(accountability_record::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// Every record that bears on a model in an environment, oldest first, with its owner.
pub(crate) async fn reaching(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    environment: EnvironmentId,
) -> Result<Vec<Held>, Error> {
    let (of_model, of_environment) =
        (accountability_record::COLUMN.model_id, accountability_record::COLUMN.environment_id);
    let rows = visible(scope)
        .filter(of_model.is_null().or(of_model.eq(model)))
        .filter(of_environment.is_null().or(of_environment.eq(environment)))
        .order_by_asc(accountability_record::Column::Id)
        .all(conn)
        .await?;
    hold(conn, rows).await
}

/// Adds what is known of the owners.
async fn hold(conn: &Conn<'_>, rows: Vec<accountability_record::Model>) -> Result<Vec<Held>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let owners: Vec<_> = rows.iter().map(|row| row.owner_id).collect();
    let owners = account::Entity::find().filter(account::COLUMN.id.is_in(owners)).all(conn).await?;
    let owners: HashMap<_, _> = owners.into_iter().map(|row| (row.id, (row.name, row.state == "active"))).collect();
    let held = |row: accountability_record::Model| {
        let (owner, owner_is_active) = owners.get(&row.owner_id).cloned().unwrap_or_default();
        Ok(Held { record: row.try_into()?, owner, owner_is_active })
    };
    rows.into_iter().map(held).collect()
}

pub(crate) async fn active(conn: &Conn<'_>, id: AccountId) -> Result<bool, Error> {
    let row = account::Entity::find_by_id(id).one(conn).await?;
    Ok(row.is_some_and(|row| row.state == "active"))
}

/// Active people by what they answer for.
pub(crate) async fn owners_of(conn: &Conn<'_>, model: ModelId) -> Result<Vec<(Accountability, String)>, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(model)).all(conn).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.account_id).collect();
    let people = account::Entity::find()
        .filter(account::COLUMN.id.is_in(ids))
        .filter(account::COLUMN.state.eq("active"))
        .all(conn)
        .await?;
    let mut owners = Vec::new();
    for row in rows {
        let accountability = Accountability::parse(&row.accountability).map_err(|e| Error::internal(e.0))?;
        let person = people.iter().find(|person| person.id == row.account_id);
        owners.extend(person.map(|person| (accountability, person.name.clone())));
    }
    Ok(owners)
}

/// Oldest first.
pub(crate) async fn list(reader: &Reader<'_>, filter: Filter, page: PageRequest) -> Result<Page<Held>, Error> {
    let mut query = visible(reader.scope());
    if let Some(model) = filter.model {
        query = query.filter(accountability_record::COLUMN.model_id.eq(model));
    }
    if let Some(environment) = filter.environment {
        query = query.filter(accountability_record::COLUMN.environment_id.eq(environment));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(accountability_record::COLUMN.kind.eq(kind.word()));
    }
    if let Some(after) = page.after {
        query = query.filter(accountability_record::COLUMN.id.gt(RecordId(after)));
    }
    let query = query.order_by_asc(accountability_record::Column::Id).limit(page.limit + 1);
    let page = Page::from_rows(query.all(reader.conn()).await?, page.limit, |row| row.id.0);
    Ok(Page { items: hold(reader.conn(), page.items).await?, next: page.next })
}

/// A record as it stands, with its owner.
pub(crate) async fn held(conn: &Conn<'_>, scope: Scope, id: RecordId) -> Result<Option<Held>, Error> {
    let rows = visible(scope).filter(accountability_record::COLUMN.id.eq(id)).all(conn).await?;
    Ok(hold(conn, rows).await?.pop())
}

/// Newest first.
pub(crate) async fn revisions(conn: &Conn<'_>, id: RecordId) -> Result<Vec<Revision>, Error> {
    let rows = accountability_revision::Entity::find()
        .filter(accountability_revision::COLUMN.record_id.eq(id))
        .order_by_desc(accountability_revision::Column::Revision)
        .limit(BATCH)
        .all(conn)
        .await?;
    let revision = |row: accountability_revision::Model| {
        Ok(Revision {
            number: row.revision,
            owner: row.owner_id,
            review_by: row.review_by,
            digest: Digest::parse(&row.digest).map_err(|e| Error::internal(e.0))?,
            revised_by: row.revised_by,
            revised_at: row.revised_at,
        })
    };
    rows.into_iter().map(revision).collect()
}

/// Records that have lapsed and of which nobody has written so yet.
pub(crate) async fn unwritten_lapses(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Record>, Error> {
    let rows = visible(reader.scope())
        .filter(accountability_record::COLUMN.review_by.lte(now))
        .filter(accountability_record::COLUMN.lapsed_at.is_null())
        .order_by_asc(accountability_record::Column::Id)
        .limit(BATCH)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn owned_by(conn: &Conn<'_>, scope: Scope, owner: AccountId) -> Result<Vec<Record>, Error> {
    let rows = visible(scope)
        .filter(accountability_record::COLUMN.owner_id.eq(owner))
        .order_by_asc(accountability_record::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The models that an account answers for, and what for.
pub(crate) async fn answered_by(
    conn: &Conn<'_>,
    scope: Scope,
    owner: AccountId,
) -> Result<Vec<(ModelId, Accountability)>, Error> {
    let models = match scope {
        Scope::Instance => model::Entity::find(),
        Scope::Workspace(id) => model::Entity::find().filter(model::COLUMN.workspace_id.eq(id)),
    };
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.account_id.eq(owner)).all(conn).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.model_id).collect();
    let here: Vec<ModelId> = models
        .filter(model::COLUMN.id.is_in(ids))
        .select_only()
        .column(model::Column::Id)
        .into_tuple()
        .all(conn)
        .await?;
    let mut answered = Vec::new();
    for row in rows.into_iter().filter(|row| here.contains(&row.model_id)) {
        let accountability = Accountability::parse(&row.accountability).map_err(|e| Error::internal(e.0))?;
        answered.push((row.model_id, accountability));
    }
    answered.sort_unstable();
    Ok(answered)
}

/// Writes the first revision of a record; `false` if somebody else wrote one at the same moment.
pub(crate) async fn insert(tx: &WriteTx, new: &Record) -> Result<bool, Error> {
    let row = accountability_record::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        place: Set(place(new.reach)),
        model_id: Set(new.reach.model),
        environment_id: Set(new.reach.environment),
        kind: Set(new.kind.word().to_owned()),
        name: Set(new.name.clone()),
        revision: Set(new.revision),
        owner_id: Set(new.owner),
        review_by: Set(new.review_by),
        digest: Set(new.digest.to_string()),
        body: Set(written(&new.body)?),
        revised_by: Set(new.revised_by),
        revised_at: Set(new.revised_at),
        lapsed_at: Set(None),
    };
    let unless_it_is_there = OnConflict::new().do_nothing().to_owned();
    let inserted = accountability_record::Entity::insert(row)
        .on_conflict(unless_it_is_there)
        .exec_without_returning(&tx.conn())
        .await;
    match inserted {
        Ok(0) | Err(sea_orm::DbErr::RecordNotInserted) => return Ok(false),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    insert_revision(tx, new).await?;
    Ok(true)
}

/// Writes one more revision.
pub(crate) async fn revise(tx: &WriteTx, record: &Record) -> Result<(), Error> {
    accountability_record::Entity::update_many()
        .col_expr(accountability_record::Column::Revision, Expr::value(record.revision))
        .col_expr(accountability_record::Column::OwnerId, Expr::value(record.owner))
        .col_expr(accountability_record::Column::ReviewBy, Expr::value(record.review_by))
        .col_expr(accountability_record::Column::Digest, Expr::value(record.digest.to_string()))
        .col_expr(accountability_record::Column::Body, Expr::value(written(&record.body)?))
        .col_expr(accountability_record::Column::RevisedBy, Expr::value(record.revised_by))
        .col_expr(accountability_record::Column::RevisedAt, Expr::value(record.revised_at))
        .col_expr(accountability_record::Column::LapsedAt, Expr::value(record.lapsed_at))
        .filter(accountability_record::COLUMN.id.eq(record.id))
        .exec(&tx.conn())
        .await?;
    insert_revision(tx, record).await
}

/// Writes down that nobody looked at it in time.
pub(crate) async fn set_lapsed(tx: &WriteTx, id: RecordId) -> Result<(), Error> {
    accountability_record::Entity::update_many()
        .col_expr(accountability_record::Column::LapsedAt, Expr::value(tx.at()))
        .filter(accountability_record::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

async fn insert_revision(tx: &WriteTx, record: &Record) -> Result<(), Error> {
    let row = accountability_revision::ActiveModel {
        id: Set(RecordRevisionId::generate()),
        record_id: Set(record.id),
        revision: Set(record.revision),
        owner_id: Set(record.owner),
        review_by: Set(record.review_by),
        digest: Set(record.digest.to_string()),
        body: Set(written(&record.body)?),
        revised_by: Set(record.revised_by),
        revised_at: Set(record.revised_at),
    };
    accountability_revision::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

fn written(body: &Body) -> Result<String, Error> {
    canonical::to_string(body).map_err(Error::internal)
}

fn of_that_name(scope: Scope, reach: Reach, kind: Kind, name: &str) -> Select<accountability_record::Entity> {
    visible(scope)
        .filter(accountability_record::COLUMN.place.eq(place(reach)))
        .filter(accountability_record::COLUMN.kind.eq(kind.word()))
        .filter(accountability_record::COLUMN.name.eq(name))
}

fn visible(scope: Scope) -> Select<accountability_record::Entity> {
    match scope {
        Scope::Instance => accountability_record::Entity::find(),
        Scope::Workspace(id) => {
            accountability_record::Entity::find().filter(accountability_record::COLUMN.workspace_id.eq(id))
        }
    }
}

impl TryFrom<accountability_record::Model> for Record {
    type Error = Error;

    fn try_from(row: accountability_record::Model) -> Result<Self, Error> {
        let kind = Kind::parse(&row.kind).map_err(|e| Error::internal(e.0))?;
        let body = serde_json::from_str(&row.body).map_err(Error::internal)?;
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            kind,
            name: row.name,
            reach: Reach { model: row.model_id, version: None, environment: row.environment_id },
            revision: row.revision,
            owner: row.owner_id,
            review_by: row.review_by,
            digest: Digest::parse(&row.digest).map_err(|e| Error::internal(e.0))?,
            body: Body::parse(kind, &body)?,
            revised_by: row.revised_by,
            revised_at: row.revised_at,
            lapsed_at: row.lapsed_at,
        })
    }
}
