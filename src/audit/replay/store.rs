//! The only SQL about replaying: all rows of all tables, and records without a place yet.

use crate::{
    audit::{
        changes::{self, tables::TABLES},
        replay::Tables,
    },
    db::{
        Reader,
        entity::{audit_event, audit_leaf},
    },
    error::Error,
};
use plimsoll_migrations::capture;
use sea_orm::{
    EntityTrait, QueryFilter, QueryOrder, QuerySelect,
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
