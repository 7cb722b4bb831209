use crate::{
    capture::{Captured, capture},
    table::{append_only, drop_all, frozen, index, references, unique, unique_where},
};
use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

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

/// What was asked for never changes; only what became of it does.
const WAIVER: &[&str] = &[
    "id",
    "workspace_id",
    "model_id",
    "version_id",
    "environment_id",
    "constraint_name",
    "constraint_digest",
    "reason",
    "compensating_control",
    "requested_by",
    "requested_at",
    "expires_at",
];

/// Whatever it was broken for stays; so does who broke it.
const BREAK_GLASS: &[&str] = &[
    "id",
    "workspace_id",
    "environment_id",
    "model_id",
    "version_id",
    "invoked_by",
    "justification",
    "hours",
    "invoked_at",
    "confirm_by",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        findings(manager).await?;
        waivers(manager).await?;
        break_glass(manager).await?;
        snapshots(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let all = ["running_snapshot", "break_glass", "waiver_grant", "waiver", "finding_step", "finding"];
        drop_all(manager, &all).await
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

async fn waivers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("waiver")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("model_id"))
                .col(uuid_null("version_id"))
                .col(uuid("environment_id"))
                .col(string("constraint_name"))
                .col(string("constraint_digest"))
                .col(text("reason"))
                .col(text("compensating_control"))
                .col(uuid("requested_by"))
                .col(timestamp_with_time_zone("requested_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(string("state"))
                .col(timestamp_with_time_zone_null("granted_at"))
                .col(timestamp_with_time_zone_null("closed_at"))
                .col(uuid_null("closed_by"))
                .col(text_null("closed_reason"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("version_id", "model_version"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("requested_by", "account"))
                .foreign_key(&mut references("closed_by", "account"))
                .to_owned(),
        )
        .await?;
    // One open waiver of a limit for a version or a whole model in an environment, whoever races.
    let whole = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => "''",
        _ => "'00000000-0000-0000-0000-000000000000'::uuid",
    };
    let one = format!(
        "CREATE UNIQUE INDEX uq_waiver_open_one ON waiver \
        (environment_id, model_id, COALESCE(version_id, {whole}), constraint_name) \
        WHERE state IN ('requested', 'granted')"
    );
    manager.get_connection().execute_unprepared(&one).await?;
    index(manager, "waiver", &["workspace_id", "id"]).await?;
    index(manager, "waiver", &["state", "expires_at"]).await?;
    frozen(manager, "waiver", WAIVER).await?;
    capture(manager, &Captured::new("waiver")).await?;
    manager
        .create_table(
            Table::create()
                .table("waiver_grant")
                .col(pk_uuid("id"))
                .col(uuid("waiver_id"))
                .col(uuid("account_id"))
                .col(string("outcome"))
                .col(text("reason"))
                .col(text("statement"))
                .col(timestamp_with_time_zone("decided_at"))
                .foreign_key(&mut references("waiver_id", "waiver"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    unique(manager, "waiver_grant", &["waiver_id", "account_id"]).await?;
    append_only(manager, "waiver_grant").await?;
    capture(manager, &Captured::new("waiver_grant")).await
}

async fn break_glass(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("break_glass")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("environment_id"))
                .col(uuid("model_id"))
                .col(uuid("version_id"))
                .col(string("state"))
                .col(uuid("invoked_by"))
                .col(uuid_null("second_by"))
                .col(text("justification"))
                .col(big_integer("hours"))
                .col(timestamp_with_time_zone("invoked_at"))
                .col(timestamp_with_time_zone_null("confirm_by"))
                .col(uuid_null("promotion_id"))
                .col(uuid_null("release_id"))
                .col(boolean_null("would_have_passed"))
                .col(timestamp_with_time_zone_null("starts_at"))
                .col(timestamp_with_time_zone_null("ends_at"))
                .col(timestamp_with_time_zone_null("ended_at"))
                .col(uuid_null("ended_by"))
                .col(text_null("ended_reason"))
                .col(timestamp_with_time_zone_null("review_due_at"))
                .col(uuid_null("reviewed_by"))
                .col(timestamp_with_time_zone_null("reviewed_at"))
                .col(text_null("review_reason"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("version_id", "model_version"))
                .foreign_key(&mut references("invoked_by", "account"))
                .foreign_key(&mut references("second_by", "account"))
                .foreign_key(&mut references("promotion_id", "promotion_request"))
                .foreign_key(&mut references("release_id", "release"))
                .foreign_key(&mut references("ended_by", "account"))
                .foreign_key(&mut references("reviewed_by", "account"))
                .to_owned(),
        )
        .await?;
    unique_where(manager, "break_glass", &["environment_id", "model_id"], "state IN ('proposed', 'active')").await?;
    index(manager, "break_glass", &["workspace_id", "id"]).await?;
    index(manager, "break_glass", &["state", "ends_at"]).await?;
    frozen(manager, "break_glass", BREAK_GLASS).await?;
    capture(manager, &Captured::new("break_glass")).await
}

async fn snapshots(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("running_snapshot")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("environment_id"))
                .col(uuid("model_id"))
                .col(string("host"))
                .col(string_null("digest"))
                .col(uuid_null("release_id"))
                .col(boolean("matches"))
                .col(uuid("reported_by"))
                .col(timestamp_with_time_zone("at"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("release_id", "release"))
                .foreign_key(&mut references("reported_by", "account"))
                .to_owned(),
        )
        .await?;
    index(manager, "running_snapshot", &["environment_id", "model_id", "host", "id"]).await?;
    append_only(manager, "running_snapshot").await?;
    capture(manager, &Captured::new("running_snapshot").plain()).await
}
