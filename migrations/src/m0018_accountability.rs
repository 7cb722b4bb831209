use crate::{
    capture::{Captured, capture},
    table::{append_only, drop_all, frozen, index, references, unique},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What a record is about never changes; what it says does, revision by revision.
const IDENTITY: &[&str] = &["id", "workspace_id", "place", "model_id", "environment_id", "kind", "name"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        records(manager).await?;
        revisions(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["accountability_revision", "accountability_record"]).await
    }
}

/// A record as it stands. `place` names its model and its environment in one text, so that one
/// index keeps it unique where one of the two is absent.
async fn records(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const TABLE: &str = "accountability_record";
    manager
        .create_table(
            Table::create()
                .table(TABLE)
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(string("place"))
                .col(uuid_null("model_id"))
                .col(uuid_null("environment_id"))
                .col(string("kind"))
                .col(string("name"))
                .col(big_integer("revision"))
                .col(uuid("owner_id"))
                .col(timestamp_with_time_zone("review_by"))
                .col(string("digest"))
                .col(text("body"))
                .col(uuid("revised_by"))
                .col(timestamp_with_time_zone("revised_at"))
                .col(timestamp_with_time_zone_null("lapsed_at"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("owner_id", "account"))
                .foreign_key(&mut references("revised_by", "account"))
                .to_owned(),
        )
        .await?;
    unique(manager, TABLE, &["workspace_id", "place", "kind", "name"]).await?;
    index(manager, TABLE, &["model_id", "environment_id"]).await?;
    index(manager, TABLE, &["owner_id"]).await?;
    index(manager, TABLE, &["lapsed_at", "review_by"]).await?;
    frozen(manager, TABLE, IDENTITY).await?;
    capture(manager, &Captured::new(TABLE)).await
}

/// What a record said, from when on, and who answered for it.
async fn revisions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const TABLE: &str = "accountability_revision";
    manager
        .create_table(
            Table::create()
                .table(TABLE)
                .col(pk_uuid("id"))
                .col(uuid("record_id"))
                .col(big_integer("revision"))
                .col(uuid("owner_id"))
                .col(timestamp_with_time_zone("review_by"))
                .col(string("digest"))
                .col(text("body"))
                .col(uuid("revised_by"))
                .col(timestamp_with_time_zone("revised_at"))
                .foreign_key(&mut references("record_id", "accountability_record"))
                .foreign_key(&mut references("owner_id", "account"))
                .foreign_key(&mut references("revised_by", "account"))
                .to_owned(),
        )
        .await?;
    unique(manager, TABLE, &["record_id", "revision"]).await?;
    append_only(manager, TABLE).await?;
    capture(manager, &Captured::new(TABLE)).await
}
