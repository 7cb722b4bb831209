//! Files that come in pieces: what is under way, and the copies that the pieces are.
//!
//! Bookkeeping: the log says when a file is whole.

use crate::table::{drop_all, index, references, unique};
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
        let session = Table::create()
            .table("upload_session")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(uuid("version_id"))
            .col(uuid("account_id"))
            .col(string("path"))
            .col(string("sha256"))
            .col(big_integer("size_bytes"))
            .col(big_integer("chunk_bytes"))
            .col(timestamp_with_time_zone("begun_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(string("state"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .foreign_key(&mut references("version_id", "model_version"))
            .foreign_key(&mut references("account_id", "account"))
            .to_owned();
        manager.create_table(session).await?;
        unique(manager, "upload_session", &["version_id", "account_id", "path"]).await?;
        index(manager, "upload_session", &["workspace_id", "account_id"]).await?;
        index(manager, "upload_session", &["expires_at"]).await?;
        let chunk = Table::create()
            .table("upload_chunk")
            .col(uuid("session_id"))
            .col(big_integer("number"))
            .col(string("sha256"))
            .col(uuid("stored_blob_id"))
            .primary_key(Index::create().col("session_id").col("number"))
            .foreign_key(&mut references("session_id", "upload_session"))
            .to_owned();
        manager.create_table(chunk).await?;
        unique(manager, "upload_chunk", &["stored_blob_id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["upload_chunk", "upload_session"]).await
    }
}
