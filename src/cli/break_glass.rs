//! Emergencies: a version becomes active for some hours without approvals.

use super::{Exit, Failure, output, print, reference, reference::VersionOf, session::Session};
use crate::{
    config::Client as Connection,
    core::ids::BreakGlassId,
    oversight::break_glass::api::{BreakGlassInput, BreakGlassReviewInput, BreakGlassView},
    versions::api::ReasonInput,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum BreakGlass {
    /// Make a version active at once, as the environment's policy allows.
    #[command(
        after_help = "Example:\n  plimsoll break-glass invoke credit-risk@3 --env production --hours 4 --justification 'version 4 answers nobody; the duty officer is told'"
    )]
    Invoke(Invoke),
    /// Confirm what somebody else invoked, where the policy asks for two persons.
    #[command(after_help = "Example:\n  plimsoll break-glass confirm 019a4c1e-…")]
    Confirm(One),
    /// End it before its time.
    #[command(after_help = "Example:\n  plimsoll break-glass close 019a4c1e-… --reason 'version 5 was promoted'")]
    Close(Close),
    /// Say, as somebody else, whether it was justified.
    #[command(
        after_help = "Example:\n  plimsoll break-glass review 019a4c1e-… --outcome justified --reason 'no request could have been decided that night'"
    )]
    Review(Review),
    /// List emergencies, newest first.
    #[command(after_help = "Example:\n  plimsoll break-glass list --unreviewed")]
    List(List),
    /// Show one.
    #[command(after_help = "Example:\n  plimsoll break-glass show 019a4c1e-… --json")]
    Show(One),
}

#[derive(Args)]
pub struct Invoke {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// How long: 1 to 24, or fewer if the policy says so.
    #[arg(long)]
    hours: u32,
    /// What happened, and why nobody can wait for approvals.
    #[arg(long, value_name = "TEXT")]
    justification: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct One {
    /// The break-glass's id.
    id: BreakGlassId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Close {
    /// The break-glass's id.
    id: BreakGlassId,
    /// Why; kept with it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Review {
    /// The break-glass's id.
    id: BreakGlassId,
    /// justified or unjustified.
    #[arg(long)]
    outcome: String,
    /// Why; kept with it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    /// Only what nobody has reviewed yet.
    #[arg(long)]
    unreviewed: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl BreakGlass {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Invoke(args) => args.run().await,
            Self::Confirm(args) => args.confirm().await,
            Self::Close(args) => args.run().await,
            Self::Review(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Show(args) => args.show().await,
        }
    }
}

impl Invoke {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = BreakGlassInput {
            model: self.version.model,
            version: self.version.version.to_string(),
            environment: self.env,
            justification: self.justification,
            hours: self.hours,
        };
        show(&client.create(&["break-glass"], &input).await?, self.json)
    }
}

impl One {
    async fn confirm(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&client.act(&["break-glass", &self.id.to_string(), "confirmation"]).await?, self.json)
    }

    async fn show(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&client.get(&["break-glass", &self.id.to_string()], &[]).await?, self.json)
    }
}

impl Close {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = ReasonInput { reason: self.reason };
        show(&client.create(&["break-glass", &self.id.to_string(), "closure"], &input).await?, self.json)
    }
}

impl Review {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = BreakGlassReviewInput { outcome: self.outcome, reason: self.reason };
        show(&client.create(&["break-glass", &self.id.to_string(), "review"], &input).await?, self.json)
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let query = [("unreviewed", if self.unreviewed { "true" } else { "false" })];
        let all: Vec<BreakGlassView> = client.list(&["break-glass"], &query).await?;
        if self.json {
            return output::json(&all);
        }
        let mut table = output::table(&["break-glass", "state", "version", "in", "by", "ends", "review due"]);
        for one in all {
            let due = one.review_due_at.as_deref().map(output::when).unwrap_or_default();
            table.add_row([
                one.id.to_string(),
                one.state.clone(),
                format!("{}@{}", one.model, one.version),
                one.environment.clone(),
                one.invoked_by.clone(),
                one.ends_at.as_deref().map(output::when).unwrap_or_default(),
                if one.review_overdue { format!("{due} (overdue)") } else { due },
            ]);
        }
        output::rows(&table, "no glass was broken")
    }
}

fn show(view: &BreakGlassView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(view);
    }
    let mut fields = vec![
        ("break-glass", view.id.to_string()),
        ("version", format!("{}@{} in {}", view.model, view.version, view.environment)),
        ("state", view.state.clone()),
        ("by", view.invoked_by.clone()),
        ("why", view.justification.clone()),
    ];
    let mut tell = |name, value: &Option<String>| fields.extend(value.clone().map(|value| (name, value)));
    tell("confirmed by", &view.second_by);
    tell("ended because", &view.ended_reason);
    tell("reviewed by", &view.reviewed_by);
    tell("review", &view.review_reason);
    let mut when = |name, at: &Option<String>| fields.extend(at.as_deref().map(|at| (name, output::when(at))));
    if view.state == "proposed" {
        when("confirm by", &view.confirm_by);
    }
    when("ends", &view.ends_at);
    when("review due", &view.review_due_at);
    if let Some(passed) = view.would_have_passed {
        let checks = if passed { "would have passed" } else { "would have failed; it was let past them" };
        fields.push(("checks", checks.to_owned()));
    }
    print(&output::fields(&fields))
}
