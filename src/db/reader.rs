use crate::authz::Scope;
use sea_orm::{DatabaseConnection, DatabaseExecutor};

/// A scoped, read-only view. Not generic, so each query is compiled once.
pub struct Reader<'a> {
    conn: DatabaseExecutor<'a>,
    scope: Scope,
}

impl<'a> Reader<'a> {
    pub(super) fn new(conn: &'a DatabaseConnection, scope: Scope) -> Self {
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
