//! What only someone with access to the machine does.

use crate::{
    accounts::{self, NewAccount},
    app::App,
    cli::{Exit, Failure, print},
    config::Config,
    core::clock::Clock,
    workspaces,
};
use clap::{Args, Subcommand};
use std::io::Read;

#[derive(Subcommand)]
pub enum Admin {
    /// Create a user; the first one is made this way.
    #[command(
        after_help = "Example:\n  printf '%s' 'correct horse battery' | plimsoll admin create-user ada --role admin --password-stdin"
    )]
    CreateUser(CreateUser),
}

#[derive(Args)]
pub struct CreateUser {
    /// 1 to 64 of `a-z 0-9 . _ -`.
    name: String,
    /// May be given several times: viewer, contributor, reviewer, environment_manager, auditor, admin.
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

impl Admin {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::CreateUser(args) => create_user(args).await,
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
    let account = accounts::ops::create(&app, &accounts::ops::console(workspace), new).await?;
    if args.json {
        let view = accounts::api::AccountView::from(account);
        return print(&serde_json::to_string_pretty(&view).map_err(Failure::other)?);
    }
    let roles: Vec<_> = account.roles.iter().map(ToString::to_string).collect();
    print(&format!("created the user {} ({})", account.name, roles.join(", ")))
}
