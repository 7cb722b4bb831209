//! The requests that wait for a decision, oldest first.

use crate::{
    accounts,
    app::App,
    authz::{Principal, policy},
    core::{
        clock::rfc3339,
        page::{MAX_LIMIT, PageRequest},
    },
    error::Error,
    promotions,
    web::words,
};

/// How each stands is found out from all that it rests on, so few are shown at once.
const SHOWN: usize = 10;

pub struct QueueRow {
    pub id: String,
    pub model: String,
    pub version: i64,
    pub environment: String,
    pub state: &'static str,
    pub requested_by: String,
    pub requested_at: String,
    pub waits: String,
    pub expires_at: String,
    pub seats_filled: usize,
    pub seats: usize,
    /// In which capacity the visitor had a part in it; empty if in none.
    pub conflicts: String,
}

pub struct Queue {
    pub rows: Vec<QueueRow>,
    /// How many wait beyond those that are shown.
    pub more: usize,
    /// There may be even more than were counted.
    pub uncounted: bool,
    /// The last that is shown, where more wait.
    pub last: String,
}

/// The oldest open requests, or those that follow one of them.
pub async fn oldest_first(app: &App, who: &Principal, after: Option<uuid::Uuid>) -> Result<Queue, Error> {
    let page = promotions::ops::waiting(app, who, PageRequest { after, limit: MAX_LIMIT }).await?;
    let now = app.db.clock().now();
    let shown = &page.items[..SHOWN.min(page.items.len())];
    let people: Vec<_> = shown.iter().map(|open| open.requested_by).collect();
    let names = accounts::ops::names(app, &people).await?;
    let mut rows = Vec::new();
    for open in shown {
        let standing = promotions::ops::standing(app, who, open).await?;
        rows.push(QueueRow {
            id: open.id.to_string(),
            model: standing.model,
            version: standing.version,
            environment: standing.environment,
            state: open.stage.name(),
            requested_by: names.get(&open.requested_by).cloned().unwrap_or_default(),
            requested_at: rfc3339(open.requested_at),
            waits: words::span(open.requested_at, now),
            expires_at: rfc3339(open.expires_at),
            seats_filled: standing.quorum.0,
            seats: standing.quorum.1,
            conflicts: policy::conflicts(who, &standing.involved).join(" and "),
        });
    }
    let more = page.items.len() - rows.len();
    let last = rows.last().filter(|_| more != 0).map(|row| row.id.clone()).unwrap_or_default();
    Ok(Queue { rows, more, uncounted: page.next.is_some(), last })
}
