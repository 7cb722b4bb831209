//! Takes the changes that the database noted in this transaction, to be logged by it.

use crate::{
    audit::changes::{self, Change, Noted},
    crypto::hex,
    db::entity::{row_change, row_salt},
    error::Error,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

/// What the changes of one record may measure as JSON; the rest goes into further records.
const MAX_PART_BYTES: usize = 20 << 10;

/// Where the changes of a transaction begin: what is noted before was left by somebody who changed
/// the file of an SQLite database past the service, and must not be told as this caller's doing.
/// PostgreSQL needs no such mark, as each transaction's notes have its own id there.
pub(super) async fn mark(tx: &DatabaseTransaction) -> Result<i64, Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        return Ok(0);
    }
    let last = row_change::Entity::find().select_only().column_as(row_change::Column::Id.max(), "last");
    Ok(last.into_tuple::<Option<i64>>().one(tx).await?.flatten().unwrap_or_default())
}

/// The net changes of the transaction since its mark. Each is given once.
pub(super) async fn take(tx: &DatabaseTransaction, mark: i64) -> Result<Vec<Change>, Error> {
    let own = match tx.get_database_backend() {
        DbBackend::Postgres => Expr::col(row_change::Column::Xid).eq(Expr::cust("pg_current_xact_id()::text::bigint")),
        _ => row_change::COLUMN.id.gt(mark),
    };
    let taken = row_change::Entity::delete_many().filter(own);
    let mut rows = taken.exec_with_returning(tx).await?;
    rows.sort_by_key(|row| row.id);
    let noted = rows.into_iter().map(|row| Noted {
        table: row.table_name,
        key: row.row_key,
        old: row.old_row,
        new: row.new_row,
        salt: row.salt,
    });
    changes::net(noted.collect()).map_err(Error::internal)
}

/// Gives a row another salt, so that nothing recognises its texts by the hashes that were logged.
/// Every salted column that has a value must be rewritten afterwards, in the same transaction.
pub(super) async fn forget(tx: &DatabaseTransaction, table: &str, key: &str) -> Result<(), Error> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(Error::internal)?;
    row_salt::Entity::update_many()
        .col_expr(row_salt::Column::Salt, Expr::value(hex::encode(&salt)))
        .filter(Expr::col(row_salt::Column::TableName).eq(table))
        .filter(Expr::col(row_salt::Column::RowKey).eq(key))
        .exec(tx)
        .await?;
    Ok(())
}

/// Parts that fit into a record each; at least one, which may be empty.
pub(super) fn parts(changes: Vec<Change>) -> Result<Vec<Vec<Change>>, Error> {
    if changes.len() < 2 {
        return Ok(vec![changes]);
    }
    let mut parts = vec![Vec::new()];
    let mut used_bytes = 0;
    for change in changes {
        let size_bytes = serde_json::to_string(&change).map_err(Error::internal)?.len() + 1;
        if MAX_PART_BYTES < used_bytes + size_bytes && 0 < used_bytes {
            parts.push(Vec::new());
            used_bytes = 0;
        }
        used_bytes += size_bytes;
        if let Some(part) = parts.last_mut() {
            part.push(change);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::changes::{Operation, Row};
    use serde_json::json;

    #[test]
    fn many_changes_are_told_in_parts_of_their_order() {
        assert_eq!(parts(Vec::new()).expect("parts"), [Vec::new()]);
        let change = |n: usize| Change {
            table: "version_file".to_owned(),
            key: n.to_string(),
            op: Operation::Insert,
            row: Row::from([("path".to_owned(), Some(json!("x".repeat(1_000))))]),
        };
        let all: Vec<_> = (0..100).map(change).collect();
        let parts = parts(all.clone()).expect("parts");
        assert!((5..8).contains(&parts.len()), "{}", parts.len());
        for part in &parts {
            assert!(serde_json::to_string(part).expect("json").len() <= MAX_PART_BYTES + 2);
        }
        assert_eq!(parts.concat(), all);
    }
}
