//! Forgetting a person, after making sure that it is meant.

use crate::{
    accounts::api::AccountView,
    cli::{Exit, Failure, output, print, reference, secret, session::Session},
    config::Client as Connection,
};
use clap::Args;
use std::io::IsTerminal;

const FORGOTTEN: &str = "its name, display name and password, the names of its tokens, and what could recognise them \
    in the audit log";
const STAYS: &str =
    "its id, its roles and times, what it did under that id, and every record of the log with its proof";
const ELSEWHERE: &str = "texts that others wrote, signed statements as they were signed, dossiers and backups made \
    before; they are not reached from here";

#[derive(Args)]
pub struct Erase {
    /// The account's name, as `plimsoll user list` shows it. It must be deactivated.
    #[arg(value_parser = reference::name)]
    name: String,
    /// Do not ask for the name again.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Erase {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        if !self.yes {
            self.make_sure()?;
        }
        let left: AccountView = client.act(&["accounts", &self.name, "erasure"]).await?;
        if self.json {
            return output::json(&left);
        }
        print(&output::fields(&[
            ("erased", format!("{}; what is left of the account is called {}", self.name, left.name)),
            ("forgotten", FORGOTTEN.to_owned()),
            ("stays on record", STAYS.to_owned()),
            ("may still name it", ELSEWHERE.to_owned()),
        ]))
    }

    fn make_sure(&self) -> Result<(), Failure> {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Usage, "an erasure can't be undone, and there is no terminal to ask at")
                .next(format!("plimsoll user erase {} --yes", self.name)));
        }
        say!("{}", output::fields(&[("to be forgotten", FORGOTTEN.to_owned()), ("stays on record", STAYS.to_owned())]));
        match secret::ask_openly("there is no way back; type the name of the account again")? == self.name {
            true => Ok(()),
            false => Err(Failure::new(Exit::Usage, "that is another name; nothing was erased")),
        }
    }
}
