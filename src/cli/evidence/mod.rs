//! Evidence of a version: what the registry measured, and what others signed.

mod sign;

use super::{Exit, Failure, output, print, reference::VersionOf, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    core::digest::Digest,
    core::ids::EvidenceId,
    evidence::{
        EvidenceRef,
        api::{EvidenceInput, EvidenceRecord, EvidenceSummary},
    },
    versions::api::ReasonInput,
};
use clap::{Args, Subcommand};
use std::{fs, path::PathBuf};

/// A bundle is a statement of at most 1 MiB and half as much again.
const MAX_BUNDLE_BYTES: u64 = 2 << 20;

#[derive(Subcommand)]
pub enum Evidence {
    /// Sign what you measured or wrote about a version, with your own key.
    #[command(
        after_help = "Examples:\n  plimsoll evidence sign audit.yaml --key auditor.pem --model credit-risk@3 -o audit.bundle.json\n  plimsoll evidence sign audit.yaml --key auditor.pem --files ./credit-v3 > audit.bundle.json"
    )]
    Sign(sign::Sign),
    /// Hand a signed statement to the registry.
    #[command(after_help = "Example:\n  plimsoll evidence report credit-risk@3 audit.bundle.json")]
    Report(Report),
    /// List all evidence of a version, newest first.
    #[command(after_help = "Example:\n  plimsoll evidence list credit-risk@3")]
    List(List),
    /// Show one record with its body.
    #[command(after_help = "Example:\n  plimsoll evidence show credit-risk@3 019a4c1e-… --json")]
    Show(Show),
    /// Take back a record that you submitted.
    #[command(after_help = "Example:\n  plimsoll evidence withdraw credit-risk@3 019a4c1e-… --reason 'wrong data set'")]
    Withdraw(Close),
    /// Say, as a reviewer, that a record is wrong.
    #[command(
        after_help = "Example:\n  plimsoll evidence refute credit-risk@3 019a4c1e-… --reason 'the groups are mixed up'"
    )]
    Refute(Close),
}

#[derive(Args)]
pub struct Report {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// The signed bundle, as `plimsoll evidence sign` writes it.
    bundle: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// The record's id or digest.
    #[arg(value_parser = record)]
    evidence: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Close {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// The record's id or digest.
    #[arg(value_parser = record)]
    evidence: String,
    /// Why; kept with the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Evidence {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Sign(args) => args.run().await,
            Self::Report(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::Withdraw(args) => args.run("withdraw").await,
            Self::Refute(args) => args.run("refute").await,
        }
    }
}

impl Report {
    async fn run(self) -> Result<Exit, Failure> {
        let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", self.bundle.display()));
        let size = fs::metadata(&self.bundle).map_err(|e| wrong(e.to_string()))?.len();
        if MAX_BUNDLE_BYTES < size {
            return Err(wrong(format!("has more than {MAX_BUNDLE_BYTES} bytes")));
        }
        let text = fs::read(&self.bundle).map_err(|e| wrong(e.to_string()))?;
        let bundle = crate::crypto::json::parse(&text).map_err(|e| wrong(e.to_string()))?;
        let client = Session::open(&self.connection)?.client;
        let path = [&self.version.path()[..], &["evidence".to_owned()]].concat();
        let record: EvidenceSummary = client.create(&borrowed(&path), &EvidenceInput { bundle }).await?;
        if self.json {
            return output::json(&record);
        }
        say!("verified; it is shown as reported. Only a limit on power that names the key is judged by it");
        print(&output::fields(&summary(&record)))
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let path = [&self.version.path()[..], &["evidence".to_owned()]].concat();
        let records: Vec<EvidenceSummary> = client.list(&borrowed(&path), &[]).await?;
        if self.json {
            return output::json(&records);
        }
        let mut table = output::table(&["id", "origin", "kind", "state", "by", "at", "title"]);
        for record in records {
            let by = who(&record);
            let title = record.report.map(|report| report.title).unwrap_or_default();
            table.add_row([
                record.id.to_string(),
                record.origin,
                record.kind,
                record.state,
                by,
                output::when(&record.at),
                title,
            ]);
        }
        output::rows(&table, "there is no evidence about this version yet")
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let path = [&self.version.path()[..], &["evidence".to_owned(), self.evidence]].concat();
        let found: EvidenceRecord = client.get(&borrowed(&path), &[]).await?;
        if self.json {
            return output::json(&found);
        }
        let mut fields = summary(&found.summary);
        fields.extend(found.method.map(|method| ("method", method)));
        if let Some(basis) = found.basis {
            fields.push(("dataset", format!("{}, {} rows", basis.dataset, basis.rows)));
        }
        print(&output::fields(&fields))?;
        let body = serde_json::to_string_pretty(&found.body).map_err(Failure::other)?;
        print(&format!("\n{}", output::printable(&body)))
    }
}

impl Close {
    async fn run(self, what: &str) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let record = self.send(&client, what).await?;
        if self.json {
            return output::json(&record);
        }
        print(&output::fields(&summary(&record)))
    }

    async fn send(&self, client: &Client, what: &str) -> Result<EvidenceSummary, Failure> {
        let last = ["evidence".to_owned(), self.evidence.clone(), what.to_owned()];
        let path = [&self.version.path()[..], &last].concat();
        client.create(&borrowed(&path), &ReasonInput { reason: self.reason.clone() }).await
    }
}

impl VersionOf {
    /// Where the service keeps it.
    fn path(&self) -> [String; 4] {
        ["models".to_owned(), self.model.clone(), "versions".to_owned(), self.version.to_string()]
    }
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Who answers for it: the registry's own worker, or the holder of a key.
fn who(record: &EvidenceSummary) -> String {
    match &record.report {
        Some(report) => format!("reported by {} (submitted by {})", report.reported_by.key, record.by),
        None => format!("measured here (asked for by {})", record.by),
    }
}

fn summary(record: &EvidenceSummary) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("id", record.id.to_string()),
        ("kind", record.kind.clone()),
        ("state", record.state.clone()),
        ("by", who(record)),
        ("at", output::when(&record.at)),
        ("digest", record.digest.clone()),
    ];
    fields.extend(record.run.map(|run| ("run", run.to_string())));
    if let Some(report) = &record.report {
        fields.push(("title", report.title.clone()));
        fields.extend(report.document.clone().map(|name| ("document", name)));
        fields.push(("issued", output::when(&report.issued_at)));
        fields.extend(report.valid_until.as_deref().map(|at| ("valid until", output::when(at))));
        fields.push(("key", report.reported_by.fingerprint.clone()));
        if let Some(closed) = &report.closed {
            let why = closed.reason.clone().unwrap_or_else(|| "a newer statement took its place".to_owned());
            fields.push(("closed", format!("{} by {}: {why}", output::when(&closed.at), closed.by)));
        }
    }
    fields
}

/// A parser for clap.
fn record(raw: &str) -> Result<String, String> {
    match EvidenceRef::parse(raw) {
        Ok(EvidenceRef::Id(EvidenceId(id))) => Ok(id.to_string()),
        Ok(EvidenceRef::Digest(digest)) => Ok(Digest::to_string(&digest)),
        Err(error) => Err(error.to_string()),
    }
}
