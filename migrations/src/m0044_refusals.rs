//! Refusals by time: what stands out is found among them without a look at everything else that was logged.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // In part, so that the many records that are no refusals cost nothing; the builder has no words for it.
        let sql = "CREATE INDEX ix_audit_event_refusals ON audit_event (workspace_id, at, id) WHERE outcome = 'denied'";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_audit_event_refusals").table("audit_event").to_owned()).await
    }
}
