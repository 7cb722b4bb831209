//! Pushes and pulls that go on where they broke off: by a lost connection, by Ctrl-C, by kill.

mod proxy;

use crate::{
    commands::Ran,
    story::{ENVIRONMENT, Files, MODEL, Story, scorer},
};
use plimsoll::core::digest::Digest;
use proxy::{Line, Proxy};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};

const MIB: u64 = 1 << 20;
/// Five pieces of 16 MiB and one of 1.
const LARGE: u64 = 81 * MIB;
const WEIGHTS: &str = "weights.bin";
const WORDS: &str = "vocabulary.txt";

/// Somebody with a trusted key, and the files of a version in a folder.
struct Desk {
    story: Story,
    folder: tempfile::TempDir,
    token: String,
}

impl Desk {
    async fn set() -> Self {
        let story = Story::begin_without_runtime(&[]).await;
        story.model(MODEL).await;
        let desk = Self { token: story.ines.clone(), story, folder: tempfile::tempdir().expect("folder") };
        fs::write(desk.at("signing-key.pem"), desk.story.key.to_pem().as_bytes()).expect("the key");
        fs::create_dir(desk.at("files")).expect("folder");
        for (path, bytes) in scorer(1) {
            fs::write(desk.at("files").join(path), bytes).expect("written");
        }
        // Mostly a hole, but no piece is like another.
        let mut weights = File::create(desk.at("files").join(WEIGHTS)).expect("a file");
        for number in 0..LARGE / MIB {
            weights.seek(SeekFrom::Start(number * MIB)).expect("seek");
            weights.write_all(&number.to_le_bytes()).expect("written");
        }
        weights.set_len(LARGE).expect("its size");
        desk
    }

    /// Somebody who deploys, where a version with a large file is active.
    async fn deploying() -> Self {
        let story = Story::stage().await;
        let mut files: Files = scorer(1);
        files.push((WORDS.to_owned(), words()));
        let number = story.signed(MODEL, &files).await;
        let run = story.run(MODEL, &number, ENVIRONMENT).await;
        assert_eq!(run["state"], "passed", "{run:#}");
        let promotion = story.approved(&number).await;
        story.activate(&promotion).await.expect(201);
        let desk = Self { token: story.robot.clone(), story, folder: tempfile::tempdir().expect("folder") };
        fs::write(desk.at("registry.vkey"), desk.story.verifier_key().await).expect("key");
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, url: &str, words: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(words).args(["--url", url]).current_dir(self.folder.path()).stdin(Stdio::null());
        program.env("PLIMSOLL_TOKEN", &self.token).env("PLIMSOLL_CONFIG_DIR", self.folder.path());
        program.kill_on_drop(true);
        program
    }

    async fn run(&self, url: &str, words: &[&str]) -> Ran {
        self.command(url, words).output().await.expect("the program").into()
    }

    fn start(&self, url: &str, words: &[&str]) -> Child {
        self.command(url, words).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program")
    }

    async fn pull(&self, url: &str) -> Ran {
        self.run(url, &pull()).await
    }

    /// Which pieces of the large file are there.
    async fn received(&self) -> Value {
        let sha256 = Digest::of(fs::read(self.at("files").join(WEIGHTS)).expect("read")).to_string();
        let plan = json!({"path": WEIGHTS, "sha256": sha256, "size_bytes": LARGE, "chunk_bytes": 16 * MIB});
        let address = format!("/api/v1/models/{MODEL}/versions/1/uploads");
        let begun = self.story.app.post(&self.story.ines, &address, plan);
        begun.await.json()["received"].clone()
    }

    /// Waits for pieces to be there.
    async fn until_received(&self, wanted: Value) {
        until(async || self.received().await == wanted).await;
    }

    async fn is_sealed_with_the_same_bytes(&self) {
        let version = format!("/api/v1/models/{MODEL}/versions/1");
        let said = self.story.app.get(&self.story.ines, &version).await.expect(200).json();
        assert_eq!((&said["state"], &said["signature"]), (&json!("sealed"), &json!("verified")));
        let there = self.story.app.get(&self.story.ines, &format!("{version}/files/{WEIGHTS}")).await.expect(200).body;
        assert!(there == fs::read(self.at("files").join(WEIGHTS)).expect("read"), "other bytes");
    }

