use crate::table::{append_only, drop_all, index, references, unique, unique_where};
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
                    .table("promotion_request")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("model_id"))
                    .col(uuid("version_id"))
                    .col(uuid("environment_id"))
                    .col(uuid_null("run_id"))
                    .col(string("state"))
                    .col(text("decision"))
                    .col(string("decision_digest"))
                    .col(text("checks"))
                    .col(text("comment"))
                    .col(uuid("requested_by"))
                    .col(timestamp_with_time_zone("requested_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("closed_at"))
                    .col(text_null("closed_reason"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("model_id", "model"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("environment_id", "environment"))
                    .foreign_key(&mut references("run_id", "validation_run"))
                    .foreign_key(&mut references("requested_by", "account"))
                    .to_owned(),
            )
            .await?;
        index(manager, "promotion_request", &["environment_id", "state"]).await?;
        index(manager, "promotion_request", &["workspace_id", "id"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("approval")
                    .col(pk_uuid("id"))
                    .col(uuid("promotion_id"))
                    .col(uuid("account_id"))
                    .col(string("outcome"))
                    .col(string("decision_digest"))
                    .col(string("roles"))
                    .col(text("reason"))
                    .col(text("statement"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut references("promotion_id", "promotion_request"))
                    .foreign_key(&mut references("account_id", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "approval", &["promotion_id", "account_id", "outcome"]).await?;
        append_only(manager, "approval").await?;
        manager
            .create_table(
                Table::create()
                    .table("release")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("environment_id"))
                    .col(uuid("model_id"))
                    .col(uuid("version_id"))
                    .col(uuid("promotion_id"))
                    .col(uuid_null("restores"))
                    .col(string("state"))
                    .col(text_null("reason"))
                    .col(text("statement"))
                    .col(uuid("activated_by"))
                    .col(timestamp_with_time_zone("activated_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("environment_id", "environment"))
                    .foreign_key(&mut references("model_id", "model"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("promotion_id", "promotion_request"))
                    .foreign_key(&mut references("activated_by", "account"))
                    .to_owned(),
            )
            .await?;
        // One active release per model and environment, whoever races.
        unique_where(manager, "release", &["environment_id", "model_id"], "state = 'active'").await?;
        index(manager, "release", &["environment_id", "model_id"]).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["release", "approval", "promotion_request"]).await
    }
}
