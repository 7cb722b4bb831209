//! The log tells of every row: replayed from nothing it gives the tables, and what was
//! changed past it is found.

use crate::{
    harness::{TestApp, commit_unlogged, reply},
    story::{Story, text},
    world::World,
};
use plimsoll::audit::{
    changes::tables::{Form, TABLES, find},
    replay::{Comparison, Difference, Fault, ops::compare_tables},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Tables that are no state of the domain: the log itself, queues, claims, and what is noted for the log.
const BOOKKEEPING: &[&str] = &[
    "audit_checkpoint",
    "audit_cosignature",
    "audit_event",
    "audit_head",
    "audit_leaf",
    "audit_mention",
    "audit_mentioned",
    "audit_node",
    "audit_pending",
    "idempotency_claim",
    "job",
    "row_change",
    "used_assertion",
    "worker",
    "row_salt",
    "stored_blob",
    "made_from",
    "known_as",
    "upload_session",
    "upload_chunk",
];

async fn compare(app: &TestApp) -> Comparison {
    compare_tables(&app.app).await.expect("the log replays")
}

async fn agreeing(app: &TestApp) -> Comparison {
    let found = compare(app).await;
    assert_eq!(found.differing, 0, "{:#?}", found.differences);
    found
}

#[actix_web::test]
async fn replaying_every_event_from_nothing_gives_the_tables() {
    let world = World::build().await;
    world.live_on().await;
    crate::settings::start(&world.app, &[]).await;
    let found = agreeing(&world.app).await;
    assert!(70 < found.rows && 30 < found.records, "{found:?}");
    let db = world.app.app.db.raw_for_tests();
    for table in TABLES {
        assert!(0 < count(db, table.name).await, "{} has no row to compare", table.name);
    }
}

#[actix_web::test]
async fn the_log_replays_to_the_tables_after_a_life_of_a_model() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    story.pull(None).await.expect(200);
    story.roll_back(None).await.expect_success();
    story.revoke_version("2").await.expect(200);
    story.revoke_key().await.expect(200);
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/mara")).await.expect(200);
    agreeing(&story.app).await;
}

#[actix_web::test]
async fn a_version_of_many_files_is_told_in_several_records() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model("wide").await;
    let files: Vec<_> =
        (0..400).map(|n| (format!("part-{n:04}.bin"), vec![u8::try_from(n % 250).expect("small")])).collect();
    let before = story.app.events().await;
    story.declare("wide", &files).await.expect_success();
    let leaves = story.leaves("version.create").await;
    let continued = leaves.iter().filter(|leaf| leaf["detail"]["event"] == "changes_continued").count();
    assert!(3 < continued, "{continued}");
    assert_eq!(story.app.events().await, before + 1 + continued);
    let told: usize = leaves.iter().map(|leaf| leaf["changes"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(told, 401, "the version and its files");
    agreeing(&story.app).await;
}

#[actix_web::test]
async fn no_leaf_holds_a_name_or_a_text_of_a_person() {
    let story = Story::stage().await;
    story.released(1).await;
    let told = story.app.get(&story.ada, "/api/v1/accounts").await.expect(200).json();
    let (export, _) = story.export().await;
    let leaves: Vec<Value> = export.lines().skip(1).map(|line| serde_json::from_str(line).expect("json")).collect();
    let mut texts = BTreeSet::new();
    leaves.iter().for_each(|leaf| strings(leaf, &mut texts));
    for account in told["items"].as_array().expect("accounts") {
        let (name, id) = (text(&account["name"]), text(&account["id"]));
        assert!(!texts.contains(&name), "{name} stands in a leaf");
        assert!(texts.contains(&id), "{name} is told by id");
    }
    let inserted = |table: &str, column: &str| -> Vec<String> {
        let changes = leaves.iter().flat_map(|leaf| leaf["changes"].as_array().cloned().unwrap_or_default());
        changes.filter(|c| c["table"] == table && c["op"] == "insert").map(|c| text(&c["row"][column])).collect()
    };
    for (table, column) in
        [("account", "name"), ("model", "intended_use"), ("approval", "reason"), ("evidence", "body")]
    {
        let told = inserted(table, column);
        assert!(!told.is_empty() && told.iter().all(|t| t.starts_with("salted:")), "{table}.{column}: {told:?}");
    }
}

fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn the_database_itself_refuses_a_change_that_no_event_tells_of() {
    let world = World::build().await;
    world.live_on().await;
    crate::settings::start(&world.app, &[]).await;
    let db = world.app.app.db.raw_for_tests();
    for table in TABLES {
        // Of a run only its end is no bookkeeping.
        let column = if table.name == "validation_run" { "finished_at" } else { table.columns[0].name };
        for sql in [format!("UPDATE {0} SET {column} = {column}", table.name), format!("DELETE FROM {}", table.name)] {
            let said = db.execute_unprepared(&sql).await.expect_err(&sql).to_string().to_lowercase();
            // What else guards a table may refuse it before.
            let known = ["foreign key", "append-only"].iter().any(|reason| said.contains(reason));
            assert!(known, "{sql}: {said}");
        }
    }
    agreeing(&world.app).await;
}

/// As somebody with the database's password would, who knows the triggers.
pub async fn past_the_service(db: &DatabaseConnection, sql: &str) {
    let tx = db.begin().await.expect("begin");
    if db.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("SET LOCAL session_replication_role = replica").await.expect("replica");
    } else {
        let triggers = Statement::from_string(
            DbBackend::Sqlite,
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'audit_event_queued'",
        );
        for row in tx.query_all_raw(triggers).await.expect("triggers") {
            let name: String = row.try_get("", "name").expect("name");
            tx.execute_unprepared(&format!("DROP TRIGGER {name}")).await.expect("drop");
        }
    }
    tx.execute_unprepared(sql).await.expect(sql);
    commit_unlogged(tx).await;
}

