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
        manager
            .create_table(
                Table::create()
                    .table("workspace")
                    .col(pk_uuid("id"))
                    .col(string_uniq("name"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("account")
                    .col(pk_uuid("id"))
                    .col(string_uniq("name"))
                    .col(string("display_name"))
                    .col(string("kind"))
                    .col(string_null("password_hash"))
                    .col(string("state"))
                    .col(uuid_null("owner_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("membership")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("account_id"))
                    .col(string("role"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("account_id", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "membership", &["workspace_id", "account_id", "role"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("api_token")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("account_id"))
                    .col(string("kind"))
                    .col(string("name"))
                    .col(string_uniq("accessor"))
                    .col(string_uniq("secret_hash"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("account_id", "account"))
                    .to_owned(),
            )
            .await?;
        index(manager, "api_token", &["account_id"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("trust_key")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(string("name"))
                    .col(string("fingerprint"))
                    .col(text("public_key_pem"))
                    .col(uuid("added_by"))
                    .col(timestamp_with_time_zone("valid_from"))
                    .col(timestamp_with_time_zone_null("valid_until"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("added_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "trust_key", &["workspace_id", "fingerprint"]).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["trust_key", "api_token", "membership", "account", "workspace"]).await
    }
}
