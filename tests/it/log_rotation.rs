//! The registry changes its key: one log goes on under one name, and nobody loses what an
//! earlier key signed.

use crate::{
    harness::{TestApp, reply},
    log_restore::{back_up, restore},
    log_witness::{Witness, pushed, witnessed},
    story::{MODEL, Story, text},
};
use chrono::TimeDelta;
use plimsoll::{
    audit::{archive, sequencer, verify::verify_since},
    crypto::{
        checkpoint, key_chain,
        keys::RegistryKey,
        note::{self, NoteError},
    },
    error::Error,
    keys::ops,
};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tokio::{io::AsyncWriteExt, process::Command};

const CHECKPOINT: &str = "/api/v1/audit/checkpoint";

async fn rotate(app: &TestApp, days: i64) -> ops::Rotation {
    ops::rotate(&app.app, &app.console().await, TimeDelta::days(days), None).await.expect("rotated")
}

async fn head(story: &Story) -> String {
    story.app.get(&story.ada, CHECKPOINT).await.expect(200).text()
}

async fn listed(app: &TestApp) -> Vec<Value> {
    app.get("", "/api/v1/audit/keys").await.expect(200).json().as_array().expect("a list").clone()
}

fn lines(note: &str) -> usize {
    note.lines().filter(|line| line.starts_with('\u{2014}')).count()
}

#[actix_web::test]
async fn two_keys_sign_for_a_while_and_then_the_new_one_alone() {
    let story = Story::begin_without_runtime(&[]).await;
    let old_key = story.verifier_key().await;
    let first = head(&story).await;
    assert_eq!(lines(&first), 1);
    let before = story.app.events().await;
    let done = rotate(&story.app, 30).await;
    assert_eq!(story.app.events().await, before + 2, "the new key, and the end of the old one");
    let new_key = done.new.verifier_key.clone();
    assert_eq!(story.verifier_key().await, new_key);
    let both = format!("{old_key}\n{new_key}");

    let during = head(&story).await;
    assert_eq!(lines(&during), 2);
    for key in [&old_key, &new_key, &both] {
        checkpoint::open(&during, key).expect("each key, and both");
    }
    // Who pinned the old key learns of the new one from the log, under a head that the old key signed.
    let added = &story.leaves("registry_key.add").await[0];
    assert_eq!(
        (&added["detail"]["verifier_key"], &added["actor"]["kind"]),
        (&new_key.clone().into(), &"system".into())
    );
    let (export, _) = story.export().await;
    verify_since(export.as_bytes(), &old_key, std::slice::from_ref(&first)).expect("the old key");
    assert!(export.contains(&new_key));

    story.app.app.db.clock().advance(TimeDelta::days(31));
    story.model("later").await;
    let after = head(&story).await;
    assert_eq!(lines(&after), 1);
    checkpoint::open(&after, &new_key).expect("the new key");
    assert!(matches!(checkpoint::open(&after, &old_key), Err(NoteError::OtherKey { .. })));
    let (export, _) = story.export().await;
    let older = [first, during];
    let verified = verify_since(export.as_bytes(), &both, &older).expect("goes on from what the old key signed");
    assert_eq!(verified.origin, story.app.app.signer.origin());
    assert!(verify_since(export.as_bytes(), &new_key, &older).is_err(), "the old key is needed for the old head");
    let states: Vec<_> = listed(&story.app).await.iter().map(|key| text(&key["state"])).collect();
    assert_eq!(states, ["retired", "active"]);
}

#[actix_web::test]
async fn the_old_key_vouches_for_the_new_one_over_any_number_of_steps() {
    let story = Story::begin_without_runtime(&[]).await;
    let first = story.verifier_key().await;
    for _ in 0..3 {
        rotate(&story.app, 30).await;
    }
    assert_eq!(lines(&head(&story).await), 4, "every one whose time is not over");
    let keys = listed(&story.app).await;
    let link = |key: &Value| key_chain::Link {
        verifier_key: text(&key["verifier_key"]),
        endorsement: key["endorsement"].as_str().map(str::to_owned),
    };
    let links: Vec<_> = keys.iter().map(link).collect();
    let (origin, newest) = (story.app.app.signer.origin(), story.verifier_key().await);
    assert!(key_chain::leads(origin, &first, &newest, &links));
    assert!(!key_chain::leads(origin, &newest, &first, &links));
}

