//! Letting somebody else decide in one's stead for a time.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    accounts::people::api::{DelegationInput, DelegationView},
    config::Client as Connection,
    core::ids::DelegationId,
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Delegate {
    /// Let another person decide in your stead. It gives them no role.
    ///
    /// While it is valid you and your delegate count as one: together you fill one seat, and whoever
    /// had a part in a version keeps the other from deciding on it too.
    #[command(after_help = "Example:\n  plimsoll delegate to rui --until 2026-08-17T00:00:00Z")]
    To(To),
    /// List delegations, those that have ended too.
    #[command(after_help = "Examples:\n  plimsoll delegate list\n  plimsoll delegate list --json")]
    List(List),
    /// End a delegation at once. What was decided under it no longer counts.
    #[command(after_help = "Example:\n  plimsoll delegate end 019a4c1e-…")]
    End(End),
}

#[derive(Args)]
pub struct To {
    /// Who shall decide.
    #[arg(value_parser = reference::name)]
    name: String,
    /// Until before when, such as 2026-08-17T00:00:00Z; at most 365 days after the start.
    #[arg(long, value_name = "TIME")]
    until: DateTime<Utc>,
    /// Since when; now if absent.
    #[arg(long, value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct End {
    /// The delegation's id, as `plimsoll delegate list` shows it.
    id: DelegationId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Delegate {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::To(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::End(args) => args.run().await,
        }
    }
}

impl To {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = DelegationInput { to: self.name, valid_from: self.from, valid_until: self.until };
        let made: DelegationView = client.create(&["delegations"], &input).await?;
        if self.json {
            return output::json(&made);
        }
        print(&output::printable(&format!(
            "{} may decide in your stead from {} until {} (delegation {})",
            made.to,
            output::when(&made.valid_from),
            output::when(&made.valid_until),
            made.id
        )))
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let all: Vec<DelegationView> = Session::open(&self.connection)?.client.list(&["delegations"], &[]).await?;
        if self.json {
            return output::json(&all);
        }
        let mut table = output::unwrapped_table(&["delegation", "from", "to", "state", "since", "until"]);
        for one in all {
            let (since, until) = (output::when(&one.valid_from), output::when(&one.valid_until));
            table.add_row([one.id.to_string(), one.from, one.to, one.state.replace('_', " "), since, until]);
        }
        output::rows(&table, "nobody decides in somebody else's stead")
    }
}

impl End {
    async fn run(self) -> Result<Exit, Failure> {
        let id = self.id.to_string();
        let ended: DelegationView = Session::open(&self.connection)?.client.end(&["delegations", &id]).await?;
        if self.json {
            return output::json(&ended);
        }
        print(&output::printable(&format!("{} no longer decides in the stead of {}", ended.to, ended.from)))
    }
}
