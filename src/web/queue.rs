//! The requests that wait for a decision, oldest first.

use crate::{
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        page::{MAX_LIMIT, PageRequest},
    },
    error::Error,
    promotions,
    web::words,
};

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
}

/// The oldest open requests of the latest 200.
pub async fn oldest_first(app: &App, who: &Principal, shown: usize) -> Result<Queue, Error> {
    let page = promotions::ops::list(app, who, true, PageRequest::first(MAX_LIMIT)).await?;
    let now = app.db.clock().now();
    let mut rows = Vec::new();
    let total = page.items.len();
    for open in page.items.into_iter().rev().take(shown) {
        let waits = words::span(open.requested_at, now);
        let (id, state) = (open.id, open.stage.name());
        let view = promotions::api::view(app, who, id).await?;
        rows.push(QueueRow {
            id: id.to_string(),
            model: view.model,
            version: view.version,
            environment: view.environment,
            state,
            requested_by: view.requested_by,
            requested_at: rfc3339(open.requested_at),
            waits,
            expires_at: view.expires_at,
            seats_filled: view.seats_filled,
            seats: view.seats.len(),
            conflicts: view.your_conflicts.join(" and "),
        });
    }
    Ok(Queue { more: total - rows.len(), rows, uncounted: page.next.is_some() })
}
