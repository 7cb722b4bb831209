use crate::{
    capture::{Captured, capture},
    table::{drop_all, final_states, frozen, index, references},
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
        manager
            .create_table(
                Table::create()
                    .table("comparison")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("environment_id"))
                    .col(uuid("constraints_id"))
                    .col(uuid("dataset_id"))
                    .col(uuid("version_id"))
                    .col(uuid("baseline_id"))
                    .col(uuid_null("release_id"))
                    .col(string("state"))
                    .col(uuid("requested_by"))
                    .col(timestamp_with_time_zone("requested_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .col(string_null("reason_code"))
                    .col(text_null("reason"))
                    .col(text_null("body"))
                    .col(string_null("digest"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("environment_id", "environment"))
                    .foreign_key(&mut references("constraints_id", "environment_revision"))
                    .foreign_key(&mut references("dataset_id", "dataset"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("baseline_id", "model_version"))
                    .foreign_key(&mut references("release_id", "release"))
                    .foreign_key(&mut references("requested_by", "account"))
                    .to_owned(),
            )
            .await?;
        index(manager, "comparison", &["workspace_id", "id"]).await?;
        index(manager, "comparison", &["version_id", "id"]).await?;
        let said = [
            "id",
            "workspace_id",
            "environment_id",
            "constraints_id",
            "dataset_id",
            "version_id",
            "baseline_id",
            "release_id",
            "requested_by",
            "requested_at",
        ];
        frozen(manager, "comparison", &said).await?;
        final_states(manager, "comparison", "queued").await?;
        capture(manager, &Captured::new("comparison")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["comparison"]).await
    }
}
