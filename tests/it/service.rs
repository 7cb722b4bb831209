//! `plimsoll serve` as it is started by people: a process of its own, which has nothing but
//! what the program itself sets up.

use crate::{harness::TestApp, log_witness::Witness, story::Story};
use plimsoll::crypto::{cosignature::WitnessKey, note::Note};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    time::Duration,
};

/// It ends with the test.
struct Service {
    process: Child,
    /// Kept open: a service whose log nobody reads must not fail by it.
    _log: BufReader<ChildStderr>,
}

impl Service {
    /// Returns when it listens.
    fn start(data: &Path, database: Option<&str>, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "0", "--data"]).arg(data);
        command.args(database.iter().flat_map(|url| ["--db-url", url])).args(arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().expect("service");
        let mut log = BufReader::new(process.stderr.take().expect("stderr"));
        let mut line = String::new();
        while !line.contains("listens on") {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a line"), 0, "it ended before it listened");
        }
        Self { process, _log: log }
    }

    fn of(app: &TestApp, arguments: &[&str]) -> Self {
        Self::start(app.data(), app.database(), arguments)
    }

    /// As a service manager stops it.
    fn stop(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        self.process.wait().expect("ended")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[actix_web::test]
async fn it_shows_its_heads_to_a_witness() {
    let folder = tempfile::tempdir().expect("folder");
    let story = Story::begin_without_runtime(&[]).await;
    let witness = Witness::start(folder.path(), &story.verifier_key().await);
    let service = Service::of(&story.app, &["--witness", &witness.told]);
    let mut note = None;
    for _ in 0..150 {
        let answer = story.app.get(&story.ada, "/api/v1/audit/checkpoint?cosignatures=1").await;
        if answer.status == 200 {
            note = Some(answer.text());
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let note = note.expect("a cosigned head within half a minute");
    let key = WitnessKey::parse(witness.told.split(' ').next().expect("key")).expect("key");
    key.seen_at(&Note::parse(&note).expect("note")).expect("cosigned");
    assert!(service.stop().success());
}

#[actix_web::test]
async fn after_a_clean_stop_the_database_is_one_file() {
    let data = tempfile::tempdir().expect("folder");
    let service = Service::start(data.path(), None, &[]);
    let wal = data.path().join("plimsoll.db-wal");
    assert!(wal.exists(), "it writes there while it runs");
    assert!(service.stop().success());
    assert!(data.path().join("plimsoll.db").exists() && !wal.exists());
}