#[actix_web::test]
async fn whatever_is_changed_past_the_service_is_named() {
    let world = World::build().await;
    agreeing(&world.app).await;
    let db = world.app.app.db.raw_for_tests();
    for (table, column, value) in [
        ("account", "state", "'active '"),
        ("account", "password_hash", "'$argon2id$forged'"),
        ("membership", "role", "role || 'x'"),
        ("model", "intended_use", "'anything'"),
        ("environment_revision", "body", "body || ' '"),
        ("evidence", "body", "'{}'"),
        ("promotion_request", "state", "'approved '"),
        ("approval", "decision_digest", "'forged'"),
        ("release", "reason", "'because'"),
        ("version_file", "sha256", "'forged'"),
    ] {
        past_the_service(db, &format!("UPDATE {table} SET {column} = {value}")).await;
        let found = compare(&world.app).await;
        let names = |d: &Difference| match &d.fault {
            Fault::Changed { columns } => d.table == table && columns.iter().any(|named| named == column),
            _ => false,
        };
        assert!(found.differences.iter().any(names), "{table}.{column} was not noticed: {found:#?}");
    }
}

#[actix_web::test]
async fn a_row_that_was_removed_or_slipped_in_is_named() {
    let world = World::build().await;
    let db = world.app.app.db.raw_for_tests();
    past_the_service(db, "DELETE FROM attestation").await;
    past_the_service(db, "DELETE FROM model_owner").await;
    past_the_service(
        db,
        "INSERT INTO blob SELECT workspace_id, 'slipped in', size_bytes, created_at FROM blob LIMIT 1",
    )
    .await;
    let found = compare(&world.app).await;
    let said: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
    for (table, what) in [
        ("attestation", "was logged and is not in the table"),
        ("model_owner", "was logged and is not in the table"),
        ("blob", "is in the table and was never logged"),
    ] {
        assert!(said.iter().any(|line| line.starts_with(table) && line.ends_with(what)), "{table}: {said:?}");
    }
}

#[actix_web::test]
async fn a_record_that_was_altered_does_not_replay() {
    let world = World::build().await;
    world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200);
    let db = world.app.app.db.raw_for_tests();
    past_the_service(db, "UPDATE audit_event SET leaf = replace(leaf, '\"low\"', '\"high\"')").await;
    let error = compare_tables(&world.app.app).await.expect_err("altered");
    assert!(error.to_string().contains("are not those that were signed"), "{error}");
}

#[actix_web::test]
async fn every_table_and_column_is_described_for_the_log() {
    let app = TestApp::start().await;
    let db = app.app.db.raw_for_tests();
    let mut unknown = Vec::new();
    for (table, columns) in schema(db).await {
        match find(&table) {
            Some(described) => {
                let told: BTreeSet<_> = described.columns.iter().map(|c| c.name.to_owned()).collect();
                if told != columns {
                    unknown.push(format!("{table}: {told:?} is not {columns:?}"));
                }
            }
            None if BOOKKEEPING.contains(&table.as_str()) => {}
            None => unknown.push(table),
        }
    }
    assert!(unknown.is_empty(), "describe them in src/audit/changes/tables.rs and capture them: {unknown:#?}");
    // What a person wrote is never plain: a guard against descriptions by habit.
    for table in TABLES {
        for column in table.columns.iter().filter(|c| c.form == Form::Plain) {
            let personal = ["reason", "title", "comment", "description", "display", "secret", "password", "body"];
            let allowed = column.name == "reason_code";
            assert!(
                allowed || !personal.iter().any(|word| column.name.contains(word)),
                "{}.{}",
                table.name,
                column.name
            );
        }
    }
}

