use crate::table::{append_only, drop_all};
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
                    .table("audit_cosignature")
                    .col(big_integer("size"))
                    .col(string("witness"))
                    .col(text("line"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(Index::create().col("size").col("witness"))
                    .foreign_key(ForeignKey::create().from_col("size").to("audit_checkpoint", "size"))
                    .to_owned(),
            )
            .await?;
        append_only(manager, "audit_cosignature").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["audit_cosignature"]).await
    }
}
