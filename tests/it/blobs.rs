//! Stored bytes: what is damaged never leaves, parts of files do, and what nobody needs goes.

use crate::{
    harness::reply,
    story::{ENVIRONMENT, Files, MODEL, Story, checks, scorer},
};
use plimsoll::{
    blobs::{self, ops, store},
    core::{digest::Digest, ids::StoredBlobId},
    db::entity::{audit_event, stored_blob},
    error::Error,
};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Set, Statement};
use serde_json::{Value, json};
use std::{io, os::unix::fs::FileExt, time::Duration};

const MIB: usize = 1 << 20;
/// The number of the error that a disk gives for what it cannot read (POSIX).
const EIO: i32 = 5;

/// Three chunks and a bit.
fn large() -> Files {
    vec![("weights.bin".to_owned(), (0..3 * MIB + 17).map(|n| (n * 7 % 253) as u8).collect())]
}

async fn kept(files: &Files) -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    story.signed(MODEL, files).await;
    story
}

fn file(path: &str) -> String {
    format!("/api/v1/models/{MODEL}/versions/1/files/{path}")
}

async fn version(story: &Story) -> Value {
    story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json()
}

/// Turns one bit on the disk.
fn damage(story: &Story, bytes: &[u8], offset: usize) {
    let place = std::fs::OpenOptions::new().write(true).open(story.app.blob(bytes)).expect("open");
    place.write_all_at(&[bytes[offset] ^ 1], offset as u64).expect("write");
}

/// The bytes that arrive, and whether they were all.
async fn arriving(story: &Story, path: &str) -> (Vec<u8>, bool) {
    let mut answer = story.app.request(&story.ines, "GET", path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let mut seen = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => seen.extend_from_slice(&bytes),
            Ok(None) => return (seen, true),
            Err(_) => return (seen, false),
        }
    }
}

#[actix_web::test]
async fn a_damaged_chunk_never_leaves_and_its_file_is_withheld_until_it_is_sent_again() {
    let files = large();
    let (path, bytes) = &files[0];
    let story = kept(&files).await;
    assert_eq!(arriving(&story, &file(path)).await, (bytes.clone(), true));
    damage(&story, bytes, 2 * MIB + 5);
    let (seen, whole) = arriving(&story, &file(path)).await;
    assert!(!whole, "it broke off");
    assert!(seen.len() <= 2 * MIB && bytes.starts_with(&seen), "only what is well left: {}", seen.len());

    let refused = story.app.get(&story.ines, &file(path)).await.expect(409);
    assert_eq!(refused.code(), "blob_quarantined");
    assert!(refused.text().contains("Push the same file again"), "{}", refused.text());
    let shown = &version(&story).await["files"][0];
    assert_eq!((&shown["uploaded"], &shown["damaged"]), (&json!(false), &json!(true)));
    let leaves = story.leaves("blob.quarantine").await;
    assert_eq!(leaves.len(), 1, "{leaves:?}");
    assert_eq!(leaves[0]["object"]["id"], Digest::of(bytes).to_string());
    assert_eq!(leaves[0]["detail"]["fault"], "chunk_differs");
    let auditor = story.app.user("una", &["auditor"]).await;
    let feed = story.app.get(&auditor, "/api/v1/audit/security-feed").await.expect(200).text();
    assert!(feed.contains("plimsoll.security.damaged_bytes"), "{feed}");

    let mut other = bytes.clone();
    other[0] ^= 1;
    story.upload(&story.ines, MODEL, "1", path, other).await.expect(422);
    story.app.get(&story.ines, &file(path)).await.expect(409);
    story.upload(&story.ines, MODEL, "1", path, bytes.clone()).await.expect(204);
    assert_eq!(arriving(&story, &file(path)).await, (bytes.clone(), true));
    assert_eq!(version(&story).await["files"][0]["damaged"], false);
    assert_eq!(story.leaves("blob.restore").await.len(), 1);
    story.app.blob(bytes);
    let refused = story.upload(&story.ines, MODEL, "1", path, bytes.clone()).await.expect(409);
    assert_eq!(refused.code(), "version_sealed", "what is well is not sent again");
}

