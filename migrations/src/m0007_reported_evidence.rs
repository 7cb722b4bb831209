use crate::table::{append_only, drop_all, final_states, frozen, index, references, unique};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What was said and by whom never changes; only what became of it does.
const FROZEN: &[&str] = &[
    "id",
    "workspace_id",
    "version_id",
    "trust_key_id",
    "kind",
    "document",
    "title",
    "method",
    "basis",
    "issued_at",
    "measured_at",
    "valid_until",
    "digest",
    "submitted_by",
    "submitted_at",
];

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
                    .table("reported_evidence")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("version_id"))
                    .col(uuid("trust_key_id"))
                    .col(string("kind"))
                    .col(string_null("document"))
                    .col(text("title"))
                    .col(text("method"))
                    .col(text_null("basis"))
                    .col(timestamp_with_time_zone("issued_at"))
                    .col(timestamp_with_time_zone_null("measured_at"))
                    .col(timestamp_with_time_zone_null("valid_until"))
                    .col(string("digest"))
                    .col(uuid("submitted_by"))
                    .col(timestamp_with_time_zone("submitted_at"))
                    .col(string("state"))
                    .col(timestamp_with_time_zone_null("closed_at"))
                    .col(uuid_null("closed_by"))
                    .col(text_null("closed_reason"))
                    .foreign_key(&mut references("workspace_id", "workspace"))
                    .foreign_key(&mut references("version_id", "model_version"))
                    .foreign_key(&mut references("trust_key_id", "trust_key"))
                    .foreign_key(&mut references("submitted_by", "account"))
                    .foreign_key(&mut references("closed_by", "account"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "reported_evidence", &["version_id", "digest"]).await?;
        index(manager, "reported_evidence", &["version_id", "id"]).await?;
        // One standing statement per key, kind and name, whoever races.
        let one = "CREATE UNIQUE INDEX uq_reported_evidence_line_one ON reported_evidence \
            (version_id, trust_key_id, kind, COALESCE(document, '')) WHERE state = 'verified'";
        manager.get_connection().execute_unprepared(one).await?;
        frozen(manager, "reported_evidence", FROZEN).await?;
        final_states(manager, "reported_evidence", "verified").await?;
        manager
            .create_table(
                Table::create()
                    .table("reported_statement")
                    .col(pk_uuid("evidence_id"))
                    .col(text("body"))
                    .col(text("bundle"))
                    .foreign_key(&mut references("evidence_id", "reported_evidence"))
                    .to_owned(),
            )
            .await?;
        append_only(manager, "reported_statement").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["reported_statement", "reported_evidence"]).await
    }
}
