//! What stands out in the log.

use crate::{
    audit::security::api::SecurityEvent,
    cli::{Exit, Failure, output, printable, session::Session},
    config::Client as Connection,
};
use clap::Args;

#[derive(Args)]
pub struct Security {
    /// How many days to look back, at most 90.
    #[arg(long, default_value_t = 7, value_name = "N")]
    days: i64,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of a table: events in the shape of CloudEvents.
    #[arg(long)]
    json: bool,
}

impl Security {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let days = self.days.to_string();
        let events: Vec<SecurityEvent> = client.list(&["audit", "security-feed"], &[("days", &days)]).await?;
        if self.json {
            return output::json(&events);
        }
        let mut table = output::table(&["until", "what", "with"]);
        for event in events {
            let from: Vec<_> = event
                .data
                .from
                .iter()
                .map(|from| from.client.clone().unwrap_or_else(|| from.credential.clone()))
                .collect();
            table.add_row([
                output::when(&event.data.until),
                printable(&event.data.summary),
                printable(&from.join(", ")),
            ]);
        }
        output::rows(&table, "nothing stands out")
    }
}
