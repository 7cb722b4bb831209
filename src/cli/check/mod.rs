//! `check` and `run`: measurements by the registry, and what they come to.

mod tables;

use super::{Exit, Failure, output, print, reference, reference::VersionOf, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    constraints::{Severity, Verdict},
    core::ids::RunId,
    validation::{
        RunState,
        api::{RunInput, RunSummary, RunView},
    },
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};
use tables::Detail;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct Check {
    /// Such as `credit-risk@3` or `credit-risk@sha256:…`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// The environment whose limits are asked.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Seconds to wait for the result; the run goes on without you.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum Run {
    /// List validation runs, newest first.
    #[command(after_help = "Example:\n  plimsoll run list")]
    List(List),
    /// Show a run with its verdicts and groups.
    #[command(after_help = "Example:\n  plimsoll run show 019a4c1e-…")]
    Show(Show),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    id: RunId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Check {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let input = RunInput {
            model: self.version.model.clone(),
            version: self.version.version.to_string(),
            environment: self.env.clone(),
        };
        let asked: RunView = session.client.create(&["runs"], &input).await?;
        eprintln!("run {} of {}@{} for {}", asked.id, asked.model, asked.version, self.env);
        let run = follow(&session.client, asked.id, Duration::from_secs(self.timeout)).await?;
        if self.json {
            output::json(&run)?;
        } else {
            print(&tables::of(&run, Detail::Brief))?;
        }
        conclude(&run, &self.env)
    }
}

impl Run {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => {
                let runs: Vec<RunSummary> = Session::open(&args.connection)?.client.list(&["runs"], &[]).await?;
                if args.json {
                    return output::json(&runs);
                }
                let mut table = output::table(&["run", "state", "asked for", "finished"]);
                for run in runs {
                    table.add_row([
                        run.id.to_string(),
                        run.state,
                        output::when(&run.requested_at),
                        run.finished_at.as_deref().map(output::when).unwrap_or_default(),
                    ]);
                }
                output::rows(&table, "no runs yet")
            }
            Self::Show(args) => {
                let client = Session::open(&args.connection)?.client;
                let run: RunView = client.get(&["runs", &args.id.to_string()], &[]).await?;
                if args.json {
                    return output::json(&run);
                }
                print(&tables::of(&run, Detail::Full))
            }
        }
    }
}

/// Asks until the run is over; says what it is doing.
async fn follow(client: &Client, id: RunId, patience: Duration) -> Result<RunView, Failure> {
    let began = Instant::now();
    let follower = Follower::new();
    let mut pause = FIRST_PAUSE;
    let mut said = String::new();
    loop {
        let run: RunView = client.get(&["runs", &id.to_string()], &[]).await?;
        let state = RunState::parse(&run.state).map_err(Failure::other)?;
        if state.is_final() {
            return Ok(run);
        }
        let phase = if state == RunState::Queued { "waiting for a worker" } else { run.phase.as_str() };
        follower.say(phase, run.percent, &mut said);
        if patience < began.elapsed() {
            let what = format!("run {id} is not over after {} s", patience.as_secs());
            return Err(Failure::new(Exit::TimedOut, what).next(format!("plimsoll run show {id}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

struct Follower(Option<ProgressBar>);

impl Follower {
    fn new() -> Self {
        Self(std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:24} {bar:30} {percent:>3} %");
            ProgressBar::new(100).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }))
    }

    fn say(&self, phase: &str, percent: i32, said: &mut String) {
        if let Some(bar) = &self.0 {
            bar.set_message(output::printable(phase));
            bar.set_position(u64::try_from(percent).unwrap_or(0));
        } else if said != phase {
            phase.clone_into(said);
            eprintln!("  {}", output::printable(phase));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Anything but a pass is a refusal, with the limits and their owners.
fn conclude(run: &RunView, environment: &str) -> Result<Exit, Failure> {
    if run.state == RunState::Passed.name() {
        eprintln!("{}@{} is inside every blocking limit of {environment}", run.model, run.version);
        return Ok(Exit::Ok);
    }
    let blocking: Vec<_> =
        run.verdicts.iter().filter(|v| v.severity == Severity::Block && v.verdict != Verdict::Pass).collect();
    let what = match (blocking.len(), &run.reason) {
        (0, Some(reason)) => format!("the run ended as {}: {}: {}", run.state, reason.code, reason.detail),
        (0, None) => format!("the run ended as {}", run.state),
        (n, _) => {
            let all = run.verdicts.len();
            format!("{}@{} is not inside {n} of {all} limits of {environment}", run.model, run.version)
        }
    };
    let mut failure = Failure::new(Exit::Refused, output::printable(&what));
    failure.why = blocking.iter().map(|v| format!("{} (owner: {}): {}", v.constraint, v.owner, v.reason)).collect();
    Err(failure)
}
