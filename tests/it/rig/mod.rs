//! A trial of the whole service: eight actors who do at random what can be done over HTTP and what
//! can't, against a process that is killed every few seconds while its clock leaps; afterwards a
//! program that only reads says whether anything that must hold was violated.
//!
//! `RIG_SEED` has a trial again, as far as the machine's timing allows; `RIG_SECONDS` makes it
//! longer (`make rig`).

mod actors;
mod board;
mod client;
mod deeds;
mod journal;
mod oracle;
pub mod random;
pub mod service;

use crate::{databases, harness::ort_library, world::fixture};
use actors::{ADMINISTRATOR, APPROVER, ATTACKER, AUTHOR, Actor, BOTH, DEPLOYER, Deed, MANAGER, SUBMITTER};
use base64::{Engine, engine::general_purpose::STANDARD};
use board::{ENVIRONMENTS, MODELS, Shared};
use clap::Parser;
use client::{Client, Sent};
use journal::Journal;
use plimsoll::{
    accounts::{self, NewAccount},
    app::App,
    audit::{
        invariants::{Invariant, ops},
        leaf::Leaf,
        replay::Tables,
    },
    config::Config,
    core::{clock::Clock, text::Line},
    crypto::keys::SigningKey,
    db::entity::audit_event,
    workspaces,
};
use random::Random;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;
use service::{Address, Place, Service};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Name, kind, roles, and what they do. Ines makes, Sara asks, Mara, Rui and Vera judge, with roles
/// that overlap, Tom owns environments, Olga administers, Mallory may look and tries everything.
type Part = (&'static str, &'static str, &'static [&'static str], &'static [(Deed, usize)]);

const CAST: [Part; 9] = [
    ("ines", "user", &["contributor"], AUTHOR),
    ("sara", "user", &["contributor"], SUBMITTER),
    ("mara", "user", &["reviewer"], APPROVER),
    ("rui", "user", &["reviewer", "contributor"], BOTH),
    ("vera", "user", &["reviewer", "risk_officer"], APPROVER),
    ("tom", "user", &["environment_manager"], MANAGER),
    ("pipeline", "service", &["deployer"], DEPLOYER),
    ("olga", "user", &["admin"], ADMINISTRATOR),
    ("mallory", "user", &["viewer"], ATTACKER),
];

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "whoever runs a trial says which and for how long")]
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

struct Trial {
    place: Place,
    tokens: BTreeMap<&'static str, String>,
    journal: Journal,
    board: Shared,
    key: Arc<SigningKey>,
    seed: u64,
    ahead_seconds: i64,
    kills: u32,
}

impl Trial {
    async fn prepare(data: &std::path::Path, seed: u64) -> Self {
        assert!(ort_library().is_some(), "the trial measures models and needs ONNX Runtime: run scripts/fetch-ort.sh");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = Place {
            data: data.join("data"),
            database: databases::empty().await,
            log: data.join("service.log"),
            address: Address::default(),
        };
        let app = open(&place, 0).await;
        let console = accounts::ops::console(workspaces::ops::ensure_default(&app).await.expect("workspace"));
        let mut tokens = BTreeMap::new();
        for (name, kind, roles, _) in CAST {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            let password = (kind == "user").then_some("a password of some length");
            let new = NewAccount::parse(name, "", kind, &roles, password).expect("account");
            accounts::ops::create(&app, &console, new).await.expect("create");
            let purpose = Line::parse("trial").expect("line");
            let token = accounts::ops::create_token(
                &app,
                &console,
                Some(name),
                purpose,
                365,
                plimsoll::authz::Limits::default(),
            )
            .await
            .expect("token");
            tokens.insert(name, token.secret);
        }
        app.db.close().await.expect("closed");
        let journal = Journal::create(&data.join("journal.jsonl"));
        let key = Arc::new(SigningKey::generate().expect("key"));
        Self { place, tokens, journal, board: Shared::default(), key, seed, ahead_seconds: 0, kills: 0 }
    }

    fn actor(&self, stream: u64, name: &'static str, weights: &'static [(Deed, usize)]) -> Actor {
        let random = Random::new(self.seed, stream);
        let token = self.tokens[name].clone();
        let client = Client::new(name, token, random, self.journal.clone(), self.place.address.clone());
        Actor { client, board: self.board.clone(), key: self.key.clone(), weights }
    }