#[actix_web::test]
async fn a_part_of_a_file_is_given_to_whoever_asks_for_it() {
    let files = large();
    let (path, bytes) = &files[0];
    let story = kept(&files).await;
    let tag = format!("\"{}\"", Digest::of(bytes));
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = story.app.request(&story.ines, "GET", &file(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request).await
    };
    let all = bytes.len();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=1048570-1048590", 1_048_570, 1_048_590),
        ("bytes=1048576-", MIB, all - 1),
        ("bytes=-20", all - 20, all - 1),
        ("bytes=5-99999999999", 5, all - 1),
    ] {
        let part = ask(&[("range", range)]).await.expect(206);
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{all}"));
        assert_eq!((part.header("etag"), part.header("accept-ranges")), (tag.as_str(), "bytes"));
        assert!(part.body == bytes[first..=last], "{range}");
    }
    let before = story.app.events().await;
    let beyond = ask(&[("range", "bytes=99999999-")]).await.expect(416);
    assert_eq!(
        (beyond.code().as_str(), beyond.header("content-range")),
        ("range_not_satisfiable", format!("bytes */{all}").as_str())
    );
    let had = ask(&[("if-none-match", &tag)]).await.expect(304);
    assert!(had.body.is_empty() && had.header("etag") == tag);
    for other in ["\"sha256:another\"".to_owned(), format!("W/{tag}")] {
        assert_eq!(ask(&[("if-match", &other)]).await.expect(412).code(), "precondition_failed", "{other}");
    }
    assert_eq!(story.app.events().await, before, "nothing left");
    assert!(ask(&[("if-match", &tag)]).await.expect(200).body == *bytes);
    for whole in [
        vec![("range", "bytes=0-1,4-5")],
        vec![("range", "bytes=0-1"), ("if-range", "\"sha256:another\"")],
        vec![("if-none-match", "\"sha256:another\"")],
    ] {
        assert!(ask(&whole).await.expect(200).body == *bytes, "{whole:?}");
    }
    assert_eq!(ask(&[("range", "bytes=7-9"), ("if-range", &tag)]).await.expect(206).body, bytes[7..=9]);
}

#[actix_web::test]
async fn a_head_of_a_file_or_of_rows_says_what_a_get_would_and_is_not_recorded() {
    let story = Story::stage().await;
    let files = large();
    story.signed(MODEL, &files).await;
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = story.app.request(&story.ines, method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request).await
    };
    for path in [file(&files[0].0), "/api/v1/datasets/people/content".to_owned()] {
        let whole = ask("GET", &path, &[]).await.expect(200);
        let (before, tag) = (story.app.events().await, whole.header("etag"));
        let told = ask("HEAD", &path, &[]).await.expect(200);
        assert!(told.body.is_empty(), "{path}");
        assert_eq!(told.header("content-length"), whole.body.len().to_string());
        for name in ["content-type", "content-disposition", "etag", "accept-ranges"] {
            assert_eq!(told.header(name), whole.header(name), "{path}: {name}");
        }
        for (header, status) in
            [(("if-none-match", tag), 304), (("if-match", "\"another\""), 412), (("range", "bytes=0-9"), 200)]
        {
            assert_eq!(ask("HEAD", &path, &[header]).await.status, status, "{path} {header:?}");
        }
        assert_eq!(ask("GET", &path, &[("if-none-match", tag)]).await.status, 304, "{path}");
        assert_eq!(story.app.events().await, before, "nothing left: {path}");
    }
}

#[actix_web::test]
async fn whatever_can_be_read_answers_a_head_without_the_bytes() {
    let story = Story::begin_without_runtime(&[]).await;
    for path in
        ["/livez", "/readyz", "/login", "/docs", "/openapi.yaml", "/api/v1/models", "/api/v1/nowhere", "/nowhere"]
    {
        let whole = story.app.get(&story.ines, path).await;
        let told = reply(story.app.request(&story.ines, "HEAD", path)).await;
        assert_eq!((told.status, told.body.len()), (whole.status, 0), "{path}");
        for name in ["content-type", "content-length", "x-content-type-options"] {
            assert_eq!(told.header(name), whole.header(name), "{path}: {name}");
        }
    }
}

