//! What the service's own role may do on PostgreSQL: enough to work, too little to rewrite
//! history. The schema belongs to another role, which migrates it.
//!
//! Invariant: every table stands here once; a test compares the list with the schema.

use super::base_options;
use sea_orm::{ConnectionTrait, Database, DbBackend, DbErr, Statement, TransactionTrait};

const READ: &str = "SELECT";
/// History, and rows that never change.
const ADD: &str = "SELECT, INSERT";
const CHANGE: &str = "SELECT, INSERT, UPDATE";
/// Rows that come and go without changing.
const REPLACE: &str = "SELECT, INSERT, DELETE";
const QUEUE: &str = "SELECT, INSERT, UPDATE, DELETE";

/// Table and rights.
pub const TABLES: &[(&str, &str)] = &[
    // The log.
    ("audit_event", ADD),
    ("audit_leaf", ADD),
    ("audit_node", ADD),
    ("audit_checkpoint", ADD),
    ("audit_cosignature", ADD),
    ("audit_pending", REPLACE),
    // Its one row is there from the beginning.
    ("audit_head", "SELECT, UPDATE"),
    ("loaded_settings", ADD),
    // Other history; triggers say which columns of `registry_key` and `reported_evidence` change.
    ("approval", ADD),
    ("approval_withdrawal", ADD),
    ("environment_revision", ADD),
    ("evidence", ADD),
    ("finding_step", ADD),
    ("running_snapshot", ADD),
    ("waiver_grant", ADD),
    ("accountability_revision", ADD),
    ("reported_statement", ADD),
    ("reported_evidence", CHANGE),
    ("registry_key", CHANGE),
    // Written once.
    ("attestation", ADD),
    ("made_from", ADD),
    ("known_as", ADD),
    ("blob", ADD),
    ("dataset", ADD),
    ("promotion_comment", ADD),
    ("earlier_author", ADD),
    // States of the domain.
    // Those that come from a provider's groups go with them; one is never changed, only locked.
    ("membership", "SELECT, INSERT, UPDATE (id), DELETE"),
    ("custom_role", "SELECT, INSERT, UPDATE (actions), DELETE"),
    ("workload_trust", "SELECT, INSERT, UPDATE (ended_at)"),
    ("person_link", REPLACE),
    ("person_team", REPLACE),
    ("delegation", "SELECT, INSERT, UPDATE (revoked_at, revoked_by)"),
    ("account", CHANGE),
    ("api_token", CHANGE),
    ("password_reset", CHANGE),
    ("second_factor", CHANGE),
    ("recovery_code", CHANGE),
    ("founding_code", CHANGE),
    // Never changed, only locked, which takes the right to update one column.
    ("environment", "SELECT, INSERT, UPDATE (id)"),
    ("workspace", "SELECT, INSERT, UPDATE (quota_bytes, kept_bytes)"),
    ("finding", CHANGE),
    ("break_glass", CHANGE),
    ("waiver", CHANGE),
    ("accountability_record", CHANGE),
    ("model", CHANGE),
    ("model_owner", REPLACE),
    ("model_version", CHANGE),
    ("promotion_request", CHANGE),
    ("release", CHANGE),
    ("rehearsal", CHANGE),
    ("comparison", CHANGE),
    ("rollback_review", CHANGE),
    ("trust_key", CHANGE),
    ("validation_run", CHANGE),
    ("version_file", CHANGE),
    // What was changed in a transaction, and the salts of the log's hashes: triggers write them for
    // the owner of the tables.
    ("row_change", "SELECT, DELETE"),
    ("row_salt", "SELECT, UPDATE"),
    // For searching.
    ("audit_mention", ADD),
    ("audit_mentioned", "SELECT, UPDATE"),
    // Bookkeeping.
    ("idempotency_claim", QUEUE),
    ("used_assertion", REPLACE),
    ("job", QUEUE),
    ("worker", QUEUE),
    ("stored_blob", QUEUE),
    ("upload_session", QUEUE),
    ("upload_chunk", QUEUE),
    ("seaql_migrations", READ),
];

