//! The only SQL about models.

use crate::{
    authz::Scope,
    core::{
        ids::{AccountId, ModelId},
        name::Name,
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{account, model, model_owner},
    },
    error::Error,
    models::{Accountability, Model, OwnerNames, RiskTier},
};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::{Expr, LikeExpr, LockType},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) async fn find(conn: &DatabaseExecutor<'_>, scope: Scope, name: &str) -> Result<Option<Model>, Error> {
    visible(scope).filter(model::COLUMN.name.eq(name)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn find_by_id(conn: &DatabaseExecutor<'_>, scope: Scope, id: ModelId) -> Result<Option<Model>, Error> {
    visible(scope).filter(model::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

/// The names of several, by id.
pub(crate) async fn names(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    ids: impl IntoIterator<Item = ModelId>,
) -> Result<HashMap<ModelId, String>, Error> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows = visible(scope).filter(model::COLUMN.id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Keyset page. All of them by id, which is time-ordered, so that "after this id" is stable under inserts; those whose
/// name begins with something by their names.
pub async fn list(reader: &Reader<'_>, beginning: Option<&str>, page: PageRequest) -> Result<Page<Model>, Error> {
    let mut query = visible(reader.scope()).limit(page.limit + 1);
    if let Some(beginning) = beginning {
        // A range is an index range on every database, and `z` is the last letter of names. What sorts into it by the
        // database's own order and begins otherwise is left out by the pattern.
        let beginning = beginning.to_lowercase();
        let end = format!("{beginning:z<0$}", Name::MAX_CHARS);
        let pattern = LikeExpr::new(format!("{}%", escape_like(&beginning))).escape('\\');
        query = query
            .filter(model::COLUMN.name.gte(beginning))
            .filter(model::COLUMN.name.lte(end))
            .filter(Expr::col(model::Column::Name).like(pattern))
            .order_by_asc(model::Column::Name);
        if let Some(after) = page.after {
            let last = visible(reader.scope()).filter(model::COLUMN.id.eq(ModelId(after))).one(reader.conn()).await?;
            // No model is ever removed; one of elsewhere is after all.
            let Some(last) = last else { return Ok(Page { items: Vec::new(), next: None }) };
            query = query.filter(model::COLUMN.name.gt(last.name));
        }
    } else {
        query = query.order_by_asc(model::Column::Id);
        if let Some(after) = page.after {
            query = query.filter(model::COLUMN.id.gt(ModelId(after)));
        }
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Others may go on to refer to it: who waits for them here would wait for who waits for them.
pub async fn lock(tx: &WriteTx, scope: Scope, name: &str) -> Result<Option<Model>, Error> {
    let query = visible(scope).filter(model::COLUMN.name.eq(name)).lock(LockType::NoKeyUpdate);
    let row = query.one(&tx.conn()).await?;
    row.map(TryInto::try_into).transpose()
}

/// One after the other in the order of their ids, so that two that lock several never wait for each other.
pub(crate) async fn lock_all(tx: &WriteTx, scope: Scope, ids: &BTreeSet<ModelId>) -> Result<(), Error> {
    let query = visible(scope).filter(model::COLUMN.id.is_in(ids.iter().copied()));
    query.order_by_asc(model::Column::Id).lock(LockType::NoKeyUpdate).all(&tx.conn()).await?;
    Ok(())
}

/// The record is not revised before the end of the transaction.
pub async fn lock_shared(tx: &WriteTx, scope: Scope, name: &str) -> Result<Option<Model>, Error> {
    let row = visible(scope).filter(model::COLUMN.name.eq(name)).lock_shared().one(&tx.conn()).await?;
    row.map(TryInto::try_into).transpose()
}

pub async fn insert(tx: &WriteTx, new: &Model) -> Result<(), Error> {
    let row = model::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        name: Set(new.name.clone()),
        title: Set(new.title.clone()),
        intended_use: Set(new.intended_use.clone()),
        prohibited_use: Set(new.prohibited_use.clone()),
        risk_tier: Set(new.risk_tier.name().to_owned()),
        revision: Set(new.revision),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
    };
    model::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("model_name_taken", format!("a model named {} exists", new.name))
        }
        _ => e.into(),
    })?;
    Ok(())
}

pub async fn update(tx: &WriteTx, model: &Model) -> Result<(), Error> {
    model::Entity::update_many()
        .col_expr(model::Column::Title, Expr::value(model.title.as_str()))
        .col_expr(model::Column::IntendedUse, Expr::value(model.intended_use.as_str()))
        .col_expr(model::Column::ProhibitedUse, Expr::value(model.prohibited_use.as_str()))
        .col_expr(model::Column::RiskTier, Expr::value(model.risk_tier.name()))
        .col_expr(model::Column::Revision, Expr::value(model.revision))
        .filter(model::COLUMN.id.eq(model.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub async fn set_owners(tx: &WriteTx, id: ModelId, owners: &BTreeMap<Accountability, AccountId>) -> Result<(), Error> {
    model_owner::Entity::delete_many().filter(model_owner::COLUMN.model_id.eq(id)).exec(&tx.conn()).await?;
    let rows = owners.iter().map(|(accountability, account)| model_owner::ActiveModel {
        model_id: Set(id),
        accountability: Set(accountability.name().to_owned()),
        account_id: Set(*account),
    });
    model_owner::Entity::insert_many(rows).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// What somebody answers for of a model, whether they still do or not.
pub(crate) async fn answered(conn: &DatabaseExecutor<'_>, id: ModelId) -> Result<BTreeSet<Accountability>, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(id)).all(conn).await?;
    let parse = |row: model_owner::Model| Accountability::parse(&row.accountability);
    rows.into_iter().map(parse).collect::<Result<_, _>>().map_err(|e| Error::internal(e.0))
}

pub async fn owners(reader: &Reader<'_>, id: ModelId) -> Result<OwnerNames, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(id)).all(reader.conn()).await?;
    let mut owners = OwnerNames::new();
    for row in rows {
        let account = account::Entity::find_by_id(row.account_id).one(reader.conn()).await?;
        let accountability = Accountability::parse(&row.accountability).map_err(|e| Error::internal(e.0))?;
        owners.extend(account.map(|account| (accountability, account.name)));
    }
    Ok(owners)
}

/// Every read starts here, so no query can forget the caller's scope.
fn visible(scope: Scope) -> Select<model::Entity> {
    match scope {
        Scope::Instance => model::Entity::find(),
        Scope::Workspace(id) => model::Entity::find().filter(model::COLUMN.workspace_id.eq(id)),
    }
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

impl TryFrom<model::Model> for Model {
    type Error = Error;

    fn try_from(row: model::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            name: row.name,
            title: row.title,
            intended_use: row.intended_use,
            prohibited_use: row.prohibited_use,
            risk_tier: RiskTier::parse(&row.risk_tier).map_err(|e| Error::internal(e.0))?,
            revision: row.revision,
            created_by: row.created_by,
            created_at: row.created_at,
        })
    }
}
