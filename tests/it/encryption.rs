//! Files at rest: encrypted where there are keys, opened by nobody without them.

use crate::{
    harness::reply,
    stores,
    story::{Files, MODEL, Story},
    transit::TransitServer,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Parser;
use plimsoll::{
    app::App,
    blobs::{
        self,
        keys::{KeyService, Keyring, Wrapped},
    },
    config::Config,
    core::{clock::Clock, digest::Digest},
};
use sea_orm::{ConnectionTrait, Statement};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const FILE: &str = "/api/v1/models/scorer/versions/1/files/a.bin";
const MIB: usize = 1 << 20;

fn key(name: &str, byte: u8) -> String {
    format!("{name} {}\n", STANDARD.encode([byte; 32]))
}

/// A file of keys that only its owner reads.
fn keys(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("keys");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("mode");
    file.display().to_string()
}

/// Words that stand in the file again and again, so that they are found wherever it is plain.
fn bytes(count: usize) -> Vec<u8> {
    b"weights that nobody else may read; ".iter().copied().cycle().take(count).collect()
}

async fn push(story: &Story, sent: &[u8]) {
    story.model(MODEL).await;
    let files: Files = vec![("a.bin".to_owned(), sent.to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    story.upload(&story.ines, MODEL, "1", "a.bin", sent.to_vec()).await.expect(204);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn is_plain_somewhere(folder: &Path) -> bool {
    let words = b"nobody else may read";
    let is_plain = |path: &PathBuf| std::fs::read(path).expect("file").windows(words.len()).any(|seen| seen == words);
    files_below(folder).iter().any(is_plain)
}

/// What a start with these arguments over the same data says.
async fn start(story: &Story, arguments: &[&str]) -> Result<(), String> {
    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }
    let folder = story.app.data().display().to_string();
    let mut all = vec!["plimsoll", "--data", &folder];
    all.extend(story.app.database().iter().flat_map(|url| ["--db-url", url]));
    let bucket = stores::s3(story.app.data()).map(|s3| s3.arguments(story.app.data())).unwrap_or_default();
    all.extend(bucket.iter().map(String::as_str));
    all.extend(arguments);
    App::open(&Cli::parse_from(all).config, Clock::System).await.map(drop).map_err(|error| error.to_string())
}

/// The wrapped key and the id of the only copy.
async fn row(story: &Story) -> (Wrapped, String) {
    let db = story.app.app.db.raw_for_tests();
    let sql = "SELECT key_name, wrapped_key, id FROM stored_blob";
    let row =
        db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("query").expect("row");
    let text = |column: &str| row.try_get::<String>("", column).expect("text");
    let id: uuid::Uuid = row.try_get("", "id").expect("id");
    (Wrapped { by: text("key_name"), text: text("wrapped_key") }, id.to_string())
}

#[actix_web::test]
async fn what_was_pushed_is_on_no_disk_as_it_came_and_comes_back_whole_and_in_parts() {
    let folder = tempfile::tempdir().expect("folder");
    let file = keys(folder.path(), "keys", &key("2026", 7));
    let story = Story::begin_without_runtime(&["--encryption-key-file", &file]).await;
    let sent = bytes(3 * MIB + 17);
    push(&story, &sent).await;
    assert!(!is_plain_somewhere(story.app.data()), "not even where it came in");
    assert!(story.app.get(&story.ines, FILE).await.expect(200).body == sent);
    for (first, last) in
        [(0, 0), (16_383, 16_384), (MIB - 1, MIB), (2 * MIB + 5, 2 * MIB + 70_000), (sent.len() - 1, sent.len() - 1)]
    {
        let asked = story.app.request(&story.ines, "GET", FILE).header("range", format!("bytes={first}-{last}"));
        assert!(reply(asked).await.expect(206).body == sent[first..=last], "{first}-{last}");
    }
    story.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    let checked = blobs::scrub(&story.app.app, None, |_| {}).await.expect("scrubbed");
    assert!(checked.damaged.is_empty() && checked.bytes == sent.len() as u64, "{checked:?}");
    let (mut read, size) = blobs::ops::local(&story.app.app, &Digest::of(&sent)).await.expect("a file for a run");
    let mut whole = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut read, &mut whole).await.expect("read");
    assert!(whole == sent && size == sent.len() as u64);
}

#[actix_web::test]
async fn a_stored_file_opens_with_its_key_in_another_program() {
    let folder = tempfile::tempdir().expect("folder");
    let text = key("2026", 7);
    let file = keys(folder.path(), "keys", &text);
    for size in [0, 1, 16_384, 70_001] {
        let story = Story::begin_without_runtime(&["--encryption-key-file", &file]).await;
        if stores::s3(story.app.data()).is_some() {
            return; // The other program wants a file of this machine.
        }
        let sent = bytes(size);
        push(&story, &sent).await;
        let (wrapped, id) = row(&story).await;
        let key = Keyring::parse(&text).expect("keys").unwrap(&wrapped).await.expect("opens");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".cache/foreign/venv/bin/python3");
        assert!(python.exists(), "the foreign readers must be here: run scripts/foreign.sh");
        let opened = Command::new(python)
            .arg(root.join("tests/foreign/cobblestone.py"))
            .arg(story.app.blob(&sent))
            .args([hex(key.as_bytes()), hex(format!("plimsoll/blob/v1\0{id}").as_bytes())])
            .output()
            .expect("python");
        assert!(opened.stdout == sent, "{size}: {}", String::from_utf8_lossy(&opened.stderr));
    }
}

#[actix_web::test]
async fn a_change_to_an_encrypted_file_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().expect("folder");
    let file = keys(folder.path(), "keys", &key("2026", 7));
    let sent = bytes(100_000);
    for at in [3, 30, 56, 50_000] {
        let story = Story::begin_without_runtime(&["--encryption-key-file", &file]).await;
        push(&story, &sent).await;
        stores::rot(story.app.data(), &Digest::of(&sent).to_string(), at).await;
        let answer = story.app.request(&story.ines, "GET", FILE).send().await.expect("an answer");
        let is_whole = answer.status() == 200 && answer.bytes().await.is_ok();
        assert!(!is_whole, "the byte at {at} of what is stored");
        let refused = story.app.get(&story.ines, FILE).await.expect(409);
        assert!(refused.text().contains("does_not_open"), "{}", refused.text());
    }
}

