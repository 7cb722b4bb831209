use crate::table::{drop_all, index};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const BY_TIME: [&str; 3] = ["workspace_id", "at", "id"];
const BY_ACTION: [&str; 4] = ["workspace_id", "action", "at", "id"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// Both tables are made of the log and may be made again: empty the first, set the size in
    /// the second to 0. That is also how a log from before this migration gets its mentions.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_mention")
                    .col(string("object_id"))
                    .col(uuid("workspace_id"))
                    .col(timestamp_with_time_zone("at"))
                    .col(big_integer("event_id"))
                    .primary_key(Index::create().col("object_id").col("workspace_id").col("at").col("event_id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_mentioned")
                    .col(integer("id").primary_key())
                    .col(big_integer("size"))
                    .to_owned(),
            )
            .await?;
        let first = Query::insert()
            .into_table("audit_mentioned")
            .columns(["id", "size"])
            .values_panic([1.into(), 0.into()])
            .to_owned();
        manager.exec_stmt(first).await?;
        // The order of a search is that of time, and what an event is about is found by its mentions.
        drop_index(manager, &["workspace_id", "id"]).await?;
        drop_index(manager, &["object_id"]).await?;
        index(manager, "audit_event", &BY_TIME).await?;
        index(manager, "audit_event", &BY_ACTION).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, &BY_ACTION).await?;
        drop_index(manager, &BY_TIME).await?;
        index(manager, "audit_event", &["object_id"]).await?;
        index(manager, "audit_event", &["workspace_id", "id"]).await?;
        drop_all(manager, &["audit_mentioned", "audit_mention"]).await
    }
}

async fn drop_index(manager: &SchemaManager<'_>, columns: &[&str]) -> Result<(), DbErr> {
    let name = format!("ix_audit_event_{}", columns.join("_"));
    manager.drop_index(Index::drop().name(name).table("audit_event").to_owned()).await
}
