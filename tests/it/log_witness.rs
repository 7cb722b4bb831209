//! Witnesses: another process that signs each head once it saw that it goes on from the last,
//! and that refuses a fork even when the registry's own memory was wiped.

use crate::{
    harness::TestApp,
    log_restore::{back_up, restore},
    story::Story,
};
use plimsoll::{
    audit::{sequencer, witness::client},
    crypto::{checkpoint, cosignature::WitnessKey, keys::RegistryKey, note::Note},
    error::Error,
};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

const CHECKPOINT: &str = "/api/v1/audit/checkpoint";

/// `plimsoll witness` in a process of its own; it ends with the test.
pub struct Witness {
    process: Child,
    /// What the registry takes: the verifier key and the address.
    pub told: String,
}

impl Witness {
    /// `log_keys`: the log's verifier keys, a line each.
    pub fn start(data: &Path, log_keys: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["witness", "--name", "witness.example", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.args(log_keys.lines().flat_map(|key| ["--log-key", key]));
        let mut process = command.stdout(Stdio::piped()).spawn().expect("witness");
        let mut told = String::new();
        BufReader::new(process.stdout.take().expect("stdout")).read_line(&mut told).expect("a line");
        assert!(told.starts_with("witness.example+"), "{told}");
        Self { process, told: told.trim().to_owned() }
    }

    fn key(&self) -> &str {
        self.told.split(' ').next().expect("key")
    }

    fn address(&self) -> &str {
        self.told.split(' ').nth(1).expect("address")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A registry that was told of the witness after a restart, because the witness must know its key first.
pub async fn witnessed(data: &Path) -> (Story, Witness) {
    let first = Story::begin_without_runtime(&[]).await;
    let witness = Witness::start(data, &first.verifier_key().await);
    let app = first.app.again(&["--witness", &witness.told]).await;
    (Story { app, ..first }, witness)
}

pub async fn pushed(story: &Story) -> Result<(), String> {
    let said = client::push_all(&story.app.app).await;
    assert_eq!(said.len(), 1);
    said.into_iter().next().expect("one").1.map_err(|error| error.to_string())
}

#[actix_web::test]
async fn a_head_that_a_witness_saw_is_served_with_its_signature() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    let key = WitnessKey::parse(witness.key()).expect("key");
    story.app.get(&story.ada, &format!("{CHECKPOINT}?cosignatures=1")).await.expect(404);
    let mut last = 0;
    for n in 0..3 {
        story.model(&format!("model-{n}")).await;
        story.app.get(&story.ada, CHECKPOINT).await.expect(200);
        pushed(&story).await.expect("cosigned");
        let note = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
        let size = checkpoint::open(&note, &story.verifier_key().await).expect("signed").size;
        assert!(last < size);
        last = size;
        assert!(1_700_000_000 < key.seen_at(&Note::parse(&note).expect("note")).expect("cosigned"));
    }
    pushed(&story).await.expect("nothing new is nothing to do");

    // A newer head without one, and the newest with one.
    story.model("later").await;
    let newest = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    assert!(key.seen_at(&Note::parse(&newest).expect("note")).is_err());
    let path = format!("{CHECKPOINT}?cosignatures=1");
    let cosigned = story.app.get(&story.ada, &path).await.expect(200).text();
    assert_eq!(checkpoint::open(&cosigned, &story.verifier_key().await).expect("signed").size, last);
    assert!(key.seen_at(&Note::parse(&cosigned).expect("note")).is_ok());
    story.app.get(&story.ada, &format!("{CHECKPOINT}?cosignatures=2")).await.expect(404);
    foreign_judge_accepts(&cosigned, &story.verifier_key().await, witness.key());

    // An export and its verifier go on as before.
    let (export, log_key) = story.export().await;
    plimsoll::audit::verify::verify(export.as_bytes(), &log_key).expect("verifies");
}

/// aics-tlog demands the cosignature.
fn foreign_judge_accepts(note: &str, log_key: &str, witness_key: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/foreign");
    if root.join("no-aics-tlog").exists() {
        eprintln!("no Python 3.12 is here, so aics-tlog did not look at the cosignature");
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("note");
    for (text, accepted) in [(note.to_owned(), true), (note.lines().take(5).map(|l| format!("{l}\n")).collect(), false)]
    {
        fs::write(&file, text).expect("note");
        let mut judge = Command::new(root.join("venv/bin/python3"));
        judge.args(["-m", "aics_tlog", "verify-checkpoint", "--quorum", "1", "--log-key", log_key]);
        judge.args(["--witness-key", witness_key, "--note"]).arg(&file);
        let done = judge.output().expect("the foreign verifiers must be here: run scripts/foreign.sh");
        assert_eq!(done.status.success(), accepted, "{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[actix_web::test]
async fn a_witness_refuses_a_fork_and_a_rollback_even_after_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    story.app.get(&story.ada, CHECKPOINT).await.expect(200);
    pushed(&story).await.expect("cosigned");
    let backup = back_up(&story.app).await;
    for name in ["one", "two"] {
        story.model(name).await;
    }
    story.app.get(&story.ada, CHECKPOINT).await.expect(200);
    pushed(&story).await.expect("cosigned");

    // Everything that the registry remembers is put back, and the kept head is wiped as well.
    restore(&story.app, &backup).await;
    fs::remove_file(story.app.data().join("keys/log-head.note")).expect("wiped");
    let told = witness.told.clone();
    drop(witness);
    let log_key = story.verifier_key().await;
    let witness = Witness::start(folder.path(), &log_key);
    assert_eq!(told.split(' ').next(), Some(witness.key()), "the same key");
    let app = story.app.again(&["--witness", &witness.told]).await;
    let story = Story { app, ..story };
    story.model("other-0").await;
    refused(&story.app, "restored from an older copy").await;
    let said = pushed(&story).await.expect_err("a rollback");
    assert!(said.contains("restored from an older copy"), "{said}");

    // Somebody starts it without the witness, and the fork outgrows what was signed.
    let alone = story.app.again(&[]).await;
    for n in 1..4 {
        story.model(&format!("other-{n}")).await;
    }
    sequencer::sequence(&alone.app).await.expect("the registry itself no longer knows better");
    let app = story.app.again(&["--witness", &witness.told]).await;
    refused(&app, "another tree").await;
    let said = pushed(&Story { app, ..story }).await.expect_err("a fork");
    assert!(said.contains("422"), "{said}");
}

/// Nothing is signed, and readiness says so.
async fn refused(app: &TestApp, why: &str) {
    let error = sequencer::sequence(&app.app).await.expect_err("nothing is signed");
    assert!(matches!(error, Error::Unavailable { code: "log_refused", .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("the witness witness.example") && said.contains(why), "{said}");
    app.get("", "/readyz").await.expect(503);
}

#[actix_web::test]
async fn a_new_machine_with_the_key_and_an_empty_database_asks_before_it_signs() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    story.app.get(&story.ada, CHECKPOINT).await.expect(200);
    pushed(&story).await.expect("cosigned");
    let key = folder.path().join("keys/registry.pem");
    fs::create_dir_all(key.parent().expect("folder")).expect("folder");
    fs::copy(story.app.data().join("keys/registry.pem"), &key).expect("copied");
    let key = key.display().to_string();
    let fresh = TestApp::start_with(&["--signing-key-file", &key, "--witness", &witness.told]).await;
    refused(&fresh, "there are only 0").await;
}

#[actix_web::test]
async fn an_objection_stands_until_its_witness_signs_again() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    story.app.get(&story.ada, CHECKPOINT).await.expect(200);
    pushed(&story).await.expect("cosigned");
    let objections = &story.app.app.objections;
    let label = story.app.app.witnesses[0].key.label();
    objections.raise(&label, "it saw more".to_owned());
    story.model("waits").await;
    refused(&story.app, "it saw more").await;
    pushed(&story).await.expect("the database was put right: it signs the same head again");
    sequencer::sequence(&story.app.app).await.expect("goes on");
    story.app.get("", "/readyz").await.expect(200);
    objections.raise(&label, "it saw more".to_owned());
    drop(witness);
    assert!(pushed(&story).await.is_err(), "it is gone");
    refused(&story.app, "it saw more").await;
}

#[actix_web::test]
async fn a_witness_that_does_not_answer_holds_up_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    drop(witness);
    story.app.get(&story.ada, CHECKPOINT).await.expect(200);
    assert!(pushed(&story).await.expect_err("gone").contains("can't be reached"));
    story.app.get("", "/readyz").await.expect(200);
}

#[actix_web::test]
async fn a_witness_answers_with_the_status_that_the_protocol_has_for_it() {
    let folder = tempfile::tempdir().expect("folder");
    let (story, witness) = witnessed(folder.path()).await;
    let note = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    let log_key = story.verifier_key().await;
    let head = checkpoint::open(&note, &log_key).expect("signed");
    pushed(&story).await.expect("cosigned");
    let stranger = RegistryKey::generate().expect("key");
    let unknown = checkpoint::Checkpoint { origin: "unknown.example".to_owned(), ..head.clone() };
    let forked = story.app.app.signer.sign_checkpoint(head.size, [7; 32]);
    let longer = story.app.app.signer.sign_checkpoint(head.size + 1, [7; 32]);
    let http = reqwest::Client::new();
    for (what, body, status) in [
        ("the same again", format!("old {}\n\n{note}", head.size), 200),
        ("another size than it knows", format!("old 1\n\n{note}"), 409),
        ("another root at that size", format!("old {}\n\n{forked}", head.size), 409),
        ("no proof", format!("old {}\n\n{longer}", head.size), 422),
        ("an old size beyond the new", format!("old {}\n\n{note}", head.size + 1), 400),
        ("another key", format!("old {}\n\n{}", head.size, head.sign(&stranger)), 403),
        ("another log", format!("old 0\n\n{}", unknown.sign(&stranger)), 404),
        ("nonsense", "old x".to_owned(), 400),
        ("too much", "x".repeat(1 << 20), 413),
    ] {
        let answer = http.post(format!("{}/add-checkpoint", witness.address())).body(body).send().await.expect(what);
        assert_eq!(answer.status().as_u16(), status, "{what}");
        if what == "another size than it knows" {
            assert_eq!(answer.headers()["content-type"], "text/x.tlog.size");
            assert_eq!(answer.text().await.expect("size"), format!("{}\n", head.size));
        }
    }
}
