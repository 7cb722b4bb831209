//! What stands out in the log, for whoever watches over a workspace.

use crate::{
    app::App,
    audit::security::api::{self, FeedParams, SecurityFeed},
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

#[derive(Template)]
#[template(path = "audit/security.html")]
struct SecurityPage {
    frame: Frame,
    feed: SecurityFeed,
    days: i64,
    next: Option<String>,
}

#[get("/audit/security")]
pub async fn show(app: Data<App>, visitor: Visitor, params: Query<FeedParams>) -> Result<HttpResponse, PageError> {
    let feed = api::find(&app, &visitor.who, &params).await?;
    let days = params.days.unwrap_or(api::DAYS);
    let next = feed.next_cursor.as_ref().map(|cursor| format!("/audit/security?days={days}&cursor={cursor}"));
    page(&SecurityPage { frame: Frame::new("Audit log", &visitor), feed, days, next })
}
