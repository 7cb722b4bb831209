use crate::table::index;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// Reports of all hosts of a place, newest first.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index(manager, "running_snapshot", &["environment_id", "model_id", "id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_running_snapshot_environment_id_model_id_id";
        manager.drop_index(Index::drop().name(name).table("running_snapshot").to_owned()).await
    }
}
