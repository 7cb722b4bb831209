//! Changing what runs without a new version: down, back, to less; and what others say about it afterwards.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    config::Client as Connection,
    core::ids::ReleaseId,
    oversight::snapshot::api::RunningReport,
    releases::api::{ModeInput, ReleaseView, ReviewInput, ReviewView, SuspensionInput},
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Release {
    /// Withdraw the active release: nothing of it leaves from now on.
    #[command(
        after_help = "Example:\n  plimsoll release suspend credit-risk --env production --reason 'it lies to the under-25s'"
    )]
    Suspend(Change),
    /// Bring the suspended release back, if its version is fit to leave.
    #[command(
        after_help = "Example:\n  plimsoll release resume credit-risk --env production --reason 'the feed was wrong, not the model'"
    )]
    Resume(Change),
    /// Let the active release do less by itself, at once. The way up is a request.
    #[command(
        after_help = "Example:\n  plimsoll release lower credit-risk --env production --mode advisory --reason 'complaints since noon'"
    )]
    Lower(Lower),
    /// Say whether somebody else's rollback was right.
    #[command(
        after_help = "Example:\n  plimsoll release review 019a4c1e-… --outcome justified --reason 'the graphs bear it out'"
    )]
    Review(Review),
    /// List what deployers reported that really runs, newest first.
    #[command(after_help = "Example:\n  plimsoll release running credit-risk --env production --host edge-7")]
    Running(Running),
    /// List reviews of rollbacks, newest first.
    #[command(after_help = "Example:\n  plimsoll release reviews --overdue")]
    Reviews(Reviews),
}

#[derive(Args)]
pub struct Change {
    #[arg(value_parser = reference::name)]
    model: String,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Why; kept with the release.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Lower {
    #[command(flatten)]
    change: Change,
    /// advisory or human_in_the_loop.
    #[arg(long, value_name = "MODE")]
    mode: String,
}

#[derive(Args)]
pub struct Review {
    /// The id of the release that the rollback made.
    release: ReleaseId,
    /// justified or unjustified.
    #[arg(long, value_name = "OUTCOME")]
    outcome: String,
    /// Why; kept with the review.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Reviews {
    /// Only those that nobody gave in time.
    #[arg(long)]
    overdue: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Running {
    #[arg(value_parser = reference::name)]
    model: String,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Only of this machine.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Release {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Suspend(args) => args.suspend().await,
            Self::Resume(args) => args.resume().await,
            Self::Lower(args) => args.run().await,
            Self::Review(args) => args.run().await,
            Self::Running(args) => args.run().await,
            Self::Reviews(args) => args.run().await,
        }
    }
}

impl Change {
    fn path<'a>(&'a self, what: &'a str) -> [&'a str; 6] {
        ["environments", &self.env, "models", &self.model, "release", what]
    }

    async fn suspend(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = SuspensionInput { reason: self.reason.clone() };
        let release: ReleaseView = client.create(&self.path("suspension"), &input).await?;
        self.say(&release, "is suspended")
    }

    async fn resume(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = SuspensionInput { reason: self.reason.clone() };
        let release: ReleaseView = client.end_with(&self.path("suspension"), &input).await?;
        self.say(&release, "is active again")
    }

    fn say(&self, release: &ReleaseView, how: &str) -> Result<Exit, Failure> {
        if self.json {
            return output::json(release);
        }
        let since = output::when(release.ended_at.as_ref().unwrap_or(&release.activated_at));
        print(&format!("{}@{} {how} in {} since {since}", self.model, release.version, self.env))
    }
}

impl Lower {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.change.connection)?.client;
        let input = ModeInput { mode: self.mode.clone(), reason: self.change.reason.clone() };
        let release: ReleaseView = client.create(&self.change.path("mode"), &input).await?;
        self.change.say(&release, &format!("runs as {}", self.mode))
    }
}

impl Review {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = ReviewInput { outcome: self.outcome, reason: self.reason };
        let given: ReviewView = client.create(&["releases", &self.release.to_string(), "review"], &input).await?;
        if self.json {
            return output::json(&given);
        }
        print(&format!("the rollback {} was {}", given.release, given.outcome.unwrap_or_default()))
    }
}

impl Running {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let path = ["environments", &self.env, "models", &self.model, "running"];
        let query: Vec<_> = self.host.iter().map(|host| ("host", host.as_str())).collect();
        let found: Vec<RunningReport> = client.list(&path, &query).await?;
        if self.json {
            return output::json(&found);
        }
        let mut table = output::table(&["host", "runs", "matches", "reported", "by"]);
        for report in found {
            table.add_row([
                report.host,
                report.digest.unwrap_or_else(|| "nothing".to_owned()),
                if report.matches { "yes" } else { "no" }.to_owned(),
                output::when(&report.at),
                report.reported_by,
            ]);
        }
        output::rows(&table, "no deployer has reported what runs there")
    }
}

impl Reviews {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let query: &[(&str, &str)] = if self.overdue { &[("overdue", "true")] } else { &[] };
        let found: Vec<ReviewView> = client.list(&["rollback-reviews"], query).await?;
        if self.json {
            return output::json(&found);
        }
        let mut table = output::table(&["rollback", "state", "due", "outcome", "by"]);
        for review in found {
            table.add_row([
                review.release.to_string(),
                review.state,
                output::when(&review.due_at),
                review.outcome.unwrap_or_default(),
                review.reviewed_by.unwrap_or_default(),
            ]);
        }
        output::rows(&table, "no rollback is there to review")
    }
}
