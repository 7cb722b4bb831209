//! Taking the second factor of somebody away who lost it.

use crate::{
    cli::{Exit, Failure, print, reference, session::Session},
    config::Client as Connection,
};
use clap::Args;

#[derive(Args)]
pub struct TakeFactor {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

impl TakeFactor {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        client.delete(&["accounts", &self.name, "second-factor"]).await?;
        print(&format!("{} has no second factor any more, and can do nothing but add another one", self.name))
    }
}
