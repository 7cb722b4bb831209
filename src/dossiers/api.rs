use crate::{
    app::App,
    authz::Principal,
    dossiers::{Ask, ops},
    error::InField,
    http::problem::{Found, Problem},
    versions::VersionRef,
};
use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
    web::{Data, Query},
};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(export);
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DossierParams {
    /// A framework such as `sr-26-2`, `model-card` or `cyclonedx`; `@` and a revision may follow.
    pub profile: String,
    /// Model name.
    pub model: String,
    /// Number or digest; the version in force, or else the newest sealed one, if absent.
    pub version: Option<String>,
    /// Environment name; may be absent where only one fits.
    pub environment: Option<String>,
    /// A time in RFC 3339, or a day, which means its end (UTC); now if absent.
    pub as_of: Option<String>,
}

/// Take a signed dossier away: the document, the evidence, the approvals and the log's proofs, as of one moment.
#[utoipa::path(tag = "dossiers", operation_id = "exportDossier", params(DossierParams),
    responses((status = 200, description = "A zip; `plimsoll dossier verify` checks it offline", content_type = "application/zip"),
        (status = 422, description = "A value is not right, or several environments fit", body = Problem, content_type = "application/problem+json"),
        Found))]
#[get("/dossiers")]
async fn export(app: Data<App>, who: Principal, params: Query<DossierParams>) -> Result<HttpResponse, Problem> {
    let DossierParams { profile, model, version, environment, as_of } = params.into_inner();
    let version = version.as_deref().map(VersionRef::parse).transpose().in_field("version")?;
    let package = ops::export(&app, &who, &Ask { profile, model, version, environment, as_of }).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        // Names are of a-z, 0-9, dots, dashes and underscores.
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", package.file_name)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(package.zip))
}
