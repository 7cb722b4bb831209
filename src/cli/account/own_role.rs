//! The roles that a workspace makes for itself.

use crate::{
    accounts::roles::custom::api::{CustomRoleInput, CustomRoleView, CustomRolesView},
    cli::{Exit, Failure, output, print, reference, session::Session},
    config::Client as Connection,
};
use clap::Args;

#[derive(Args)]
pub struct Custom {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Define {
    /// The role's name; accounts are given it as custom:NAME.
    #[arg(value_parser = reference::name)]
    name: String,
    /// What it allows, such as version.create. May be given several times; it allows these, and no others.
    #[arg(long = "action", value_name = "ACTION", required = true)]
    actions: Vec<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Discard {
    /// The role's name.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

impl Custom {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let view: CustomRolesView = client.get(&["roles"], &[]).await?;
        if self.json {
            return output::json(&view);
        }
        let mut table = output::table(&["role", "allows", "held by"]);
        for role in &view.items {
            table.add_row([role.name.clone(), role.actions.join(", "), role.holders.join(", ")]);
        }
        output::rows(&table, "the workspace made no role of its own")
    }
}

impl Define {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = CustomRoleInput { actions: self.actions.into_iter().collect() };
        let view: CustomRoleView = client.put(&["roles", &self.name], &input).await?;
        if self.json {
            return output::json(&view);
        }
        print(&format!("custom:{} allows {}", view.name, view.actions.join(", ")))
    }
}

impl Discard {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        client.delete(&["roles", &self.name]).await?;
        print(&format!("there is no role {} any more", self.name))
    }
}
