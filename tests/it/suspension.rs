//! A release that was taken down: at the gate, on remembered ETags, on the way out, and back again.

use crate::{
    harness::{Reply, commit_unlogged, reply},
    story::{ENVIRONMENT, MODEL, Story, checks, scorer, text},
};
use chrono::TimeDelta;
use plimsoll::db::entity::release;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryFilter, TransactionTrait, sea_query::Expr};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn place() -> String {
    format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}")
}

async fn change(story: &Story, token: &str, method: &str, what: &str) -> Reply {
    let path = format!("{}/release/{what}", place());
    reply(story.app.request(token, method, &path).json(&json!({"reason": "It lies to the under-25s."}))).await
}

async fn suspend(story: &Story) -> Reply {
    change(story, &story.tom, "POST", "suspension").await
}

async fn resume(story: &Story) -> Reply {
    change(story, &story.tom, "DELETE", "suspension").await
}

/// What the gate says to everything that a deployer can ask.
async fn everything(story: &Story, etag: &str) -> Vec<Reply> {
    let mut all = Vec::new();
    for method in ["GET", "HEAD"] {
        for path in ["/release", "/release?version=1", "/release/files/model.onnx"] {
            for header in [("if-none-match", etag), ("range", "bytes=0-3"), ("accept", "*/*")] {
                let path = format!("{}{path}", place());
                let request = story.app.request(&story.robot, method, &path).header(header.0, header.1);
                all.push(reply(request).await);
            }
        }
    }
    all
}

#[actix_web::test]
async fn a_suspended_release_is_refused_in_every_form_and_says_who_brings_it_back() {
    let story = Story::stage().await;
    story.released(1).await;
    let pulled = story.pull(None).await.expect(200);
    let file = story.pull_file("model.onnx").await.expect(200);
    let suspended = suspend(&story).await.expect(200).json();
    assert_eq!((&suspended["state"], &suspended["ended_by"]), (&json!("suspended"), &json!("tom")));
    for etag in [pulled.header("etag"), file.header("etag")] {
        for refused in everything(&story, etag).await {
            assert_eq!(refused.status, 412, "{}", refused.text());
        }
    }
    let refused = story.pull(None).await.expect(412);
    assert_eq!(
        (refused.code(), checks(&refused.json())),
        ("release_suspended".into(), vec!["release_suspended".into()])
    );
    assert_eq!(refused.json()["unblock"], json!(["tom"]));
    // Again it changes nothing.
    let before = story.app.events().await;
    assert_eq!(suspend(&story).await.expect(200).json()["id"], suspended["id"]);
    assert_eq!(story.app.events().await, before);
    let leaf = &story.leaves("release.suspend").await[0];
    assert_eq!(leaf["detail"]["release"], suspended["id"]);
    assert!(!leaf["detail"].to_string().contains("under-25s"), "{leaf}");
}

#[actix_web::test]
async fn what_comes_back_is_the_suspended_version_as_a_release_of_its_own() {
    let story = Story::stage().await;
    assert_eq!(suspend(&story).await.expect(409).code(), "nothing_active");
    story.released(1).await;
    assert_eq!(resume(&story).await.expect(409).code(), "not_suspended");
    let suspended = suspend(&story).await.expect(200).json();
    let back = resume(&story).await.expect(201).json();
    assert_eq!((&back["restores"], &back["kind"]), (&suspended["id"], &json!("resumption")));
    assert_ne!(back["id"], suspended["id"]);
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["id"], back["id"]);
    assert_eq!(resume(&story).await.expect(409).code(), "not_suspended");
    // What another release took the place of does not come back this way.
    suspend(&story).await.expect(200);
    story.released(2).await;
    assert_eq!(resume(&story).await.expect(409).code(), "not_suspended");
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["version"], 2);
}

#[actix_web::test]
async fn nothing_comes_back_that_may_not_leave() {
    let story = Story::stage().await;
    story.released(1).await;
    suspend(&story).await.expect(200);
    story.revoke_version("1").await.expect(200);
    let refused = resume(&story).await.expect(412);
    assert_eq!((refused.code(), checks(&refused.json())), ("release_blocked".into(), vec!["version_revoked".into()]));
    assert_eq!(story.pull(None).await.expect(412).code(), "release_suspended");
}

#[actix_web::test]
async fn a_suspension_ends_what_was_asked_beside_the_release() {
    let story = Story::stage().await;
    story.released(1).await;
    story.measured_version(2).await;
    let asked = story.request(MODEL, "2", ENVIRONMENT).await;
    suspend(&story).await.expect(200);
    assert_eq!(story.look(&asked).await["state"], "invalidated");
    let again = story.request(MODEL, "2", ENVIRONMENT).await;
    assert_eq!(again["decision"]["replaces"], Value::Null);
}

#[actix_web::test]
async fn a_rollback_leaves_a_suspended_release_and_never_returns_to_it_by_itself() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    suspend(&story).await.expect(200);
    assert_eq!(story.roll_back(Some("2")).await.expect(409).code(), "release_suspended");
    assert_eq!(story.roll_back(None).await.expect(201).json()["version"], 1);
    assert_eq!(story.roll_back(None).await.expect(409).code(), "rollback_target_unknown");
    assert_eq!(story.roll_back(Some("2")).await.expect(201).json()["version"], 2, "by name it may return");
}

