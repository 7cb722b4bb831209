use crate::capture::POSTGRES_FUNCTION;
use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// What each change costs on PostgreSQL: notes of changes never outlive their transaction, so
    /// they need no write-ahead log; and a place in the queue is made by a trigger of the event
    /// itself, which nothing deletes, so a foreign key would only lock the event once more.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements =
            [POSTGRES_FUNCTION, "ALTER TABLE row_change SET UNLOGGED", &drop_key("audit_pending", "event_id")];
        on_postgres(manager, &statements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = "ALTER TABLE audit_pending ADD FOREIGN KEY (event_id) REFERENCES audit_event (id)";
        on_postgres(manager, &[key, "ALTER TABLE row_change SET LOGGED"]).await
    }
}

async fn on_postgres(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        for sql in statements {
            manager.get_connection().execute_unprepared(sql).await?;
        }
    }
    Ok(())
}

fn drop_key(table: &str, column: &str) -> String {
    format!("ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
}