#[actix_web::test]
async fn without_the_key_or_with_another_one_the_service_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().expect("folder");
    let file = keys(folder.path(), "keys", &key("2026", 7));
    let story = Story::begin_without_runtime(&["--encryption-key-file", &file]).await;
    push(&story, b"weights").await;
    assert!(start(&story, &["--encryption-key-file", &file]).await.is_ok());
    let other = keys(folder.path(), "other", &key("2026", 8));
    let newer = keys(folder.path(), "newer", &key("2027", 9));
    let empty = keys(folder.path(), "empty", "# none\n");
    let open = keys(folder.path(), "open", &key("2026", 7));
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("mode");
    for (given, said) in [
        (None, "no encryption key is given"),
        (Some(&other), "another key of the same name"),
        (Some(&newer), "no encryption key has the name \"2026\""),
        (Some(&empty), "there is no key"),
        (Some(&open), "chmod 600"),
        (Some(&"/nowhere/keys".to_owned()), "/nowhere/keys"),
    ] {
        let arguments = given.map(|file| vec!["--encryption-key-file", file]).unwrap_or_default();
        let refused = start(&story, &arguments).await.expect_err("it must not start");
        assert!(refused.contains(said), "{given:?}: {refused}");
    }
}

#[actix_web::test]
async fn what_came_before_there_was_a_key_stays_readable_and_what_comes_is_encrypted() {
    let folder = tempfile::tempdir().expect("folder");
    let story = Story::begin_without_runtime(&[]).await;
    let sent = bytes(20_000);
    push(&story, &sent).await;
    let file = keys(folder.path(), "keys", &key("2026", 7));
    let now = story.app.again(&["--encryption-key-file", &file]).await;
    assert!(now.get(&story.ines, FILE).await.expect(200).body == sent);
    let done = blobs::rewrap(&now.app, true, |_| {}).await.expect("counted");
    assert_eq!((done.not_encrypted, done.before.len()), (1, 0));
}

