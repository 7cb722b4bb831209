//! Who measures: what a run asks of a worker, which workers there are, and who handed a result in.

use crate::{
    capture::{Captured, capture, stop},
    table::{drop_all, unique},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What a worker notes of its progress (state, phase, percent, attempt, started_at) is bookkeeping.
const RUN: &[&str] = &[
    "id",
    "workspace_id",
    "version_id",
    "environment_id",
    "constraints_id",
    "dataset_id",
    "reason_code",
    "reason",
    "verdicts",
    "verdicts_digest",
    "requested_by",
    "requested_at",
    "finished_at",
    "requires",
    "measured_by",
];
const RUN_BEFORE: usize = 13;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [uuid_null("workspace_id"), uuid_null("run_id"), string_null("requires"), uuid_null("holder_id")]
        {
            add_column(manager, "job", column).await?;
        }
        add_column(manager, "validation_run", string_null("requires")).await?;
        add_column(manager, "validation_run", uuid_null("measured_by")).await?;
        capture(manager, &Captured::new("validation_run").update_of(RUN)).await?;
        let workers = Table::create()
            .table("worker")
            .col(pk_uuid("id"))
            .col(uuid_null("workspace_id"))
            .col(uuid_null("account_id"))
            .col(string("name"))
            .col(text("labels"))
            .col(timestamp_with_time_zone("last_seen_at"))
            .to_owned();
        manager.create_table(workers).await?;
        unique(manager, "worker", &["account_id", "name"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["worker"]).await?;
        stop(manager, "validation_run").await?;
        drop_column(manager, "validation_run", "measured_by").await?;
        drop_column(manager, "validation_run", "requires").await?;
        capture(manager, &Captured::new("validation_run").update_of(&RUN[..RUN_BEFORE])).await?;
        for column in ["holder_id", "requires", "run_id", "workspace_id"] {
            drop_column(manager, "job", column).await?;
        }
        Ok(())
    }
}

async fn add_column(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

async fn drop_column(manager: &SchemaManager<'_>, table: &'static str, column: &'static str) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await
}
