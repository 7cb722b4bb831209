//! Accounts and tokens, over HTTP.

mod bonds;
mod erase;
mod own_role;
pub mod reach;
mod reset;
mod role;
mod take_factor;

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    accounts::api::{AccountInput, AccountView, IssuedView, MadeView, TokenInput},
    config::Client as Connection,
};
use clap::{Args, Subcommand, ValueEnum};
use reach::ReachArgs;

#[derive(Subcommand)]
pub enum User {
    /// Create a user or a service account.
    ///
    /// For a user a code is printed, which works once, for three days: they choose their password with it. Hand it over on
    /// a channel on which you know them. You learn and choose none.
    #[command(
        after_help = "Examples:\n  plimsoll user create ines --role contributor\n  plimsoll user create deployer --kind service --role deployer"
    )]
    Create(CreateUser),
    /// List the accounts of your workspace, with what they may do.
    #[command(after_help = "Examples:\n  plimsoll user list\n  plimsoll user list --json")]
    List(ListUsers),
    /// End an account's access at once: its sessions, its tokens, and the robots that it owns.
    ///
    /// What it did stays on record under its name. There is no way back: whoever returns gets a
    /// new account under another name.
    #[command(after_help = "Example:\n  plimsoll user deactivate mara")]
    Deactivate(Deactivate),
    /// Forget who a deactivated account belonged to.
    ///
    /// Its name, its password and the names of its tokens go, and whatever could recognise them in the
    /// audit log. Its id and what it did under it stay, so every proof goes on to hold. There is no way back.
    #[command(after_help = "Examples:\n  plimsoll user erase mara\n  plimsoll user erase mara --yes --json")]
    Erase(erase::Erase),
    /// Issue a code with which somebody who lost their password sets a new one.
    ///
    /// It works once, for an hour. Hand it over on a channel on which you know them: whoever has it can set the
    /// password. You learn and choose none.
    #[command(after_help = "Example:\n  plimsoll user reset mara")]
    Reset(reset::Reset),
    /// Take away the second factor of somebody who lost it, and their recovery codes.
    ///
    /// Their sessions end. They sign in with their password, and can do nothing but add another one.
    #[command(after_help = "Example:\n  plimsoll user take-factor mara")]
    TakeFactor(take_factor::TakeFactor),
    /// Say that an account is of the same person as another one, or of a person of its own.
    ///
    /// Accounts of one person fill one seat of a quorum, and what one of them had a part in, none of
    /// them decides on. It counts for open requests too, from now on.
    #[command(
        after_help = "Examples:\n  plimsoll user link mara-admin --same-as mara\n  plimsoll user link mara-admin --alone"
    )]
    Link(bonds::Link),
    /// Say which roles an account holds; give it one, or take one.
    #[command(subcommand)]
    Role(role::Roles),
    /// Put an account into a team, or take it out. Policies may ask for approvals of different teams.
    #[command(after_help = "Examples:\n  plimsoll user team mara second-line\n  plimsoll user team mara --none")]
    Team(bonds::Team),
}

#[derive(Subcommand)]
pub enum Token {
    /// Create an API token and print it once.
    #[command(
        after_help = "Example:\n  plimsoll token create 'deployment to production' --account deployer --days 30\n  plimsoll token create 'what ci pushes' --account ci --days 30 --model credit-risk --environment staging"
    )]
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
    /// May be given several times: viewer, contributor, reviewer, environment_manager, deployer, auditor, admin,
    /// risk_officer, compliance_officer; worker, alone and for a service.
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
    #[arg(long, value_enum, default_value = "user")]
    kind: Kind,
    #[arg(long, default_value = "", value_name = "TEXT")]
    display_name: String,
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
    reach: ReachArgs,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of the bare token.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ListUsers {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Deactivate {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl User {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Create(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Deactivate(args) => args.run().await,
            Self::Erase(args) => args.run().await,
            Self::Reset(args) => args.run().await,
            Self::TakeFactor(args) => args.run().await,
            Self::Link(args) => args.run().await,
            Self::Team(args) => args.run().await,
            Self::Role(args) => args.run().await,
        }
    }
}

impl CreateUser {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let kind = match self.kind {
            Kind::User => "user",
            Kind::Service => "service",
        };
        let input =
            AccountInput { name: self.name, display_name: self.display_name, kind: kind.to_owned(), roles: self.roles };
        let made: MadeView = client.create(&["accounts"], &input).await?;
        if self.json {
            return output::json(&made);
        }
        let view = made.account;
        let said = format!("created the {} {} ({})", view.kind, view.name, view.roles.join(", "));
        let Some(invitation) = made.invitation else { return print(&said) };
        say!("{said}; a code for {}, until {}:", view.name, output::when(&invitation.expires_at));
        say!(
            "they choose their password with it, at {0}/reset, or by plimsoll join {0}; it is not shown again",
            client.address()
        );
        print(&invitation.code)
    }
}

impl ListUsers {
    async fn run(self) -> Result<Exit, Failure> {
        let accounts: Vec<AccountView> = Session::open(&self.connection)?.client.list(&["accounts"], &[]).await?;
        if self.json {
            return output::json(&accounts);
        }
        let mut table = output::table(&["name", "display name", "kind", "state", "roles", "since"]);
        for account in accounts {
            let since = output::when(&account.created_at);
            let roles = account.roles.join(", ");
            table.add_row([account.name, account.display_name, account.kind, account.state, roles, since]);
        }
        output::rows(&table, "no accounts")
    }
}

impl Deactivate {
    async fn run(self) -> Result<Exit, Failure> {
        let left: AccountView = Session::open(&self.connection)?.client.end(&["accounts", &self.name]).await?;
        if self.json {
            return output::json(&left);
        }
        let robots = if left.kind == "user" { ", nor do the service accounts that it owns" } else { "" };
        print(&format!("{} is deactivated; its sessions and tokens no longer work{robots}", left.name))
    }
}

impl Token {
    pub async fn run(self) -> Result<Exit, Failure> {
        let Self::Create(args) = self;
        let client = Session::open(&args.connection)?.client;
        let input =
            TokenInput { name: args.name, account: args.account, expires_in_days: args.days, scope: args.reach.view() };
        let issued: IssuedView = client.create(&["tokens"], &input).await?;
        if args.json {
            return output::json(&issued);
        }
        say!("token {}, until {}; it is not shown again", issued.accessor, output::when(&issued.expires_at));
        print(&issued.token)
    }
}