#[actix_web::test]
async fn a_key_ends_at_once_when_it_must_and_never_comes_back() {
    let story = Story::begin_without_runtime(&[]).await;
    let console = story.app.console().await;
    let old = rotate(&story.app, 30).await.old;
    let active = listed(&story.app).await[1]["id"].as_str().expect("id").to_owned();
    let code = |error: Error| match error {
        Error::Conflict { code, .. } => code,
        error => panic!("{error:?}"),
    };
    let retire = async |id: &str| ops::retire(&story.app.app, &console, id, "It was copied by Eve.").await;
    assert_eq!(code(retire(&active).await.expect_err("active")), "key_active");
    assert!(matches!(retire("00000000").await, Err(Error::NotFound { .. })));
    retire(&old.id).await.expect("retired");
    assert_eq!(code(retire(&old.id).await.expect_err("again")), "key_retired");
    story.model("later").await;
    let note = head(&story).await;
    assert_eq!(lines(&note), 1);
    let leaves = story.leaves("registry_key.retire").await;
    assert_eq!(leaves.len(), 2);
    assert!(leaves.iter().all(|leaf| !leaf.to_string().contains("Eve")), "no free text in the log");

    let db = story.app.app.db.raw_for_tests();
    for change in [
        "UPDATE registry_key SET signs_until = NULL WHERE signs_until IS NOT NULL",
        "UPDATE registry_key SET verifier_key = 'x'",
        "DELETE FROM registry_key",
    ] {
        let refused = db.execute_unprepared(change).await.expect_err(change).to_string();
        assert!(refused.contains("append-only"), "{change}: {refused}");
    }
    // Somebody with every role of the workspace is still not at the machine.
    let mut person = console.clone();
    person.kind = plimsoll::authz::Kind::User;
    assert!(matches!(ops::rotate(&story.app.app, &person, TimeDelta::zero(), None).await, Err(Error::Denied(_))));
}

#[actix_web::test]
async fn a_log_keeps_its_name_whatever_the_program_is_started_with() {
    let story = Story::begin_without_runtime(&[]).await;
    let origin = story.app.app.signer.origin().to_owned();
    head(&story).await;
    let events = story.app.events().await;
    for command in [
        &["admin", "key", "rotate", "--overlap", "0d"][..],
        &["admin", "key", "list"],
        &["admin", "compare"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let output = story.app.program(&[command, &["--origin", "other.example/log"]].concat()).await;
        let said = said(&output);
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.contains(&format!("the log in this database is called {origin}")), "{said}");
        assert!(said.contains(&format!("Start with --origin {origin}")) && !said.contains("rotate"), "{said}");
    }
    assert_eq!((listed(&story.app).await.len(), story.app.events().await), (1, events));
    let pems = fs::read_dir(story.app.data().join("keys")).expect("folder").filter_map(Result::ok);
    assert_eq!(pems.filter(|file| file.path().extension().is_some_and(|end| end == "pem")).count(), 1);
}

#[actix_web::test]
async fn a_rotation_that_stopped_half_way_changed_nothing_and_can_be_done_again() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    let before = story.app.events().await;
    // The file is there, the transaction is not.
    let (_, file) = story.app.app.signer.make_next().expect("a file");
    assert!(file.exists());
    let app = story.app.again(&[]).await;
    let story = Story { app, ..story };
    assert_eq!((story.verifier_key().await, story.app.events().await), (key, before));
    assert_eq!(lines(&head(&story).await), 1);
    let new = rotate(&story.app, 30).await.new;
    assert_eq!((lines(&head(&story).await), story.verifier_key().await), (2, new.verifier_key));
    assert_eq!(listed(&story.app).await.len(), 2);
}

fn refused(result: Result<u64, Error>) -> String {
    let error = result.expect_err("nothing is signed");
    assert!(matches!(error, Error::Unavailable { code: "log_refused", .. }), "{error:?}");
    error.to_string()
}

