//! Real workers that are killed with SIGKILL at any point, or sleep past their lease and wake up again: every run ends
//! exactly once, with its evidence, and nothing is left running.
//!
//! `KILLS=n` tries n seeds of each kind; a failure names its seed.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use crate::{
    processes::{are_gone, below},
    story::{ENVIRONMENT, MODEL, Story, policy, scorer, spec, text},
    worker_remote,
    workers::slow,
};
use chrono::TimeDelta;
use plimsoll::db::entity::job;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, UNIX_EPOCH},
};

/// Longer than a lease, even of a worker that was slow.
const LEASE_SECONDS: i64 = 600;
/// A killed worker's last words may reach the registry after its lease was waited out, and renew it once more.
const LATE_WORDS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// At the database.
    Local,
    /// Over the API.
    Remote,
}

/// When a worker is killed: as soon as the run is there, or the worker has begun.
#[derive(Clone, Copy, Debug)]
enum Point {
    Start,
    Claimed,
    Phase(&'static str),
    Ended,
}

const POINTS: [Point; 6] = [
    Point::Phase("measuring"),
    Point::Claimed,
    // Between the sandbox's answer and the commit.
    Point::Phase("computing figures"),
    Point::Ended,
    Point::Phase("predicting"),
    Point::Start,
];

struct Stage {
    story: Story,
    kind: Kind,
    folder: tempfile::TempDir,
    version: String,
}

fn seeds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "`make kills` says how many")]
    std::env::var("KILLS").ok().map_or(2, |n| n.parse().expect("a number"))
}

impl Stage {
    async fn set(kind: Kind, seconds: u32) -> Self {
        let mut spec = slow(spec(), seconds);
        spec["hardware"] = json!({"label": "edge-cam"});
        let story = Story::stage_with(&[], spec, policy(1)).await;
        let version = story.signed(MODEL, &scorer(1)).await;
        let folder = tempfile::tempdir().expect("folder");
        if kind == Kind::Remote {
            fs::write(folder.path().join("token"), worker_remote::account(&story, "device").await).expect("written");
        }
        Self { story, kind, folder, version }
    }

    fn worker(&self, arguments: &[&str]) -> Child {
        self.worker_of(self.kind, arguments)
    }

    fn worker_of(&self, kind: Kind, arguments: &[&str]) -> Child {
        let mut command = match kind {
            Kind::Remote => worker_remote::program(&self.story.app, &self.token(), arguments),
            Kind::Local => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
                let ahead = format!("--clock-ahead-seconds={}", self.ahead_seconds());
                command.args(["worker", &ahead, "--data"]).arg(self.story.app.data()).args(arguments);
                command.args(self.story.app.database().iter().flat_map(|url| ["--db-url", url]));
                command.arg("--ort-lib").arg(crate::harness::ort_library().expect("a runtime"));
                command
            }
        };
        command.args(["--label", "hardware=edge-cam"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a worker")
    }

    fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// A worker at the database has a clock of its own, which begins where the service's stands.
    fn ahead_seconds(&self) -> i64 {
        let real = UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        self.story.app.app.db.clock().now().timestamp() - i64::try_from(real).expect("fits")
    }

    /// Lets every lease run out.
    fn wait_out_the_lease(&self) {
        self.story.app.app.db.clock().advance(TimeDelta::seconds(LEASE_SECONDS));
    }

    async fn ask(&self) -> String {
        text(&self.story.ask_for_run(MODEL, &self.version, ENVIRONMENT).await.expect(201).json()["id"])
    }

    /// Waits for a point in the life of a run; a run that ends first has passed it.
    async fn reach(&self, id: &str, point: Point) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let run = self.story.find_run(id).await;
            let phase = text(&run["phase"]);
            let reached = match point {
                Point::Start => true,
                Point::Claimed => run["state"] != "queued",
                Point::Phase(wanted) => phase == wanted,
                Point::Ended => false,
            };
            if reached || !run["finished_at"].is_null() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        panic!("{point:?} was never reached: {:#}", self.story.find_run(id).await);
    }

