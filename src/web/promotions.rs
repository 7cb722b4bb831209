//! All requests: what waits first, then everything, newest first.

use crate::{
    app::App,
    core::{
        clock::rfc3339,
        page::{self, PageRequest},
    },
    error::Error,
    promotions::ops,
    versions,
    web::{
        PageError, frame,
        frame::Frame,
        queue::{self, Queue},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Query},
};
use askama::Template;

const LIST: &str = "promotions";

#[derive(Template)]
#[template(path = "promotions/list.html")]
struct ListPage {
    frame: Frame,
    /// Only on the first page.
    queue: Option<Queue>,
    requests: Vec<RequestRow>,
    next: Option<String>,
}

struct RequestRow {
    id: String,
    model: String,
    version: i64,
    state: &'static str,
    requested_at: String,
    closed_reason: String,
}

#[derive(serde::Deserialize)]
struct ListParams {
    cursor: Option<String>,
    /// The last request that was seen of those that wait.
    waiting: Option<String>,
}

#[get("/promotions")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<ListParams>) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let after = match params.waiting.as_deref() {
        Some(id) => Some(id.parse().map_err(|_| Error::not_found("promotion request"))?),
        None => None,
    };
    let queue = match params.cursor {
        None => Some(queue::oldest_first(&app, who, after).await?),
        Some(_) => None,
    };
    let found = ops::list(&app, who, false, request).await?;
    let mut requests = Vec::new();
    for promotion in found.items {
        let (model, version) = versions::ops::label(&app, who, promotion.version).await?;
        requests.push(RequestRow {
            id: promotion.id.to_string(),
            model,
            version: version.number,
            state: promotion.stage.name(),
            requested_at: rfc3339(promotion.requested_at),
            closed_reason: promotion.closed_reason.unwrap_or_default(),
        });
    }
    let next = found.next.map(|id| format!("/promotions?cursor={}", page::encode(LIST, id)));
    frame::page(&ListPage { frame: Frame::new("Requests", &visitor), queue, requests, next })
}
