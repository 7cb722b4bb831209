//! How somebody begins: with the code of a new service, or with a code from an administrator.

use super::{Exit, Failure, print, reference, secret};
use crate::{
    accounts::{api::AccountView, founding::api::FirstAccountInput, passwords::api::ResetInput},
    client::Client,
    config::Trust,
};
use clap::Args;

#[derive(Args)]
pub struct Found {
    /// The service's address, such as `http://127.0.0.1:8250`.
    address: String,
    /// The name of the first account.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    user: String,
    #[arg(long, default_value = "", value_name = "TEXT")]
    display_name: String,
    /// Read the code and the password from standard input, a line each, instead of asking for them.
    #[arg(long)]
    stdin: bool,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Args)]
pub struct Join {
    /// The service's address, such as `https://plimsoll.example.org`.
    address: String,
    /// Read the code and the password from standard input, a line each, instead of asking for them.
    #[arg(long)]
    stdin: bool,
    #[command(flatten)]
    trust: Trust,
}

impl Found {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Client::new(&self.address, None, &self.trust)?;
        let (code, password) = code_and_password(self.stdin)?;
        let input = FirstAccountInput { code, name: self.user, display_name: self.display_name, password };
        let made: AccountView = client.create(&["first-account"], &input).await?;
        print(&format!(
            "made {} ({}); sign in with plimsoll login {} --user {}",
            made.name,
            made.roles.join(", "),
            client.address(),
            made.name
        ))
    }
}

impl Join {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Client::new(&self.address, None, &self.trust)?;
        let (code, new_password) = code_and_password(self.stdin)?;
        client.post(&["password-resets"], Some(&ResetInput { code, new_password })).await?;
        print(&format!("the password is set; sign in with plimsoll login {} --user NAME", client.address()))
    }
}

fn code_and_password(stdin: bool) -> Result<(String, String), Failure> {
    if !stdin {
        return Ok((secret::ask("code")?, secret::ask("new password")?));
    }
    let both = secret::from_stdin("code")?;
    let (code, password) = both.split_once('\n').ok_or_else(|| {
        Failure::new(Exit::Usage, "standard input holds no password").next("write the code, and the password below it")
    })?;
    Ok((code.trim().to_owned(), password.to_owned()))
}
