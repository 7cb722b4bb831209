//! The only SQL about datasets.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::DatasetId,
        page::{Page, PageRequest},
    },
    datasets::Dataset,
    db::{Reader, WriteTx, entity::dataset},
    error::Error,
};
use sea_orm::{ColumnTrait, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr};

pub(crate) async fn find(conn: &DatabaseExecutor<'_>, scope: Scope, name: &str) -> Result<Option<Dataset>, Error> {
    visible(scope).filter(dataset::COLUMN.name.eq(name)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn find_by_id(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    id: DatasetId,
) -> Result<Option<Dataset>, Error> {
    visible(scope).filter(dataset::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Dataset>, Error> {
    let mut query = visible(reader.scope()).order_by_asc(dataset::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(dataset::COLUMN.id.gt(DatasetId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

pub async fn insert(tx: &WriteTx, new: &Dataset) -> Result<(), Error> {
    let row = dataset::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        name: Set(new.name.clone()),
        sha256: Set(new.digest.to_string()),
        size_bytes: Set(new.size_bytes),
        row_count: Set(new.rows),
        description: Set(serde_json::to_string(&new.description).map_err(Error::internal)?),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
    };
    dataset::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            let detail = format!("a dataset named {} exists; datasets never change, so take a new name", new.name);
            Error::conflict("dataset_name_taken", detail)
        }
        _ => e.into(),
    })?;
    Ok(())
}

fn visible(scope: Scope) -> Select<dataset::Entity> {
    match scope {
        Scope::Instance => dataset::Entity::find(),
        Scope::Workspace(id) => dataset::Entity::find().filter(dataset::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<dataset::Model> for Dataset {
    type Error = Error;

    fn try_from(row: dataset::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            name: row.name,
            digest: Digest::parse(&row.sha256).map_err(|e| Error::internal(e.0))?,
            size_bytes: row.size_bytes,
            rows: row.row_count,
            description: serde_json::from_str(&row.description).map_err(Error::internal)?,
            created_by: row.created_by,
            created_at: row.created_at,
        })
    }
}