#[actix_web::test]
async fn without_the_file_of_the_key_nothing_is_signed_and_the_message_names_it() {
    let story = Story::begin_without_runtime(&[]).await;
    head(&story).await;
    let done = rotate(&story.app, 30).await;
    head(&story).await;
    // Another machine of the service, where nobody has brought the new file to yet.
    let hidden = story.app.data().join("hidden.pem");
    fs::rename(&done.file, &hidden).expect("moved");
    let app = story.app.again(&[]).await;
    let story = Story { app, ..story };
    story.model("one").await;
    assert_eq!(lines(&head(&story).await), 1, "the old key signs for as long as it may");
    story.app.app.db.clock().advance(TimeDelta::days(31));
    story.model("two").await;
    let said = refused(sequencer::sequence(&story.app.app).await);
    assert!(said.contains(&format!("the key {} signs the audit log", done.new.id)), "{said}");
    story.app.get("", "/readyz").await.expect(503);
    fs::rename(&hidden, &done.file).expect("brought");
    sequencer::sequence(&story.app.app).await.expect("goes on without a restart");
    story.app.get("", "/readyz").await.expect(200);

    // A stranger's key in the configured place is no key of this log.
    fs::remove_file(&done.file).expect("removed");
    let first = story.app.data().join("keys/registry.pem");
    let stranger = RegistryKey::generate().expect("key");
    fs::write(&first, stranger.to_pem().as_bytes()).expect("put in its place");
    let app = story.app.again(&[]).await;
    app.app.db.clock().advance(TimeDelta::days(31));
    refused(sequencer::sequence(&app.app).await);
}

#[actix_web::test]
async fn a_database_from_before_the_rotation_is_noticed() {
    let story = Story::begin_without_runtime(&[]).await;
    if story.app.app.db.raw_for_tests().get_database_backend() != sea_orm::DbBackend::Sqlite {
        // The backup of the other database deletes rows of the log only.
        return;
    }
    head(&story).await;
    let backup = back_up(&story.app).await;
    rotate(&story.app, 0).await;
    assert_eq!(lines(&head(&story).await), 1, "the new key alone");
    restore(&story.app, &backup).await;
    let app = story.app.again(&[]).await;
    let said = refused(sequencer::sequence(&app.app).await);
    assert!(said.contains("was signed") && said.contains("Restore"), "{said}");
}

#[actix_web::test]
async fn who_has_the_old_key_verifies_an_archive_of_today_by_what_it_vouches_for() {
    let story = Story::begin_without_runtime(&[]).await;
    let old_key = story.verifier_key().await;
    let new = rotate(&story.app, 30).await.new;
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("log.tar");
    let stranger = note::vkey(story.app.app.signer.origin(), &RegistryKey::generate().expect("key").public_bytes());
    // Within the overlap, when both keys sign the head and the new one the manifest; and after it.
    for days in [1, 31] {
        story.app.app.db.clock().advance(TimeDelta::days(days));
        story.model(&format!("after-{days}")).await;
        let request = story.app.request(&story.ada, "POST", "/api/v1/audit/export?format=tar");
        let archive = reply(request).await.expect(200).body;
        let verified = archive::verify::verify(archive.as_slice(), &old_key, &[], &[]).expect("the old key");
        assert_eq!((verified.followed, verified.other_signatures), (vec![new.id.clone()], 0));
        let verified = archive::verify::verify(archive.as_slice(), &new.verifier_key, &[], &[]).expect("the new key");
        assert!(verified.followed.is_empty());
        fs::write(&file, archive).expect("written");
        let verify = async |key: &str| {
            let arguments = ["audit", "verify", &file.display().to_string(), "--key", key];
            Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).output().await.expect("verify")
        };
        let told = well(&verify(&old_key).await);
        assert!(told.contains("vouches for those that followed") && told.contains(&new.id), "{told}");
        let refused = verify(&stranger).await;
        let told = said(&refused);
        assert_eq!(refused.status.code(), Some(6), "{told}");
        assert!(told.contains(&new.id) && told.contains("plimsoll audit key --all"), "{told}");
        assert!(told.contains("/api/v1/audit/keys") && told.contains("may have changed its key"), "{told}");
    }
}

#[actix_web::test]
async fn a_witness_goes_on_through_a_rotation() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    let old_key = story.verifier_key().await;
    head(&story).await;
    pushed(&story).await.expect("cosigned");
    let new_key = rotate(&story.app, 30).await.new.verifier_key;
    head(&story).await;
    pushed(&story).await.expect("the old key signs too");
    let cosigned = story.app.get(&story.ada, &format!("{CHECKPOINT}?cosignatures=1")).await.expect(200).text();
    assert_eq!(lines(&cosigned), 3, "two keys and a witness");

    story.app.app.db.clock().advance(TimeDelta::days(31));
    story.model("later").await;
    head(&story).await;
    let said = pushed(&story).await.expect_err("the witness was not told of the new key");
    assert!(said.contains("403"), "{said}");
    drop(witness);
    let witness = Witness::start(folder.path(), &format!("{old_key}\n{new_key}"));
    let app = story.app.again(&["--witness", &witness.told]).await;
    app.app.db.clock().advance(TimeDelta::days(31));
    let story = Story { app, ..story };
    pushed(&story).await.expect("the same log, by its name");
}

