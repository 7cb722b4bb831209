use crate::table::{append_only, drop_all, index, references, unique};
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
                    .table("validation_run")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("version_id"))
                    .col(uuid("environment_id"))
                    .col(uuid("constraints_id"))
                    .col(uuid("dataset_id"))
                    .col(string("state"))
                    .col(string("phase"))
                    .col(integer("percent"))
                    .col(string_null("reason_code"))
                    .col(text_null("reason"))
                    .col(text_null("verdicts"))
                    .col(string_null("verdicts_digest"))
                    .col(integer("attempt"))
                    .col(uuid("requested_by"))
                    .col(timestamp_with_time_zone("requested_at"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("environment_id", "environment"))
                    .foreign_key(&mut references("constraints_id", "environment_revision"))
                    .foreign_key(&mut references("dataset_id", "dataset"))
                    .foreign_key(&mut references("requested_by", "account"))
                    .to_owned(),
            )
            .await?;
        index(manager, "validation_run", &["version_id", "environment_id"]).await?;
        index(manager, "validation_run", &["workspace_id", "id"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("evidence")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("version_id"))
                    .col(uuid("run_id"))
                    .col(string("kind"))
                    .col(string("digest"))
                    .col(text("body"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("run_id", "validation_run"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "evidence", &["run_id", "kind"]).await?;
        append_only(manager, "evidence").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["evidence", "validation_run"]).await
    }
}
