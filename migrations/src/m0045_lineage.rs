//! What versions were made from, by digest, as their statements name it; and what a version goes by in other statements.
//!
//! Bookkeeping: an index of `attestation` and `version_file`, which are in the log.

use crate::table::{append_only, drop_all, index, references};
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
        let made_from = Table::create()
            .table("made_from")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(uuid("version_id"))
            // The digest of the statement, and where in it the material stands.
            .col(string("attestation"))
            .col(integer("place"))
            .col(string("role"))
            .col(text_null("name"))
            .col(text_null("uri"))
            // Algorithm, colon, value; a row for each digest of the material.
            .col(string("digest"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .foreign_key(&mut references("version_id", "model_version"))
            .to_owned();
        manager.create_table(made_from).await?;
        index(manager, "made_from", &["workspace_id", "digest"]).await?;
        index(manager, "made_from", &["version_id"]).await?;
        append_only(manager, "made_from").await?;
        let known_as = Table::create()
            .table("known_as")
            .col(pk_uuid("version_id"))
            .col(uuid("workspace_id"))
            // The root of a model signature over all files.
            .col(string("digest"))
            .foreign_key(&mut references("version_id", "model_version"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .to_owned();
        manager.create_table(known_as).await?;
        index(manager, "known_as", &["workspace_id", "digest"]).await?;
        append_only(manager, "known_as").await?;
        // A base model may be named by the one file that it was read from.
        index(manager, "version_file", &["sha256"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_version_file_sha256").table("version_file").to_owned()).await?;
        drop_all(manager, &["known_as", "made_from"]).await
    }
}
