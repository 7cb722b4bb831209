//! Authorities whose certificates say who signed: whom they may name, which of their certificates are revoked, and by
//! which of them a version was signed.

use crate::capture::{Captured, capture, stop};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Table and column, each a text that most rows have not.
const ADDED: [(&str, &str); 4] = [
    // One rule a line; none: a key that stands for itself.
    ("trust_key", "identities"),
    // SHA-256 or serial number in hex, with spaces between.
    ("trust_key", "revoked_certificates"),
    // The names of who signed, one a line.
    ("model_version", "signatory"),
    // SHA-256 of each certificate below the authority, and `serial:` with that of who signed, with spaces between.
    ("model_version", "certificates"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in ADDED {
            manager.alter_table(Table::alter().table(table).add_column(text_null(column)).to_owned()).await?;
        }
        captured(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        stop(manager, "trust_key").await?;
        stop(manager, "model_version").await?;
        for (table, column) in ADDED {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        captured(manager).await
    }
}

async fn captured(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    capture(manager, &Captured::new("trust_key")).await?;
    capture(manager, &Captured::new("model_version")).await
}