async fn schema(db: &DatabaseConnection) -> Vec<(String, BTreeSet<String>)> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'seaql%' AND m.name NOT LIKE 'sqlite%' ORDER BY 1"
        }
        _ => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql%' ORDER BY 1"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("schema");
    let mut tables: Vec<(String, BTreeSet<String>)> = Vec::new();
    for row in rows {
        let (table, column): (String, String) = (row.try_get("", "t").expect("t"), row.try_get("", "c").expect("c"));
        match tables.last_mut().filter(|(last, _)| *last == table) {
            Some((_, columns)) => drop(columns.insert(column)),
            None => tables.push((table, BTreeSet::from([column]))),
        }
    }
    tables
}

async fn count(db: &DatabaseConnection, table: &str) -> i64 {
    let sql = Statement::from_string(db.get_database_backend(), format!("SELECT count(*) AS n FROM {table}"));
    db.query_one_raw(sql).await.expect("count").expect("row").try_get("", "n").expect("n")
}

#[actix_web::test]
async fn two_changes_of_one_row_at_once_are_logged_in_the_order_in_which_they_took_effect() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model("contested").await;
    let all = (0..30).map(|n| {
        let story = &story;
        async move {
            for _ in 0..20 {
                let now = story.app.get(&story.ines, "/api/v1/models/contested").await.expect(200);
                let request = story.app.request(&story.ines, "PATCH", "/api/v1/models/contested");
                let request = request.header("if-match", now.header("etag"));
                let done = reply(request.json(&json!({"title": format!("title {n}")}))).await;
                if done.status == 200 {
                    return;
                }
                assert_eq!(done.status, 412, "{}", done.text());
            }
        }
    });
    futures_util::future::join_all(all).await;
    agreeing(&story.app).await;
    assert!(5 < story.leaves("model.update").await.len());
}

#[actix_web::test]
async fn a_change_that_somebody_left_behind_is_nobody_elses() {
    let world = World::build().await;
    let db = world.app.app.db.raw_for_tests();
    if db.get_database_backend() == DbBackend::Postgres {
        // No session can leave it behind there while the triggers are in place.
        let refused = db.execute_unprepared("UPDATE model SET risk_tier = 'high'").await.expect_err("refused");
        assert!(refused.to_string().contains("row_change_needs_an_audit_event"), "{refused}");
        return;
    }
    // As the shell of SQLite does it: foreign keys are off, and no trigger is dropped.
    let sql = "PRAGMA foreign_keys = OFF; UPDATE model SET risk_tier = 'high'; PRAGMA foreign_keys = ON";
    db.execute_unprepared(sql).await.expect("changed");
    world
        .app
        .post(world.token("admin"), "/api/v1/tokens", json!({"name": "t", "expires_in_days": 1}))
        .await
        .expect(201);
    let path = "/api/v1/audit/events?limit=1";
    let newest = world.app.get(world.token("auditor"), path).await.expect(200).json();
    let told = newest["items"][0]["leaf"]["changes"].as_array().expect("changes").clone();
    assert!(told.iter().all(|change| change["table"] == "api_token"), "{told:#?}");
    let found = compare(&world.app).await;
    let said: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.ends_with("changed past the service, by whom is not known")), "{said:?}");
    assert!(
        said.iter().any(|line| line.starts_with("model ") && line.ends_with("risk_tier not as logged")),
        "{said:?}"
    );
}

#[actix_web::test]
async fn a_record_that_the_service_did_not_write_gets_no_place() {
    let world = World::build().await;
    world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200);
    let db = world.app.app.db.raw_for_tests();
    let zero = if db.get_database_backend() == DbBackend::Postgres { "OVERRIDING SYSTEM VALUE" } else { "" };
    let columns = "(id, at, action, outcome, leaf, leaf_hash)";
    let row = |id: &str| {
        format!(
            "INSERT INTO audit_event {columns} {zero} SELECT {id}, at, 'x', 'done', '{{}}', '' FROM audit_event LIMIT 1"
        )
    };
    db.execute_unprepared(&row("0")).await.expect_err("an event 0 would void the guard of changes");
    db.execute_unprepared(&row("1000000")).await.expect("written past the service");
    let before = world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200).text();
    world
        .app
        .post(world.token("admin"), "/api/v1/tokens", json!({"name": "t", "expires_in_days": 1}))
        .await
        .expect(201);
    let after = world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200).text();
    let size = |note: &str| note.lines().nth(1).expect("size").parse::<u64>().expect("number");
    assert_eq!(size(&after), size(&before) + 1, "only what the service wrote");
    let error = compare_tables(&world.app.app).await.expect_err("named").to_string();
    assert!(error.contains("event 1000000"), "{error}");
}

#[actix_web::test]
async fn a_column_that_says_something_else_than_its_leaf_is_named() {
    let world = World::build().await;
    world.app.get(world.token("auditor"), "/api/v1/audit/checkpoint").await.expect(200);
    let db = world.app.app.db.raw_for_tests();
    past_the_service(db, "UPDATE audit_event SET outcome = 'denied' WHERE action = 'version.seal'").await;
    let found = compare(&world.app).await;
    let said: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.starts_with("audit_event ") && line.contains("outcome")), "{said:?}");
}
