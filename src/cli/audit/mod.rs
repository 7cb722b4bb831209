//! Reading the audit log, and verifying it without a service.

mod mirror;
mod replay;
mod verify;

pub use replay::replayed;

use super::{Exit, Failure, output, print, profile::Profile, session::Session};
use crate::{audit::api::EntryView, client::broken_off, config::Client as Connection};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

const MAX_PROOF_BYTES: u64 = 1 << 20;

#[derive(Subcommand)]
pub enum Audit {
    /// List events, newest first.
    #[command(after_help = "Example:\n  plimsoll audit events --object 019a4c1e-… --json")]
    Events(Events),
    /// Print the registry's verifier key, as it was pinned when you signed in.
    #[command(
        after_help = "Examples:\n  plimsoll audit key > registry.vkey\n  plimsoll audit key --all > registry.vkey"
    )]
    Key(Key),
    /// Export the whole log with its signed head.
    #[command(after_help = "Example:\n  plimsoll audit export -o log.jsonl")]
    Export(Export),
    /// Fetch the proof that one record is in the log.
    #[command(after_help = "Example:\n  plimsoll audit proof 12 -o record-12.proof")]
    Proof(Proof),
    /// Keep a folder in step with the log, as files that any verifier of C2SP logs reads.
    #[command(after_help = "Example:\n  plimsoll audit mirror ./log")]
    Mirror(mirror::Mirror),
    /// Verify an export, a mirror, or the proof of a record, offline.
    #[command(
        after_help = "Examples:\n  plimsoll audit verify log.jsonl --key-file registry.vkey\n  plimsoll audit verify ./log --key-file registry.vkey --since last-year.checkpoint\n  plimsoll audit verify record-12.proof --record record-12.json --key-file registry.vkey"
    )]
    Verify(verify::Verify),
    /// Verify an export and print the tables that it tells of, today or on any date, offline.
    #[command(
        after_help = "Examples:\n  plimsoll audit replay log.jsonl --key-file registry.vkey\n  plimsoll audit replay log.jsonl --key-file registry.vkey --as-of 2026-03-01 --table release"
    )]
    Replay(replay::Replay),
}

#[derive(Args)]
pub struct Events {
    /// Only events about the object with this id.
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only this action, such as `promotion.approve`.
    #[arg(long)]
    action: Option<String>,
    /// At most this many, 1 to 200.
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u8,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Key {
    /// Earlier keys too, a line each, the newest first: for logs and heads that were signed by them.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub struct Export {
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub struct Proof {
    /// The record's place in the tree.
    index: u64,
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

impl Audit {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Events(args) => args.run().await,
            Self::Key(args) => match Profile::load(&args.connection)? {
                Some(profile) if args.all => print(&profile.registry.verifier_keys()),
                Some(profile) => print(&profile.registry.verifier_key),
                None => Err(Failure::new(Exit::SignIn, "no key is pinned yet").next("plimsoll login URL --user NAME")),
            },
            Self::Export(args) => args.run().await,
            Self::Proof(args) => {
                let client = Session::open(&args.connection)?.client;
                let text = client.get_text(&["audit", "leaves", &args.index.to_string(), "proof"]).await?;
                fs::write(&args.output, text).map_err(|e| unwritable(&args.output, &e))?;
                print(&format!("the proof of record {} is in {}", args.index, args.output.display()))
            }
            Self::Mirror(args) => args.run().await,
            Self::Verify(args) => args.run(),
            Self::Replay(args) => args.run(),
        }
    }
}

impl Events {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(self.object.as_deref().map(|object| ("object", object)));
        query.extend(self.action.as_deref().map(|action| ("action", action)));
        let events: Vec<EntryView> = client.get(&["audit", "events"], &query).await?;
        if self.json {
            return output::json(&events);
        }
        let mut table = output::table(&["index", "at", "who", "action", "outcome", "object"]);
        for event in events {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &event.leaf["object"];
            table.add_row([
                event.index.map(|index| index.to_string()).unwrap_or_default(),
                output::when(&event.at),
                text(&event.leaf["actor"]["name"]),
                event.action,
                event.outcome,
                format!("{} {}", text(&object["kind"]), text(&object["id"])),
            ]);
        }
        output::rows(&table, "no events")
    }
}

impl Export {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let mut answer = client.post(&["audit", "export"], None::<&Value>).await?;
        let folder = self.output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| unwritable(&self.output, &e))?;
        let mut lines = 0;
        while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            file.write_all(&chunk).map_err(|e| unwritable(&self.output, &e))?;
        }
        file.persist(&self.output).map_err(|e| unwritable(&self.output, &e.error))?;
        // The first line is the signed head.
        print(&format!("{} records are in {}", lines.saturating_sub(1), self.output.display()))
    }
}

fn read_small(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let open = fs::File::open(file).map_err(|e| unreadable(file, &e))?;
    open.take(MAX_PROOF_BYTES).read_to_string(&mut text).map_err(|e| unreadable(file, &e))?;
    Ok(text)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("can't read {}: {error}", file.display()))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("can't write {}: {error}", file.display()))
}
