//! Accounts and tokens, over HTTP.

use super::{Exit, Failure, output, print, reference, secret, session::Session};
use crate::{
    accounts::api::{AccountInput, AccountView, IssuedView, TokenInput},
    config::Client as Connection,
};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Subcommand)]
pub enum User {
    /// Create a user or a service account.
    #[command(
        after_help = "Examples:\n  printf '%s' 'correct horse battery' | plimsoll user create ines --role contributor --password-stdin\n  plimsoll user create deployer --kind service --role deployer"
    )]
    Create(CreateUser),
}

#[derive(Subcommand)]
pub enum Token {
    /// Create an API token and print it once.
    #[command(after_help = "Example:\n  plimsoll token create 'deployment to production' --account deployer --days 30")]
    Create(CreateToken),
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    User,
    Service,
}

#[derive(Args)]
pub struct CreateUser {
    #[arg(value_parser = reference::name)]
    name: String,
    /// May be given several times: viewer, contributor, reviewer, environment_manager, deployer, auditor, admin.
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
    #[arg(long, value_enum, default_value = "user")]
    kind: Kind,
    #[arg(long, default_value = "", value_name = "TEXT")]
    display_name: String,
    /// Read the password (15 to 256 characters) from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct CreateToken {
    /// What it is for.
    name: String,
    /// Whose token [default: your own].
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    account: Option<String>,
    /// Days until it expires, 1 to 365.
    #[arg(long, value_name = "N")]
    days: i64,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of the bare token.
    #[arg(long)]
    json: bool,
}

impl User {
    pub async fn run(self) -> Result<Exit, Failure> {
        let Self::Create(args) = self;
        let client = Session::open(&args.connection)?.client;
        let password = match (args.kind, args.password_stdin) {
            (Kind::Service, _) => None,
            (Kind::User, true) => Some(secret::from_stdin("password")?),
            (Kind::User, false) => Some(secret::ask(&format!("password of {}", args.name))?),
        };
        let kind = match args.kind {
            Kind::User => "user",
            Kind::Service => "service",
        };
        let input = AccountInput {
            name: args.name,
            display_name: args.display_name,
            kind: kind.to_owned(),
            roles: args.roles,
            password,
        };
        let view: AccountView = client.create(&["accounts"], &input).await?;
        if args.json {
            return output::json(&view);
        }
        print(&format!("created the {} {} ({})", view.kind, view.name, view.roles.join(", ")))
    }
}

impl Token {
    pub async fn run(self) -> Result<Exit, Failure> {
        let Self::Create(args) = self;
        let client = Session::open(&args.connection)?.client;
        let input = TokenInput { name: args.name, account: args.account, expires_in_days: args.days };
        let issued: IssuedView = client.create(&["tokens"], &input).await?;
        if args.json {
            return output::json(&issued);
        }
        eprintln!("token {}, until {}; it is not shown again", issued.accessor, output::when(&issued.expires_at));
        print(&issued.token)
    }
}
