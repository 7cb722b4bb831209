use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{RehearsalId, ReleaseId},
    },
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Problem},
    },
    releases::rehearsals::{self, Rehearsal},
    versions::{self, VersionRef},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path},
};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(rehearse).service(find);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RehearsalInput {
    /// Number or digest; the last good one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RehearsalView {
    pub id: RehearsalId,
    /// The release that a rollback would bring back.
    pub release: ReleaseId,
    pub version: i64,
    pub version_digest: String,
    /// `queued`, `passed` or `failed`.
    pub state: String,
    pub requested_by: String,
    pub requested_at: String,
    pub finished_at: Option<String>,
    /// What was tried and what came out.
    #[schema(value_type = Option<Object>)]
    pub body: Option<Value>,
    /// sha256 over the canonical JSON of `body`.
    pub digest: Option<String>,
}

/// Try a rollback without carrying it out: every byte is read again, the signature verified, the model loaded.
#[utoipa::path(tag = "releases", operation_id = "requestRehearsal",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = RehearsalInput, responses(
        (status = 202, description = "A worker will carry it out; look at it under its id", body = RehearsalView),
        (status = 412, description = "The target may not come back", body = Problem, content_type = "application/problem+json"), Changed))]
#[post("/environments/{environment}/models/{model}/rollbacks/rehearsals")]
async fn rehearse(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<RehearsalInput>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let to = input.0.to.as_deref().map(VersionRef::parse).transpose().in_field("to")?;
    let rehearsal = rehearsals::request(&app, &who, &environment, &model, to.as_ref()).await?;
    Ok(HttpResponse::Accepted().json(view(&app, &who, rehearsal).await?))
}

/// Fetch a rehearsal.
#[utoipa::path(tag = "releases", operation_id = "getRehearsal", params(("rehearsal" = RehearsalId, Path, description = "Rehearsal id")),
    responses((status = 200, description = "The rehearsal as it stands", body = RehearsalView), Found))]
#[get("/rehearsals/{rehearsal}")]
async fn find(app: Data<App>, who: Principal, id: Path<RehearsalId>) -> Result<Json<RehearsalView>, Problem> {
    let rehearsal = rehearsals::find(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, rehearsal).await?))
}

async fn view(app: &App, who: &Principal, rehearsal: Rehearsal) -> Result<RehearsalView, Error> {
    let version = versions::ops::for_release(app, who, rehearsal.version).await?;
    let names = accounts::ops::names(app, &[rehearsal.requested_by]).await?;
    Ok(RehearsalView {
        id: rehearsal.id,
        release: rehearsal.release,
        version: version.number,
        version_digest: version.manifest.to_string(),
        state: rehearsal.state.name().to_owned(),
        requested_by: names.get(&rehearsal.requested_by).cloned().unwrap_or_default(),
        requested_at: rfc3339(rehearsal.requested_at),
        finished_at: rehearsal.finished_at.map(rfc3339),
        body: rehearsal.body.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
        digest: rehearsal.digest.map(|digest| digest.to_string()),
    })
}
