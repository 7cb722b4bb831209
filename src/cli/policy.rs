//! Promotion policies: what is wrong with one, what one would do, what one says.

mod read;

use super::{Exit, Failure, output, print, reference, reference::VersionOf, session::Session};
use crate::{
    config::Client as Connection,
    core::clock::Clock,
    environments::api::RevisionView,
    error::FailedCheck,
    policies::lint::{self, Problem, Weight},
    promotions::trial::api::{DryRunInput, DryRunView, LintInput, LintView},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Policy {
    /// Say what is wrong with a policy; with --env also whether it can work there.
    #[command(
        after_help = "Examples:\n  plimsoll policy lint policy.yaml\n  plimsoll policy lint policy.yaml --env production --json"
    )]
    Lint(Lint),
    /// Say what would stop a version, without asking for anything.
    #[command(
        name = "dry-run",
        after_help = "Examples:\n  plimsoll policy dry-run credit-risk@3 --env production\n  plimsoll policy dry-run credit-risk@3 --env production --policy stricter.yaml"
    )]
    DryRun(DryRun),
    /// Show the policy of an environment, or an earlier revision of it.
    #[command(after_help = "Example:\n  plimsoll policy show production --revision 2")]
    Show(Show),
}

#[derive(Args)]
pub struct Lint {
    /// YAML or JSON.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where it would be published; without it nothing is asked of a service.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct DryRun {
    /// Such as `credit-risk@3` or `credit-risk@sha256:…`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Another policy than the published one (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// advisory, human_in_the_loop or automated, as in a request.
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// The environment.
    #[arg(value_name = "ENVIRONMENT", value_parser = reference::name)]
    env: String,
    /// Counts from 1; the one that holds if absent.
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Policy {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Lint(args) => args.run().await,
            Self::DryRun(args) => args.run().await,
            Self::Show(args) => args.run().await,
        }
    }
}

impl Lint {
    async fn run(self) -> Result<Exit, Failure> {
        let file = self.file.display().to_string();
        let problems = match (read::policy(&self.file)?, &self.env) {
            (Err(problem), _) => vec![problem],
            (Ok((policy, _)), None) => lint::check(&policy, None, Clock::System.now()),
            (Ok((_, written)), Some(env)) => {
                let client = Session::open(&self.connection)?.client;
                let input = LintInput { policy: written, environment: Some(env.clone()) };
                client.create::<LintView>(&["policies", "lint"], &input).await?.problems
            }
        };
        if self.json {
            output::json(&json!({ "problems": problems }))?;
        } else {
            let lines: Vec<_> = problems.iter().map(|problem| said(&file, problem)).collect();
            print(&if lines.is_empty() { format!("{file}: nothing was found") } else { lines.join("\n") })?;
        }
        let errors = problems.iter().filter(|problem| problem.severity == Weight::Error).count();
        if errors == 0 {
            return Ok(Exit::Ok);
        }
        let what = format!("{file} has {errors} {}", if errors == 1 { "error" } else { "errors" });
        Err(Failure::new(Exit::Refused, what).next("docs/policies.md says what each field means"))
    }
}

fn said(file: &str, problem: &Problem) -> String {
    let weight = if problem.severity == Weight::Error { "error" } else { "warning" };
    let place = if problem.place.is_empty() { String::new() } else { format!("{}: ", problem.place) };
    output::printable(&format!("{file}: {weight} {}: {place}{}", problem.code, problem.detail))
}

impl DryRun {
    async fn run(self) -> Result<Exit, Failure> {
        let policy = match &self.policy {
            Some(file) => {
                let read = read::policy(file)?;
                let (_, written) = read.map_err(|problem| {
                    Failure::new(Exit::Usage, said(&file.display().to_string(), &problem))
                        .next(format!("plimsoll policy lint {}", file.display()))
                })?;
                Some(written)
            }
            None => None,
        };
        let client = Session::open(&self.connection)?.client;
        let (model, version) = (self.version.model.clone(), self.version.version.to_string());
        let input = DryRunInput { model, version, mode: self.mode.clone(), policy };
        let found: DryRunView = client.create(&["environments", &self.env, "policy", "dry-run"], &input).await?;
        if self.json {
            output::json(&found)?;
        } else {
            print(&output::printable(&described(&found)))?;
        }
        let name = format!("{}@{}", input.model, input.version);
        if found.would_block.is_empty() {
            say!("nothing would fail the checks of {name} in {}", self.env);
            return Ok(Exit::Ok);
        }
        let count = found.would_block.len();
        let what =
            format!("{count} {} of {name} would fail in {}", if count == 1 { "check" } else { "checks" }, self.env);
        let mut failure = Failure::new(Exit::Refused, output::printable(&what));
        failure.why = found.would_block.iter().map(|check| output::printable(&line(check))).collect();
        Err(failure)
    }
}

fn line(check: &FailedCheck) -> String {
    let owner = check.owner.as_ref().map_or_else(String::new, |owner| format!(" (owner: {owner})"));
    format!("{}{owner}: {}", check.check, check.detail)
}

fn described(found: &DryRunView) -> String {
    let mut lines = Vec::new();
    lines.extend(found.would_block.iter().map(|check| format!("blocks  {}", line(check))));
    lines.extend(found.warnings.iter().map(|check| format!("warns   {}", line(check))));
    lines.extend(found.holds.iter().map(|hold| format!("holds   {}: {}", hold.cause, hold.detail)));
    lines.extend(found.seats.iter().map(|seat| match seat.could_be.as_slice() {
        [] => format!("seat    {}: nobody is left to fill it", seat.role),
        accounts => format!("seat    {}: could be {}", seat.role, accounts.join(", ")),
    }));
    for (role, people) in &found.eligible {
        let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
        lines.push(format!("may     {role}: {people}"));
    }
    if lines.is_empty() { "no policy, and nothing that would stop it".to_owned() } else { lines.join("\n") }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let number = self.revision.map(|number| number.to_string());
        let mut path = vec!["environments", &self.env, "policy"];
        if let Some(number) = &number {
            path.extend(["revisions", number]);
        }
        let revision: RevisionView = client.get(&path, &[]).await?;
        if self.json {
            return output::json(&revision);
        }
        say!("revision {} of {} {}", revision.revision, output::when(&revision.created_at), revision.digest);
        print(&output::printable(&yaml_serde::to_string(&revision.body).map_err(Failure::other)?))
    }
}