    /// What a pull that broke off left of the large file.
    fn part(&self) -> PathBuf {
        self.at(".model.plimsoll-pull/parts").join(Digest::of(words()).hex())
    }

    /// As an earlier pull may have left it.
    fn leave(&self, bytes: &[u8]) {
        fs::DirBuilder::new().mode(0o700).create(self.at(".model.plimsoll-pull")).expect("folder");
        fs::create_dir(self.at(".model.plimsoll-pull/parts")).expect("folder");
        fs::write(self.part(), bytes).expect("left");
    }

    fn is_pulled(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert!(fs::read(self.at("model").join(WORDS)).expect("pulled") == words(), "other bytes");
        assert!(!self.at(".model.plimsoll-pull").exists(), "nothing is left beside it");
    }
}

fn pull() -> [&'static str; 8] {
    ["pull", MODEL, "--env", ENVIRONMENT, "-o", "model", "--registry-key", "registry.vkey"]
}

/// 12 MiB of lines of which none is like another.
fn words() -> Vec<u8> {
    (0..12 * MIB / 16).flat_map(|number| format!("{number:015}\n").into_bytes()).collect()
}

async fn until(done: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(done().await, "it takes too long");
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |there| there.len())
}

/// Ctrl-C, and what is said then.
async fn interrupt(child: Child) -> Ran {
    let id = i32::try_from(child.id().expect("it runs")).expect("an id");
    let id = rustix::process::Pid::from_raw(id).expect("an id");
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("signalled");
    child.wait_with_output().await.expect("ended").into()
}

