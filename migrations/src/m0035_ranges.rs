//! Roles that are held for some models or environments alone.

use crate::capture::{Captured, capture, stop};
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
        // As limits of tokens are written; none: in the whole workspace.
        let reach = Table::alter().table("membership").add_column(text_null("reach")).to_owned();
        manager.alter_table(reach).await?;
        capture(manager, &Captured::new("membership").plain()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        stop(manager, "membership").await?;
        manager.alter_table(Table::alter().table("membership").drop_column("reach").to_owned()).await?;
        capture(manager, &Captured::new("membership").plain()).await
    }
}
