//! Triggers that note every change of a domain table's row in `row_change`, for the transaction
//! that makes the change to put into the audit log.
//!
//! Invariant: a noted change refers to the audit event 0, which does not exist, by a foreign key
//! that is checked at commit. So the database itself refuses to commit a change that its
//! transaction did not take out again, that is, a change without an audit event.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement},
};

/// A table whose changes are noted.
pub struct Captured {
    pub table: &'static str,
    /// The columns of its primary key.
    pub key: &'static [&'static str],
    /// Whether it has columns that the log shows as salted hashes only.
    pub salted: bool,
    /// Updates that do not name one of these columns are bookkeeping; empty: there are none.
    pub update_of: &'static [&'static str],
}

impl Captured {
    pub const fn new(table: &'static str) -> Self {
        Self { table, key: &["id"], salted: true, update_of: &[] }
    }

    pub const fn key(self, key: &'static [&'static str]) -> Self {
        Self { key, ..self }
    }

    pub const fn plain(self) -> Self {
        Self { salted: false, ..self }
    }

    pub const fn update_of(self, update_of: &'static [&'static str]) -> Self {
        Self { update_of, ..self }
    }
}

/// Notes the changes of a table from now on. Call it again after adding a column.
pub async fn capture(manager: &SchemaManager<'_>, captured: &Captured) -> Result<(), DbErr> {
    stop(manager, captured.table).await?;
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => sqlite(manager, captured).await?,
        _ => vec![postgres(captured)],
    };
    for sql in statements {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Stops noting the changes of a table.
pub async fn stop(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => ["insert", "update", "delete"]
            .map(|operation| format!("DROP TRIGGER IF EXISTS {table}_captured_{operation}"))
            .to_vec(),
        _ => vec![format!("DROP TRIGGER IF EXISTS {table}_captured ON {table}")],
    };
    for sql in statements {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// What all triggers of PostgreSQL call, with the key's columns and whether rows have salts. It acts
/// for the owner of the tables: the service's own role can't write notes by itself. Its plans are
/// kept for as long as a connection lives, so they must not rest on how small the tables once were.
pub const POSTGRES_FUNCTION: &str = "
CREATE OR REPLACE FUNCTION capture_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    old_row jsonb; new_row jsonb; place text; row_salt_text text; piece text;
BEGIN
    IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
    FOREACH piece IN ARRAY string_to_array(TG_ARGV[0], ',') LOOP
        place := concat_ws(':', place, coalesce(new_row, old_row) ->> piece);
    END LOOP;
    IF TG_ARGV[1] = 'salted' THEN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO row_salt (table_name, row_key, salt) VALUES (TG_TABLE_NAME, place,
                encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'))
                ON CONFLICT DO NOTHING RETURNING salt INTO row_salt_text;
        END IF;
        IF row_salt_text IS NULL THEN
            SELECT salt INTO row_salt_text FROM row_salt WHERE table_name = TG_TABLE_NAME AND row_key = place;
        END IF;
    END IF;
    INSERT INTO row_change (table_name, row_key, old_row, new_row, salt)
        VALUES (TG_TABLE_NAME, place, old_row::text, new_row::text, row_salt_text);
    RETURN NULL;
END $$";

fn postgres(captured: &Captured) -> String {
    let Captured { table, key, salted, update_of } = captured;
    let of = if update_of.is_empty() { String::new() } else { format!(" OF {}", update_of.join(", ")) };
    let salted = if *salted { "salted" } else { "plain" };
    format!(
        "CREATE TRIGGER {table}_captured AFTER INSERT OR UPDATE{of} OR DELETE ON {table} FOR EACH ROW \
         EXECUTE FUNCTION capture_change('{}', '{salted}')",
        key.join(",")
    )
}

async fn sqlite(manager: &SchemaManager<'_>, captured: &Captured) -> Result<Vec<String>, DbErr> {
    let Captured { table, key, salted, update_of } = captured;
    let columns = sqlite_columns(manager.get_connection(), table).await?;
    let place = |row: &str| sqlite_key(&columns, key, row);
    let json = |row: &str| sqlite_json(&columns, row);
    let salt = |row: &str| match salted {
        true => format!("(SELECT salt FROM row_salt WHERE table_name = '{table}' AND row_key = {})", place(row)),
        false => "NULL".to_owned(),
    };
    let note = |row: &str, old: String, new: String| {
        format!(
            "INSERT INTO row_change (table_name, row_key, old_row, new_row, salt) \
             VALUES ('{table}', {}, {old}, {new}, {});",
            place(row),
            salt(row)
        )
    };
    let add_salt = match salted {
        true => format!(
            "INSERT INTO row_salt (table_name, row_key, salt) SELECT '{table}', {0}, lower(hex(randomblob(32))) \
             WHERE NOT EXISTS (SELECT 1 FROM row_salt WHERE table_name = '{table}' AND row_key = {0});",
            place("NEW")
        ),
        false => String::new(),
    };
    let of = if update_of.is_empty() { String::new() } else { format!(" OF {}", update_of.join(", ")) };
    let null = || "NULL".to_owned();
    Ok(vec![
        format!(
            "CREATE TRIGGER {table}_captured_insert AFTER INSERT ON {table} BEGIN {add_salt} {} END",
            note("NEW", null(), json("NEW"))
        ),
        format!(
            "CREATE TRIGGER {table}_captured_update AFTER UPDATE{of} ON {table} BEGIN {} END",
            note("NEW", json("OLD"), json("NEW"))
        ),
        format!(
            "CREATE TRIGGER {table}_captured_delete AFTER DELETE ON {table} BEGIN {} END",
            note("OLD", json("OLD"), null())
        ),
    ])
}

/// Name and declared type of each column.
async fn sqlite_columns(db: &impl ConnectionTrait, table: &str) -> Result<Vec<(String, String)>, DbErr> {
    let sql = format!("SELECT name, type FROM pragma_table_info('{table}') ORDER BY cid");
    let rows = db.query_all_raw(Statement::from_string(DatabaseBackend::Sqlite, sql)).await?;
    rows.iter().map(|row| Ok((row.try_get("", "name")?, row.try_get("", "type")?))).collect()
}

/// A row as the triggers would note it.
pub struct Stored {
    pub key: String,
    pub row: String,
    pub salt: Option<String>,
}

/// The rows of a table in the order of their keys, a page at a time.
pub async fn stored(
    db: &impl ConnectionTrait,
    table: &str,
    key: &[&str],
    after: u64,
    limit: u64,
) -> Result<Vec<Stored>, DbErr> {
    let backend = db.get_database_backend();
    let (place, json) = match backend {
        DatabaseBackend::Sqlite => {
            let columns = sqlite_columns(db, table).await?;
            (sqlite_key(&columns, key, "t"), sqlite_json(&columns, "t"))
        }
        _ => {
            let parts: Vec<_> = key.iter().map(|name| format!("t.{name}::text")).collect();
            (format!("concat_ws(':', {})", parts.join(", ")), "to_jsonb(t)::text".to_owned())
        }
    };
    let sql = format!(
        "SELECT k.place AS place, k.json AS json, s.salt AS salt \
         FROM (SELECT {place} AS place, {json} AS json FROM {table} t ORDER BY 1 LIMIT {limit} OFFSET {after}) k \
         LEFT JOIN row_salt s ON s.table_name = '{table}' AND s.row_key = k.place ORDER BY 1"
    );
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    let read = |row: &QueryResult| {
        Ok(Stored { key: row.try_get("", "place")?, row: row.try_get("", "json")?, salt: row.try_get("", "salt")? })
    };
    rows.iter().map(read).collect()
}

fn sqlite_key(columns: &[(String, String)], key: &[&str], row: &str) -> String {
    let text = |name: &&str| {
        let kind = columns.iter().find(|(column, _)| column == name).map_or("", |(_, kind)| kind.as_str());
        format!("CAST({} AS TEXT)", sqlite_text(&format!("{row}.{name}"), kind))
    };
    key.iter().map(text).collect::<Vec<_>>().join(" || ':' || ")
}

/// A row of SQLite as JSON text, as PostgreSQL's `to_jsonb` writes it.
fn sqlite_json(columns: &[(String, String)], row: &str) -> String {
    let field = |(name, kind): &(String, String)| format!("'{name}', {}", sqlite_text(&format!("{row}.{name}"), kind));
    let fields: Vec<_> = columns.iter().map(field).collect();
    format!("json_object({})", fields.join(", "))
}

/// SQLite keeps UUIDs as 16 bytes, which JSON has no form for, and truth as a number.
fn sqlite_text(place: &str, kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    if kind.starts_with("uuid") {
        let hex = format!("lower(hex({place}))");
        let parts = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)].map(|(from, n)| format!("substr({hex}, {from}, {n})"));
        return format!("CASE WHEN {place} IS NULL THEN NULL ELSE {} END", parts.join(" || '-' || "));
    }
    match kind.as_str() {
        "boolean" => format!("CASE {place} WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"),
        _ => place.to_owned(),
    }
}