#[actix_web::test]
async fn a_push_outlives_connections_that_break_and_repeats_no_more_than_it_must() {
    let desk = Desk::set().await;
    let proxy = Proxy::to(&desk.story.app.url, Line::Cut(24 * MIB)).await;
    let ran = desk.run(&proxy.url, &["push", "files", MODEL]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let pieces = proxy.pieces();
    let mut different = pieces.clone();
    different.dedup();
    assert_eq!(different, [0, 1, 2, 3, 4, 5]);
    assert!((7..=12).contains(&pieces.len()), "each connection carries one piece and breaks at the second: {pieces:?}");
    assert!(ran.err.contains("trying again in") && ran.err.contains("100 % of 81.0 MiB"), "{}", ran.err);
    desk.is_sealed_with_the_same_bytes().await;
}

#[actix_web::test]
async fn a_push_that_nobody_listens_to_comes_to_its_end() {
    let desk = Desk::set().await;
    let mut child = desk.start(&desk.story.app.url, &["push", "files", MODEL]);
    drop((child.stderr.take(), child.stdout.take()));
    assert_eq!(child.wait().await.expect("ended").code(), Some(0));
    desk.is_sealed_with_the_same_bytes().await;
}

#[actix_web::test]
async fn after_a_kill_only_the_missing_pieces_are_sent_and_the_version_is_signed_and_sealed() {
    let desk = Desk::set().await;
    let stalled = Proxy::to(&desk.story.app.url, Line::Stalled(40 * MIB)).await;
    let mut child = desk.start(&stalled.url, &["push", "files", MODEL, "--at-once", "1"]);
    desk.until_received(json!([0, 1])).await;
    child.kill().await.expect("killed");
    let unsure = desk.run(&desk.story.app.url, &["push", "files", MODEL]).await;
    assert_eq!(unsure.code, Some(7), "{}", unsure.err);
    for part in
        ["version 1 of scorer, which is not finished", "push --resume files scorer", "push --restart files scorer"]
    {
        assert!(unsure.err.contains(part), "{part}: {}", unsure.err);
    }
    let proxy = Proxy::to(&desk.story.app.url, Line::Good).await;
    let ran = desk.run(&proxy.url, &["push", "--resume", "files", MODEL]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(proxy.pieces(), [2, 3, 4, 5]);
    assert!(ran.err.contains("going on with version 1"), "{}", ran.err);
    desk.is_sealed_with_the_same_bytes().await;
    let again = desk.run(&proxy.url, &["push", "files", MODEL]).await;
    assert!(again.code == Some(0) && again.err.contains("are version 1 already"), "{}", again.err);
}

#[actix_web::test]
async fn whoever_interrupts_a_push_is_told_how_to_go_on_and_may_send_it_all_again_instead() {
    let desk = Desk::set().await;
    let stalled = Proxy::to(&desk.story.app.url, Line::Stalled(20 * MIB)).await;
    let child = desk.start(&stalled.url, &["push", "files", MODEL, "--at-once", "1"]);
    desk.until_received(json!([0])).await;
    let ran = interrupt(child).await;
    assert_eq!(ran.code, Some(130));
    let next = format!("interrupted; to go on: plimsoll push --resume files {MODEL} --at-once 1 --url {}", stalled.url);
    assert_eq!(ran.err.lines().last(), Some(next.as_str()), "{}", ran.err);
    let proxy = Proxy::to(&desk.story.app.url, Line::Good).await;
    let ran = desk.run(&proxy.url, &["push", "--restart", "files", MODEL]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(proxy.pieces(), [0, 1, 2, 3, 4, 5]);
    desk.is_sealed_with_the_same_bytes().await;
}

#[actix_web::test]
async fn a_push_with_nothing_to_go_on_with_begins_and_one_that_finds_another_file_says_so() {
    let desk = Desk::set().await;
    let stalled = Proxy::to(&desk.story.app.url, Line::Stalled(20 * MIB)).await;
    let mut child = desk.start(&stalled.url, &["push", "--resume", "files", MODEL, "--at-once", "1"]);
    desk.until_received(json!([0])).await;
    child.kill().await.expect("killed");
    let said = child.wait_with_output().await.map(Ran::from).expect("ended");
    assert!(said.err.contains("no push of these files was begun; this one begins"), "{}", said.err);
    let weights = File::options().write(true).open(desk.at("files").join(WEIGHTS)).expect("a file");
    weights.write_all_at(b"other", 5).expect("written");
    let ran = desk.run(&desk.story.app.url, &["push", "files", MODEL]).await;
    assert_eq!(ran.code, Some(0), "other bytes are another version: {}", ran.err);
    assert!(ran.out.starts_with(&format!("{MODEL}@2 sha256:")), "{}", ran.out);
}

#[actix_web::test]
async fn a_pull_outlives_connections_that_break_and_goes_on_where_they_did() {
    let desk = Desk::deploying().await;
    let proxy = Proxy::to(&desk.story.app.url, Line::Cut(3 * MIB)).await;
    let ran = desk.pull(&proxy.url).await;
    desk.is_pulled(&ran);
    let asked = proxy.requests(WORDS).len();
    assert!((4..=6).contains(&asked), "{asked}");
    assert!(proxy.down() < 13 * MIB, "{}", proxy.down());
}

#[actix_web::test]
async fn after_a_kill_a_pull_fetches_only_the_rest_and_nothing_is_visible_before() {
    let desk = Desk::deploying().await;
    for how in ["killed", "interrupted"] {
        let stalled = Proxy::to(&desk.story.app.url, Line::Stalled(5 * MIB)).await;
        let mut child = desk.start(&stalled.url, &pull());
        until(async || 4 * MIB < size(&desk.part())).await;
        if how == "killed" {
            child.kill().await.expect("killed");
        } else {
            let ran = interrupt(child).await;
            assert_eq!(ran.code, Some(130));
            let said =
                "interrupted; what came so far is kept, and the same command goes on: plimsoll pull scorer --env";
            assert!(ran.err.lines().last().is_some_and(|last| last.starts_with(said)), "{}", ran.err);
        }
        assert!(!desk.at("model").exists(), "{how}: nothing has its name before it is whole");
        let left = size(&desk.part());
        assert!(4 * MIB < left, "{how}: {left}");
        let proxy = Proxy::to(&desk.story.app.url, Line::Good).await;
        let ran = desk.pull(&proxy.url).await;
        desk.is_pulled(&ran);
        assert!(proxy.down() < 12 * MIB - left + MIB / 2, "{how}: {} of {left}", proxy.down());
        fs::remove_dir_all(desk.at("model")).expect("removed");
    }
}

#[actix_web::test]
async fn what_was_left_is_compared_before_it_is_delivered() {
    let desk = Desk::deploying().await;
    let good = words();
    let mut flipped = good[..good.len() / 2].to_vec();
    flipped[1000] ^= 1;
    let whole = vec![b'x'; good.len()];
    let longer = [good.as_slice(), b"more"].concat();
    for (what, left) in [("a flipped bit", flipped), ("as long, but other", whole), ("longer", longer)] {
        desk.leave(&left);
        let ran = desk.pull(&desk.story.app.url).await;
        desk.is_pulled(&ran);
        assert!(
            what == "longer" || ran.err.contains("vocabulary.txt is damaged; it is fetched again"),
            "{what}: {}",
            ran.err
        );
    }
    desk.leave(&good);
    let proxy = Proxy::to(&desk.story.app.url, Line::Good).await;
    desk.is_pulled(&desk.pull(&proxy.url).await);
    assert_eq!(proxy.requests(WORDS).len(), 0, "all of it was there");
}

#[actix_web::test]
async fn a_line_without_ranges_gives_all_of_it_again() {
    let desk = Desk::deploying().await;
    desk.leave(&words()[..7 * 1024 * 1024]);
    let proxy = Proxy::to(&desk.story.app.url, Line::WithoutRanges).await;
    desk.is_pulled(&desk.pull(&proxy.url).await);
    assert!(12 * MIB < proxy.down(), "{}", proxy.down());
}

#[actix_web::test]
async fn what_becomes_active_during_a_pull_is_not_mixed_with_what_was() {
    let desk = Desk::deploying().await;
    let held = Proxy::to(&desk.story.app.url, Line::Held(5 * MIB)).await;
    let child = desk.start(&held.url, &pull());
    until(async || 4 * MIB < size(&desk.part())).await;
    desk.story.released(2).await;
    held.let_go();
    let ran: Ran = child.wait_with_output().await.expect("ended").into();
    assert_eq!(ran.code, Some(7), "{}", ran.err);
    for said in ["another version became active while this one was fetched", "nothing was put in its place"] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    assert!(!desk.at("model").exists());
    let ran = desk.pull(&desk.story.app.url).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains(&format!("{MODEL}@2 ")), "{}", ran.out);
    assert!(!desk.at("model").join(WORDS).exists(), "nothing of the other version");
}

#[actix_web::test]
async fn where_nothing_can_be_put_is_said_before_anything_is_fetched() {
    let desk = Desk::deploying().await;
    std::os::unix::fs::symlink("elsewhere", desk.at("model")).expect("a link");
    let proxy = Proxy::to(&desk.story.app.url, Line::Good).await;
    let ran = desk.pull(&proxy.url).await;
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("is a link") && ran.err.contains("name a folder in it"), "{}", ran.err);
    assert_eq!(proxy.requests("release"), Vec::<String>::new());
}

#[actix_web::test]
async fn pushing_the_same_files_again_heals_what_is_damaged_of_a_sealed_version() {
    let desk = Desk::set().await;
    let push = ["push", "files", MODEL];
    assert_eq!(desk.run(&desk.story.app.url, &push).await.code, Some(0));
    let (path, bytes) = &scorer(1)[0];
    crate::stores::rot(desk.story.app.data(), &Digest::of(bytes).to_string(), 5).await;
    desk.story.app.app.db.clock().advance(chrono::TimeDelta::seconds(1));
    plimsoll::blobs::scrub(&desk.story.app.app, None, |_| {}).await.expect("scrubbed");
    let version = async || {
        let path = format!("/api/v1/models/{MODEL}/versions/1");
        desk.story.app.get(&desk.story.ines, &path).await.expect(200).json()
    };
    let damaged = |version: &Value| {
        let files = version["files"].as_array().expect("files");
        files.iter().find(|file| file["path"] == path.as_str()).expect("the file")["damaged"].clone()
    };
    assert_eq!(damaged(&version().await), true);
    let ran = desk.run(&desk.story.app.url, &push).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("what the service has of them is damaged; it is sent again"), "{}", ran.err);
    assert_eq!(damaged(&version().await), false);
}
