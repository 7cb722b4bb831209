//! Reading the audit log, and verifying it without a service.

mod archive;
mod export;
mod mirror;
mod replay;
mod search;
mod security;
mod verify;

pub use replay::{beyond, replayed};

use super::{Exit, Failure, print, printable, profile::Profile, session::Session};
use crate::config::Client as Connection;
use clap::{Args, Subcommand};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

const MAX_PROOF_BYTES: u64 = 1 << 20;

#[derive(Subcommand)]
pub enum Audit {
    /// Search events by who, what, when and on what.
    #[command(
        alias = "events",
        after_help = "Examples:\n  plimsoll audit search --actor mara --action promotion. --since 2026-01-01\n  plimsoll audit search --mentions model:credit-risk@3 --outcome denied\n  plimsoll audit search --object environment:production --json"
    )]
    Search(search::Search),
    /// Show everything that concerns one object.
    #[command(
        after_help = "Examples:\n  plimsoll audit history model:credit-risk\n  plimsoll audit history model:credit-risk@3 --oldest-first\n  plimsoll audit history sha256:9f86d081… --json"
    )]
    History(search::History),
    /// Show what stands out: repeated refusals and wrong passwords, bursts of decisions, sign-ins from new machines.
    #[command(after_help = "Examples:\n  plimsoll audit security\n  plimsoll audit security --days 30 --json")]
    Security(security::Security),
    /// Print the registry's verifier key, as it was pinned when you signed in.
    #[command(
        after_help = "Examples:\n  plimsoll audit key > registry.vkey\n  plimsoll audit key --all > registry.vkey"
    )]
    Key(Key),
    /// Export the log for an auditor: a signed archive, or its records as lines.
    #[command(
        after_help = "Examples:\n  plimsoll audit export -o log.tar\n  plimsoll audit export -o ours.tar --extent workspace\n  plimsoll audit export -o log.jsonl"
    )]
    Export(export::Export),
    /// Fetch one record, byte for byte as the log has it.
    #[command(
        after_help = "Examples:\n  plimsoll audit record 12 -o record-12.json\n  plimsoll audit record 12 | python3 -m json.tool"
    )]
    Record(Record),
    /// Fetch the proof that one record is in the log.
    #[command(
        after_help = "Examples:\n  plimsoll audit proof 12 -o record-12.proof\n\nTo verify it offline:\n  plimsoll audit record 12 -o record-12.json\n  plimsoll audit verify record-12.proof --record record-12.json --key-file registry.vkey"
    )]
    Proof(Proof),
    /// Keep a folder in step with the log, as files that any verifier of C2SP logs reads.
    #[command(after_help = "Example:\n  plimsoll audit mirror ./log")]
    Mirror(mirror::Mirror),
    /// Verify an archive, an export, a mirror, or the proof of a record, offline.
    #[command(
        after_help = "Examples:\n  plimsoll audit verify log.tar --key-file registry.vkey --since last-year.checkpoint\n  plimsoll audit verify log.jsonl --key-file registry.vkey\n  plimsoll audit verify ./log --key-file registry.vkey --since last-year.checkpoint\n  plimsoll audit verify record-12.proof --record record-12.json --key-file registry.vkey\n\nThe last one's files come from `plimsoll audit proof 12 -o record-12.proof` and `plimsoll audit record 12 -o record-12.json`."
    )]
    Verify(verify::Verify),
    /// Verify an export and print the tables that it tells of, today or on any date, offline.
    #[command(
        after_help = "Examples:\n  plimsoll audit replay log.tar --key-file registry.vkey\n  plimsoll audit replay log.jsonl --key-file registry.vkey --as-of 2026-03-01 --table release"
    )]
    Replay(replay::Replay),
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
pub struct Record {
    /// The record's place in the tree, as `plimsoll audit search` shows it.
    index: u64,
    /// Write it there, without a line end; to standard output if absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
            Self::Search(args) => args.run().await,
            Self::History(args) => args.run().await,
            Self::Security(args) => args.run().await,
            Self::Key(args) => match Profile::load(&args.connection)? {
                Some(profile) if args.all => print(&profile.registry.verifier_keys()),
                Some(profile) => print(&profile.registry.verifier_key),
                None => Err(Failure::new(Exit::SignIn, "no key is pinned yet").next("plimsoll login URL --user NAME")),
            },
            Self::Export(args) => args.run().await,
            Self::Record(args) => {
                let client = Session::open(&args.connection)?.client;
                let text = client.get_text(&["audit", "leaves", &args.index.to_string()]).await?;
                let Some(output) = &args.output else { return print(&printable(&text)) };
                fs::write(output, text).map_err(|e| unwritable(output, &e))?;
                print(&format!("record {} is in {}", args.index, output.display()))
            }
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
