//! Quotas: a workspace keeps so many bytes, whoever sends them at whichever moment, and no other workspace learns of it.

use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::Browser,
    story::{Files, MODEL, Story, text},
    workspaces::stranger,
};
use futures_util::{StreamExt, future::join_all, stream};
use plimsoll::{
    audit::replay::ops::compare_tables,
    core::{bytes::Bytes, digest::Digest},
    quotas,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

const KIB: usize = 1 << 10;
const CHUNK: usize = 64 * KIB;

fn bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|n| ((n + 1) * (seed + 7) % 251) as u8).collect()
}

fn one(path: &str, bytes: Vec<u8>) -> Files {
    vec![(path.to_owned(), bytes)]
}

async fn begin(limit: usize) -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    set(&story.app, limit).await;
    story
}

async fn set(t: &TestApp, limit: usize) {
    let limit: Bytes = limit.to_string().parse().expect("bytes");
    quotas::ops::set(&t.app, "default", Some(limit)).await.expect("set");
}

async fn usage(t: &TestApp, token: &str) -> Value {
    t.get(token, "/api/v1/quota").await.expect(200).json()
}

/// Limit, kept and promised.
async fn numbers(story: &Story) -> (Option<u64>, u64, u64) {
    let found = usage(&story.app, &story.ines).await;
    let number = |name: &str| found[name].as_u64();
    assert_eq!(
        number("used_bytes"),
        Some(number("kept_bytes").expect("kept") + number("promised_bytes").expect("promised"))
    );
    (number("limit_bytes"), number("kept_bytes").expect("kept"), number("promised_bytes").expect("promised"))
}

/// What the database counted is what its rows add up to.
async fn require_counted(story: &Story) {
    let sql = "SELECT CAST(count(*) AS BIGINT) AS wrong FROM workspace WHERE kept_bytes <> \
        (SELECT coalesce(sum(size_bytes), 0) FROM (SELECT sha256, size_bytes FROM blob WHERE workspace_id = workspace.id \
        UNION SELECT sha256, size_bytes FROM dataset WHERE workspace_id = workspace.id) AS held)";
    let db = story.app.app.db.raw_for_tests();
    let row =
        db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("read").expect("a row");
    assert_eq!(row.try_get::<i64>("", "wrong").expect("a number"), 0);
}

async fn put(story: &Story, version: &str, path: &str, bytes: Vec<u8>) -> Reply {
    story.upload(&story.ines, MODEL, version, path, bytes).await
}

/// Declares while there is room, so that the quota can be made smaller before the bytes come.
async fn declare(story: &Story, files: &Files) -> String {
    story.declare(MODEL, files).await.expect(201).json()["number"].to_string()
}

fn uploads(version: &str) -> String {
    format!("/api/v1/models/{MODEL}/versions/{version}/uploads")
}

async fn begin_pieces(story: &Story, version: &str, path: &str, bytes: &[u8]) -> Reply {
    let plan =
        json!({"path": path, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len(), "chunk_bytes": CHUNK});
    story.app.post(&story.ines, &uploads(version), plan).await
}

async fn send_piece(story: &Story, upload: &str, number: usize, bytes: &[u8]) -> Reply {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let said = format!("sha-256=:{}:", STANDARD.encode(Digest::of(bytes).bytes()));
    let request = story.app.request(&story.ines, "PUT", &format!("{upload}/chunks/{number}"));
    let request = request.header("content-type", "application/octet-stream").header("content-digest", said);
    reply(request.body(bytes.to_vec())).await
}

fn require_refused(answer: &Reply, says: &[&str]) {
    assert_eq!((answer.status, answer.code().as_str()), (507, "quota_exceeded"), "{}", answer.text());
    for said in says.iter().chain(&["ask the registry's operator", "Nothing was kept"]) {
        assert!(answer.text().contains(said), "{said}: {}", answer.text());
    }
}

fn files_under(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    entries.map(|path| if path.is_dir() { files_under(&path) } else { 1 }).sum()
}

