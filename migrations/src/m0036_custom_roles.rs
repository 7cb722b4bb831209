//! Roles that workspaces make for themselves.

use crate::{
    capture::{Captured, capture, stop},
    table::{drop_all, index, references, unique},
};
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
        let roles = Table::create()
            .table("custom_role")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(string("name"))
            .col(text("actions"))
            .col(uuid_null("created_by"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut references("workspace_id", "workspace"))
            .to_owned();
        manager.create_table(roles).await?;
        unique(manager, "custom_role", &["workspace_id", "name"]).await?;
        capture(manager, &Captured::new("custom_role").plain()).await?;
        let column = Table::alter().table("membership").add_column(uuid_null("custom_id")).to_owned();
        manager.alter_table(column).await?;
        index(manager, "membership", &["custom_id"]).await?;
        capture(manager, &Captured::new("membership").plain()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        stop(manager, "membership").await?;
        manager.drop_index(Index::drop().name("ix_membership_custom_id").table("membership").to_owned()).await?;
        manager.alter_table(Table::alter().table("membership").drop_column("custom_id").to_owned()).await?;
        capture(manager, &Captured::new("membership").plain()).await?;
        drop_all(manager, &["custom_role"]).await
    }
}