/// Tables whose ids the database counts.
pub const COUNTED: &[&str] = &["audit_event", "loaded_settings"];

/// The statements that give a role exactly these rights, in the schema `public`.
///
/// # Errors
/// When the name is none that can be written without doubt.
pub fn statements(role: &str) -> Result<Vec<String>, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = role.as_bytes().first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    if !starts || 63 < role.len() || !role.bytes().all(plain) {
        return Err("a role's name here has 1 to 63 of a-z, 0-9 and _, and begins with no digit".to_owned());
    }
    let mut all = vec![
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("REVOKE ALL ON SCHEMA public FROM \"{role}\""),
        format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM \"{role}\""),
        format!("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM \"{role}\""),
        format!("GRANT USAGE ON SCHEMA public TO \"{role}\""),
    ];
    all.extend(TABLES.iter().map(|(table, rights)| format!("GRANT {rights} ON {table} TO \"{role}\"")));
    all.extend(COUNTED.iter().map(|table| format!("GRANT USAGE ON SEQUENCE {table}_id_seq TO \"{role}\"")));
    Ok(all)
}

/// Carries them out in one transaction, as the owner of the tables.
///
/// # Errors
/// When the database is no PostgreSQL, refuses, or the role could still rewrite the log.
pub async fn apply(url: &str, role: &str) -> Result<(), DbErr> {
    let statements = statements(role).map_err(DbErr::Custom)?;
    let db = Database::connect(base_options(url)).await?;
    if db.get_database_backend() != DbBackend::Postgres {
        let why = "SQLite has no roles: there, triggers alone keep history, and whoever writes the file can drop them";
        return Err(DbErr::Custom(why.to_owned()));
    }
    let tx = db.begin().await?;
    for statement in statements {
        tx.execute_unprepared(&statement).await?;
    }
    if may_rewrite(&tx, &format!("'{role}'")).await? {
        let why = format!(
            "{role} could still rewrite history: it owns a table or is a superuser, so that no grant binds it, or \
             everybody (PUBLIC) has the right to; make another role, or take that right away"
        );
        return Err(DbErr::Custom(why));
    }
    tx.commit().await?;
    db.close().await
}

/// Whether a role (an SQL expression) could disable a trigger or rewrite history: it owns a table, or
/// was given more than [`TABLES`] gives, itself or as everybody.
pub(super) async fn may_rewrite(db: &impl ConnectionTrait, role: &str) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(false);
    }
    let history: Vec<_> =
        TABLES.iter().filter(|(_, rights)| *rights == ADD).map(|(table, _)| format!("'{table}'")).collect();
    let sql = format!(
        "SELECT bool_or(pg_has_role({role}, relowner, 'MEMBER') OR has_table_privilege({role}, oid, 'TRUNCATE, TRIGGER') \
         OR (relname IN ({}) AND has_table_privilege({role}, oid, 'UPDATE, DELETE'))) \
         FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
        history.join(", ")
    );
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_can_be_added_to_and_nothing_else() {
        let all = statements("app").expect("statements");
        for table in ["audit_event", "audit_leaf", "audit_node", "audit_checkpoint", "approval", "evidence"] {
            let of_table: Vec<_> = all.iter().filter(|s| s.contains(&format!(" ON {table} TO"))).collect();
            assert_eq!(of_table, [&format!("GRANT SELECT, INSERT ON {table} TO \"app\"")]);
        }
        assert!(all.iter().all(|s| !s.contains("TRUNCATE") && !s.contains("TRIGGER") && !s.contains("REFERENCES")));
    }

    #[test]
    fn a_role_is_a_plain_name() {
        for bad in ["", "1app", "App", "a-b", "a\"b", "a b", "a;b", &"a".repeat(64)] {
            assert!(statements(bad).is_err(), "{bad:?}");
        }
        assert!(statements("plimsoll_app_2").is_ok());
    }
}
