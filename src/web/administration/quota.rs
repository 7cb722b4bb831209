//! How much the workspace keeps of what it may.

use super::SECTION;
use crate::{
    app::App,
    quotas::{Usage, ops},
    web::{
        PageError,
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
};
use actix_web::{HttpResponse, get, web::Data};
use askama::Template;

#[derive(Template)]
#[template(path = "administration/quota.html")]
struct QuotaPage {
    frame: Frame,
    here: &'static str,
    used: String,
    kept: String,
    promised: String,
    limit: Option<Limit>,
}

struct Limit {
    whole: String,
    left: String,
    /// Of 1000, at most that.
    filled: u64,
    percent: String,
    is_full: bool,
}

#[get("/quota")]
pub async fn show(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let usage = ops::look(&app, &visitor.who).await?;
    let limit = usage.limit_bytes.map(|limit| limited(&usage, limit));
    page(&QuotaPage {
        frame: Frame::new(SECTION, &visitor),
        here: "Quota",
        used: words::size(usage.used_bytes()),
        kept: words::size(usage.kept_bytes),
        promised: words::size(usage.promised_bytes),
        limit,
    })
}

fn limited(usage: &Usage, limit: u64) -> Limit {
    let left = usage.left_bytes().unwrap_or(0);
    // A quota of nothing is used up.
    let part = if limit == 0 { 1.0 } else { usage.used_bytes() as f64 / limit as f64 };
    Limit {
        whole: words::size(limit),
        left: words::size(left),
        filled: (part.min(1.0) * 1_000.0) as u64,
        percent: words::percent(part),
        is_full: left == 0,
    }
}
