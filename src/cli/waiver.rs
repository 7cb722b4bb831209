//! Time-bound exceptions to single limits.

use super::{Exit, Failure, output, print, reference, reference::Wanted, session::Session};
use crate::{
    config::Client as Connection,
    core::ids::WaiverId,
    oversight::waivers::api::{WaiverDecisionInput, WaiverInput, WaiverSummary, WaiverView},
    versions::api::ReasonInput,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Waiver {
    /// Ask for an exception to one limit of an environment.
    #[command(
        after_help = "Example:\n  plimsoll waiver request credit-risk@3 --env production --constraint latency-p95 --until 2026-12-31 --reason 'the new host comes in January' --control 'at most 10 requests a second are let in'"
    )]
    Request(Request),
    /// Grant a waiver. The owner of the limit must be among those who do.
    #[command(after_help = "Example:\n  plimsoll waiver grant 019a4c1e-… --reason 'the throttle is in place'")]
    Grant(Decide),
    /// Refuse a waiver.
    #[command(after_help = "Example:\n  plimsoll waiver refuse 019a4c1e-… --reason 'the throttle was never tested'")]
    Refuse(Decide),
    /// Take a waiver back.
    #[command(after_help = "Example:\n  plimsoll waiver revoke 019a4c1e-… --reason 'the new host is here'")]
    Revoke(Decide),
    /// List what is asked for and what holds; ended ones too with --all.
    #[command(after_help = "Example:\n  plimsoll waiver list --env production")]
    List(List),
    /// Show a waiver with who granted it.
    #[command(after_help = "Example:\n  plimsoll waiver show 019a4c1e-… --json")]
    Show(Show),
}

#[derive(Args)]
pub struct Request {
    /// Such as `credit-risk@3`; without a version for every one of the model.
    #[arg(value_name = "MODEL[@VERSION]")]
    about: Wanted,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// The name of the limit.
    #[arg(long, value_name = "NAME")]
    constraint: String,
    /// When it ends: a day or a time in RFC 3339, within 90 days.
    #[arg(long, value_name = "TIME")]
    until: String,
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What is done instead of keeping the limit.
    #[arg(long, value_name = "TEXT")]
    control: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Decide {
    /// The waiver's id.
    id: WaiverId,
    /// Why; kept with the waiver.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
    /// Ended ones too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// The waiver's id.
    id: WaiverId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Waiver {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Request(args) => args.run().await,
            Self::Grant(args) => args.decide("grant").await,
            Self::Refuse(args) => args.decide("refuse").await,
            Self::Revoke(args) => args.revoke().await,
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
        }
    }
}

impl Request {
    async fn run(self) -> Result<Exit, Failure> {
        let until = reference::later(&self.until).map_err(|why| Failure::new(Exit::Usage, why))?;
        let client = Session::open(&self.connection)?.client;
        let input = WaiverInput {
            model: self.about.model,
            version: self.about.version.map(|version| version.to_string()),
            environment: self.env,
            constraint: self.constraint,
            reason: self.reason,
            compensating_control: self.control,
            expires_at: Some(until),
        };
        show(&client.create(&["waivers"], &input).await?, self.json)
    }
}

impl Decide {
    async fn decide(self, outcome: &str) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = WaiverDecisionInput { outcome: outcome.to_owned(), reason: self.reason };
        show(&client.create(&["waivers", &self.id.to_string(), "decisions"], &input).await?, self.json)
    }

    async fn revoke(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = ReasonInput { reason: self.reason };
        show(&client.create(&["waivers", &self.id.to_string(), "revocation"], &input).await?, self.json)
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let mut query = vec![("open", if self.all { "false" } else { "true" })];
        query.extend(self.env.as_deref().map(|env| ("environment", env)));
        let waivers: Vec<WaiverSummary> = client.list(&["waivers"], &query).await?;
        if self.json {
            return output::json(&waivers);
        }
        let mut table = output::table(&["waiver", "state", "limit", "about", "asked by", "ends"]);
        for waiver in waivers {
            table.add_row([
                waiver.id.to_string(),
                waiver.state.clone(),
                waiver.constraint.clone(),
                about(&waiver),
                waiver.requested_by.clone(),
                output::when(&waiver.expires_at),
            ]);
        }
        output::rows(&table, "there are no waivers")
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&client.get(&["waivers", &self.id.to_string()], &[]).await?, self.json)
    }
}

fn about(waiver: &WaiverSummary) -> String {
    let version = waiver.version.map_or_else(String::new, |version| format!("@{version}"));
    format!("{}{version} in {}", waiver.model, waiver.environment)
}

fn show(view: &WaiverView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(view);
    }
    let waiver = &view.summary;
    let mut fields = vec![
        ("waiver", waiver.id.to_string()),
        ("limit", waiver.constraint.clone()),
        ("about", about(waiver)),
        ("state", waiver.state.clone()),
        ("owner", view.owner.clone().unwrap_or_else(|| "the limit is gone".to_owned())),
        ("reason", view.reason.clone()),
        ("instead", view.compensating_control.clone()),
        ("ends", output::when(&waiver.expires_at)),
    ];
    fields.extend(view.vacancy.clone().map(|vacancy| ("nobody can grant it", vacancy)));
    for grant in &view.grants {
        fields.push((
            if grant.outcome == "grant" { "granted" } else { "refused" },
            format!("by {}: {}", grant.by, grant.reason),
        ));
    }
    print(&output::fields(&fields))
}
