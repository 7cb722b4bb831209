//! Which roles an account holds, given and taken one by one.

use super::own_role::{Custom, Define, Discard};
use crate::{
    accounts::{
        reach::ReachView,
        roles::api::{RoleInput, RolesView},
    },
    cli::{Exit, Failure, output, reference, session::Session},
    config::Client as Connection,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Roles {
    /// List the roles of an account, with the group of an identity provider that gave one.
    #[command(after_help = "Example:\n  plimsoll user role list mara")]
    List(List),
    /// Give an account one more role. It holds from its next request on.
    ///
    /// Nobody gives one to their own accounts. Given again, it is held for the models and environments that are named then.
    #[command(
        after_help = "Examples:\n  plimsoll user role give mara reviewer\n  plimsoll user role give mara reviewer --environment staging"
    )]
    Give(Give),
    /// Take a role from an account, from its next request on.
    ///
    /// Approvals that were given by it alone count no more. The last administrator of a workspace keeps theirs, and what a
    /// group of an identity provider gives ends there.
    #[command(after_help = "Example:\n  plimsoll user role take mara reviewer")]
    Take(Change),
    /// List the roles that your workspace made, with what they allow and who holds them.
    #[command(after_help = "Example:\n  plimsoll user role custom")]
    Custom(Custom),
    /// Make a role of your workspace's own, or say anew what one allows.
    ///
    /// Whoever holds it may that from their next request on. It allows the actions that are named and no others; deciding,
    /// giving rights and pulling are not among those that it can.
    #[command(
        after_help = "Example:\n  plimsoll user role define clerk --action model.read --action model.register\n  plimsoll user role give mara custom:clerk"
    )]
    Define(Define),
    /// Remove a role of your workspace's own that nobody holds.
    #[command(after_help = "Example:\n  plimsoll user role discard clerk")]
    Discard(Discard),
}

#[derive(Args)]
pub struct List {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Give {
    #[command(flatten)]
    change: Change,
    /// For this model alone. May be given several times. What concerns an environment as a whole is then out of range.
    #[arg(long = "model", value_name = "MODEL", value_parser = reference::name)]
    models: Vec<String>,
    /// For this environment alone. May be given several times.
    #[arg(long = "environment", value_name = "ENVIRONMENT", value_parser = reference::name)]
    environments: Vec<String>,
}

#[derive(Args)]
pub struct Change {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    /// viewer, contributor, reviewer, environment_manager, deployer, auditor, admin, risk_officer, compliance_officer;
    /// worker, alone and for a service; or custom: and the name of a role that your workspace made.
    role: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Roles {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => {
                let client = Session::open(&args.connection)?.client;
                show(&client.get(&["accounts", &args.name, "roles"], &[]).await?, args.json)
            }
            Self::Give(Give { change, models, environments }) => {
                let client = Session::open(&change.connection)?.client;
                let some = |all: Vec<String>| (!all.is_empty()).then(|| all.into_iter().collect());
                let scope = ReachView { actions: None, models: some(models), environments: some(environments) };
                let input = RoleInput { scope };
                show(&client.put(&["accounts", &change.name, "roles", &change.role], &input).await?, change.json)
            }
            Self::Take(args) => {
                let client = Session::open(&args.connection)?.client;
                show(&client.end(&["accounts", &args.name, "roles", &args.role]).await?, args.json)
            }
            Self::Custom(args) => args.run().await,
            Self::Define(args) => args.run().await,
            Self::Discard(args) => args.run().await,
        }
    }
}

fn show(held: &RolesView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(held);
    }
    let mut table = output::table(&["role", "where", "given by"]);
    for role in &held.roles {
        let by = role.group.as_ref().map_or("a person".to_owned(), |group| format!("the group {group}"));
        table.add_row([role.role.clone(), place(&role.scope), by]);
    }
    output::rows(&table, &format!("{} holds no role", output::printable(&held.account)))
}

fn place(scope: &ReachView) -> String {
    if scope.is_empty() { "everywhere".to_owned() } else { scope.spoken() }
}
