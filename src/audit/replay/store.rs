//! The only SQL about replaying: all rows of all tables, and records without a place yet.

use crate::{
    audit::{
        changes::{self, tables::TABLES},
        leaf::Outcome,
        replay::Tables,
    },
    authz::{Action, Scope},
    db::{
        Reader,
        entity::{audit_event, audit_leaf},
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

/// Records that are committed and wait for their place.
pub async fn unplaced(reader: &Reader<'_>) -> Result<Vec<String>, Error> {
    let mut placed = Query::select();
    placed.column(audit_leaf::Column::EventId).from(audit_leaf::Entity);
    let rows = audit_event::Entity::find()
        .select_only()
        .column(audit_event::Column::Leaf)
        .filter(Expr::col(audit_event::Column::Id).not_in_subquery(placed))
        .order_by_asc(audit_event::Column::Id)
        .into_tuple::<String>()
        .all(reader.conn())
        .await?;
    Ok(rows)
}

/// The last event of the scope at a time or before.
pub async fn last_until(reader: &Reader<'_>, at: DateTime<Utc>) -> Result<Option<i64>, Error> {
    let query = visible(reader.scope()).filter(audit_event::COLUMN.at.lte(at));
    let last = query.select_only().column(audit_event::Column::Id).order_by_desc(audit_event::Column::Id);
    Ok(last.into_tuple::<i64>().one(reader.conn()).await?)
}

/// Ids and leaves of events in the scope that can have changed a row, in the order in which they
/// took effect. Pulls and refusals, which are most of a log, change none.
pub async fn changing(reader: &Reader<'_>, after: i64, last: i64, limit: u64) -> Result<Vec<(i64, String)>, Error> {
    let rows = visible(reader.scope())
        .filter(audit_event::COLUMN.id.gt(after))
        .filter(audit_event::COLUMN.id.lte(last))
        .filter(audit_event::COLUMN.outcome.eq(Outcome::Done.name()))
        .filter(audit_event::COLUMN.action.ne(Action::ReleasePull.name()))
        .select_only()
        .columns([audit_event::Column::Id, audit_event::Column::Leaf])
        .order_by_asc(audit_event::Column::Id)
        .limit(limit)
        .into_tuple::<(i64, String)>()
        .all(reader.conn())
        .await?;
    Ok(rows)
}

fn visible(scope: Scope) -> Select<audit_event::Entity> {
    match scope {
        Scope::Instance => audit_event::Entity::find(),
        Scope::Workspace(id) => audit_event::Entity::find().filter(audit_event::COLUMN.workspace_id.eq(id)),
    }
}
