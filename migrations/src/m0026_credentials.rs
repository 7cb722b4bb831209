//! Where a session is used from and when it was last, and codes by which somebody sets a password anew.

use crate::{
    capture::{Captured, capture, stop},
    table::{drop_all, index, references},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// When a session was last used is bookkeeping.
const TOKEN: &[&str] = &[
    "id",
    "workspace_id",
    "account_id",
    "kind",
    "name",
    "accessor",
    "secret_hash",
    "created_at",
    "expires_at",
    "revoked_at",
    "client",
    "device",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [string_null("client"), string_null("device"), timestamp_with_time_zone_null("seen_at")] {
            let table = Table::alter().table("api_token").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        index(manager, "api_token", &["account_id", "device"]).await?;
        capture(manager, &Captured::new("api_token").update_of(TOKEN)).await?;
        let resets = Table::create()
            .table("password_reset")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(uuid("account_id"))
            .col(string_uniq("secret_hash"))
            .col(uuid_null("issued_by"))
            .col(timestamp_with_time_zone("issued_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .foreign_key(&mut references("account_id", "account"))
            .to_owned();
        manager.create_table(resets).await?;
        index(manager, "password_reset", &["account_id"]).await?;
        capture(manager, &Captured::new("password_reset")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["password_reset"]).await?;
        stop(manager, "api_token").await?;
        let index = Index::drop().name("ix_api_token_account_id_device").table("api_token").to_owned();
        manager.drop_index(index).await?;
        for column in ["seen_at", "device", "client"] {
            manager.alter_table(Table::alter().table("api_token").drop_column(column).to_owned()).await?;
        }
        capture(manager, &Captured::new("api_token")).await
    }
}
