//! The programs that measure: which were there lately, and what they can be chosen by.

use super::SECTION;
use crate::{
    app::App,
    core::clock::rfc3339,
    web::{
        PageError,
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
    workers::{LIVE, ops},
};
use actix_web::{HttpResponse, get, web::Data};
use askama::Template;

#[derive(Template)]
#[template(path = "administration/workers.html")]
struct WorkersPage {
    frame: Frame,
    here: &'static str,
    workers: Vec<Row>,
}

struct Row {
    name: String,
    /// Empty for one at the database.
    account: String,
    labels: Vec<String>,
    is_live: bool,
    seen_at: String,
    ago: String,
}

#[get("/workers")]
pub async fn list(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let now = app.db.clock().now();
    let row = |(known, account): (crate::workers::Known, String)| Row {
        name: known.name,
        account,
        labels: known.labels.iter().map(ToString::to_string).collect(),
        is_live: now - known.last_seen_at <= LIVE,
        seen_at: rfc3339(known.last_seen_at),
        ago: words::span(known.last_seen_at, now),
    };
    let workers = ops::known(&app, &visitor.who).await?.into_iter().map(row).collect();
    page(&WorkersPage { frame: Frame::new(SECTION, &visitor), here: "Workers", workers })
}
