//! The first page: what waits for a decision, and what runs where.

use crate::{
    app::App,
    authz::Action,
    core::page::PageRequest,
    environments, models,
    releases::board::{self, Posted},
    web::{
        PageError,
        frame::{Frame, page},
        queue::{self, Queue},
        visitor::Visitor,
        words,
    },
};
use actix_web::{HttpResponse, get, web::Data};
use askama::Template;

const MODELS_SHOWN: u64 = 20;
/// In one place.
const ACTIVE_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    frame: Frame,
    queue: Option<Queue>,
    places: Option<Vec<Place>>,
    models: Option<Vec<models::Model>>,
    more_models: bool,
}

/// An environment and what is active there.
pub struct Place {
    pub name: String,
    pub active: Vec<Posted>,
    /// More is active there than is listed here.
    pub more: bool,
}

#[get("/")]
pub async fn show(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let queue = match who.may(Action::PromotionRead) {
        true => Some(queue::oldest_first(&app, who, None).await?),
        false => None,
    };
    let places = match who.may(Action::EnvironmentRead) && who.may(Action::ReleaseRead) {
        true => Some(places(&app, &visitor).await?),
        false => None,
    };
    let (mut shown, mut more_models) = (None, false);
    if who.may(Action::ModelRead) {
        let found = models::ops::list(&app, who, None, PageRequest::first(MODELS_SHOWN)).await?;
        more_models = found.next.is_some();
        shown = Some(found.items);
    }
    let frame = Frame::new("Overview", &visitor);
    page(&OverviewPage { frame, queue, places, models: shown, more_models })
}

/// Every environment with what is active in it.
pub async fn places(app: &App, visitor: &Visitor) -> Result<Vec<Place>, PageError> {
    let mut active = board::active(app, &visitor.who).await?;
    let all = environments::ops::list(app, &visitor.who, PageRequest::first(200)).await?;
    let mut places = Vec::new();
    for environment in all.items {
        let mut here: Vec<_> = active.extract_if(.., |posted| posted.environment == environment.name).collect();
        let more = ACTIVE_SHOWN < here.len();
        here.truncate(ACTIVE_SHOWN);
        places.push(Place { name: environment.name, active: here, more });
    }
    Ok(places)
}