/// A version with a file that is larger than what the system keeps for a reader that does not read.
async fn with_a_large_file(story: &Story) -> usize {
    let mut files = scorer(1);
    let size = 32 << 20;
    files.push(("notes.txt".to_owned(), vec![b'.'; size]));
    let version = story.signed(MODEL, &files).await;
    story.run(MODEL, &version, ENVIRONMENT).await;
    let approved = story.approved(&version).await;
    story.activate(&approved).await.expect(201);
    size
}

/// Begins a download, does something, and reads on: the bytes of the body that came.
async fn slowly(story: &Story, token: &str, meanwhile: impl Future<Output = ()>) -> usize {
    let address = story.app.url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).await.expect("connect");
    let path = format!("{}/release/files/notes.txt", place());
    let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut seen = vec![0; 4096];
    stream.read_exact(&mut seen).await.expect("the beginning");
    assert!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen));
    let head = seen.windows(4).position(|four| four == b"\r\n\r\n").expect("headers") + 4;
    meanwhile.await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let mut body = seen.len() - head;
    let mut buffer = vec![0; 1 << 20];
    // A connection that breaks off may end in an error as well.
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        body += count;
    }
    body
}

#[actix_web::test]
async fn a_download_breaks_off_when_its_release_may_not_leave_any_more() {
    let story = Story::stage().await;
    let size = with_a_large_file(&story).await;
    let whole = story.pull_file("notes.txt").await.expect(200);
    assert_eq!(whole.body.len(), size);
    let cause = async |wanted: &str| {
        let leaf = story.leaves("release.cut_off").await[0].clone();
        assert_eq!(
            (&leaf["detail"]["cause"], &leaf["detail"]["path"]),
            (&json!(wanted), &json!("notes.txt")),
            "{leaf}"
        );
    };
    let got = slowly(&story, &story.robot, async { drop(suspend(&story).await.expect(200)) }).await;
    assert!(got < size, "suspended, and {got} bytes came");
    cause("release_suspended").await;
    resume(&story).await.expect(201);

    let second = story.app.robot("second", &["deployer"]).await;
    let fired = async { drop(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/second").send().await) };
    let got = slowly(&story, &second, fired).await;
    assert!(got < size, "its account was deactivated, and {got} bytes came");
    cause("credential_ended").await;

    let got = slowly(&story, &story.robot, async { drop(story.released(2).await) }).await;
    assert!(got < size, "superseded, and {got} bytes came");
    cause("release_ended").await;

    story.roll_back(Some("1")).await.expect(201);
    let got = slowly(&story, &story.robot, async { drop(story.revoke_version("1").await.expect(200)) }).await;
    assert!(got < size, "revoked, and {got} bytes came");
    cause("release_blocked").await;
}

/// Changes the active release behind the triggers' back, as nobody could without owning the tables.
async fn tamper(story: &Story, column: release::Column, value: Expr) {
    let db = story.app.app.db.raw_for_tests();
    let on = if db.get_database_backend() == DbBackend::Sqlite { "" } else { " ON release" };
    let tx = db.begin().await.expect("begin");
    tx.execute_unprepared(&format!("DROP TRIGGER release_frozen{on}")).await.expect("owner");
    let active = release::Entity::update_many().col_expr(column, value).filter(release::COLUMN.state.eq("active"));
    assert_eq!(active.exec(&tx).await.expect("changed").rows_affected, 1);
    commit_unlogged(tx).await;
}

#[actix_web::test]
async fn a_release_whose_own_end_has_come_does_not_leave_whether_or_not_somebody_ended_it() {
    let story = Story::stage().await;
    let size = with_a_large_file(&story).await;
    let clock = story.app.app.db.clock();
    let end = clock.now() + TimeDelta::hours(24);
    tamper(&story, release::Column::EndsAt, Expr::value(end)).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    let got = slowly(&story, &story.robot, async { clock.advance(TimeDelta::hours(24)) }).await;
    assert!(got < size, "over, and {got} bytes came");
    for refused in everything(&story, &etag).await {
        assert_eq!(refused.status, 412, "{}", refused.text());
    }
    let refused = story.pull(None).await.expect(412);
    assert_eq!((refused.code(), checks(&refused.json())), ("release_suspended".into(), vec!["release_over".into()]));
}

#[actix_web::test]
async fn a_record_that_cannot_be_read_closes_the_gate_and_is_no_failure_of_the_server() {
    let story = Story::stage().await;
    story.released(1).await;
    tamper(&story, release::Column::Statement, Expr::value("not what was written")).await;
    for refused in [story.pull(None).await, story.pull_file("model.onnx").await] {
        assert_eq!(refused.code(), "record_unreadable", "{}", refused.text());
        let refused = refused.expect(412);
        assert_eq!(refused.json()["unblock"], json!(["olga"]));
        assert!(!refused.text().contains("not what was written"), "{}", refused.text());
    }
    assert_eq!(text(&story.leaves("release.pull").await[0]["detail"]["code"]), "record_unreadable");
}
