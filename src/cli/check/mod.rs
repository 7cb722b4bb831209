//! `check` and `run`: measurements by the registry, and what they come to.

mod cancel;
mod local;
mod material;
mod measured;
mod tables;

use super::{Exit, Failure, output, print, reference, reference::VersionOf, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    constraints::{ConstraintVerdict, Severity, Verdict},
    core::ids::RunId,
    validation::{
        RunState,
        api::{ReasonView, RunInput, RunSummary, RunView},
    },
    workers::list_api::WorkerList,
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use material::Options;
use std::{
    io::IsTerminal,
    path::PathBuf,
    str::FromStr,
    time::{Duration, Instant},
};
use tables::Detail;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct Check {
    /// A file or folder that is here, to be measured here before it is pushed; or what the registry is to measure,
    /// such as `credit-risk@3` or `credit-risk@sha256:…`.
    #[arg(value_name = "PATH or MODEL@VERSION")]
    subject: Subject,
    /// The environment whose limits are asked.
    #[arg(long, value_name = "NAME", value_parser = reference::name, required_unless_present = "constraints")]
    env: Option<String>,
    /// Seconds to wait for the result; the run goes on without you.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    local: Options,
}

/// What is to be measured, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// Files on this machine, measured here.
    Files(PathBuf),
    /// A registered version, measured by the registry.
    Version(VersionOf),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        let path = PathBuf::from(raw);
        if path.exists() {
            return Ok(Self::Files(path));
        }
        let version = raw.parse().map_err(|e| format!("there is no such file or folder, and as a version: {e}"))?;
        Ok(Self::Version(version))
    }
}

#[derive(Subcommand)]
pub enum Run {
    /// List validation runs, newest first.
    #[command(after_help = "Example:\n  plimsoll run list")]
    List(List),
    /// Show a run with its verdicts and groups.
    #[command(after_help = "Example:\n  plimsoll run show 019a4c1e-…")]
    Show(Show),
    /// Call a run off that nobody needs any more.
    #[command(after_help = "Example:\n  plimsoll run cancel 019a4c1e-… --reason \"wrong version\"")]
    Cancel(cancel::Cancel),
    /// List the workers that could carry runs out, with the labels by which a spec chooses them.
    #[command(after_help = "Example:\n  plimsoll run workers")]
    Workers(List),
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
        let version = match self.subject {
            Subject::Files(path) => {
                return local::check(&path, self.env.as_deref(), self.local, &self.connection, self.json).await;
            }
            Subject::Version(version) => version,
        };
        let environment = self.env.filter(|_| !self.local.is_local()).ok_or_else(|| {
            Failure::new(Exit::Usage, "the registry measures a version with its own limits and data")
                .next("give --env NAME and nothing of your own; or name a file or folder that is here")
        })?;
        let session = Session::open(&self.connection)?;
        let input = RunInput {
            model: version.model.clone(),
            version: version.version.to_string(),
            environment: environment.clone(),
        };
        let asked: RunView = session.client.create(&["runs"], &input).await?;
        say!("run {} of {}@{} for {environment}", asked.id, asked.model, asked.version);
        let run = follow(&session.client, asked.id, Duration::from_secs(self.timeout)).await?;
        if self.json {
            output::json(&run)?;
        } else {
            print(&tables::of_run(&run, Detail::Brief))?;
        }
        let name = format!("{}@{}", run.model, run.version);
        conclude(&name, &run.state, run.reason.as_ref(), &run.verdicts, &environment)
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
                let mut table = output::table(&["run", "model", "environment", "state", "asked for", "finished"]);
                for run in runs {
                    table.add_row([
                        run.id.to_string(),
                        format!("{}@{}", run.model, run.version),
                        run.environment,
                        run.state,
                        output::when(&run.requested_at),
                        run.finished_at.as_deref().map(output::when).unwrap_or_default(),
                    ]);
                }
                output::rows(&table, "no runs yet")
            }
            Self::Cancel(args) => args.run().await,
            Self::Workers(args) => workers(&args).await,
            Self::Show(args) => {
                let client = Session::open(&args.connection)?.client;
                let run: RunView = client.get(&["runs", &args.id.to_string()], &[]).await?;
                if args.json {
                    return output::json(&run);
                }
                print(&tables::of_run(&run, Detail::Full))
            }
        }
    }
}

async fn workers(args: &List) -> Result<Exit, Failure> {
    let list: WorkerList = Session::open(&args.connection)?.client.get(&["workers"], &[]).await?;
    if args.json {
        return output::json(&list.items);
    }
    let mut table = output::table(&["worker", "account", "labels", "there", "last seen"]);
    for worker in list.items {
        table.add_row([
            worker.name,
            worker.account.unwrap_or_else(|| "at the database".to_owned()),
            worker.labels.join("\n"),
            if worker.is_live { "yes" } else { "no" }.to_owned(),
            output::when(&worker.last_seen_at),
        ]);
    }
    output::rows(&table, "no worker was heard of lately; plimsoll worker --help says how to start one")
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
        let waiting = if state == RunState::Queued { "waiting for a worker" } else { run.phase.as_str() };
        let phase = run.waiting.as_deref().unwrap_or(waiting);
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
            say!("  {}", output::printable(phase));
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
fn conclude(
    name: &str,
    state: &str,
    reason: Option<&ReasonView>,
    verdicts: &[ConstraintVerdict],
    environment: &str,
) -> Result<Exit, Failure> {
    if state == RunState::Passed.name() {
        say!("{} is inside every blocking limit of {environment}", output::printable(name));
        return Ok(Exit::Ok);
    }
    let blocking: Vec<_> =
        verdicts.iter().filter(|v| v.severity == Severity::Block && v.verdict != Verdict::Pass).collect();
    let what = match (blocking.len(), reason) {
        (0, Some(reason)) => format!("the run ended as {state}: {}: {}", reason.code, reason.detail),
        (0, None) => format!("the run ended as {state}"),
        (n, _) => format!("{name} is not inside {n} of {} limits of {environment}", verdicts.len()),
    };
    let mut failure = Failure::new(Exit::Refused, output::printable(&what));
    failure.why = blocking.iter().map(|v| format!("{} (owner: {}): {}", v.constraint, v.owner, v.reason)).collect();
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_is_measured_here_and_what_is_not_is_a_version() {
        let folder = tempfile::tempdir().expect("folder");
        let here = folder.path().join("credit@3");
        std::fs::write(&here, "x").expect("file");
        let parsed = |raw: &str| raw.parse::<Subject>();
        assert_eq!(parsed(here.to_str().expect("text")), Ok(Subject::Files(here.clone())));
        assert!(matches!(parsed("credit-risk@3"), Ok(Subject::Version(_))));
        let said = parsed("./nowhere/model.onnx").expect_err("neither");
        assert!(said.contains("no such file or folder"), "{said}");
    }
}
