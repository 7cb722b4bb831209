//! The last signed head outside the database: a restored or rewritten database cannot give
//! a second log under the same name.

use crate::{harness::TestApp, story::Story};
use plimsoll::{audit::sequencer, crypto::checkpoint, error::Error};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use std::{fs, path::PathBuf};

const CHECKPOINT: &str = "/api/v1/audit/checkpoint";

/// What a backup holds.
pub enum Backup {
    File(PathBuf),
    /// PostgreSQL: what is newer is deleted. The last event, the last placed leaf, its node.
    Marks {
        event: i64,
        size: i64,
        position: i64,
    },
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
    db.query_one_raw(statement).await.expect(sql).expect("row").try_get_by_index(0).expect("number")
}

pub async fn back_up(app: &TestApp) -> Backup {
    let db = app.app.db.raw_for_tests();
    if db.get_database_backend() == DbBackend::Sqlite {
        let file = app.data().join("backup.db");
        db.execute_unprepared(&format!("VACUUM INTO '{}'", file.display())).await.expect("backup");
        return Backup::File(file);
    }
    Backup::Marks {
        event: number(db, "SELECT max(id) FROM audit_event").await,
        size: number(db, "SELECT size FROM audit_head").await,
        position: number(db, "SELECT max(position) FROM audit_node").await,
    }
}

/// Puts the database back to what it was, past the service and its triggers.
pub async fn restore(app: &TestApp, backup: &Backup) {
    match backup {
        Backup::File(file) => {
            for suffix in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(app.data().join(format!("plimsoll.db{suffix}")));
            }
            fs::copy(file, app.data().join("plimsoll.db")).expect("restore");
        }
        Backup::Marks { event, size, position } => {
            past_the_triggers(
                app,
                &[
                    format!("DELETE FROM audit_checkpoint WHERE size > {size}"),
                    format!("DELETE FROM audit_leaf WHERE seq >= {size}"),
                    format!("DELETE FROM audit_node WHERE position > {position}"),
                    format!("DELETE FROM audit_pending WHERE event_id > {event}"),
                    format!("DELETE FROM audit_event WHERE id > {event}"),
                    format!("UPDATE audit_head SET size = {size}"),
                    format!("DELETE FROM audit_mention WHERE event_id > {event}"),
                    format!("UPDATE audit_mentioned SET size = {size}"),
                ],
            )
            .await;
        }
    }
}

/// As somebody with the database's password would. Once per database.
pub async fn past_the_triggers(app: &TestApp, statements: &[String]) {
    let db = app.app.db.raw_for_tests();
    let mut all = Vec::new();
    if db.get_database_backend() == DbBackend::Sqlite {
        for table in ["audit_checkpoint", "audit_leaf", "audit_node", "audit_event"] {
            all.extend([format!("DROP TRIGGER {table}_no_update"), format!("DROP TRIGGER {table}_no_delete")]);
        }
    } else {
        all.push("SET session_replication_role = replica".to_owned());
    }
    all.extend_from_slice(statements);
    if db.get_database_backend() == DbBackend::Postgres {
        all.push("SET session_replication_role = origin".to_owned());
    }
    // One message, so one connection of the pool.
    db.execute_unprepared(&all.join(";\n")).await.expect("changed");
}

fn refusal(result: Result<u64, Error>) -> String {
    let error = result.expect_err("the log is not extended");
    assert!(matches!(error, Error::Unavailable { code: "log_refused", .. }), "{error:?}");
    error.to_string()
}

async fn head_size(app: &TestApp, token: &str, key: &str) -> u64 {
    let note = app.get(token, CHECKPOINT).await.expect(200).text();
    checkpoint::open(&note, key).expect("signed").size
}

#[actix_web::test]
async fn a_database_from_an_older_backup_is_read_and_not_signed() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    let old = head_size(&story.app, &story.ada, &key).await;
    let backup = back_up(&story.app).await;
    story.model("forgotten").await;
    let new = head_size(&story.app, &story.ada, &key).await;
    assert_eq!(new, old + 1);
    story.app.get("", "/readyz").await.expect(200);

    restore(&story.app, &backup).await;
    let later = story.app.again(&[]).await;
    let said = refusal(sequencer::sequence(&later.app).await);
    assert!(said.contains(&format!("has {old} records")) && said.contains(&format!("over {new} was signed")), "{said}");
    assert!(said.contains("log-head.note") && said.contains("Restore"), "{said}");
    let ready = later.get("", "/readyz").await.expect(503).json();
    assert!(ready["log"].as_str().expect("log").starts_with("not extended"), "{ready}");

    // Reading goes on, up to what is signed; what happens meanwhile waits.
    assert_eq!(head_size(&later, &story.ada, &key).await, old);
    later.get(&story.ada, "/api/v1/audit/events").await.expect(200);
    later.get(&story.ada, "/api/v1/audit/tile/0/000.p/1").await.expect(200);
    later.get(&story.ada, "/api/v1/models").await.expect(200);

    // Even a database that outgrew the head that it lost does not become a second log.
    for n in 0..3 {
        let body = serde_json::json!({"name": format!("other-{n}"), "intended_use": "Scores.", "risk_tier": "high"});
        later.post(&story.ines, "/api/v1/models", body).await.expect(201);
    }
    refusal(sequencer::sequence(&later.app).await);
    assert_eq!(head_size(&later, &story.ada, &key).await, old);
    let kept = fs::read_to_string(later.data().join("keys/log-head.note")).expect("kept");
    assert_eq!(checkpoint::open(&kept, &key).expect("signed").size, new);
}

