//! One binary: the service, its worker and sandbox, the operator's console, the client.

#[macro_use]
mod say;

mod account;
mod admin;
mod again;
mod asof;
mod assert;
mod audit;
mod authorities;
mod begin;
pub(crate) mod bias;
mod bom;
mod break_glass;
mod check;
mod comment;
mod compare;
mod config;
mod dataset;
mod delegate;
mod dossier;
mod env;
mod evidence;
mod exit;
mod factor;
mod finding;
mod framework;
mod init;
mod inspect;
mod lineage;
mod meter;
mod output;
mod policy;
mod profile;
mod progress;
mod promotion;
mod pull;
mod push;
mod quota;
mod record;
mod reference;
mod release;
mod remote;
mod running;
mod sandbox;
mod secret;
mod serve;
mod session;
mod sign_in;
mod signing;
mod snapshot;
mod trust;
mod waiver;
mod witness;
mod worker;
mod workload;

use crate::config::Config;
use clap::{Args, Parser, Subcommand};
use std::{io::Write, process::ExitCode};

pub use exit::{Exit, Failure};
pub(crate) use output::printable;

#[derive(Parser)]
#[command(
    name = "plimsoll",
    version,
    about = "Registers models, measures them against an environment's limits, and lets only what was approved leave.",
    after_help = "Exit codes: 0 ok, 1 other, 2 usage, 3 not found, 4 sign in first, 5 refused by policy,\n6 verification failed, 7 conflict, 8 unreachable, 9 timed out, 130 interrupted.",
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service: API, pages, audit log and, by default, one worker.
    #[command(after_help = "Example:\n  plimsoll serve --data ./plimsoll-data --listen 127.0.0.1:8250")]
    Serve(Config),
    /// Carry validation runs out: for a service that shares this database and data folder, or on a device of its own.
    #[command(
        after_help = "Examples:\n  PLIMSOLL_DB_URL=postgres://… plimsoll worker --data /srv/plimsoll\n  plimsoll worker --url https://plimsoll.example.org --token-file worker.token --label hardware=edge-cam"
    )]
    Worker(Box<worker::Worker>),
    /// Run one model, cut off from everything; started by the worker, not by people.
    #[command(hide = true)]
    Sandbox(sandbox::Sandbox),
    /// Watch the audit logs of registries, and sign that they only grow.
    #[command(
        after_help = "Example:\n  plimsoll witness --name witness.example.org --data ./witness --log-key \"$(cat registry.vkey)\""
    )]
    Witness(witness::Witness),
    /// Bring the database's schema up to date.
    #[command(after_help = "Example:\n  plimsoll migrate --data ./plimsoll-data")]
    Migrate(Config),
    /// The operator's console: acts on the database directly.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Print the effective configuration, secrets masked.
    #[command(after_help = "Example:\n  PLIMSOLL_LISTEN=0.0.0.0:80 plimsoll config --json")]
    Config(config::Show),
    /// Print the API document.
    #[command(after_help = "Example:\n  plimsoll openapi > openapi/plimsoll.yaml")]
    Openapi(Openapi),
    #[command(flatten)]
    Remote(remote::Remote),
}

#[derive(Args)]
struct Openapi {
    /// JSON instead of YAML.
    #[arg(long)]
    json: bool,
}

/// Runs the command line and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    // The sandbox must be alone in its process: no runtime, no threads.
    if let Command::Sandbox(sandbox) = cli.command {
        return sandbox.run();
    }
    // For every connection of this process, to a registry or to a witness. Nothing else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say!("error: {error}");
            return Exit::Other.into();
        }
    };
    let interrupted = match &cli.command {
        Command::Remote(remote) => remote.interrupted(),
        _ => None,
    };
    let ended = runtime.block_on(async {
        match cli.command {
            // The service stops in its own order; the client lets go at once, and whatever it
            // had half written goes with it.
            Command::Remote(remote) => tokio::select! {
                ended = remote.run() => Some(ended),
                _ = tokio::signal::ctrl_c() => None,
            },
            command => Some(run(command).await),
        }
    });
    match ended {
        Some(Ok(exit)) => exit.into(),
        Some(Err(failure)) => {
            failure.print();
            failure.exit.into()
        }
        None => {
            if let Some(next) = interrupted {
                say!("{next}");
            }
            // Whoever still hashes a file is not waited for.
            runtime.shutdown_background();
            ExitCode::from(130)
        }
    }
}

async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(config) => serve::serve(config).await,
        Command::Worker(worker) => worker.run().await,
        Command::Witness(witness) => witness.run().await,
        Command::Migrate(config) => serve::migrate(config).await,
        Command::Admin(admin) => admin.run().await,
        Command::Config(show) => show.run(),
        Command::Openapi(args) => openapi(&args),
        // Both are dealt with before.
        Command::Remote(_) | Command::Sandbox(_) => Ok(Exit::Usage),
    }
}

fn openapi(args: &Openapi) -> Result<Exit, Failure> {
    let document = crate::http::server::openapi();
    let text = if args.json {
        document.to_pretty_json().map_err(Failure::other)?
    } else {
        document.to_yaml().map_err(Failure::other)?
    };
    print(&text)
}

/// Writes to standard output; a reader that went away is not an error.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::other(error)),
        _ => Ok(Exit::Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Every command without commands of its own, with its full name.
    fn leaves(command: &clap::Command, name: &str, found: &mut Vec<(String, clap::Command)>) {
        let subcommands: Vec<_> = command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
        if subcommands.is_empty() {
            found.push((name.to_owned(), command.clone()));
        }
        for sub in subcommands {
            leaves(sub, &format!("{name} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example_of_itself() {
        Cli::command().debug_assert();
        let mut found = Vec::new();
        leaves(&Cli::command(), "plimsoll", &mut found);
        assert!(20 < found.len());
        for (name, command) in found {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&name), "{name} --help shows no example");
            assert!(command.get_about().is_some(), "{name} does not say what it does");
        }
    }
}
