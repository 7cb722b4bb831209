use crate::{
    capture::{Captured, capture, stop},
    table::{append_only, drop_all, index, references, unique},
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
        add(manager, "approval", ColumnDef::new("expires_at").timestamp_with_time_zone().null().take()).await?;
        // Whoever took an approval back, or whose approval has ended, may approve again.
        manager.drop_index(Index::drop().name(ONCE).table("approval").to_owned()).await?;
        index(manager, "approval", &["promotion_id", "account_id"]).await?;
        withdrawals(manager).await?;
        add(manager, "release", ColumnDef::new("assurance").string().not_null().default("sound").take()).await?;
        add(manager, "release", ColumnDef::new("lapsed_at").timestamp_with_time_zone().null().take()).await?;
        add(manager, "release", ColumnDef::new("lapse_cause").string().null().take()).await?;
        for table in TABLES {
            capture(manager, &Captured::new(table)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite refuses to drop a column that a trigger names.
        for table in TABLES {
            stop(manager, table).await?;
        }
        drop_all(manager, &["approval_withdrawal"]).await?;
        let gone = Index::drop().name("ix_approval_promotion_id_account_id").table("approval").to_owned();
        manager.drop_index(gone).await?;
        unique(manager, "approval", &["promotion_id", "account_id", "outcome"]).await?;
        for (table, column) in
            [("approval", "expires_at"), ("release", "lapse_cause"), ("release", "lapsed_at"), ("release", "assurance")]
        {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        for table in ["approval", "release"] {
            capture(manager, &Captured::new(table)).await?;
        }
        Ok(())
    }
}

const ONCE: &str = "uq_approval_promotion_id_account_id_outcome";
const TABLES: [&str; 3] = ["approval", "approval_withdrawal", "release"];

async fn add(manager: &SchemaManager<'_>, table: &'static str, mut column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await
}

/// An approval stays; that it was taken back is a row of its own.
async fn withdrawals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("approval_withdrawal")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("approval_id"))
                .col(uuid("account_id"))
                .col(text("reason"))
                .col(timestamp_with_time_zone("created_at"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("approval_id", "approval"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    unique(manager, "approval_withdrawal", &["approval_id"]).await?;
    append_only(manager, "approval_withdrawal").await
}
