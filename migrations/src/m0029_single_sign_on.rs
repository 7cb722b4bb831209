//! Accounts that sign in with an identity provider, roles that come from its groups, and tokens of others that were used.

use crate::{
    capture::{Captured, capture, stop},
    table::{drop_all, index, unique},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// When a session was last used is bookkeeping.
const TOKEN: &[&str] = &[
    "id",
    "workspace_id",
    "account_id",
    "kind",
    "name",
    "accessor",
    "secret_hash",
    "created_at",
    "expires_at",
    "revoked_at",
    "client",
    "device",
    "proven_at",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Which workspace answers for the account when it has no role left. Nothing says it of older ones, which hold roles.
        for column in [string_null("issuer"), string_null("subject"), uuid_null("home_id")] {
            manager.alter_table(Table::alter().table("account").add_column(column).to_owned()).await?;
        }
        // Rows without an issuer are not compared.
        unique(manager, "account", &["issuer", "subject"]).await?;
        index(manager, "account", &["home_id"]).await?;
        capture(manager, &Captured::new("account")).await?;
        // Which group of which provider gave the role; none: a person did.
        let origin = Table::alter().table("membership").add_column(string_null("origin")).to_owned();
        manager.alter_table(origin).await?;
        capture(manager, &Captured::new("membership").plain()).await?;
        // When a session's person proved who they are, where that was before the session began.
        let proven =
            Table::alter().table("api_token").add_column(timestamp_with_time_zone_null("proven_at")).to_owned();
        manager.alter_table(proven).await?;
        capture(manager, &Captured::new("api_token").update_of(TOKEN)).await?;
        let used = Table::create()
            .table("used_assertion")
            .col(string("issuer"))
            .col(string("token_hash"))
            .col(timestamp_with_time_zone("kept_until"))
            .primary_key(Index::create().col("issuer").col("token_hash"))
            .to_owned();
        manager.create_table(used).await?;
        index(manager, "used_assertion", &["kept_until"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["used_assertion"]).await?;
        stop(manager, "api_token").await?;
        manager.alter_table(Table::alter().table("api_token").drop_column("proven_at").to_owned()).await?;
        let before: &'static [&'static str] = TOKEN.split_last().map_or(&[], |(_, before)| before);
        capture(manager, &Captured::new("api_token").update_of(before)).await?;
        stop(manager, "membership").await?;
        manager.alter_table(Table::alter().table("membership").drop_column("origin").to_owned()).await?;
        capture(manager, &Captured::new("membership").plain()).await?;
        stop(manager, "account").await?;
        let index = Index::drop().name("uq_account_issuer_subject").table("account").to_owned();
        manager.drop_index(index).await?;
        manager.drop_index(Index::drop().name("ix_account_home_id").table("account").to_owned()).await?;
        for column in ["home_id", "subject", "issuer"] {
            manager.alter_table(Table::alter().table("account").drop_column(column).to_owned()).await?;
        }
        capture(manager, &Captured::new("account")).await
    }
}