#[actix_web::test]
async fn a_tree_that_was_rewritten_in_place_is_not_extended() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    let size = head_size(&story.app, &story.ada, &key).await;
    let peak = plimsoll::crypto::merkle::root_positions(size)[0];
    let change = format!("UPDATE audit_node SET hash = '{}' WHERE position = {peak}", "ab".repeat(32));
    past_the_triggers(&story.app, &[change]).await;
    story.model("later").await;
    let said = refusal(sequencer::sequence(&story.app.app).await);
    assert!(said.contains("is not the one whose head"), "{said}");
    story.app.get("", "/readyz").await.expect(503);
}

#[actix_web::test]
async fn the_head_is_kept_in_a_second_place_and_either_one_is_enough() {
    let elsewhere = tempfile::tempdir().expect("folder");
    let second = elsewhere.path().join("head").display().to_string();
    let arguments = ["--log-head-file", second.as_str()];
    let story = Story::begin_without_runtime(&arguments).await;
    let key = story.verifier_key().await;
    head_size(&story.app, &story.ada, &key).await;
    let backup = back_up(&story.app).await;
    story.model("forgotten").await;
    head_size(&story.app, &story.ada, &key).await;
    let first = story.app.data().join("keys/log-head.note");
    assert_eq!(fs::read(&first).expect("first"), fs::read(&second).expect("second"));

    restore(&story.app, &backup).await;
    fs::remove_file(&first).expect("restored with the data folder, say");
    let later = story.app.again(&arguments).await;
    let said = refusal(sequencer::sequence(&later.app).await);
    assert!(said.contains(&second), "{said}");
}

#[actix_web::test]
async fn every_machine_keeps_the_newest_head_whichever_of_them_signed_it() {
    let elsewhere = tempfile::tempdir().expect("folder");
    let story = Story::begin_without_runtime(&[]).await;
    let log_key = story.verifier_key().await;
    let key = elsewhere.path().join("registry.pem");
    fs::copy(story.app.data().join("keys/registry.pem"), &key).expect("copied");
    let key = key.display().to_string();
    let arguments = ["--signing-key-file", key.as_str()];
    let kept = elsewhere.path().join("log-head.note");
    head_size(&story.app, &story.ada, &log_key).await;
    let backup = back_up(&story.app).await;
    // A second machine, which finds everything signed whenever it looks.
    let other = story.app.again(&arguments).await;
    for name in ["one", "two"] {
        story.model(name).await;
        let new = head_size(&story.app, &story.ada, &log_key).await;
        assert_eq!(sequencer::sequence(&other.app).await.expect("nothing to do"), 0);
        let note = fs::read_to_string(&kept).expect("kept");
        assert_eq!(checkpoint::open(&note, &log_key).expect("signed").size, new);
    }
    restore(&story.app, &backup).await;
    let later = story.app.again(&arguments).await;
    let said = refusal(sequencer::sequence(&later.app).await);
    assert!(said.contains(&kept.display().to_string()), "{said}");
}

#[actix_web::test]
async fn a_head_that_cannot_be_read_or_is_of_another_log_stops_signing() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    head_size(&story.app, &story.ada, &key).await;
    let file = story.app.data().join("keys/log-head.note");
    let good = fs::read_to_string(&file).expect("kept");
    let other = Story::begin_without_runtime(&[]).await;
    head_size(&other.app, &other.ada, &other.verifier_key().await).await;
    let foreign = fs::read_to_string(other.app.data().join("keys/log-head.note")).expect("kept");
    let altered = good.replacen(".example", ".exampla", 1);
    for (n, bad) in ["", "nonsense", &foreign, &altered, &"x".repeat(70_000)].into_iter().enumerate() {
        fs::write(&file, bad).expect("write");
        story.model(&format!("model-{n}")).await;
        let said = refusal(sequencer::sequence(&story.app.app).await);
        assert!(said.contains("log-head.note"), "{said}");
    }
    fs::write(&file, good).expect("write");
    sequencer::sequence(&story.app.app).await.expect("goes on");
    story.app.get("", "/readyz").await.expect(200);
}