    /// Lets a worker do what is left, and looks at what came of it all.
    async fn settle(&self, seed: u64, runs: &[String]) {
        for _ in 0..LATE_WORDS {
            self.wait_out_the_lease();
            let mut last = self.worker(&["--once"]);
            let ended = tokio::task::spawn_blocking(move || last.wait()).await.expect("joined").expect("waited");
            assert!(ended.success(), "{:?} seed {seed}: the last worker failed", self.kind);
            if self.jobs_left().await == 0 {
                break;
            }
        }
        let finished = self.story.leaves("run.finish").await;
        for id in runs {
            let run = self.story.find_run(id).await;
            let about = |leaf: &&Value| leaf["object"]["id"] == **id;
            assert_eq!(finished.iter().filter(about).count(), 1, "{:?} seed {seed}: one end of {id}", self.kind);
            assert_eq!(run["state"], "passed", "{:?} seed {seed}: {:#}", self.kind, run["reason"]);
            let kinds: Vec<_> =
                run["evidence"].as_array().expect("evidence").iter().map(|e| text(&e["kind"])).collect();
            assert_eq!(kinds.len(), 3, "{:?} seed {seed}: {kinds:?}", self.kind);
        }
        assert_eq!(self.jobs_left().await, 0, "{:?} seed {seed}: no job is left", self.kind);
    }

    async fn jobs_left(&self) -> u64 {
        job::Entity::find().count(self.story.app.app.db.raw_for_tests()).await.expect("jobs")
    }
}

async fn kill(mut worker: Child) {
    let processes = below(worker.id());
    worker.kill().expect("killed");
    worker.wait().expect("waited");
    are_gone(&processes).await;
}

/// A number that depends on the seed and on nothing else.
fn scatter(seed: u64, round: u64) -> u64 {
    let mixed = (seed * 31 + round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> 40
}

async fn kill_at_any_point(kind: Kind) {
    let stage = Stage::set(kind, 1).await;
    for seed in 0..seeds() {
        let id = stage.ask().await;
        let kills = 1 + scatter(seed, 9) % 2;
        for round in 0..kills {
            let point = POINTS[usize::try_from(seed + round * 2).expect("small") % POINTS.len()];
            let worker = stage.worker(&[]);
            stage.reach(&id, point).await;
            tokio::time::sleep(Duration::from_millis(scatter(seed, round) % 40)).await;
            kill(worker).await;
            stage.wait_out_the_lease();
        }
        stage.settle(seed, &[id]).await;
    }
}

#[actix_web::test]
async fn a_worker_that_is_killed_loses_nothing_and_doubles_nothing() {
    kill_at_any_point(Kind::Local).await;
}

#[actix_web::test]
async fn a_device_that_is_killed_loses_nothing_and_doubles_nothing() {
    kill_at_any_point(Kind::Remote).await;
}

#[actix_web::test]
async fn workers_of_both_kinds_share_the_runs_and_do_none_twice() {
    let stage = Stage::set(Kind::Remote, 1).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(stage.ask().await);
    }
    let kinds = [Kind::Local, Kind::Remote, Kind::Local];
    let mut workers: Vec<_> = kinds.iter().map(|kind| stage.worker_of(*kind, &["--once"])).collect();
    let ended = tokio::task::spawn_blocking(move || workers.iter_mut().all(|w| w.wait().expect("waited").success()));
    assert!(ended.await.expect("joined"));
    stage.settle(0, &runs).await;
    for id in &runs {
        let attempts = stage.story.leaves("run.finish").await;
        let attempts = attempts.iter().filter(|leaf| leaf["object"]["id"] == **id);
        assert_eq!(attempts.map(|leaf| leaf["detail"]["attempt"].clone()).collect::<Vec<_>>(), [1], "{id}");
    }
}

fn signal(worker: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &worker.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

/// A worker sleeps while another one takes its run and ends it, and then goes on.
async fn sleep_past_the_lease(kind: Kind) {
    let stage = Stage::set(kind, 3).await;
    let id = stage.ask().await;
    let sleeper = stage.worker(&[]);
    stage.reach(&id, Point::Phase("measuring")).await;
    signal(&sleeper, "-STOP");
    stage.settle(0, std::slice::from_ref(&id)).await;
    signal(&sleeper, "-CONT");
    // It finds out by itself, and ends the model's process.
    let began = Instant::now();
    while !below(sleeper.id()).is_empty() {
        assert!(began.elapsed() < PATIENCE, "its sandbox goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    kill(sleeper).await;
    let finished = stage.story.leaves("run.finish").await;
    assert_eq!(finished.len(), 1, "{kind:?}: one recorded result");
    assert_eq!(finished[0]["detail"]["attempt"], 2, "{kind:?}: of the attempt that held the lease");
    assert_eq!(stage.story.find_run(&id).await["evidence"].as_array().map(Vec::len), Some(3), "{kind:?}");
}

#[actix_web::test]
async fn a_worker_that_sleeps_past_its_lease_changes_nothing_when_it_wakes() {
    sleep_past_the_lease(Kind::Local).await;
}

#[actix_web::test]
async fn a_device_that_sleeps_past_its_lease_changes_nothing_when_it_wakes() {
    sleep_past_the_lease(Kind::Remote).await;
}
