//! One side of the benchmark of the audit log's cost: registers models in a fresh database with so
//! many clients at once for so many seconds, audited as the service does it, or bare. `measure`
//! next to this file runs both in turn.
//!
//! Invariant: audited means all of it, in this process: the changed row, its salt and its record in
//! one transaction by `WriteTx`, and the sequencer placing records and signing heads meanwhile.
//! Bare is the same insertion in a transaction of the same pool, with the capturing triggers dropped.
//! Logged is bare and one more row: a text as long as a record, into the table of records, which nothing
//! makes, hashes, places or signs. No log within the transaction can cost less.

use clap::Parser;
use plimsoll::{
    app::App,
    audit::{replay::ops::compare_tables, sequencer},
    authz::{Action, policy},
    config::Config,
    core::{
        clock::Clock,
        event::Event,
        ids::{ModelId, WorkspaceId},
    },
    db::entity::{audit_event, model},
    workspaces,
};
use sea_orm::{ActiveValue::NotSet, ConnectionTrait, DbBackend, EntityTrait, Set, TransactionTrait};
use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
struct Service {
    #[command(flatten)]
    config: Config,
}

fn main() -> Result<(), Failure> {
    // `cargo bench` adds the flag of that name.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [form @ ("audited" | "logged" | "bare"), folder, clients, seconds, database @ ..] = words.as_slice() else {
        eprintln!("nothing measured: this needs `audited|logged|bare FOLDER CLIENTS SECONDS [URL]`; see `make bench`");
        return Ok(());
    };
    let mut service = vec!["plimsoll", "--data", folder];
    if let [url] = database {
        service.extend(["--db-url", url]);
    }
    let config = Service::parse_from(service).config;
    let (clients, seconds) = (clients.parse()?, seconds.parse()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{}", runtime.block_on(measure(&config, form, clients, seconds))?);
    Ok(())
}

async fn measure(config: &Config, form: &str, clients: usize, seconds: u64) -> Result<serde_json::Value, Failure> {
    let (audited, logged) = (form == "audited", form == "logged");
    let app = Arc::new(App::open(config, Clock::System).await?);
    let workspace = workspaces::ops::ensure_default(&app).await?;
    let who = plimsoll::accounts::ops::console(workspace);
    let author =
        plimsoll::accounts::NewAccount::parse("author", "", "user", &["contributor".to_owned()], Some(PASSWORD))?;
    let author = plimsoll::accounts::ops::create(&app, &who, author).await?.account.id;
    if !audited {
        drop_triggers(&app).await?;
    }
    let (stop, stopped) = watch::channel(false);
    let sequencer = audited.then(|| tokio::spawn(sequencer::run(app.clone(), stopped)));
    let names = Arc::new(AtomicU64::new(0));
    let (started, length) = (Instant::now(), Duration::from_secs(seconds));
    let mut working = Vec::new();
    for _ in 0..clients {
        let (app, who, names) = (app.clone(), who.clone(), names.clone());
        working.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < length {
                let begun = Instant::now();
                let id = ModelId::generate();
                let row = model::ActiveModel {
                    id: Set(id),
                    workspace_id: Set(workspace),
                    name: Set(format!("model-{}", names.fetch_add(1, Ordering::Relaxed))),
                    title: Set("A model of the benchmark".to_owned()),
                    intended_use: Set("To be registered, and nothing else.".to_owned()),
                    prohibited_use: Set(String::new()),
                    risk_tier: Set("low".to_owned()),
                    revision: Set(1),
                    created_by: Set(author),
                    created_at: Set(app.db.clock().now()),
                };
                if audited {
                    let permit = policy::act(&who, Action::ModelRegister)?;
                    let tx = app.db.begin().await?;
                    let event =
                        Event::ModelRegistered { model: id, name: "model".to_owned(), risk_tier: "low".to_owned() };
                    model::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
                    tx.commit(permit, event).await?;
                } else {
                    let tx = app.db.raw_for_tests().begin().await?;
                    model::Entity::insert(row).exec_without_returning(&tx).await?;
                    if logged {
                        audit_event::Entity::insert(record(id, workspace)).exec_without_returning(&tx).await?;
                    }
                    tx.commit().await?;
                }
                latencies.push(begun.elapsed().as_secs_f64());
            }
            Ok::<_, Failure>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for client in working {
        latencies.extend(client.await??);
    }
    let wall_s = started.elapsed().as_secs_f64();
    // What was still waiting for its place is part of the work, and is timed apart.
    let waiting = Instant::now();
    if audited {
        sequencer::sequence(&app).await?;
    }
    let catch_up_s = waiting.elapsed().as_secs_f64();
    stop.send_replace(true);
    if let Some(sequencer) = sequencer {
        sequencer.await?;
    }
    let differing = if audited { Some(compare_tables(&app).await?.differing) } else { None };
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied();
    Ok(serde_json::json!({
        "changes": latencies.len(), "wall_s": wall_s, "catch_up_s": catch_up_s, "p50_s": at(0.5), "p99_s": at(0.99),
        "differing": differing,
    }))
}

/// As long as the records that the audited form writes.
const RECORD_BYTES: usize = 1_100;

fn record(model: ModelId, workspace: WorkspaceId) -> audit_event::ActiveModel {
    audit_event::ActiveModel {
        id: NotSet,
        at: Set(Clock::System.now()),
        workspace_id: Set(Some(workspace)),
        actor_id: Set(None),
        action: Set("model.register".to_owned()),
        outcome: Set("done".to_owned()),
        object_kind: Set(Some("model".to_owned())),
        object_id: Set(Some(model.to_string())),
        leaf: Set(model.to_string().repeat(RECORD_BYTES / 36)),
        leaf_hash: Set("0".repeat(64)),
    }
}

const PASSWORD: &str = "a password of the benchmark";

async fn drop_triggers(app: &App) -> Result<(), Failure> {
    let db = app.db.raw_for_tests();
    let statements: &[&str] = match db.get_database_backend() {
        DbBackend::Postgres => {
            &["DROP TRIGGER model_captured ON model", "DROP TRIGGER audit_event_queued ON audit_event"]
        }
        _ => &[
            "DROP TRIGGER model_captured_insert",
            "DROP TRIGGER model_captured_update",
            "DROP TRIGGER model_captured_delete",
            "DROP TRIGGER audit_event_queued",
        ],
    };
    for sql in statements {
        db.execute_unprepared(sql).await?;
    }
    Ok(())
}
