//! What pages look up in a registry with very many versions: by digest, by version, by what stands.

use crate::table::index;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDICES: &[(&str, &[&str])] = &[
    ("model_version", &["model_id", "id"]),
    ("model_version", &["workspace_id", "manifest_digest"]),
    ("promotion_request", &["version_id", "id"]),
    ("promotion_request", &["workspace_id", "state", "id"]),
    ("release", &["version_id", "id"]),
    ("release", &["model_id", "state"]),
    ("release", &["workspace_id", "state", "id"]),
    ("release", &["environment_id", "id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDICES {
            index(manager, table, columns).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDICES {
            let name = format!("ix_{table}_{}", columns.join("_"));
            manager.drop_index(Index::drop().name(name).table(*table).to_owned()).await?;
        }
        Ok(())
    }
}