#[actix_web::test]
async fn a_pull_gives_parts_and_knows_what_a_deployer_has() {
    let story = Story::stage().await;
    story.released(1).await;
    let bytes = scorer(1)[0].1.clone();
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/files/model.onnx");
    let ask =
        |name: &'static str, value: String| reply(story.app.request(&story.robot, "GET", &path).header(name, value));
    assert_eq!(ask("range", "bytes=3-9".to_owned()).await.expect(206).body, bytes[3..=9]);
    let pulls = story.leaves("release.pull").await.len();
    ask("if-none-match", format!("\"{}\"", Digest::of(&bytes))).await.expect(304);
    ask("range", format!("bytes={}-", bytes.len())).await.expect(416);
    assert_eq!(story.leaves("release.pull").await.len(), pulls, "nothing left");

    damage(&story, &bytes, bytes.len() / 2);
    let refused = story.app.program(&["admin", "scrub", "--json"]).await;
    assert!(!refused.status.success());
    let refused = story.pull_file("model.onnx").await.expect(412);
    assert_eq!(checks(&refused.json()), ["blob_quarantined"]);
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&asked).contains(&"bytes_damaged".to_owned()), "{asked}");
}

#[actix_web::test]
async fn a_scrub_finds_what_is_damaged_and_lets_go_what_is_well_again() {
    let files = large();
    let (path, bytes) = &files[0];
    let story = kept(&files).await;
    let app = &story.app.app;
    let scrub = async || blobs::scrub(app, None, |_| {}).await.expect("scrubbed");
    app.db.clock().advance(chrono::TimeDelta::seconds(1));
    let well = scrub().await;
    assert_eq!((well.blobs, well.bytes, well.damaged), (1, bytes.len() as u64, Vec::new()));
    let place = story.app.blob(bytes);
    for (bad, fault) in [
        (Some([&bytes[..9], b"x", &bytes[10..]].concat()), "sha256_differs"),
        (Some(bytes[..MIB].to_vec()), "size_differs"),
        (None, "missing"),
    ] {
        match bad {
            Some(bad) => std::fs::write(&place, bad).expect("damage"),
            None => std::fs::remove_file(&place).expect("damage"),
        }
        app.db.clock().advance(chrono::TimeDelta::seconds(1));
        let found = scrub().await;
        assert_eq!(found.damaged.iter().map(|found| found.fault.as_str()).collect::<Vec<_>>(), [fault]);
        assert_eq!(story.app.get(&story.ines, &file(path)).await.expect(409).code(), "blob_quarantined");
        std::fs::write(&place, bytes).expect("restored");
        app.db.clock().advance(chrono::TimeDelta::seconds(1));
        assert_eq!(scrub().await.damaged, []);
        assert!(story.app.get(&story.ines, &file(path)).await.expect(200).body == *bytes);
    }
    assert_eq!(story.leaves("blob.quarantine").await.len(), 3);
    assert_eq!(story.leaves("blob.restore").await.len(), 3);
}

/// As it was stored before there were checksums.
async fn make_old(story: &Story, bytes: &[u8]) -> std::path::PathBuf {
    let place = story.app.blob(bytes);
    let plain = place.with_file_name(Digest::of(bytes).hex());
    std::fs::rename(&place, &plain).expect("rename");
    let db = story.app.app.db.raw_for_tests();
    db.execute_raw(Statement::from_string(db.get_database_backend(), "DELETE FROM stored_blob")).await.expect("delete");
    plain
}

#[actix_web::test]
async fn bytes_of_before_there_were_checksums_get_theirs_when_they_are_looked_at() {
    let files = large();
    let (path, bytes) = &files[0];
    let story = kept(&files).await;
    let plain = make_old(&story, bytes).await;
    let collected = blobs::collect(&story.app.app, Duration::ZERO, false).await.expect("collected");
    assert_eq!((collected.copies, collected.strays), (0, 0), "somebody refers to it");
    assert!(story.app.get(&story.ines, &file(path)).await.expect(200).body == *bytes);
    make_old(&story, bytes).await;
    std::fs::write(&plain, &bytes[1..]).expect("damage");
    let found = blobs::scrub(&story.app.app, None, |_| {}).await.expect("scrubbed");
    assert_eq!(found.damaged.len(), 1);
    assert_eq!(story.app.get(&story.ines, &file(path)).await.expect(409).code(), "blob_quarantined");
    story.upload(&story.ines, MODEL, "1", path, bytes.clone()).await.expect(204);
    assert!(story.app.get(&story.ines, &file(path)).await.expect(200).body == *bytes);
    assert!(!plain.exists(), "the damaged copy is gone");
}

