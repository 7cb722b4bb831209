use crate::{
    capture::{Captured, capture},
    table::{append_only, drop_all, frozen, index, references},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What was found and by whom never changes; only what became of it does.
const FINDING: &[&str] = &[
    "id",
    "workspace_id",
    "code",
    "subject_kind",
    "subject_id",
    "subject_part",
    "model_id",
    "version_id",
    "environment_id",
    "release_id",
    "severity",
    "title",
    "detail",
    "owner_id",
    "due_at",
    "opened_by",
    "opened_at",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        findings(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["finding_step", "finding"]).await
    }
}

async fn findings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("finding")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(string("code"))
                .col(string("subject_kind"))
                .col(uuid("subject_id"))
                .col(string("subject_part"))
                .col(uuid_null("model_id"))
                .col(uuid_null("version_id"))
                .col(uuid_null("environment_id"))
                .col(uuid_null("release_id"))
                .col(string("severity"))
                .col(text("title"))
                .col(text("detail"))
                .col(uuid_null("owner_id"))
                .col(timestamp_with_time_zone("due_at"))
                .col(uuid_null("opened_by"))
                .col(timestamp_with_time_zone("opened_at"))
                .col(string("state"))
                .col(uuid_null("remediated_by"))
                .col(timestamp_with_time_zone_null("accepted_until"))
                .col(timestamp_with_time_zone_null("closed_at"))
                .col(timestamp_with_time_zone_null("reminded_at"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("version_id", "model_version"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("release_id", "release"))
                .foreign_key(&mut references("owner_id", "account"))
                .foreign_key(&mut references("opened_by", "account"))
                .foreign_key(&mut references("remediated_by", "account"))
                .to_owned(),
        )
        .await?;
    // One standing finding of a code about a subject, whoever races.
    let one = "CREATE UNIQUE INDEX uq_finding_standing_one ON finding \
        (workspace_id, code, subject_kind, subject_id, subject_part) WHERE state <> 'closed'";
    manager.get_connection().execute_unprepared(one).await?;
    index(manager, "finding", &["workspace_id", "id"]).await?;
    index(manager, "finding", &["state", "due_at"]).await?;
    frozen(manager, "finding", FINDING).await?;
    capture(manager, &Captured::new("finding")).await?;
    manager
        .create_table(
            Table::create()
                .table("finding_step")
                .col(pk_uuid("id"))
                .col(uuid("finding_id"))
                .col(string("step"))
                .col(uuid_null("account_id"))
                .col(text("reason"))
                .col(timestamp_with_time_zone_null("until"))
                .col(timestamp_with_time_zone("at"))
                .foreign_key(&mut references("finding_id", "finding"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    index(manager, "finding_step", &["finding_id", "id"]).await?;
    append_only(manager, "finding_step").await?;
    capture(manager, &Captured::new("finding_step")).await
}