    /// What there must be before anything can happen, and one release, so that no trial is about nothing.
    async fn set_up(&self) {
        let mut olga = self.actor(100, "olga", &[]);
        let key = json!({"name": "laptop", "public_key_pem": self.key.verifying_key().to_pem()});
        expect(olga.client.send("add_key", "POST", "/api/v1/trust-keys", Sent::json(&key)).await, "a key");
        let mut ines = self.actor(101, "ines", &[]);
        for model in MODELS {
            let body = json!({"name": model, "intended_use": "A trial.", "risk_tier": "high",
                "owners": {"business": "sara"}});
            expect(ines.client.send("register", "POST", "/api/v1/models", Sent::json(&body)).await, "a model");
        }
        let described = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
            "sensitive": ["sex", "region"], "source": "made up"});
        let people = Sent {
            body: fixture("people.csv"),
            content_type: Some("text/csv"),
            dataset: Some(STANDARD.encode(described.to_string())),
            ..Sent::default()
        };
        expect(ines.client.send("dataset", "PUT", "/api/v1/datasets/people", people).await, "data");
        let mut tom = self.actor(102, "tom", &[]);
        for environment in ENVIRONMENTS {
            let body = json!({"name": environment, "profile": {"class": "server", "operating_mode": "advisory"}});
            expect(tom.client.send("place", "POST", "/api/v1/environments", Sent::json(&body)).await, "a place");
            for (document, body) in [("constraints", deeds::places::limits(0.6)), ("policy", deeds::places::policy(0))]
            {
                let path = format!("/api/v1/environments/{environment}/{document}");
                let sent = Sent::json(&body).if_match("\"0\"");
                expect(tom.client.send("revise", "PUT", &path, sent).await, "a document");
            }
        }
        self.first_release().await;
    }

    async fn first_release(&self) {
        let (mut ines, mut mara) = (self.actor(103, "ines", &[]), self.actor(104, "mara", &[]));
        let (mut tom, mut robot) = (self.actor(105, "tom", &[]), self.actor(106, "pipeline", &[]));
        // One seal in twenty-five is by a key that nobody trusts.
        let mut verified = None;
        for number in 1.. {
            deeds::authors::push_version(&mut ines).await;
            let newest = self.board.lock().versions.last().cloned().expect("a version");
            let path = format!("/api/v1/models/{}/versions/{}", newest.model, newest.number);
            let seen = ines.client.get("look_at_version", &path).await;
            if seen.text("signature") == "verified" {
                verified.get_or_insert(newest);
            }
            if 3 <= number && verified.is_some() {
                break;
            }
        }
        let version = verified.expect("a version whose signer is trusted");
        for environment in ENVIRONMENTS {
            let body = json!({"model": version.model, "version": version.number, "environment": environment});
            let run = ines.client.send("run", "POST", "/api/v1/runs", Sent::json(&body)).await;
            let path = format!("/api/v1/runs/{}", run.text("id"));
            for _ in 0..300 {
                if ines.client.get("look_at_run", &path).await.text("state") == "passed" {
                    break;
                }
                ines.client.pause(200).await;
            }
            let asked = ines.client.send("ask", "POST", "/api/v1/promotions", Sent::json(&body)).await;
            let decide = json!({"decision_digest": asked.text("decision_digest"), "outcome": "approve"});
            let path = format!("/api/v1/promotions/{}", asked.text("id"));
            expect(mara.client.send("approve", "POST", &format!("{path}/decisions"), Sent::json(&decide)).await, "yes");
            let active =
                tom.client.send("activate", "POST", &format!("{path}/activation"), Sent::json(&json!({}))).await;
            expect(active, "a release");
            let path = format!("/api/v1/environments/{environment}/models/{}/release", version.model);
            expect(robot.client.get("pull", &path).await, "a pull");
        }
    }

    /// Kills and restarts until the time is over; the clock leaps while nobody looks.
    async fn torment(&mut self, mut service: Service, seconds: u64) -> Service {
        let mut random = Random::new(self.seed, 999);
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2_000 + random.below(3_000) as u64)).await;
            service.kill();
            self.kills += 1;
            self.ahead_seconds += match random.below(100) {
                0..60 => 40,
                60..85 => 20 * 60,
                _ => 70 * 60,
            };
            service = self.place.start(self.ahead_seconds);
        }
        service
    }

    async fn run(&mut self, seconds: u64) {
        let service = self.place.start(0);
        self.set_up().await;
        let stop = Arc::new(AtomicBool::new(false));
        let lives: Vec<_> = (1..)
            .zip(CAST)
            .map(|(stream, (name, _, _, weights))| {
                actix_web::rt::spawn(actors::live(self.actor(stream, name, weights), stop.clone()))
            })
            .collect();
        let service = self.torment(service, seconds).await;
        stop.store(true, Ordering::Relaxed);
        for life in lives {
            life.await.expect("an actor");
        }
        // It is alive, and a real write goes through.
        let mut olga = self.actor(200, "olga", &[]);
        let body = json!({"name": "last", "account": "pipeline", "expires_in_days": 1});
        expect(olga.client.send("make_token", "POST", "/api/v1/tokens", Sent::json(&body)).await, "a write");
        assert!(service.stop(), "it stops cleanly");
    }
}