async fn upload(story: &Story, bytes: &[u8]) -> ops::Placed {
    let mut upload = story.app.app.blobs.begin().await.expect("begin");
    upload.write(bytes).await.expect("write");
    ops::place(&story.app.app, upload, &Digest::of(bytes)).await.expect("placed")
}

#[actix_web::test]
async fn what_nothing_refers_to_goes_after_a_while_and_nothing_else() {
    let files = large();
    let story = kept(&files).await;
    let app = &story.app.app;
    let lost = upload(&story, b"nobody's").await;
    let place = story.app.blob(b"nobody's");
    let stray = story.app.blob(&files[0].1).with_file_name(format!(
        "{}.{}",
        Digest::of(&files[0].1).hex(),
        uuid::Uuid::now_v7().simple()
    ));
    std::fs::write(&stray, b"left by a crash").expect("write");
    let day = Duration::from_secs(86_400);
    assert_eq!(blobs::collect(app, day, false).await.expect("collected").sha256.len(), 0, "they may be under way");
    app.db.clock().advance(chrono::TimeDelta::seconds(1));
    let said = blobs::collect(app, Duration::ZERO, true).await.expect("looked");
    assert_eq!((said.copies, said.bytes, said.strays), (1, 8, 1));
    assert!(place.exists() && stray.exists(), "a dry run takes nothing");
    let done = blobs::collect(app, Duration::ZERO, false).await.expect("collected");
    assert_eq!((done.copies, done.strays), (1, 1));
    assert!(!place.exists() && !stray.exists());
    assert!(story.app.get(&story.ines, &file("weights.bin")).await.expect(200).body == files[0].1);

    let tx = app.db.begin().await.expect("tx");
    let late = store::settle(&tx, &lost).await.expect_err("it is gone");
    assert!(late.to_string().contains("send the file again"), "{late}");
    drop(tx);
    let said = story.app.program(&["admin", "gc", "--dry-run", "--json"]).await;
    let said: Value = serde_json::from_slice(&said.stdout).expect("json");
    assert_eq!(said["copies"], 0);
}

