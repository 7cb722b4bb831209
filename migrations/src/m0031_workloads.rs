//! How far a token reaches, and whose workloads get one for a token of their issuer.

use crate::{
    capture::{Captured, capture, stop},
    table::{drop_all, index, references, unique_where},
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
    "proven_at",
    "reach",
    "trust_id",
];
const BEFORE: &[&str] = &[
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
    "proven_at",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let trusts = Table::create()
            .table("workload_trust")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(string("name"))
            .col(string("issuer"))
            .col(string("audience"))
            .col(text("rules"))
            .col(uuid("account_id"))
            .col(text("reach"))
            .col(big_integer("minutes"))
            .col(uuid_null("created_by"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .foreign_key(&mut references("account_id", "account"))
            .to_owned();
        manager.create_table(trusts).await?;
        // Jobs name it.
        unique_where(manager, "workload_trust", &["workspace_id", "name"], "ended_at IS NULL").await?;
        capture(manager, &Captured::new("workload_trust").plain()).await?;
        for column in [text_null("reach"), uuid_null("trust_id")] {
            manager.alter_table(Table::alter().table("api_token").add_column(column).to_owned()).await?;
        }
        index(manager, "api_token", &["trust_id"]).await?;
        capture(manager, &Captured::new("api_token").update_of(TOKEN)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        stop(manager, "api_token").await?;
        manager.drop_index(Index::drop().name("ix_api_token_trust_id").table("api_token").to_owned()).await?;
        for column in ["trust_id", "reach"] {
            manager.alter_table(Table::alter().table("api_token").drop_column(column).to_owned()).await?;
        }
        capture(manager, &Captured::new("api_token").update_of(BEFORE)).await?;
        drop_all(manager, &["workload_trust"]).await
    }
}
