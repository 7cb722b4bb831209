//! Which accounts are of one person, and who is in which team.

use crate::{
    accounts::people::api::{BondsView, PersonInput, TeamInput},
    cli::{Exit, Failure, output, print, reference, session::Session},
    config::Client as Connection,
};
use clap::Args;

#[derive(Args)]
pub struct Link {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    /// Another account of the same person: both count as one from now on.
    #[arg(long, value_name = "NAME", value_parser = reference::name, required_unless_present = "alone")]
    same_as: Option<String>,
    /// Take it out: it is of a person of its own from now on.
    #[arg(long, conflicts_with = "same_as")]
    alone: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Team {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    /// The team that it is in from now on.
    #[arg(value_parser = reference::name, required_unless_present = "none")]
    team: Option<String>,
    /// Take it out of its team.
    #[arg(long, conflicts_with = "team")]
    none: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Link {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = PersonInput { same_as: self.same_as };
        show(&client.put(&["accounts", &self.name, "person"], &input).await?, self.json)
    }
}

impl Team {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&client.put(&["accounts", &self.name, "team"], &TeamInput { team: self.team }).await?, self.json)
    }
}

fn show(bonds: &BondsView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(bonds);
    }
    let others = match bonds.same_person.is_empty() {
        true => "none".to_owned(),
        false => bonds.same_person.join(", "),
    };
    print(&output::fields(&[
        ("account", bonds.account.clone()),
        ("other accounts of the person", others),
        ("whose it is", if bonds.person_is_known { "known" } else { "nobody has said yet" }.to_owned()),
        ("team", bonds.team.clone().unwrap_or_else(|| "none".to_owned())),
    ]))
}