#[actix_web::test]
async fn a_workspace_keeps_what_fits_and_the_same_bytes_count_once() {
    let story = begin(100 * KIB).await;
    let same = bytes(1, 60 * KIB);
    let files: Files = vec![("a.bin".to_owned(), same.clone()), ("b.bin".to_owned(), same.clone())];
    let version = declare(&story, &files).await;
    assert_eq!(numbers(&story).await, (Some(100 << 10), 0, 0), "what is declared is no promise");
    put(&story, &version, "a.bin", same.clone()).await.expect(204);
    assert_eq!(numbers(&story).await.1, 60 << 10);
    // Another version with the same file and one that fits to the last byte.
    let files = [one("c.bin", same.clone()), one("d.bin", bytes(2, 40 * KIB))].concat();
    let second = declare(&story, &files).await;
    put(&story, &second, "d.bin", bytes(2, 40 * KIB)).await.expect(204);
    assert_eq!(numbers(&story).await, (Some(100 << 10), 100 << 10, 0));
    // Full: what is here can be declared again, and nothing else.
    let again = [files, one("b.bin", same)].concat();
    declare(&story, &again).await;
    let refused = story.declare(MODEL, &one("e.bin", b"e".to_vec())).await;
    require_refused(&refused, &["may keep 102400 bytes and uses 102400", "0 are left, and 1 more"]);
    story.seal(MODEL, &second, json!({})).await.expect(200);
    require_counted(&story).await;
}

#[actix_web::test]
async fn a_quota_below_what_is_used_refuses_new_bytes_and_nothing_else() {
    let story = begin(100 * KIB).await;
    let files = [one("a.bin", bytes(1, 60 * KIB)), one("b.bin", bytes(2, 20 * KIB))].concat();
    let version = declare(&story, &files).await;
    put(&story, &version, "a.bin", bytes(1, 60 * KIB)).await.expect(204);
    set(&story.app, 10 * KIB).await;
    let refused = put(&story, &version, "b.bin", bytes(2, 20 * KIB)).await;
    require_refused(&refused, &["may keep 10240 bytes and uses 61440", "20480 more"]);
    require_refused(&begin_pieces(&story, &version, "b.bin", &bytes(2, 20 * KIB)).await, &["20480 more"]);
    let path = format!("/api/v1/models/{MODEL}/versions/{version}/files/a.bin");
    assert!(story.app.get(&story.ines, &path).await.expect(200).body == bytes(1, 60 * KIB));
    put(&story, &version, "a.bin", bytes(1, 60 * KIB)).await.expect(204);
    set(&story.app, 80 * KIB).await;
    put(&story, &version, "b.bin", bytes(2, 20 * KIB)).await.expect(204);
    story.seal(MODEL, &version, json!({})).await.expect(200);
}

#[actix_web::test]
async fn what_is_begun_in_pieces_is_promised_and_the_promise_is_kept() {
    let story = begin(400 * KIB).await;
    let (large, small) = (bytes(1, 2 * CHUNK), bytes(2, 100 * KIB));
    let version = declare(&story, &[one("a.bin", large.clone()), one("b.bin", small.clone())].concat()).await;
    set(&story.app, 2 * CHUNK + 50 * KIB).await;
    let begun = begin_pieces(&story, &version, "a.bin", &large).await.expect(201).json();
    let upload = format!("{}/{}", uploads(&version), text(&begun["id"]));
    assert_eq!(numbers(&story).await, (Some(178 << 10), 0, 128 << 10));
    let refused = put(&story, &version, "b.bin", small.clone()).await;
    require_refused(
        &refused,
        &["uses 131072, 131072 of them promised to uploads in pieces that are open", "51200 are left"],
    );
    send_piece(&story, &upload, 0, &large[..CHUNK]).await.expect(204);
    // Less than what was promised: it comes nevertheless.
    set(&story.app, CHUNK).await;
    send_piece(&story, &upload, 1, &large[CHUNK..]).await.expect(204);
    reply(story.app.request(&story.ines, "POST", &format!("{upload}/completion"))).await.expect(204);
    assert_eq!(numbers(&story).await, (Some(64 << 10), 128 << 10, 0), "a promise that is kept counts once");
    require_counted(&story).await;
    // An upload that is abandoned leaves its room to others.
    set(&story.app, 2 * CHUNK + 150 * KIB).await;
    let begun = begin_pieces(&story, &version, "b.bin", &small).await.expect(201).json();
    let other = declare(&story, &one("c.bin", bytes(3, 10 * KIB))).await;
    set(&story.app, 2 * CHUNK + 105 * KIB).await;
    require_refused(&put(&story, &other, "c.bin", bytes(3, 10 * KIB)).await, &["5120 are left"]);
    let abandoned = story.app.request(&story.ines, "DELETE", &format!("{}/{}", uploads(&version), text(&begun["id"])));
    reply(abandoned).await.expect(204);
    put(&story, &other, "c.bin", bytes(3, 10 * KIB)).await.expect(204);
}

