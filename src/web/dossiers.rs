//! Taking a dossier of a version away.

use crate::{
    app::App,
    core::page::PageRequest,
    dossiers::{Ask, ops, profiles},
    environments,
    error::{Error, InField},
    versions::VersionRef,
    web::{
        PageError,
        frame::{Frame, page},
        visitor::Visitor,
    },
};
use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
    web::{Data, Path, Query},
};
use askama::Template;

#[derive(Template)]
#[template(path = "dossiers/ask.html")]
struct AskPage {
    frame: Frame,
    model: String,
    version: String,
    environments: Vec<String>,
    /// Ids with their titles.
    profiles: Vec<(String, String)>,
}

#[derive(serde::Deserialize)]
struct AskQuery {
    profile: String,
    environment: String,
    #[serde(default)]
    as_of: String,
}

#[get("/models/{model}/versions/{version}/dossier")]
pub async fn ask(app: Data<App>, visitor: Visitor, path: Path<(String, String)>) -> Result<HttpResponse, PageError> {
    let (model, version) = path.into_inner();
    let wanted = VersionRef::parse(&version).in_field("version")?;
    let known = crate::versions::ops::find(&app, &visitor.who, &model, &wanted).await?.version;
    let request = PageRequest::parse("environments", None, Some(200)).map_err(Error::from)?;
    let environments = environments::ops::list(&app, &visitor.who, request).await?.items;
    page(&AskPage {
        frame: Frame::new("Models", &visitor),
        model,
        version: known.number.to_string(),
        environments: environments.into_iter().map(|environment| environment.name).collect(),
        profiles: profiles::all()?,
    })
}

#[get("/models/{model}/versions/{version}/dossier.zip")]
pub async fn take(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
    query: Query<AskQuery>,
) -> Result<HttpResponse, PageError> {
    let (model, version) = path.into_inner();
    let AskQuery { profile, environment, as_of } = query.into_inner();
    let version = Some(VersionRef::parse(&version).in_field("version")?);
    let as_of = Some(as_of).filter(|raw| !raw.is_empty());
    let wanted = Ask { profile, model, version, environment: Some(environment), as_of };
    let package = ops::export(&app, &visitor.who, &wanted).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", package.file_name)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(package.zip))
}
