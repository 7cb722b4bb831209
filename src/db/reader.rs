use crate::authz::Scope;
use sea_orm::{DatabaseExecutor, DatabaseTransaction};

/// A scoped, read-only view. Not generic, so each query is compiled once.
pub struct Reader<'a> {
    conn: DatabaseExecutor<'a>,
    scope: Scope,
}

impl<'a> Reader<'a> {
    pub(super) fn new(conn: impl Into<DatabaseExecutor<'a>>, scope: Scope) -> Self {
        Self { conn: conn.into(), scope }
    }

    /// For `store.rs` files only.
    pub fn conn(&self) -> &DatabaseExecutor<'a> {
        &self.conn
    }

    pub fn scope(&self) -> Scope {
        self.scope
    }
}

/// The database as it was at one moment, for reads that must agree with each other.
pub struct Snapshot {
    tx: DatabaseTransaction,
    scope: Scope,
}

impl Snapshot {
    pub(super) fn new(tx: DatabaseTransaction, scope: Scope) -> Self {
        Self { tx, scope }
    }

    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.tx, self.scope)
    }
}
