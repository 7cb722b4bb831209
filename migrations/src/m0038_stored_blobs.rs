//! Where bytes are kept and what they must look like when they are read.
//!
//! Bookkeeping: which bytes belong to whom is in `blob` and `dataset`, and in the log.

use crate::table::{drop_all, index, unique_where};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stored = Table::create()
            .table("stored_blob")
            .col(pk_uuid("id"))
            .col(string("sha256"))
            // Written before places had ids: found by its sha256 alone.
            .col(boolean("is_plain"))
            .col(string("state"))
            .col(big_integer("size_bytes"))
            .col(big_integer("chunk_bytes"))
            // Four bytes for each chunk, in order.
            .col(blob("checksums"))
            .col(timestamp_with_time_zone("touched_at"))
            .col(timestamp_with_time_zone_null("checked_at"))
            .col(string_null("fault"))
            .col(timestamp_with_time_zone_null("fault_at"))
            .to_owned();
        manager.create_table(stored).await?;
        index(manager, "stored_blob", &["sha256"]).await?;
        // Two uploads of the same bytes may be under way, and one of them is kept.
        unique_where(manager, "stored_blob", &["sha256"], "state <> 'arriving'").await?;
        index(manager, "stored_blob", &["state", "checked_at", "id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["stored_blob"]).await
    }
}
