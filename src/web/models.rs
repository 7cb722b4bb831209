//! Models: the list, and one model's record with its versions.

use crate::{
    app::App,
    authz::Action,
    core::{
        name::Name,
        page::{self, PageRequest},
        text::Line,
    },
    error::{Error, InField},
    models::{
        api::{ModelSummary, ModelView},
        ops,
    },
    releases::board::{self, Posted},
    versions::{self, VersionRef, api::VersionSummary},
    web::{
        PageError, access,
        frame::{self, Frame, see_other},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
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
    /// Why nothing was searched.
    problem: String,
    models: Vec<ModelSummary>,
    /// With the names of their models, where a digest was searched for.
    versions: Option<Vec<(String, VersionSummary)>>,
    may_push: bool,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "models/show.html")]
struct ShowPage {
    frame: Frame,
    model: ModelView,
    versions: Vec<VersionSummary>,
    active: Vec<Posted>,
    may_push: bool,
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
    let (frame, may_push) = (Frame::new("Models", &visitor), visitor.who.may(Action::VersionCreate));
    let mut shown = ListPage {
        frame,
        search: search.to_string(),
        problem: String::new(),
        models: Vec::new(),
        versions: None,
        may_push,
        next: None,
    };
    match Sought::of(search.as_str().trim()) {
        Sought::Version(model, number) => Ok(see_other(&format!("/models/{model}/versions/{number}"))),
        Sought::Digest(beginning) => match versions::ops::by_digest(&app, &visitor.who, beginning).await {
            Ok(found) => {
                let summary = |(model, version)| (model, VersionSummary::from(version));
                shown.versions = Some(found.into_iter().map(summary).collect());
                frame::page(&shown)
            }
            Err(Error::Invalid(fields)) => {
                shown.problem = fields.into_iter().map(|(_, detail)| detail).collect();
                frame::page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
            }
            Err(error) => Err(error.into()),
        },
        Sought::Names(beginning) => {
            let found = ops::list(&app, &visitor.who, beginning, request).await?.map(ModelSummary::from);
            let sought = access::encode(search.as_str());
            shown.next = found.next.map(|id| format!("/models?search={sought}&cursor={}", page::encode(MODELS, id)));
            shown.models = found.items;
            frame::page(&shown)
        }
    }
}

/// What somebody typed into the one field.
enum Sought<'a> {
    /// How names begin; all if nothing.
    Names(Option<&'a str>),
    /// `model@3`.
    Version(Name, VersionRef),
    /// How a digest begins.
    Digest(&'a str),
}

impl<'a> Sought<'a> {
    fn of(text: &'a str) -> Self {
        if text.starts_with("sha256:") {
            return Self::Digest(text);
        }
        let named = text
            .split_once('@')
            .and_then(|(model, version)| Some((Name::parse(model).ok()?, VersionRef::parse(version).ok()?)));
        match named {
            Some((model, version)) => Self::Version(model, version),
            None => Self::Names(Some(text).filter(|text| !text.is_empty())),
        }
    }
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
    let active = match who.may(Action::ReleaseRead) {
        true => board::of_model(&app, who, model.id).await?,
        false => Vec::new(),
    };
    let next = found.next.map(|id| format!("/models/{}?cursor={}", model.name, page::encode(VERSIONS, id)));
    let around = Frame::new("Models", &visitor);
    let model = ModelView::new(model, owners);
    let may_push = who.may(Action::VersionCreate);
    frame::page(&ShowPage { frame: around, model, versions: found.items, active, may_push, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_takes_names_digests_and_versions() {
        assert!(matches!(Sought::of(""), Sought::Names(None)));
        for names in ["credit", "credit@", "credit@latest", "@3", "Credit@3"] {
            assert!(matches!(Sought::of(names), Sought::Names(Some(_))), "{names}");
        }
        assert!(matches!(Sought::of("credit@3"), Sought::Version(_, VersionRef::Number(3))));
        assert!(matches!(Sought::of("sha256:ab"), Sought::Digest("sha256:ab")));
    }
}
