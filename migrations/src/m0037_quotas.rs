//! How much a workspace may keep, and how much it does.
//!
//! What it keeps is counted by the database itself, as rows that refer to bytes come and go: the same bytes once in a
//! workspace, whether files or datasets refer to them. So the number can't differ from the rows.

use crate::{
    capture::{Captured, capture, stop},
    table::index,
};
use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What refers to bytes by `workspace_id`, `sha256` and `size_bytes`.
const HOLDERS: [&str; 2] = ["blob", "dataset"];
/// `kept_bytes` is counted, not said.
const SAID: &[&str] = &["id", "name", "created_at", "quota_bytes"];

/// The lock comes first, so that two who refer to the same bytes at once see each other. Rows of a dataset come one by one;
/// those of `blob` are of different bytes.
const POSTGRES_FUNCTION: &str = "
CREATE OR REPLACE FUNCTION count_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    of_row record; holders bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN of_row := OLD; ELSE of_row := NEW; END IF;
    PERFORM 1 FROM workspace WHERE id = of_row.workspace_id FOR NO KEY UPDATE;
    SELECT (SELECT count(*) FROM blob WHERE workspace_id = of_row.workspace_id AND sha256 = of_row.sha256)
        + (SELECT count(*) FROM dataset WHERE workspace_id = of_row.workspace_id AND sha256 = of_row.sha256)
        INTO holders;
    IF TG_OP = 'INSERT' AND holders = 1 THEN
        UPDATE workspace SET kept_bytes = kept_bytes + of_row.size_bytes WHERE id = of_row.workspace_id;
    ELSIF TG_OP = 'DELETE' AND holders = 0 THEN
        UPDATE workspace SET kept_bytes = kept_bytes - of_row.size_bytes WHERE id = of_row.workspace_id;
    END IF;
    RETURN NULL;
END $$";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        stop(manager, "workspace").await?;
        // None: as much as there is room for.
        for column in [big_integer_null("quota_bytes"), big_integer("kept_bytes").default(0).to_owned()] {
            manager.alter_table(Table::alter().table("workspace").add_column(column).to_owned()).await?;
        }
        capture(manager, &Captured::new("workspace").plain().update_of(SAID)).await?;
        index(manager, "dataset", &["workspace_id", "sha256"]).await?;
        let sql = manager.get_connection();
        let so_far = "UPDATE workspace SET kept_bytes = (SELECT coalesce(sum(size_bytes), 0) FROM \
             (SELECT sha256, size_bytes FROM blob WHERE workspace_id = workspace.id \
             UNION SELECT sha256, size_bytes FROM dataset WHERE workspace_id = workspace.id) AS held)";
        sql.execute_unprepared(so_far).await?;
        let is_sqlite = manager.get_database_backend() == DatabaseBackend::Sqlite;
        if !is_sqlite {
            sql.execute_unprepared(POSTGRES_FUNCTION).await?;
        }
        for table in HOLDERS {
            let statements = if is_sqlite { sqlite(table) } else { vec![postgres(table)] };
            for statement in statements {
                sql.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        for table in HOLDERS {
            let statements = match manager.get_database_backend() {
                DatabaseBackend::Sqlite => {
                    ["insert", "delete"].map(|what| format!("DROP TRIGGER {table}_counted_{what}")).to_vec()
                }
                _ => vec![format!("DROP TRIGGER {table}_counted ON {table}")],
            };
            for statement in statements {
                sql.execute_unprepared(&statement).await?;
            }
        }
        if manager.get_database_backend() != DatabaseBackend::Sqlite {
            sql.execute_unprepared("DROP FUNCTION count_kept()").await?;
        }
        let of_dataset = Index::drop().name("ix_dataset_workspace_id_sha256").table("dataset").to_owned();
        manager.drop_index(of_dataset).await?;
        stop(manager, "workspace").await?;
        for column in ["kept_bytes", "quota_bytes"] {
            manager.alter_table(Table::alter().table("workspace").drop_column(column).to_owned()).await?;
        }
        capture(manager, &Captured::new("workspace").plain()).await
    }
}

fn postgres(table: &str) -> String {
    format!(
        "CREATE TRIGGER {table}_counted AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION count_kept()"
    )
}

fn sqlite(table: &str) -> Vec<String> {
    let trigger = |what: &str, row: &str, holders: u8, sign: char| {
        let of = |table: &str| {
            format!("(SELECT count(*) FROM {table} WHERE workspace_id = {row}.workspace_id AND sha256 = {row}.sha256)")
        };
        format!(
            "CREATE TRIGGER {table}_counted_{what} AFTER {what} ON {table} WHEN {} = {holders} BEGIN \
             UPDATE workspace SET kept_bytes = kept_bytes {sign} {row}.size_bytes WHERE id = {row}.workspace_id; END",
            HOLDERS.map(of).join(" + ")
        )
    };
    vec![trigger("insert", "NEW", 1, '+'), trigger("delete", "OLD", 0, '-')]
}
