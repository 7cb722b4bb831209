//! The only SQL about replaying: all rows of all tables, and records without a place yet.

use crate::{
    audit::{
        changes::{self, tables::TABLES},
        leaf::{Leaf, LeafError, Outcome},
        replay::Tables,
        row, store as log,
    },
    authz::{Action, Scope},
    db::{
        Reader,
        entity::{audit_event, audit_leaf, row_change},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use plimsoll_migrations::capture;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};

/// Rows per statement.
const PAGE: u64 = 2_000;

/// A record as its row has it.
pub struct Record {
    pub id: i64,
    pub text: String,
    /// The leaf, and the columns that say something else.
    pub read: Result<(Leaf, Vec<&'static str>), LeafError>,
}

impl Record {
    fn of(row: audit_event::Model) -> Self {
        Self { id: row.id, read: row::read(&row), text: row.leaf }
    }
}

pub async fn tables(reader: &Reader<'_>) -> Result<Tables, Error> {
    let mut tables = Tables::default();
    for table in TABLES {
        let mut after = 0;
        loop {
            let page = capture::stored(reader.conn(), table.name, table.key, after, PAGE).await?;
            let count = page.len() as u64;
            for stored in page {
                let row = changes::row(table.name, &stored.row, stored.salt.as_deref()).map_err(Error::internal)?;
                tables.set(table.name, stored.key, row);
            }
            after += count;
            if count < PAGE {
                break;
            }
        }
    }
    Ok(tables)
}

/// Records `from..to` in their places, as their rows have them.
pub async fn placed(reader: &Reader<'_>, from: u64, to: u64) -> Result<Vec<Record>, Error> {
    Ok(log::rows(reader, from, to).await?.into_iter().map(Record::of).collect())
}

/// Changes that were noted and that no event tells of: table and key. A transaction of the service
/// leaves none behind.
pub async fn left_over(reader: &Reader<'_>) -> Result<Vec<(String, String)>, Error> {
    let rows = row_change::Entity::find().order_by_asc(row_change::Column::Id).all(reader.conn()).await?;
    Ok(rows.into_iter().map(|row| (row.table_name, row.row_key)).collect())
}

/// Records that are committed and wait for their place.
pub async fn unplaced(reader: &Reader<'_>) -> Result<Vec<Record>, Error> {
    let mut placed = Query::select();
    placed.column(audit_leaf::Column::EventId).from(audit_leaf::Entity);
    let rows = audit_event::Entity::find()
        .filter(Expr::col(audit_event::Column::Id).not_in_subquery(placed))
        .order_by_asc(audit_event::Column::Id)
        .all(reader.conn())
        .await?;
    Ok(rows.into_iter().map(Record::of).collect())
}

/// The last event of the scope at a time or before that can have changed a row.
pub async fn last_change_until(reader: &Reader<'_>, at: DateTime<Utc>) -> Result<Option<i64>, Error> {
    let query = changes(reader.scope()).filter(audit_event::COLUMN.at.lte(at));
    let last = query.select_only().column(audit_event::Column::Id).order_by_desc(audit_event::Column::Id);
    Ok(last.into_tuple::<i64>().one(reader.conn()).await?)
}

/// Ids and leaves of events in the scope that can have changed a row, in the order in which they
/// took effect.
pub async fn changing(reader: &Reader<'_>, after: i64, last: i64, limit: u64) -> Result<Vec<(i64, String)>, Error> {
    let rows = changes(reader.scope())
        .filter(audit_event::COLUMN.id.gt(after))
        .filter(audit_event::COLUMN.id.lte(last))
        .select_only()
        .columns([audit_event::Column::Id, audit_event::Column::Leaf])
        .order_by_asc(audit_event::Column::Id)
        .limit(limit)
        .into_tuple::<(i64, String)>()
        .all(reader.conn())
        .await?;
    Ok(rows)
}

/// Pulls and refusals, which are most of a log, change nothing.
fn changes(scope: Scope) -> Select<audit_event::Entity> {
    visible(scope)
        .filter(audit_event::COLUMN.outcome.eq(Outcome::Done.name()))
        .filter(audit_event::COLUMN.action.ne(Action::ReleasePull.name()))
}

fn visible(scope: Scope) -> Select<audit_event::Entity> {
    match scope {
        Scope::Instance => audit_event::Entity::find(),
        Scope::Workspace(id) => audit_event::Entity::find().filter(audit_event::COLUMN.workspace_id.eq(id)),
    }
}
