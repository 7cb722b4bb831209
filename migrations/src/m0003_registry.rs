use crate::table::{drop_all, references, unique};
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
        manager
            .create_table(
                Table::create()
                    .table("model")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(string("name"))
                    .col(string("title"))
                    .col(text("intended_use"))
                    .col(text("prohibited_use"))
                    .col(string("risk_tier"))
                    .col(big_integer("revision"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("created_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "model", &["workspace_id", "name"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("model_owner")
                    .col(uuid("model_id"))
                    .col(string("accountability"))
                    .col(uuid("account_id"))
                    .primary_key(Index::create().col("model_id").col("accountability"))
                    .foreign_key(&mut references("model_id", "model"))
                    .foreign_key(&mut references("account_id", "account"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("model_version")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("model_id"))
                    .col(big_integer("number"))
                    .col(string("state"))
                    .col(string("manifest_digest"))
                    .col(string_null("signature_state"))
                    .col(text_null("signature_detail"))
                    .col(uuid_null("trust_key_id"))
                    .col(text_null("signature_bundle"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(uuid_null("sealed_by"))
                    .col(timestamp_with_time_zone_null("sealed_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .col(string_null("revocation_reason"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("model_id", "model"))
                    .foreign_key(&mut references("created_by", "account"))
                    .foreign_key(&mut references("trust_key_id", "trust_key"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "model_version", &["model_id", "number"]).await?;
        unique(manager, "model_version", &["model_id", "manifest_digest"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("version_file")
                    .col(pk_uuid("id"))
                    .col(uuid("version_id"))
                    .col(string("path"))
                    .col(string("sha256"))
                    .col(big_integer("size_bytes"))
                    .col(timestamp_with_time_zone_null("uploaded_at"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "version_file", &["version_id", "path"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("attestation")
                    .col(pk_uuid("id"))
                    .col(uuid("version_id"))
                    .col(string("predicate_type"))
                    .col(string("digest"))
                    .col(text("statement"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("created_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "attestation", &["version_id", "digest"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("blob")
                    .col(uuid("workspace_id"))
                    .col(string("sha256"))
                    .col(big_integer("size_bytes"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(Index::create().col("workspace_id").col("sha256"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["blob", "attestation", "version_file", "model_version", "model_owner", "model"]).await
    }
}
