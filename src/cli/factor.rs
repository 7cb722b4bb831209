//! One's own second factor.

use super::{Exit, Failure, output, print, secret, session::Session};
use crate::{
    accounts::second_factor::api::{BegunView, FirstCodeInput, RecoveryView, SecondFactorView},
    config::Client as Connection,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Factor {
    /// Say whether you have a second factor.
    #[command(after_help = "Example:\n  plimsoll factor show --json")]
    Show(Plain),
    /// Add an authenticator: type the secret into it, and then a first code of it here.
    ///
    /// Signing in needs a code of it from then on. Your other sessions end. The recovery codes are shown once.
    #[command(after_help = "Example:\n  plimsoll factor add")]
    Add(Add),
    /// Make new recovery codes; those before work no longer.
    #[command(after_help = "Example:\n  plimsoll factor codes > recovery-codes.txt")]
    Codes(Plain),
    /// Remove it: your password alone signs you in then, unless a second factor is required of you.
    #[command(after_help = "Example:\n  plimsoll factor remove")]
    Remove(Remove),
}

#[derive(Args)]
pub struct Plain {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub struct Remove {
    #[command(flatten)]
    connection: Connection,
}

impl Factor {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Show(args) => show(args).await,
            Self::Add(args) => add(args).await,
            Self::Codes(args) => {
                let client = Session::open(&args.connection)?.client;
                let codes: RecoveryView = client.act(&["second-factor", "recovery-codes"]).await?;
                if args.json { output::json(&codes) } else { print(&codes.recovery_codes.join("\n")) }
            }
            Self::Remove(args) => {
                Session::open(&args.connection)?.client.delete(&["second-factor"]).await?;
                print("your second factor is removed")
            }
        }
    }
}

async fn show(args: Plain) -> Result<Exit, Failure> {
    let has: SecondFactorView = Session::open(&args.connection)?.client.get(&["second-factor"], &[]).await?;
    if args.json {
        return output::json(&has);
    }
    let required = if has.required { "yes: nothing else may be done before there is one" } else { "no" };
    print(&output::fields(&[
        ("second factor", has.state),
        ("recovery codes left", has.recovery_codes_left.to_string()),
        ("missing and required", required.to_owned()),
    ]))
}

async fn add(args: Add) -> Result<Exit, Failure> {
    let client = Session::open(&args.connection)?.client;
    let begun: BegunView = client.act(&["second-factor"]).await?;
    say!("type this secret into your authenticator (by the clock, 30 seconds, 6 digits):\n\n  {}\n", begun.secret);
    say!("or give it this address:\n\n  {}\n", begun.address);
    let code = secret::ask_openly("the code that it shows")?;
    let codes: RecoveryView = client.create(&["second-factor", "confirmation"], &FirstCodeInput { code }).await?;
    say!("it counts from now on. When you have lost it, one of these stands in, each once; they are not shown again:");
    print(&codes.recovery_codes.join("\n"))
}
