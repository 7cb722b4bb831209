use super::{cyclonedx::MEDIA_TYPE, ops};
use crate::{
    app::App,
    authz::Principal,
    error::InField,
    http::problem::{Found, Problem},
    versions::VersionRef,
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(bill);
}

/// A version's bill of materials in the format CycloneDX 1.6: files, what it was made from, and what the registry measured.
#[utoipa::path(tag = "versions", operation_id = "versionBom",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    responses((status = 200, description = "The bill; what is a claim is marked as one", body = Object,
        content_type = "application/vnd.cyclonedx+json; version=1.6"), Found))]
#[get("/models/{model}/versions/{version}/bom")]
async fn bill(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (model, version) = path.into_inner();
    let version = VersionRef::parse(&version).in_field("version")?;
    let bill = ops::of(&app, &who, &model, &version).await?.render()?;
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).body(bill))
}