/// An upload whose last byte comes when it is told to.
async fn held_back(story: &Story, version: &str, bytes: Vec<u8>, go: Arc<Notify>) -> Reply {
    let (first, last) = (bytes[..bytes.len() - 1].to_vec(), bytes[bytes.len() - 1..].to_vec());
    let last = stream::once(async move {
        go.notified().await;
        Ok::<_, std::io::Error>(last)
    });
    let body = reqwest::Body::wrap_stream(stream::iter([Ok(first)]).chain(last));
    let path = format!("/api/v1/models/{MODEL}/versions/{version}/files/a.bin");
    let request = story.app.request(&story.ines, "PUT", &path).header("content-type", "application/octet-stream");
    reply(request.body(body)).await
}

#[actix_web::test]
async fn of_two_uploads_that_fit_only_one_at_a_time_exactly_one_is_kept() {
    let story = begin(300 * KIB).await;
    let files = [bytes(1, 200 * KIB), bytes(2, 200 * KIB)];
    let mut versions = Vec::new();
    for bytes in &files {
        versions.push(declare(&story, &one("a.bin", bytes.clone())).await);
    }
    let goes: Vec<_> = files.iter().map(|_| Arc::new(Notify::new())).collect();
    let sent = join_all(
        files
            .iter()
            .zip(&versions)
            .zip(&goes)
            .map(|((bytes, version), go)| held_back(&story, version, bytes.clone(), go.clone())),
    );
    // Both were let in, for each alone fits.
    let incoming = story.app.data().join("blobs/incoming");
    let both_are_coming = async {
        while files_under(&incoming) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        goes.iter().for_each(|go| go.notify_one());
    };
    let (answers, ()) = tokio::join!(sent, both_are_coming);
    let kept: Vec<_> = answers.iter().map(|answer| answer.status == 204).collect();
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1, "{kept:?}");
    for (n, answer) in answers.iter().enumerate().filter(|(_, answer)| answer.status != 204) {
        require_refused(answer, &["uses 204800", "204800 more"]);
        let seen =
            story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/{}", versions[n])).await.expect(200);
        assert_eq!(seen.json()["files"][0]["uploaded"], false);
    }
    assert_eq!(numbers(&story).await, (Some(300 << 10), 200 << 10, 0));
    assert_eq!(crate::stores::count(story.app.data()).await, 1, "what was refused is gone");
    require_counted(&story).await;
}

#[actix_web::test]
async fn of_many_uploads_of_all_kinds_at_once_no_more_are_kept_or_promised_than_fit() {
    let story = begin(64 << 20).await;
    let files: Vec<_> = (0..12).map(|n| bytes(n, CHUNK + n)).collect();
    let mut versions = Vec::new();
    for bytes in &files {
        versions.push(declare(&story, &one("a.bin", bytes.clone())).await);
    }
    set(&story.app, 5 * (CHUNK + 20)).await;
    let answers = join_all(files.iter().zip(&versions).enumerate().map(|(n, (bytes, version))| {
        let story = &story;
        async move {
            match n % 2 {
                0 => put(story, version, "a.bin", bytes.clone()).await.status,
                _ => begin_pieces(story, version, "a.bin", bytes).await.status,
            }
        }
    }))
    .await;
    let taken = answers.iter().filter(|status| [201, 204].contains(*status)).count();
    assert_eq!((taken, answers.iter().filter(|status| **status == 507).count()), (5, 7), "{answers:?}");
    let (_, kept, promised) = numbers(&story).await;
    assert!(kept + promised <= 5 * (CHUNK as u64 + 20), "{kept} {promised}");
    require_counted(&story).await;
}

#[actix_web::test]
async fn a_dataset_counts_as_a_file_does_and_bytes_that_are_both_count_once() {
    let story = begin(10 * KIB).await;
    let description =
        json!({"label": "y", "positive_label": "1", "features": ["a"], "sensitive": [], "source": "made up"});
    let table: Vec<u8> =
        (0..100).fold(b"a,y\n".to_vec(), |table, n| [table, format!("{n},{}\n", n % 2).into_bytes()].concat());
    story.dataset("people", &table, &description).await.expect(201);
    assert_eq!(numbers(&story).await.1, table.len() as u64);
    story.dataset("again", &table, &description).await.expect(201);
    let version = declare(&story, &one("people.csv", table.clone())).await;
    put(&story, &version, "people.csv", table.clone()).await.expect(204);
    assert_eq!(numbers(&story).await.1, table.len() as u64);
    set(&story.app, table.len() + 10).await;
    let larger = [table.clone(), b"100,1\n101,0\n".to_vec()].concat();
    require_refused(&story.dataset("larger", &larger, &description).await, &["10 are left"]);
    story.app.get(&story.ines, "/api/v1/datasets/larger").await.expect(404);
    require_counted(&story).await;
}