/// The client's program, with its own folder of sign-ins. The service needs this thread meanwhile.
async fn client(config: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).arg("--config-dir").arg(config);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("client");
    // Some commands read nothing, and have ended by now.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes()).await;
    child.wait_with_output().await.expect("output")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn well(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

#[actix_web::test]
async fn clients_follow_a_rotation_that_is_made_while_the_service_runs() {
    let story = Story::measured().await;
    let promotion = story.approved("1").await;
    story.activate(&promotion).await.expect(201);
    let folder = tempfile::tempdir().expect("folder");
    let (mine, fresh) = (folder.path().join("mine"), folder.path().join("fresh"));
    let login = async |config: &Path| client(config, &["login", &story.app.url, "--token-stdin"], &story.robot).await;
    let pull = async |config: &Path, to: &str| {
        let to: PathBuf = folder.path().join(to);
        client(config, &["pull", MODEL, "--env", "production", "-o", &to.display().to_string()], "").await
    };
    well(&login(&mine).await);
    well(&pull(&mine, "one").await);

    let old_key = story.verifier_key().await;
    let done = story.app.program(&["admin", "key", "rotate", "--overlap", "30d", "--json"]).await;
    let done: Value = serde_json::from_str(&well(&done)).expect("json");
    head(&story).await;
    assert_eq!(story.verifier_key().await, text(&done["verifier_key"]), "the running service took it over");
    // What the old key signed holds for those who knew it, and for those who come now.
    well(&pull(&mine, "two").await);
    well(&login(&fresh).await);
    well(&pull(&fresh, "three").await);
    assert_eq!(well(&client(&fresh, &["audit", "key", "--all"], "").await).lines().count(), 2);

    // A release that only the new key signed.
    let version = story.measured_version(2).await;
    let promotion = story.approved(&version).await;
    story.activate(&promotion).await.expect(201);
    let refused = pull(&mine, "four").await;
    assert!(!refused.status.success() && said(&refused).contains("sign in again"), "{}", said(&refused));
    assert!(!folder.path().join("four").exists());
    assert!(well(&login(&mine).await).contains("the pinned one vouches for it"));
    well(&pull(&mine, "five").await);

    let log = folder.path().join("log.jsonl");
    let (export, _) = story.export().await;
    fs::write(&log, export).expect("written");
    let log = log.display().to_string();
    let verify = async |keys: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["audit", "verify", &log]).args(keys.iter().flat_map(|key| ["--vkey", key]));
        command.output().await.expect("verify")
    };
    let stranger = note::vkey(story.app.app.signer.origin(), &RegistryKey::generate().expect("key").public_bytes());
    well(&verify(&[&old_key]).await);
    well(&verify(&[&stranger, &old_key]).await);
    assert!(!verify(&[&stranger]).await.status.success());
}

#[actix_web::test]
async fn a_key_that_nobody_vouches_for_is_not_followed() {
    let story = Story::begin_without_runtime(&[]).await;
    let folder = tempfile::tempdir().expect("folder");
    let login = async || client(folder.path(), &["login", &story.app.url, "--token-stdin"], &story.robot).await;
    well(&login().await);
    // The key was lost with its machine.
    fs::remove_file(story.app.data().join("keys/registry.pem")).expect("lost");
    let app = story.app.again(&[]).await;
    let console = app.console().await;
    let kept = ops::rotate(&app.app, &console, TimeDelta::days(30), None).await.err();
    assert!(matches!(kept, Some(Error::Conflict { code: "key_not_here", .. })), "{kept:?}");
    ops::rotate(&app.app, &console, TimeDelta::zero(), None).await.expect("without the old one");
    story.app.get("", "/readyz").await.expect(200);
    let refused = login().await;
    assert!(said(&refused).contains("another key than the pinned one"), "{}", said(&refused));
}
