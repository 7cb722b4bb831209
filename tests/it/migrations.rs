//! The schema: what the migrations make is what the entities say, and back again; and
//! what the database refuses by itself.

use crate::{databases, world::World};
use plimsoll_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// History: rows come, and neither change nor go.
const APPEND_ONLY: &[&str] = &[
    "audit_event",
    "audit_leaf",
    "audit_node",
    "audit_checkpoint",
    "environment_revision",
    "evidence",
    "reported_evidence",
    "reported_statement",
    "approval",
    "promotion_comment",
    "earlier_author",
    "release",
];

#[actix_web::test]
async fn the_entities_say_what_the_migrations_make() {
    let (migrated, _folder) = empty_database().await;
    Migrator::up(&migrated, None).await.expect("up");
    let (described, _other) = empty_database().await;
    described.get_schema_registry("plimsoll::*").sync(&described).await.expect("sync");
    let (made, said) = (columns(&migrated).await, columns(&described).await);
    assert!(100 < made.len(), "{made:#?}");
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (unsaid, unmade) = (only(&made, &said), only(&said, &made));
    assert!(unsaid.is_empty(), "the migrations make what no entity says: {unsaid:#?}");
    assert!(unmade.is_empty(), "the entities say what no migration makes: {unmade:#?}");
}

#[actix_web::test]
async fn down_undoes_up() {
    let (db, _folder) = empty_database().await;
    let empty = schema(&db).await;
    Migrator::up(&db, None).await.expect("up");
    assert!(empty.len() + 20 < schema(&db).await.len());
    Migrator::down(&db, None).await.expect("down");
    assert_eq!(empty, schema(&db).await, "down left something behind");
}

#[actix_web::test]
async fn migrating_twice_or_from_the_middle_changes_nothing() {
    let (db, _folder) = empty_database().await;
    Migrator::up(&db, None).await.expect("up");
    let once = schema(&db).await;
    Migrator::up(&db, None).await.expect("again");
    assert_eq!(once, schema(&db).await);
    Migrator::down(&db, Some(2)).await.expect("two back");
    Migrator::up(&db, None).await.expect("two forward");
    assert_eq!(once, schema(&db).await);
}

#[actix_web::test]
async fn the_database_itself_refuses_to_rewrite_history() {
    let world = World::build().await;
    world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200);
    let db = world.app.app.db.raw_for_tests();
    for table in APPEND_ONLY {
        let rows = count(db, table).await;
        assert!(0 < rows, "{table} has no row to protect");
        let column = first_column(table);
        let mut tries = vec![format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")];
        if db.get_database_backend() == DbBackend::Postgres {
            tries.push(format!("TRUNCATE {table} CASCADE"));
        }
        for sql in tries {
            let error = db.execute_unprepared(&sql).await.expect_err(&sql).to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
        assert_eq!(count(db, table).await, rows, "{table}");
    }
}

fn first_column(table: &str) -> &'static str {
    match table {
        "audit_leaf" => "seq",
        "audit_node" => "position",
        "audit_checkpoint" => "size",
        "earlier_author" => "version_id",
        "reported_statement" => "evidence_id",
        _ => "id",
    }
}

async fn empty_database() -> (DatabaseConnection, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let file = || format!("sqlite://{}", folder.path().join("schema.db").display());
    let mut options = ConnectOptions::new(databases::empty().await.unwrap_or_else(file));
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|o| o.create_if_missing(true));
    (Database::connect(options).await.expect("connect"), folder)
}

/// Tables, indices and triggers as text.
async fn schema(db: &DatabaseConnection) -> Vec<String> {
    texts(
        db,
        "SELECT sql AS s FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'seaql%' AND name NOT LIKE 'sqlite%' ORDER BY name",
        "SELECT indexdef AS s FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'seaql%'
         UNION ALL SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql%'
         UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT 'constraint ' || conname FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'seaql%'
         ORDER BY 1",
    )
    .await
}

/// Table, column, type and whether it may be null; and which columns are unique by themselves.
/// Entities can't say more: keys over several columns and conditions stand in the migrations alone.
async fn columns(db: &DatabaseConnection) -> Vec<String> {
    texts(
        db,
        "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || (c.\"notnull\" OR c.pk) AS s
         FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'seaql%' AND m.name NOT LIKE 'sqlite%'
         UNION ALL SELECT 'unique ' || m.name || '.' || c.name
             FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'seaql%' AND i.origin = 'u'
         ORDER BY 1",
        "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS s
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql%'
         UNION ALL SELECT 'unique ' || table_name || '.' || column_name
             FROM information_schema.table_constraints
             JOIN information_schema.constraint_column_usage USING (table_schema, table_name, constraint_name)
             WHERE table_schema = 'public' AND constraint_type = 'UNIQUE'
         ORDER BY 1",
    )
    .await
}

async fn texts(db: &DatabaseConnection, sqlite: &str, postgres: &str) -> Vec<String> {
    let backend = db.get_database_backend();
    let sql = if backend == DbBackend::Sqlite { sqlite } else { postgres };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.expect("schema");
    rows.iter().map(|row| row.try_get("", "s").expect("s")).collect()
}

async fn count(db: &DatabaseConnection, table: &str) -> i64 {
    let sql = Statement::from_string(db.get_database_backend(), format!("SELECT count(*) AS n FROM {table}"));
    db.query_one_raw(sql).await.expect("count").expect("row").try_get("", "n").expect("n")
}