#[actix_web::test]
async fn a_newer_key_takes_over_without_a_file_being_touched() {
    let folder = tempfile::tempdir().expect("folder");
    let (old, new) = (key("2025", 1), key("2026", 2));
    let first = keys(folder.path(), "keys", &old);
    let story = Story::begin_without_runtime(&["--encryption-key-file", &first]).await;
    let sent = bytes(70_000);
    push(&story, &sent).await;
    let both = keys(folder.path(), "both", &format!("{new}{old}"));
    let looked = story.app.program(&["admin", "rewrap", "--dry-run", "--encryption-key-file", &both]).await;
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(
        looked.status.success() && said.contains("1 would be rewrapped"),
        "{said}{}",
        String::from_utf8_lossy(&looked.stderr)
    );
    assert_eq!(row(&story).await.0.by, "2025", "nothing was changed");
    let (before, _) = row(&story).await;
    let done = story.app.program(&["admin", "rewrap", "--json", "--encryption-key-file", &both]).await;
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("json");
    assert_eq!((&said["rewrapped"], &said["now"]["2026"]), (&1.into(), &1.into()), "{said}");
    let (after, _) = row(&story).await;
    assert!(after.by == "2026" && after.text != before.text);
    let leaves = story.leaves("blob.rewrap").await;
    assert_eq!((leaves.len(), &leaves[0]["detail"]["key"]), (1, &"2026".into()), "{leaves:?}");
    let only = keys(folder.path(), "only", &new);
    let now = story.app.again(&["--encryption-key-file", &only]).await;
    assert!(now.get(&story.ines, FILE).await.expect(200).body == sent, "without the old key");
    let again = story.app.program(&["admin", "rewrap", "--json", "--encryption-key-file", &only]).await;
    assert!(String::from_utf8_lossy(&again.stdout).contains("\"rewrapped\": 0"), "nothing is left to do");
    assert_eq!(story.leaves("blob.rewrap").await.len(), 1);
}

#[actix_web::test]
async fn a_key_that_a_vault_holds_wraps_opens_and_is_rotated_there() {
    let vault = TransitServer::start("a token").await;
    let folder = tempfile::tempdir().expect("folder");
    let token = keys(folder.path(), "token", "a token\n");
    let arguments = ["--encryption-vault", vault.url(), "--encryption-vault-token-file", &token];
    let story = Story::begin_without_runtime(&arguments).await;
    let sent = bytes(70_000);
    push(&story, &sent).await;
    assert!(!is_plain_somewhere(story.app.data()));
    assert!(story.app.get(&story.ines, FILE).await.expect(200).body == sent);
    assert_eq!(row(&story).await.0.by, "transit/plimsoll v1");
    vault.rotate();
    let done = blobs::rewrap(&story.app.app, false, |_| {}).await.expect("rewrapped");
    assert_eq!((done.rewrapped, row(&story).await.0.by.as_str()), (1, "transit/plimsoll v2"));
    let now = story.app.again(&arguments).await;
    assert!(now.get(&story.ines, FILE).await.expect(200).body == sent);
    let asked = vault.asked("decrypt");
    now.get(&story.ines, FILE).await.expect(200);
    assert_eq!(vault.asked("decrypt"), asked, "the key of a file is held for some minutes");
}

#[actix_web::test]
async fn a_vault_that_is_away_or_refuses_stops_what_needs_a_key_and_nothing_is_kept() {
    let vault = TransitServer::start("a token").await;
    let folder = tempfile::tempdir().expect("folder");
    let token = keys(folder.path(), "token", "a token\n");
    let arguments = ["--encryption-vault", vault.url(), "--encryption-vault-token-file", &token];
    let story = Story::begin_without_runtime(&arguments).await;
    story.model(MODEL).await;
    let files: Files = vec![("a.bin".to_owned(), b"weights".to_vec()), ("b.bin".to_owned(), b"more".to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    story.upload(&story.ines, MODEL, "1", "a.bin", b"weights".to_vec()).await.expect(204);
    for (is_sealed, right) in [(true, "a token"), (false, "another token")] {
        vault.seal(is_sealed);
        keys(folder.path(), "token", right);
        let refused = start(&story, &arguments).await.expect_err("it must not start");
        let said = if is_sealed {
            "does not answer: 503 Service Unavailable Vault is sealed"
        } else {
            "refuses: 403 Forbidden permission denied"
        };
        assert!(refused.contains(said), "{refused}");
        let refused = story.upload(&story.ines, MODEL, "1", "b.bin", b"more".to_vec()).await.expect(503);
        assert_eq!(refused.code(), "encryption_key_unavailable");
        assert!(!refused.text().contains("token"), "{}", refused.text());
        assert_eq!(stores::count(story.app.data()).await, 1, "nothing was kept");
    }
    keys(folder.path(), "token", "a token");
    let open = ["--encryption-vault", "http://vault.example:8200", "--encryption-vault-token-file", &token];
    assert!(start(&story, &open).await.expect_err("not over the net").contains("it has to be https"));
}
