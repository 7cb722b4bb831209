use crate::{
    capture::{Captured, POSTGRES_FUNCTION, capture, stop},
    table::{drop_all, index},
};
use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_orm::{DatabaseBackend, sea_query::SqliteQueryBuilder},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The tables that are the domain's: their rows are what the audit log tells of.
const CAPTURED: &[Captured] = &[
    Captured::new("workspace").plain(),
    Captured::new("account"),
    Captured::new("membership").plain(),
    Captured::new("api_token"),
    Captured::new("trust_key"),
    Captured::new("environment").plain(),
    Captured::new("environment_revision"),
    Captured::new("dataset"),
    Captured::new("model"),
    Captured::new("model_owner").key(&["model_id", "accountability"]).plain(),
    Captured::new("model_version"),
    Captured::new("version_file").plain(),
    Captured::new("attestation"),
    Captured::new("blob").key(&["workspace_id", "sha256"]).plain(),
    // What a worker notes of its progress (state, phase, percent, attempt, started_at) is bookkeeping.
    Captured::new("validation_run").update_of(&[
        "id",
        "workspace_id",
        "version_id",
        "environment_id",
        "constraints_id",
        "dataset_id",
        "reason_code",
        "reason",
        "verdicts",
        "verdicts_digest",
        "requested_by",
        "requested_at",
        "finished_at",
    ]),
    Captured::new("evidence"),
    Captured::new("reported_evidence"),
    Captured::new("reported_statement").key(&["evidence_id"]),
    Captured::new("promotion_request"),
    Captured::new("approval"),
    Captured::new("release"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_row_change(manager).await?;
        index(manager, "row_change", &["xid"]).await?;
        let salts = Table::create()
            .table("row_salt")
            .col(string("table_name"))
            .col(string("row_key"))
            .col(string("salt"))
            .primary_key(Index::create().col("table_name").col("row_key"))
            .to_owned();
        manager.create_table(salts).await?;
        for sql in resalting(manager).iter().chain(queueing(manager)) {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        for captured in CAPTURED {
            capture(manager, captured).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for captured in CAPTURED {
            stop(manager, captured.table).await?;
        }
        let statements: &[&str] = match manager.get_database_backend() {
            DatabaseBackend::Sqlite => &["DROP TRIGGER audit_event_queued", "DROP TRIGGER row_salt_replaced"],
            _ => &[
                "DROP TRIGGER row_salt_replaced ON row_salt",
                "DROP FUNCTION note_salt()",
                "DROP TRIGGER audit_event_queued ON audit_event",
                "DROP FUNCTION queue_event()",
                "DROP FUNCTION capture_change()",
            ],
        };
        for sql in statements {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        drop_all(manager, &["row_salt", "row_change"]).await
    }
}

/// Rows live from a change to the end of its transaction and are never seen by another.
async fn create_row_change(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
    let xid = if postgres { "(pg_current_xact_id()::text::bigint)" } else { "0" };
    let table = Table::create()
        .table("row_change")
        .col(big_pk_auto("id"))
        .col(big_integer("xid").default(Expr::cust(xid)))
        .col(string("table_name"))
        .col(string("row_key"))
        .col(text_null("old_row"))
        .col(text_null("new_row"))
        .col(string_null("salt"))
        .col(big_integer("event_id").default(0))
        .to_owned();
    // The builder of tables has no deferred keys.
    let key = "FOREIGN KEY (event_id) REFERENCES audit_event (id) DEFERRABLE INITIALLY DEFERRED";
    let connection = manager.get_connection();
    if postgres {
        manager.create_table(table).await?;
        let name = "ADD CONSTRAINT row_change_needs_an_audit_event";
        connection.execute_unprepared(&format!("ALTER TABLE row_change {name} {key}")).await?;
        // Its rows are all dead after a moment: clean up early.
        let early =
            "ALTER TABLE row_change SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)";
        connection.execute_unprepared(early).await?;
        connection.execute_unprepared(POSTGRES_FUNCTION).await?;
    } else {
        let sql = table.to_string(SqliteQueryBuilder);
        let body = sql.trim_end().strip_suffix(')').unwrap_or(&sql);
        connection.execute_unprepared(&format!("{body}, {key} )")).await?;
    }
    Ok(())
}

/// A row with another salt is noted without its columns: all its texts are to be told again.
fn resalting(manager: &SchemaManager) -> &'static [&'static str] {
    match manager.get_database_backend() {
        DatabaseBackend::Sqlite => &[
            "CREATE TRIGGER row_salt_replaced AFTER UPDATE ON row_salt BEGIN INSERT INTO row_change (table_name, row_key) VALUES (NEW.table_name, NEW.row_key); END",
        ],
        _ => &[
            "CREATE FUNCTION note_salt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO row_change (table_name, row_key) VALUES (NEW.table_name, NEW.row_key); RETURN NULL; END $$",
            "CREATE TRIGGER row_salt_replaced AFTER UPDATE ON row_salt FOR EACH ROW EXECUTE FUNCTION note_salt()",
        ],
    }
}

/// An event waits for its place from the moment that it is written.
fn queueing(manager: &SchemaManager<'_>) -> &'static [&'static str] {
    match manager.get_database_backend() {
        DatabaseBackend::Sqlite => &[
            "CREATE TRIGGER audit_event_queued AFTER INSERT ON audit_event BEGIN INSERT INTO audit_pending (event_id) VALUES (NEW.id); END",
        ],
        _ => &[
            "CREATE FUNCTION queue_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit_pending (event_id) VALUES (NEW.id); RETURN NULL; END $$",
            "CREATE TRIGGER audit_event_queued AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION queue_event()",
        ],
    }
}
