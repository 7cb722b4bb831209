//! A code for somebody who lost their password.

use crate::{
    accounts::passwords::api::ResetView,
    cli::{Exit, Failure, output, print, reference, session::Session},
    config::Client as Connection,
};
use clap::Args;

#[derive(Args)]
pub struct Reset {
    /// The account's name, as `plimsoll user list` shows it.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Reset {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let issued: ResetView = session.client.act(&["accounts", &self.name, "password-reset"]).await?;
        if self.json {
            return output::json(&issued);
        }
        let until = output::when(&issued.expires_at);
        say!(
            "a code for {}, until {until}; it works once, at {}/reset, and is not shown again",
            self.name,
            session.client.address().trim_end_matches('/')
        );
        print(&issued.code)
    }
}
