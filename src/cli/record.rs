//! What somebody answers for, from files.

use super::{Exit, Failure, env, output, print, reference, session::Session};
use crate::{
    accountability::api::{RecordInput, RecordSummary, RecordView, ReviewInput},
    client::Client,
    config::Client as Connection,
};
use clap::{Args, Subcommand};
use reqwest::Method;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Record {
    /// Write a record of a model, of an environment, or of a model in an environment.
    #[command(
        after_help = "Examples:\n  plimsoll record put runbook night --model credit-risk runbook.yaml\n  plimsoll record put sla branches --model credit-risk --env production sla.yaml"
    )]
    Put(Put),
    /// List the records of a model or an environment, oldest first.
    #[command(after_help = "Example:\n  plimsoll record list --model credit-risk")]
    List(List),
    /// Show a record with its history.
    #[command(after_help = "Example:\n  plimsoll record show runbook night --model credit-risk")]
    Show(Show),
    /// Say that a record that you answer for still holds, and when you look again.
    #[command(
        after_help = "Example:\n  plimsoll record review runbook night --model credit-risk --revision 3 --by 2026-12-31"
    )]
    Review(Review),
}

#[derive(Args)]
pub struct Place {
    #[arg(long, value_name = "NAME", value_parser = reference::name, required_unless_present = "env")]
    model: Option<String>,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
}

#[derive(Args)]
pub struct Put {
    /// kpi, assumption, degradation, runbook, sla, escalation or integration_map.
    kind: String,
    #[arg(value_parser = reference::name)]
    name: String,
    /// YAML or JSON with owner, review_by and body.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    /// Only this kind.
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    kind: String,
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Review {
    kind: String,
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    place: Place,
    /// The revision that you looked at.
    #[arg(long, value_name = "NUMBER")]
    revision: i64,
    /// When you look again: a day or a time in RFC 3339, within 366 days.
    #[arg(long, value_name = "TIME")]
    by: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Record {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Put(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::Review(args) => args.run().await,
        }
    }
}

impl Place {
    /// The path of its records, and what goes into the query.
    fn path(&self) -> (Vec<&str>, Vec<(&str, &str)>) {
        match (self.model.as_deref(), self.env.as_deref()) {
            (Some(model), env) => {
                (vec!["models", model, "records"], env.map(|env| ("environment", env)).into_iter().collect())
            }
            (None, env) => (vec!["environments", env.unwrap_or_default(), "records"], Vec::new()),
        }
    }

    async fn find(&self, client: &Client, kind: &str, name: &str) -> Result<RecordView, Failure> {
        let (mut path, query) = self.path();
        path.extend([kind, name]);
        client.get(&path, &query).await
    }
}

impl Put {
    async fn run(self) -> Result<Exit, Failure> {
        let written = env::read(&self.file)?;
        let input: RecordInput = serde_json::from_value(written)
            .map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", self.file.display())))?;
        let client = Session::open(&self.connection)?.client;
        let seen = match self.place.find(&client, &self.kind, &self.name).await {
            Ok(there) => there.summary.revision,
            Err(failure) if failure.exit == Exit::NotFound => 0,
            Err(failure) => return Err(failure),
        };
        let (mut path, query) = self.place.path();
        path.extend([self.kind.as_str(), &self.name]);
        let now: RecordView = client.revise_at(Method::PUT, &path, &query, seen, &input).await?;
        if now.summary.revision == seen {
            say!("unchanged");
        }
        show(&now, self.json)
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let (path, mut query) = self.place.path();
        query.extend(self.kind.as_deref().map(|kind| ("kind", kind)));
        let records: Vec<RecordSummary> = client.list(&path, &query).await?;
        if self.json {
            return output::json(&records);
        }
        let mut table = output::table(&["kind", "name", "of", "owner", "review by", "revision", "digest"]);
        for record in records {
            let digest: String = record.digest.chars().take(19).collect();
            table.add_row([
                record.kind.replace('_', " "),
                record.name.clone(),
                of(&record),
                owner(&record),
                due(&record),
                record.revision.to_string(),
                digest,
            ]);
        }
        output::rows(&table, "there are no records")
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&self.place.find(&client, &self.kind, &self.name).await?, self.json)
    }
}

impl Review {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let (mut path, query) = self.place.path();
        path.extend([self.kind.as_str(), &self.name, "review"]);
        let input = ReviewInput { review_by: self.by };
        let now: RecordView = client.revise_at(Method::POST, &path, &query, self.revision, &input).await?;
        show(&now, self.json)
    }
}

fn of(record: &RecordSummary) -> String {
    match (&record.model, &record.environment) {
        (Some(model), Some(environment)) => format!("{model} in {environment}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

fn owner(record: &RecordSummary) -> String {
    if record.owner_active { record.owner.clone() } else { format!("{} (no longer active)", record.owner) }
}

fn due(record: &RecordSummary) -> String {
    let day = output::when(&record.review_by);
    if record.lapsed { format!("{day} (lapsed)") } else { day }
}

fn show(view: &RecordView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(view);
    }
    let record = &view.summary;
    let says = yaml_serde::to_string(&record.body).map_err(Failure::other)?;
    let mut says = says.lines();
    let mut fields = vec![
        ("record", format!("{} \"{}\"", record.kind.replace('_', " "), record.name)),
        ("of", of(record)),
        ("owner", owner(record)),
        ("review by", due(record)),
        ("revision", format!("{} {}", record.revision, record.digest)),
        ("says", says.next().unwrap_or_default().to_owned()),
    ];
    fields.extend(says.map(|line| ("", line.to_owned())));
    for revision in &view.revisions {
        let by = revision.revised_by.as_deref().unwrap_or("somebody");
        let line = format!(
            "{} by {by}, to be reviewed by {}",
            output::when(&revision.revised_at),
            output::when(&revision.review_by)
        );
        fields.push(("", format!("revision {}: {line}", revision.revision)));
    }
    print(&output::fields(&fields))
}
