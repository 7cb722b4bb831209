//! What only someone with access to the machine does.

mod check;
mod first_code;
mod gc;
mod grants;
mod key;
mod quota;
mod rewrap;
mod scrub;

use crate::{
    accounts::{self, NewAccount},
    app::App,
    audit::replay,
    cli::{Exit, Failure, output, print},
    config::Config,
    core::{clock::Clock, words::with_verb},
    workspaces,
};
use clap::{Args, Subcommand};
use std::io::Read;

#[derive(Subcommand)]
pub enum Admin {
    /// Create a user with a password, as only whoever has the machine can.
    #[command(
        after_help = "Example:\n  printf '%s' 'correct horse battery' | plimsoll admin create-user ada --role admin --password-stdin"
    )]
    CreateUser(CreateUser),
    /// Make another code for the first account, where the one that the service printed is lost or over.
    #[command(after_help = "Example:\n  plimsoll admin first-code --data ./plimsoll-data")]
    FirstCode(first_code::FirstCode),
    /// Compare the tables with the audit log, row by row: what was changed past the service is named.
    #[command(after_help = "Example:\n  plimsoll admin compare --data ./plimsoll-data")]
    Compare(Compare),
    /// Check the whole log and the tables: approvals, releases, states, order. Reads only.
    #[command(after_help = "Example:\n  plimsoll admin check --data ./plimsoll-data --json")]
    Check(check::Check),
    /// Read every stored byte again and compare it with its sha256: what is damaged is withheld, what is well again is let go.
    #[command(after_help = "Example:\n  plimsoll admin scrub --data ./plimsoll-data --rate 64")]
    Scrub(scrub::Scrub),
    /// Take away stored bytes that nothing refers to: of uploads that broke off, and what others took the place of.
    #[command(after_help = "Example:\n  plimsoll admin gc --data ./plimsoll-data --dry-run")]
    Gc(gc::Gc),
    /// Wrap the keys of encrypted files with the newest encryption key; no file is touched.
    #[command(
        after_help = "Example:\n  plimsoll admin rewrap --data ./plimsoll-data --encryption-key-file ./keys --dry-run"
    )]
    Rewrap(rewrap::Rewrap),
    /// Say or show how much a workspace may keep.
    #[command(
        after_help = "Examples:\n  plimsoll admin quota --data ./plimsoll-data\n  plimsoll admin quota --data ./plimsoll-data --set 500GiB"
    )]
    Quota(quota::Quota),
    /// The registry's own signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// The rights of the service's own role on PostgreSQL: printed as SQL, or carried out.
    #[command(after_help = "Example:\n  plimsoll migrate && plimsoll admin grants --role plimsoll_app --apply")]
    Grants(grants::Grants),
}

#[derive(Args)]
pub struct CreateUser {
    /// 1 to 64 of `a-z 0-9 . _ -`.
    name: String,
    /// May be given several times: viewer, contributor, reviewer, environment_manager, auditor, admin,
    /// risk_officer, compliance_officer.
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
    #[arg(long, default_value = "")]
    display_name: String,
    /// Read the password (15 to 256 characters) from standard input.
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Compare {
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Admin {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::CreateUser(args) => create_user(args).await,
            Self::FirstCode(args) => args.run().await,
            Self::Compare(args) => compare(args).await,
            Self::Check(args) => args.run().await,
            Self::Scrub(args) => args.run().await,
            Self::Gc(args) => args.run().await,
            Self::Rewrap(args) => args.run().await,
            Self::Quota(args) => args.run().await,
            Self::Key(command) => command.run().await,
            Self::Grants(args) => args.run().await,
        }
    }
}

async fn create_user(args: CreateUser) -> Result<Exit, Failure> {
    let mut password = String::new();
    std::io::stdin().take(4_096).read_to_string(&mut password).map_err(Failure::other)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let new = NewAccount::parse(&args.name, &args.display_name, "user", &args.roles, Some(password))?;
    let app = App::open(&args.config, Clock::System).await?;
    let workspace = workspaces::ops::ensure_default(&app).await?;
    let account = accounts::ops::create(&app, &accounts::ops::console(workspace), new).await?.account;
    if args.json {
        let view = accounts::api::AccountView::from(account);
        return print(&serde_json::to_string_pretty(&view).map_err(Failure::other)?);
    }
    let roles: Vec<_> = account.roles.iter().map(ToString::to_string).collect();
    print(&format!("created the user {} ({})", account.name, roles.join(", ")))
}

async fn compare(args: Compare) -> Result<Exit, Failure> {
    let app = App::open(&args.config, Clock::System).await?;
    let found = replay::ops::compare_tables(&app).await?;
    let exit = if found.differing == 0 { Exit::Ok } else { Exit::Verification };
    if args.json {
        return output::json(&found).map(|_| exit);
    }
    if found.differing == 0 {
        return print(&output::fields(&[
            ("agree", "every row is as the log tells".to_owned()),
            ("rows", found.rows.to_string()),
            ("records", format!("{}, of which {} under the signed head", found.records, found.signed)),
        ]));
    }
    let mut failure =
        Failure::new(exit, format!("{} not as the log tells", with_verb(found.differing, "row", ["is", "are"])));
    failure.why = found.differences.iter().map(|difference| output::printable(&difference.to_string())).collect();
    let left = found.differing - found.differences.len();
    failure.why.extend((0 < left).then(|| format!("and {left} more")));
    Err(failure.next("find out who changed the database past the service; restore it from a backup that agrees"))
}
