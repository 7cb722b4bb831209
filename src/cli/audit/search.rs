//! Looking for events, and at the history of one object.

use crate::{
    audit::search::api::{EntryView, EventPage},
    cli::{Exit, Failure, output, session::Session},
    client::Client,
    config::Client as Connection,
};
use clap::Args;

/// What one page holds at most.
const PAGE: u64 = 200;

#[derive(Args)]
pub struct Search {
    /// Who did it: name or id of an account, `system` or `anonymous`.
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only this action, such as `promotion.approve`; `promotion.` or `promotion.*` for all that begin so.
    #[arg(long)]
    action: Option<String>,
    /// Only events about this object: id, `model:NAME`, `model:NAME@NUMBER`, `environment:NAME`, `dataset:NAME`, `account:NAME`.
    #[arg(long, value_name = "REF")]
    object: Option<String>,
    /// Only events that mention this object or digest anywhere.
    #[arg(long, value_name = "REF")]
    mentions: Option<String>,
    /// Only events about objects of this kind, such as `version`.
    #[arg(long)]
    kind: Option<String>,
    /// `done` or `denied`.
    #[arg(long)]
    outcome: Option<String>,
    /// Only what this request led to.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// The earliest time: `2026-01-31` (midnight UTC) or `2026-01-31T09:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The first time that is too late.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Args)]
pub struct History {
    /// An id, a digest, `model:NAME`, `model:NAME@NUMBER`, `environment:NAME`, `dataset:NAME` or `account:NAME`.
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Args)]
struct Listing {
    /// The oldest event first.
    #[arg(long)]
    oldest_first: bool,
    /// At most this many; 0 for all.
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u64,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Search {
    pub async fn run(self) -> Result<Exit, Failure> {
        let asked = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("mentions", &self.mentions),
            ("kind", &self.kind),
            ("outcome", &self.outcome),
            ("request", &self.request),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let query = asked.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
        self.listing.run(&["audit", "events"], query).await
    }
}

impl History {
    pub async fn run(self) -> Result<Exit, Failure> {
        self.listing.run(&["audit", "history", &self.reference], Vec::new()).await
    }
}

impl Listing {
    async fn run(&self, path: &[&str], mut query: Vec<(&str, &str)>) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        if self.oldest_first {
            query.push(("order", "oldest"));
        }
        let events = self.pages(&client, path, &query).await?;
        if self.json {
            return output::json(&events);
        }
        let mut table = output::table(&["index", "at", "who", "what", "outcome", "object"]);
        for event in events {
            table.add_row([
                event.index.map(|index| index.to_string()).unwrap_or_default(),
                output::when(&event.at),
                event.actor.label().to_owned(),
                event.summary,
                event.outcome,
                event.object.map(|object| format!("{} {}", object.kind, object.label())).unwrap_or_default(),
            ]);
        }
        output::rows(&table, "no events")
    }

    async fn pages(&self, client: &Client, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<EntryView>, Failure> {
        let wanted = if self.limit == 0 { u64::MAX } else { self.limit };
        let (mut all, mut cursor): (Vec<EntryView>, Option<String>) = (Vec::new(), None);
        loop {
            let missing = wanted - all.len() as u64;
            let limit = missing.min(PAGE).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: EventPage = client.get(path, &query).await?;
            all.extend(page.items.into_iter().take(usize::try_from(missing).unwrap_or(usize::MAX)));
            match page.next_cursor {
                // A service that gives the same cursor again would keep us for ever.
                Some(next) if cursor.as_ref() != Some(&next) && (all.len() as u64) < wanted => cursor = Some(next),
                _ => return Ok(all),
            }
        }
    }
}
