//! A waiver that holds may have a successor: only one that is asked for is unique.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, "uq_waiver_open_one", "uq_waiver_requested_one", "'requested'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, "uq_waiver_requested_one", "uq_waiver_open_one", "'requested', 'granted'").await
    }
}

/// One waiver in these states of a limit for a version, or for a whole model, in an environment.
async fn replace(manager: &SchemaManager<'_>, old: &str, new: &str, states: &str) -> Result<(), DbErr> {
    let whole = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => "''",
        _ => "'00000000-0000-0000-0000-000000000000'::uuid",
    };
    let one = format!(
        "CREATE UNIQUE INDEX {new} ON waiver \
        (environment_id, model_id, COALESCE(version_id, {whole}), constraint_name) \
        WHERE state IN ({states})"
    );
    let db = manager.get_connection();
    db.execute_unprepared(&format!("DROP INDEX {old}")).await?;
    db.execute_unprepared(&one).await.map(drop)
}