#[track_caller]
fn expect(answer: client::Answer, what: &str) {
    assert!(answer.is_done(), "no {what}: {} {}", answer.status, answer.json);
}

async fn open(place: &Place, ahead_seconds: i64) -> App {
    let arguments = std::iter::once("plimsoll".to_owned()).chain(place.arguments());
    let config = Cli::parse_from(arguments).config;
    App::open(&config, clock(ahead_seconds)).await.expect("open")
}

#[cfg(debug_assertions)]
fn clock(ahead_seconds: i64) -> Clock {
    if ahead_seconds == 0 { Clock::System } else { Clock::Ahead(chrono::TimeDelta::seconds(ahead_seconds)) }
}

#[cfg(not(debug_assertions))]
fn clock(ahead_seconds: i64) -> Clock {
    assert_eq!(ahead_seconds, 0, "a release build has no clock that runs ahead");
    Clock::System
}

/// Every record, in the order of writing, and the tables that they make.
async fn replayed(app: &App) -> (Vec<Leaf>, Tables) {
    let db = app.db.raw_for_tests();
    let rows = audit_event::Entity::find().order_by_asc(audit_event::Column::Id).all(db).await.expect("read");
    let leaves: Vec<_> = rows.iter().map(|row| Leaf::parse(&row.leaf).expect("a leaf")).collect();
    let mut tables = Tables::default();
    leaves.iter().for_each(|leaf| tables.apply(&leaf.changes).expect("it follows"));
    (leaves, tables)
}

#[actix_web::test]
async fn a_random_run_of_eight_actors_under_kill_9_violates_nothing() {
    let (seed, seconds) = (setting("RIG_SEED"), setting("RIG_SECONDS").unwrap_or(45));
    let seed = seed.unwrap_or_else(|| u64::from_le_bytes(rand_bytes()));
    let folder = tempfile::tempdir().expect("folder").keep();
    println!("RIG_SEED={seed} RIG_SECONDS={seconds}; journal and log are in {}", folder.display());
    let mut trial = Trial::prepare(&folder, seed).await;
    trial.run(seconds).await;

    let app = open(&trial.place, trial.ahead_seconds).await;
    let report = ops::check(&app).await.expect("checked");
    let (leaves, tables) = replayed(&app).await;
    let calls = trial.journal.calls();
    let known = oracle::Known::new(calls, &leaves, &tables);
    let (checked, faults) = known.check();
    println!("{}", known.summary(trial.kills, trial.ahead_seconds));
    for tally in &report.invariants {
        println!("{} {}: {} checked, {} violated", tally.invariant, tally.rule, tally.checked, tally.violated);
    }
    println!("clients: {checked:?}");
    let violations: Vec<_> = report.violations().map(ToString::to_string).chain(faults).collect();
    assert!(violations.is_empty(), "RIG_SEED={seed} {}: {violations:#?}", folder.display());
    assert_eq!(trial.place.panics(), Vec::<String>::new(), "{}", trial.place.log().display());
    for invariant in [Invariant::I6, Invariant::I7, Invariant::I8, Invariant::I10, Invariant::I11, Invariant::I15] {
        assert!(0 < report.checked(invariant), "{invariant} was never asked");
    }
    assert!(1 < trial.kills && 0 < checked["I2"] && 0 < checked["I14"], "{checked:?}");
    known.notices_what_is_made_up();
    std::fs::remove_dir_all(&folder).expect("removed");
}

fn rand_bytes() -> [u8; 8] {
    let id = plimsoll::core::ids::JobId::generate();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0.as_bytes()[8..]);
    bytes
}
