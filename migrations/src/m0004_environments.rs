use crate::table::{append_only, drop_all, references, unique};
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
                    .table("environment")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(string("name"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("created_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "environment", &["workspace_id", "name"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("environment_revision")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("environment_id"))
                    .col(string("kind"))
                    .col(big_integer("revision"))
                    .col(string("digest"))
                    .col(text("body"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("environment_id", "environment"))
                    .foreign_key(&mut references("created_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "environment_revision", &["environment_id", "kind", "revision"]).await?;
        append_only(manager, "environment_revision").await?;
        manager
            .create_table(
                Table::create()
                    .table("dataset")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(string("name"))
                    .col(string("sha256"))
                    .col(big_integer("size_bytes"))
                    .col(big_integer("row_count"))
                    .col(text("description"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("created_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "dataset", &["workspace_id", "name"]).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["dataset", "environment_revision", "environment"]).await
    }
}
