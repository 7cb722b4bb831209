//! The last events of the audit log, for those who may read it.

use crate::{
    app::App,
    audit::{api::EntryView, ops},
    web::{
        PageError,
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Query},
};
use askama::Template;
use serde_json::Value;

const SHOWN: u64 = 50;

#[derive(Template)]
#[template(path = "audit/show.html")]
struct ShowPage {
    frame: Frame,
    size: u64,
    note: String,
    events: Vec<EventRow>,
    next: Option<i64>,
}

struct EventRow {
    /// The place in the tree.
    index: String,
    at: String,
    actor: String,
    action: String,
    outcome: String,
    object: String,
    detail: String,
}

#[derive(serde::Deserialize)]
struct ShowParams {
    before: Option<i64>,
}

#[get("/audit")]
pub async fn show(app: Data<App>, visitor: Visitor, params: Query<ShowParams>) -> Result<HttpResponse, PageError> {
    let head = ops::head(&app, &visitor.who, 0).await?;
    let entries = ops::events(&app, &visitor.who, None, None, params.before, SHOWN).await?;
    let full = u64::try_from(entries.len()).is_ok_and(|n| n == SHOWN);
    let next = entries.last().filter(|_| full).map(|entry| entry.id);
    let views = entries.into_iter().map(EntryView::try_from).collect::<Result<Vec<_>, _>>()?;
    let events = views.into_iter().map(event_row).collect();
    page(&ShowPage { frame: Frame::new("Audit log", &visitor), size: head.size, note: head.note, events, next })
}

fn event_row(entry: EntryView) -> EventRow {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let leaf = &entry.leaf;
    let object = match leaf.get("object") {
        Some(object) => format!("{} {}", text(&object["kind"]), text(&object["id"])),
        None => String::new(),
    };
    EventRow {
        index: entry.index.map_or_else(|| "pending".to_owned(), |index| index.to_string()),
        at: entry.at,
        actor: format!(
            "{} ({}, {})",
            text(&leaf["actor"]["name"]),
            text(&leaf["actor"]["kind"]),
            text(&leaf["actor"]["auth"])
        ),
        action: entry.action,
        outcome: entry.outcome,
        object,
        detail: leaf["detail"].to_string(),
    }
}