#[actix_web::test]
async fn the_operator_alone_sets_a_quota_and_the_log_says_so() {
    let story = Story::begin_without_runtime(&[]).await;
    assert_eq!(usage(&story.app, &story.ines).await["limit_bytes"], Value::Null, "none unless somebody says so");
    let run = async |arguments: &[&str]| {
        let done = story.app.program(&[&["admin", "quota"], arguments].concat()).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let said: Value = serde_json::from_str(&run(&["--set", "2GiB", "--json"]).await).expect("json");
    assert_eq!((said["limit_bytes"].as_u64(), said["left_bytes"].as_u64()), (Some(2 << 30), Some(2 << 30)));
    assert!(run(&[]).await.contains("2.0 GiB"));
    // The same again is no change.
    run(&["--set", "2048MiB"]).await;
    run(&["--unlimited"]).await;
    let leaves = story.leaves("quota.set").await;
    let changes: Vec<_> =
        leaves.iter().map(|leaf| (leaf["detail"]["before"].as_u64(), leaf["detail"]["now"].as_u64())).collect();
    assert_eq!(changes.len(), 2);
    assert!(changes.contains(&(None, Some(2 << 30))) && changes.contains(&(Some(2 << 30), None)), "{changes:?}");
    assert!(leaves.iter().all(|leaf| leaf["actor"]["kind"] == "system" && leaf["actor"]["name"] == "console"));
    assert_eq!(compare_tables(&story.app.app).await.expect("the log replays").differing, 0);
    // Whoever administers the workspace looks, and no address takes a quota.
    usage(&story.app, &story.olga).await;
    reply(story.app.request(&story.olga, "PUT", "/api/v1/quota").json(&json!({"limit_bytes": 1}))).await.expect(405);
    let unknown = story.app.program(&["admin", "quota", "--workspace", "never-was", "--set", "1GiB"]).await;
    assert_eq!(unknown.status.code(), Some(3));
}

#[actix_web::test]
async fn a_new_workspace_begins_with_the_quota_of_the_configuration() {
    let data = tempfile::tempdir().expect("folder");
    let folder = data.path().display().to_string();
    let said = |arguments: &'static [&'static str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["admin", "quota", "--json", "--data", &folder]).args(arguments);
        let done = command.output().expect("the program");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said: Value = serde_json::from_slice(&done.stdout).expect("json");
        said["limit_bytes"].as_u64()
    };
    assert_eq!(said(&["--workspace-quota", "3TiB"]), Some(3 << 40));
    assert_eq!(said(&["--workspace-quota", "1TiB"]), Some(3 << 40), "for those that are made from now on");
}

#[actix_web::test]
async fn no_workspace_learns_what_another_one_keeps() {
    let story = begin(100 * KIB).await;
    let stranger = stranger(&story.app).await;
    let version = declare(&story, &one("a.bin", bytes(1, 60 * KIB))).await;
    put(&story, &version, "a.bin", bytes(1, 60 * KIB)).await.expect(204);
    let theirs = usage(&story.app, &stranger).await;
    assert_eq!((&theirs["limit_bytes"], theirs["used_bytes"].as_u64()), (&Value::Null, Some(0)));
}

#[actix_web::test]
async fn the_page_shows_how_much_is_left() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let browser = Browser::open(&story.app).await.sign_in("ines").await;
    let shown = browser.get("/quota").await.expect(200).text();
    assert!(shown.contains("none: as much as there is room for") && !shown.contains("<progress"), "{shown}");
    set(&story.app, 100 * KIB).await;
    let version = declare(&story, &one("a.bin", bytes(1, 25 * KIB))).await;
    put(&story, &version, "a.bin", bytes(1, 25 * KIB)).await.expect(204);
    let shown = browser.get("/quota").await.expect(200).text();
    for said in ["25.0 KiB of 100.0 KiB, 25.0 %", "value=\"250\"", "<dt>Left</dt><dd>75.0 KiB</dd>"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    set(&story.app, KIB).await;
    assert!(browser.get("/quota").await.expect(200).text().contains("Nothing new fits."));
}

#[actix_web::test]
async fn pieces_of_what_is_kept_already_take_room_too() {
    let story = begin(300 * KIB).await;
    let sent = bytes(3, 200 * KIB);
    for extra in [1, 2] {
        let files = vec![("weights.bin".to_owned(), sent.clone()), ("n".to_owned(), bytes(extra, 1))];
        declare(&story, &files).await;
    }
    put(&story, "1", "weights.bin", sent.clone()).await.expect(204);
    require_refused(&begin_pieces(&story, "2", "weights.bin", &sent).await, &[]);
    // As a whole it is the same bytes once.
    put(&story, "2", "weights.bin", sent).await.expect(204);
    assert_eq!(numbers(&story).await, (Some(300 << 10), 200 << 10, 0));
}
