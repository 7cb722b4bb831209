//! Models: the list, and one model's record with its versions.

use crate::{
    app::App,
    authz::Action,
    core::{
        page::{self, PageRequest},
        text::Line,
    },
    error::{Error, InField},
    models::{
        api::{ModelSummary, ModelView},
        ops,
    },
    releases::board::{self, Posted},
    versions::{self, api::VersionSummary},
    web::{
        PageError, access,
        frame::{self, Frame},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;

const MODELS: &str = "models";
const VERSIONS: &str = "versions";

#[derive(Template)]
#[template(path = "models/list.html")]
struct ListPage {
    frame: Frame,
    search: String,
    models: Vec<ModelSummary>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "models/show.html")]
struct ShowPage {
    frame: Frame,
    model: ModelView,
    versions: Vec<VersionSummary>,
    active: Vec<Posted>,
    next: Option<String>,
}

#[derive(serde::Deserialize)]
struct ListParams {
    search: Option<String>,
    cursor: Option<String>,
}

#[derive(serde::Deserialize)]
struct ShowParams {
    cursor: Option<String>,
}

#[get("/models")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<ListParams>) -> Result<HttpResponse, PageError> {
    let request = PageRequest::parse(MODELS, params.cursor.as_deref(), None).map_err(Error::from)?;
    let search = Line::parse(params.search.as_deref().unwrap_or_default()).in_field("search")?;
    let wanted = Some(search.as_str()).filter(|text| !text.is_empty());
    let found = ops::list(&app, &visitor.who, wanted, request).await?.map(ModelSummary::from);
    let next = found
        .next
        .map(|id| format!("/models?search={}&cursor={}", access::encode(search.as_str()), page::encode(MODELS, id)));
    let around = Frame::new("Models", &visitor);
    frame::page(&ListPage { frame: around, search: search.to_string(), models: found.items, next })
}

#[get("/models/{model}")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    name: Path<String>,
    params: Query<ShowParams>,
) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let request = PageRequest::parse(VERSIONS, params.cursor.as_deref(), None).map_err(Error::from)?;
    let model = ops::find(&app, who, &name).await?;
    let owners = ops::owners(&app, who, model.id).await?;
    let found = versions::ops::list(&app, who, &model.name, request).await?.map(VersionSummary::from);
    let mut active = match who.may(Action::ReleaseRead) {
        true => board::active(&app, who).await?,
        false => Vec::new(),
    };
    active.retain(|posted| posted.model == model.name);
    let next = found.next.map(|id| format!("/models/{}?cursor={}", model.name, page::encode(VERSIONS, id)));
    let around = Frame::new("Models", &visitor);
    let model = ModelView::new(model, owners);
    frame::page(&ShowPage { frame: around, model, versions: found.items, active, next })
}