#[actix_web::test]
async fn uploads_of_the_same_bytes_beside_collections_lose_nothing() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let shared = vec![9; MIB + 1];
    let versions: Vec<Files> = (0..8)
        .map(|n| {
            vec![("weights.bin".to_owned(), shared.clone()), ("README.md".to_owned(), format!("# {n}\n").into_bytes())]
        })
        .collect();
    for files in &versions {
        story.declare(MODEL, files).await.expect(201);
    }
    let sending = (1..=versions.len()).map(|n| {
        let (story, shared) = (&story, &shared);
        async move {
            for _ in 0..200 {
                let sent = story.upload(&story.ines, MODEL, &n.to_string(), "weights.bin", shared.clone()).await;
                match sent.status {
                    204 => return,
                    503 => tokio::time::sleep(Duration::from_millis(5)).await,
                    other => assert_eq!(other, 204, "{}", sent.text()),
                }
            }
            assert_eq!(n, 0, "never kept");
        }
    });
    let collecting = async {
        loop {
            story.app.app.db.clock().advance(chrono::TimeDelta::milliseconds(1));
            blobs::collect(&story.app.app, Duration::ZERO, false).await.expect("collected");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::select! {
        _ = futures_util::future::join_all(sending) => {}
        () = collecting => {}
    }
    for n in 1..=versions.len() {
        let path = format!("/api/v1/models/{MODEL}/versions/{n}/files/weights.bin");
        assert!(story.app.get(&story.ines, &path).await.expect(200).body == shared, "version {n}");
    }
    story.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    blobs::collect(&story.app.app, Duration::ZERO, false).await.expect("collected");
    story.app.blob(&shared);
    let scrubbed = blobs::scrub(&story.app.app, None, |_| {}).await.expect("scrubbed");
    assert_eq!(scrubbed.damaged, []);
}

#[actix_web::test]
async fn nobody_learns_from_damage_that_another_workspace_has_the_same_bytes() {
    let files = large();
    let (name, bytes) = &files[0];
    let story = kept(&files).await;
    damage(&story, bytes, 9);
    story.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    blobs::scrub(&story.app.app, None, |_| {}).await.expect("scrubbed");
    assert_eq!(version(&story).await["files"][0]["damaged"], true);
    // Somebody elsewhere declares the same file, and sends it later.
    let stranger = crate::workspaces::stranger(&story.app).await;
    let model = json!({"name": "theirs", "title": "Theirs", "intended_use": "a test", "risk_tier": "low"});
    story.app.post(&stranger, "/api/v1/models", model).await.expect(201);
    let declared =
        json!({"files": [{"path": name, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len()}]});
    let draft = story.app.post(&stranger, "/api/v1/models/theirs/versions", declared).await.expect(201).json();
    assert_eq!(draft["files"][0]["damaged"], false, "{draft}");
    story.upload(&stranger, "theirs", "1", name, bytes.clone()).await.expect(204);
    assert_eq!(version(&story).await["files"][0]["damaged"], false, "theirs is well for everybody");
    let log = audit_event::Entity::find().all(story.app.app.db.raw_for_tests()).await.expect("read");
    let of = |action: &str| -> Vec<_> {
        log.iter().filter(|event| event.action == action).map(|event| event.workspace_id).collect()
    };
    assert_eq!(of("blob.restore"), of("version.seal"), "whoever had it hears of it, and nobody else");
}

#[actix_web::test]
async fn bytes_that_come_again_take_the_place_of_a_copy_that_may_be_damaged_unseen() {
    let files = large();
    let (name, bytes) = &files[0];
    let story = kept(&files).await;
    damage(&story, bytes, 9);
    let stranger = crate::workspaces::stranger(&story.app).await;
    let model = json!({"name": "theirs", "title": "Theirs", "intended_use": "a test", "risk_tier": "low"});
    story.app.post(&stranger, "/api/v1/models", model).await.expect(201);
    let declared =
        json!({"files": [{"path": name, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len()}]});
    story.app.post(&stranger, "/api/v1/models/theirs/versions", declared).await.expect(201);
    story.upload(&stranger, "theirs", "1", name, bytes.clone()).await.expect(204);
    let theirs = format!("/api/v1/models/theirs/versions/1/files/{name}");
    assert!(story.app.get(&stranger, &theirs).await.expect(200).body == *bytes);
    assert!(story.app.get(&story.ines, &file(name)).await.expect(200).body == *bytes);
    assert_eq!(crate::stores::count(story.app.data()).await, 1, "the older copy is gone");
}

#[actix_web::test]
async fn what_the_disk_cannot_read_any_more_is_withheld_until_it_is_sent_again() {
    let files = large();
    let (name, bytes) = &files[0];
    let story = kept(&files).await;
    let app = &story.app.app;
    let conn = app.db.read(&plimsoll::authz::policy::upkeep());
    let stored = store::find(conn.conn(), &Digest::of(bytes)).await.expect("read").expect("a copy");
    // What a bad sector is to whoever reads it; no disk with one is at hand.
    let sector = || ops::unread(app, &stored, blobs::ReadError::Io(io::Error::from_raw_os_error(EIO)));
    let (here, elsewhere) = folders(&story);
    std::fs::rename(&here, &elsewhere).expect("all of it is away");
    assert!(matches!(sector().await, Error::Unavailable { code: "storage_elsewhere", .. }));
    assert_eq!(version(&story).await["files"][0]["damaged"], false, "then the file itself is not to blame");
    std::fs::rename(&elsewhere, &here).expect("and back");
    assert!(matches!(sector().await, Error::Conflict { code: "blob_quarantined", .. }));
    assert_eq!(story.app.get(&story.ines, &file(name)).await.expect(409).code(), "blob_quarantined");
    assert_eq!(version(&story).await["files"][0]["damaged"], true);
    assert_eq!(story.leaves("blob.quarantine").await[0]["detail"]["fault"], "unreadable");
    story.upload(&story.ines, MODEL, "1", name, bytes.clone()).await.expect(204);
    assert!(story.app.get(&story.ines, &file(name)).await.expect(200).body == *bytes);
}

#[actix_web::test]
async fn a_dataset_that_is_refused_leaves_no_bytes() {
    let story = Story::begin_without_runtime(&[]).await;
    let (people, others) = (b"age,label\n30,good\n40,bad\n", b"age,label\n31,good\n41,bad\n");
    let description = json!({"label": "label", "positive_label": "good", "source": "a test"});
    story.dataset("people", people, &description).await.expect(201);
    assert_eq!(crate::stores::count(story.app.data()).await, 1);
    for again in [people, others] {
        assert_eq!(story.dataset("people", again, &description).await.expect(409).code(), "dataset_name_taken");
        assert_eq!(crate::stores::count(story.app.data()).await, 1);
    }
    let rows = stored_blob::Entity::find().all(story.app.app.db.raw_for_tests()).await.expect("read");
    assert_eq!(rows.len(), 1, "{rows:?}");
}

#[actix_web::test]
async fn what_came_and_was_never_referred_to_goes_by_itself_after_a_day() {
    let story = kept(&large()).await;
    let db = story.app.app.db.raw_for_tests();
    let row = stored_blob::Entity::find().one(db).await.expect("read").expect("a copy");
    let mut killed = row.clone().into_active_model().reset_all();
    killed.id = Set(StoredBlobId::generate());
    killed.state = Set("arriving".to_owned());
    killed.insert(db).await.expect("as a process leaves it that is killed");
    for (hours, left) in [(23, 2), (2, 1)] {
        story.app.app.db.clock().advance(chrono::TimeDelta::hours(hours));
        blobs::sweep(&story.app.app).await.expect("swept");
        let rows = stored_blob::Entity::find().all(db).await.expect("read");
        assert_eq!(rows.len(), left, "{rows:?}");
    }
    assert_eq!(stored_blob::Entity::find().one(db).await.expect("read").map(|row| row.id), Some(row.id));
}

/// The folder of copies, and where it is put out of the way.
fn folders(story: &Story) -> (std::path::PathBuf, std::path::PathBuf) {
    let blobs = story.app.data().join("blobs");
    (blobs.join("sha256"), blobs.join("elsewhere"))
}

#[actix_web::test]
async fn files_whose_mount_is_missing_are_not_taken_for_lost() {
    let files = large();
    let (path, bytes) = &files[0];
    let story = kept(&files).await;
    let (here, elsewhere) = folders(&story);
    std::fs::rename(&here, &elsewhere).expect("unmounted");
    std::fs::create_dir(&here).expect("the empty folder below");
    assert_eq!(story.app.get(&story.ines, &file(path)).await.expect(503).code(), "storage_elsewhere");
    assert_eq!(story.app.get("", "/readyz").await.expect(503).json()["blobs"], "failed");
    story.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    let found = blobs::scrub(&story.app.app, None, |_| {}).await.expect("scrubbed");
    assert_eq!(found.damaged.iter().map(|found| found.fault.as_str()).collect::<Vec<_>>(), [blobs::NOT_READ]);
    let refused = story.app.program(&["admin", "gc", "--json"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("none of the files that the database knows is there"), "{said}");
    assert_eq!(std::fs::read_dir(&here).expect("listed").count(), 0, "an empty folder is not made ours");
    std::fs::remove_dir(&here).expect("removed");
    std::fs::rename(&elsewhere, &here).expect("mounted");
    assert!(story.app.get(&story.ines, &file(path)).await.expect(200).body == *bytes);
    story.app.get("", "/readyz").await.expect(200);
    assert!(story.leaves("blob.quarantine").await.is_empty());
}

#[actix_web::test]
async fn nothing_is_collected_in_another_registrys_place() {
    let (mine, theirs) = (kept(&large()).await, kept(&vec![("a.bin".to_owned(), b"theirs".to_vec())]).await);
    let ((here, elsewhere), (other, _)) = (folders(&mine), folders(&theirs));
    std::fs::rename(&here, &elsewhere).expect("moved");
    std::fs::rename(&other, &here).expect("the wrong one");
    let place = mine.app.blob(b"theirs");
    mine.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    let refused = blobs::collect(&mine.app.app, Duration::ZERO, false).await.expect_err("it is not ours");
    assert!(matches!(refused, Error::Unavailable { code: "storage_elsewhere", .. }), "{refused}");
    let refused = mine.app.program(&["admin", "gc", "--grace", "0"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("are another registry's"), "{said}");
    assert!(place.exists());
}

#[actix_web::test]
async fn a_place_of_before_there_were_notes_gets_one() {
    let files = large();
    let story = kept(&files).await;
    let note = folders(&story).0.join("registry");
    let before = std::fs::read_to_string(&note).expect("a note");
    std::fs::remove_file(&note).expect("removed");
    story.app.again(&[]).await;
    assert_eq!(std::fs::read_to_string(&note).expect("a note"), before);
    assert!(before.starts_with(story.app.app.signer.origin()), "it names the log: {before}");
}
