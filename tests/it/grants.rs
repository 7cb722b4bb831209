//! The service as a role of PostgreSQL that owns nothing: it does everything that it must,
//! and cannot rewrite the log. With SQLite there are triggers alone.

use crate::{completeness, harness::TestApp, world::World};
use chrono::TimeDelta;
use plimsoll::{
    db::{self, grants},
    keys,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::collections::BTreeSet;

const LOG: [&str; 8] = [
    "audit_event",
    "audit_leaf",
    "audit_node",
    "audit_checkpoint",
    "audit_cosignature",
    "loaded_settings",
    "approval",
    "evidence",
];

async fn names(db: &DatabaseConnection, sql: &str) -> BTreeSet<String> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("names");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a name")).collect()
}

#[actix_web::test]
async fn every_table_has_its_place_in_the_list() {
    let app = TestApp::start().await;
    let db = app.app.db.raw_for_tests();
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let sql = match postgres {
        true => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        false => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    };
    let listed: BTreeSet<_> = grants::TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(listed.len(), grants::TABLES.len(), "a table stands there twice");
    assert_eq!(names(db, sql).await, listed, "src/db/grants.rs must have every table");
    if postgres {
        let sql = "SELECT sequencename::text FROM pg_sequences WHERE schemaname = 'public'";
        let mut counted: BTreeSet<_> = grants::COUNTED.iter().map(|table| format!("{table}_id_seq")).collect();
        // Triggers count these, for the owner of the tables.
        counted.insert("row_change_id_seq".to_owned());
        assert_eq!(names(db, sql).await, counted);
    } else {
        assert!(!app.app.db.may_rewrite_log().await.expect("SQLite"));
        let refused = grants::apply(&format!("sqlite://{}", app.data().join("x.db?mode=rwc").display()), "app").await;
        assert!(refused.expect_err("no roles").to_string().contains("SQLite has no roles"));
    }
}

#[actix_web::test]
async fn a_role_that_owns_nothing_does_the_whole_job_and_cannot_rewrite_the_log() {
    let Some((app, owner)) = TestApp::start_without_ownership().await else { return };
    assert!(!app.app.db.may_rewrite_log().await.expect("asked"));
    let url = app.database().expect("url").to_owned();
    let world = World::build_on(app).await;
    let console = world.app.console().await;
    keys::ops::rotate(&world.app.app, &console, TimeDelta::days(1), None).await.expect("rotated");
    world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200);

    let role = Database::connect(&url).await.expect("the service's role");
    for table in LOG {
        for sql in [
            format!("UPDATE {table} SET {0} = {0}", if table == "audit_leaf" { "seq" } else { first(table) }),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
            format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
            format!("DROP TABLE {table} CASCADE"),
        ] {
            let refused = role.execute_unprepared(&sql).await.expect_err(&sql).to_string();
            assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{sql}: {refused}");
        }
    }
    for sql in [
        "SET session_replication_role = replica".to_owned(),
        "CREATE TABLE more (id int)".to_owned(),
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
            .to_owned(),
        "DELETE FROM registry_key".to_owned(),
        "DELETE FROM seaql_migrations".to_owned(),
        "UPDATE environment SET name = name".to_owned(),
    ] {
        let refused = role.execute_unprepared(&sql).await.expect_err(&sql).to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{sql}: {refused}");
    }
    completeness::drive(world).await;

    // Nothing to migrate takes no rights; something to migrate says whose business it is.
    db::migrate(&url).await.expect("current");
    let admin = Database::connect(&owner).await.expect("owner");
    let last = db::schema_versions().pop().expect("a version");
    admin.execute_unprepared(&format!("DELETE FROM seaql_migrations WHERE version = '{last}'")).await.expect("behind");
    let refused = db::migrate(&url).await.expect_err("behind").to_string();
    assert!(refused.contains("1 migration behind") && refused.contains("plimsoll migrate"), "{refused}");
}

#[actix_web::test]
async fn a_role_that_owns_the_tables_is_told_so() {
    let app = TestApp::start().await;
    let Some(url) = app.database() else { return };
    assert!(app.app.db.may_rewrite_log().await.expect("asked"), "the owner");
    let refused = grants::apply(url, "plimsoll").await.expect_err("the owner").to_string();
    assert!(refused.contains("make another role"), "{refused}");
    let printed = app.program(&["admin", "grants", "--role", "app"]).await;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("GRANT SELECT, INSERT ON audit_event TO \"app\";"), "{printed}");
}

#[actix_web::test]
async fn a_right_that_everybody_has_is_a_right_to_rewrite_history_too() {
    let Some((app, owner)) = TestApp::start_without_ownership().await else { return };
    let admin = Database::connect(&owner).await.expect("owner");
    for given in ["DELETE ON approval", "UPDATE ON audit_leaf", "TRUNCATE ON release", "TRIGGER ON model"] {
        assert!(!app.app.db.may_rewrite_log().await.expect("asked"), "before {given}");
        admin.execute_unprepared(&format!("GRANT {given} TO PUBLIC")).await.expect(given);
        assert!(app.app.db.may_rewrite_log().await.expect("asked"), "{given}");
        admin.execute_unprepared(&format!("REVOKE {given} FROM PUBLIC")).await.expect(given);
    }
}

fn first(table: &str) -> &'static str {
    match table {
        "audit_node" => "position",
        "audit_checkpoint" | "audit_cosignature" => "size",
        _ => "id",
    }
}
