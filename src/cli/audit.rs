//! Reading the audit log, and verifying it without a service.

use super::{Exit, Failure, output, print, profile::Profile, session::Session};
use crate::{
    audit::{
        api::EntryView,
        verify::{ProofFile, verify},
    },
    client::broken_off,
    config::Client as Connection,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufReader, Read, Write},
    path::{Path, PathBuf},
};

const MAX_PROOF_BYTES: u64 = 1 << 20;

#[derive(Subcommand)]
pub enum Audit {
    /// List events, newest first.
    #[command(after_help = "Example:\n  plimsoll audit events --object 019a4c1e-… --json")]
    Events(Events),
    /// Print the registry's verifier key, as it was pinned when you signed in.
    #[command(after_help = "Example:\n  plimsoll audit key > registry.vkey")]
    Key(Key),
    /// Export the whole log with its signed head.
    #[command(after_help = "Example:\n  plimsoll audit export -o log.jsonl")]
    Export(Export),
    /// Fetch the proof that one record is in the log.
    #[command(after_help = "Example:\n  plimsoll audit proof 12 -o record-12.proof")]
    Proof(Proof),
    /// Verify an export, or the proof of a record, offline.
    #[command(
        after_help = "Examples:\n  plimsoll audit verify log.jsonl --key-file registry.vkey\n  plimsoll audit verify record-12.proof --record record-12.json --key-file registry.vkey"
    )]
    Verify(Verify),
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

#[derive(Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "key_file"])))]
pub struct Verify {
    file: PathBuf,
    /// The registry's verifier key.
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
    /// A file that holds it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The file is the proof of this record, in canonical JSON.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Events(args) => args.run().await,
            Self::Key(args) => match Profile::load(&args.connection)? {
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
            Self::Verify(args) => args.run(),
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

impl Verify {
    fn run(self) -> Result<Exit, Failure> {
        let key = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => read_small(file)?,
            (None, None) => return Err(Failure::new(Exit::Usage, "give --key VKEY or --key-file FILE")),
        };
        let key = key.trim();
        if let Some(record) = &self.record {
            return self.proof(record, key);
        }
        let file = fs::File::open(&self.file).map_err(|e| unreadable(&self.file, &e))?;
        let verified = verify(BufReader::new(file), key).map_err(|e| refuted(&self.file, &e))?;
        if self.json {
            return output::json(&json!({
                "verified": true, "origin": verified.origin, "size": verified.size, "root": verified.root,
                "first_at": verified.first_at, "last_at": verified.last_at,
            }));
        }
        print(&output::fields(&[
            ("verified", format!("{}: nothing was changed, removed, added or moved", self.file.display())),
            ("log", verified.origin),
            ("records", verified.size.to_string()),
            ("first", output::when(&verified.first_at.unwrap_or_default())),
            ("last", output::when(&verified.last_at.unwrap_or_default())),
            ("root", verified.root),
        ]))
    }

    fn proof(&self, record: &Path, key: &str) -> Result<Exit, Failure> {
        let (text, leaf) = (read_small(&self.file)?, read_small(record)?);
        let proven = ProofFile::verify(&text, leaf.trim_end_matches('\n'), key).map_err(|e| refuted(&self.file, &e))?;
        if self.json {
            return output::json(&json!({
                "verified": true, "origin": proven.origin, "index": proven.index, "size": proven.size, "root": proven.root,
            }));
        }
        print(&output::fields(&[
            ("verified", format!("{} is record {} of {}", record.display(), proven.index, proven.size)),
            ("log", proven.origin),
            ("root", proven.root),
        ]))
    }
}

fn read_small(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let open = fs::File::open(file).map_err(|e| unreadable(file, &e))?;
    open.take(MAX_PROOF_BYTES).read_to_string(&mut text).map_err(|e| unreadable(file, &e))?;
    Ok(text)
}

fn refuted(file: &Path, error: &impl std::fmt::Display) -> Failure {
    let mut failure = Failure::new(Exit::Verification, format!("{} does not verify", file.display()));
    failure.why.push(output::printable(&error.to_string()));
    failure
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("can't read {}: {error}", file.display()))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("can't write {}: {error}", file.display()))
}
