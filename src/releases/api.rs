use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{PromotionId, ReleaseId},
        page::{self},
        path::FilePath,
        text::Line,
    },
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Problem},
    },
    releases::{
        Release, activation, gate,
        gate::{Answer, Pull},
        rollback,
    },
    versions::{self, VersionRef, api::FileView, stream},
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    post,
    web::{Data, Json, Path, Query},
};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "releases";

pub fn routes(config: &mut ServiceConfig) {
    config.service(activate).service(pull_release).service(pull_file).service(list_releases).service(roll_back);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReleaseView {
    pub id: ReleaseId,
    pub version: i64,
    pub version_digest: String,
    /// `active`, `superseded` or `rolled_back`.
    pub state: String,
    /// The request whose approvals it rests on.
    pub promotion: PromotionId,
    /// The earlier release that a rollback brought back.
    pub restores: Option<ReleaseId>,
    pub reason: Option<String>,
    pub activated_by: String,
    pub activated_at: String,
    pub ended_at: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReleasePage {
    pub items: Vec<ReleaseView>,
    pub next_cursor: Option<String>,
}

/// What a deployment tool gets: files, and what proves them.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PullView {
    pub model: String,
    pub environment: String,
    pub release: ReleaseView,
    pub files: Vec<FileView>,
    /// The registry's signed statement: a Sigstore bundle with an in-toto statement.
    #[schema(value_type = Object)]
    pub statement: Value,
    /// The author's OMS signature over the files.
    #[schema(value_type = Option<Object>)]
    pub signature: Option<Value>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WantedParams {
    /// Number or digest: refuse unless this is the active version.
    pub version: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackInput {
    /// Number or digest; the last good one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why; kept with the release.
    pub reason: String,
}

/// Activate an approved request.
#[utoipa::path(tag = "releases", operation_id = "activatePromotion", params(("promotion" = PromotionId, Path, description = "Request id")),
    responses((status = 201, description = "It runs from now on", body = ReleaseView),
        (status = 412, description = "A check no longer holds", body = Problem, content_type = "application/problem+json"), Changed))]
#[post("/promotions/{promotion}/activation")]
async fn activate(app: Data<App>, who: Principal, id: Path<PromotionId>) -> Result<HttpResponse, Problem> {
    let release = activation::activate(&app, &who, *id).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, release).await?))
}

/// The gate: what is active here, if everything that must hold holds now.
#[utoipa::path(tag = "releases", operation_id = "pullRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), WantedParams),
    responses((status = 200, description = "The active release; its id is the ETag", body = PullView),
        (status = 304, description = "Still the release that If-None-Match names"),
        (status = 412, description = "The gate is closed; `failed_checks` and `unblock` say why and who can open it", body = Problem, content_type = "application/problem+json"),
        Found))]
#[get("/environments/{environment}/models/{model}/release")]
async fn pull_release(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    path: Path<(String, String)>,
    params: Query<WantedParams>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let wanted = params.version.as_deref().map(VersionRef::parse).transpose().in_field("version")?;
    let seen = request.headers().get(header::IF_NONE_MATCH).map(|value| value.as_bytes());
    match gate::admit(&app, &who, &environment, &model, wanted.as_ref(), seen).await? {
        Answer::Known(release) => {
            Ok(HttpResponse::NotModified().insert_header((header::ETAG, gate::tag(release))).finish())
        }
        Answer::Pulled(pull) => {
            let tag = gate::tag(pull.release.id);
            Ok(HttpResponse::Ok().insert_header((header::ETAG, tag)).json(pull_view(&app, *pull).await?))
        }
    }
}

/// One file of the active release.
#[utoipa::path(tag = "releases", operation_id = "pullFile",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"),
        ("path" = String, Path, description = "The file's path in the version")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"),
        (status = 412, description = "The gate is closed", body = Problem, content_type = "application/problem+json"), Found))]
#[get("/environments/{environment}/models/{model}/release/files/{path:.*}")]
async fn pull_file(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (environment, model, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let (bytes, file) = gate::open(&app, &who, &environment, &model, &path).await?;
    Ok(stream(bytes, &file))
}

/// What ran here and when, newest first.
#[utoipa::path(tag = "releases", operation_id = "listReleases",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), PageParams),
    responses((status = 200, description = "A page of releases", body = ReleasePage), Found))]
#[get("/environments/{environment}/models/{model}/releases")]
async fn list_releases(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<PageParams>,
) -> Result<Json<ReleasePage>, Problem> {
    let (environment, model) = path.into_inner();
    let page = gate::history(&app, &who, &environment, &model, params.parse(LIST)?).await?;
    let mut items = Vec::new();
    for release in page.items {
        items.push(view(&app, &who, release).await?);
    }
    Ok(Json(ReleasePage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Roll back to a release that was active here before.
#[utoipa::path(tag = "releases", operation_id = "rollBack",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = RollbackInput, responses(
        (status = 201, description = "The earlier version runs again", body = ReleaseView),
        (status = 412, description = "The target may not come back", body = Problem, content_type = "application/problem+json"), Changed))]
#[post("/environments/{environment}/models/{model}/rollbacks")]
async fn roll_back(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<RollbackInput>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let to = input.0.to.as_deref().map(VersionRef::parse).transpose().in_field("to")?;
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let release = rollback::roll_back(&app, &who, &environment, &model, to.as_ref(), reason).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, release).await?))
}

pub async fn view(app: &App, who: &Principal, release: Release) -> Result<ReleaseView, Error> {
    let version = versions::ops::for_release(app, who, release.version).await?;
    let names = accounts::ops::names(app, &[release.activated_by]).await?;
    let by = names.get(&release.activated_by).cloned().unwrap_or_default();
    Ok(ReleaseView::new(release, version.number, version.manifest.to_string(), by))
}

async fn pull_view(app: &App, pull: Pull) -> Result<PullView, Error> {
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(Error::internal);
    let names = accounts::ops::names(app, &[pull.release.activated_by]).await?;
    let by = names.get(&pull.release.activated_by).cloned().unwrap_or_default();
    Ok(PullView {
        model: pull.model.name,
        environment: pull.environment.name,
        statement: json(&pull.release.statement)?,
        signature: pull.signature.as_deref().map(json).transpose()?,
        release: ReleaseView::new(pull.release, pull.version.number, pull.version.manifest.to_string(), by),
        files: pull
            .files
            .into_iter()
            .map(|f| FileView {
                path: f.declared.path.to_string(),
                sha256: f.declared.sha256.to_string(),
                size_bytes: f.declared.size_bytes,
                uploaded: f.uploaded,
            })
            .collect(),
    })
}

impl ReleaseView {
    fn new(release: Release, version: i64, version_digest: String, activated_by: String) -> Self {
        Self {
            id: release.id,
            version,
            version_digest,
            state: release.state.name().to_owned(),
            promotion: release.promotion,
            restores: release.restores,
            reason: release.reason,
            activated_by,
            activated_at: rfc3339(release.activated_at),
            ended_at: release.ended_at.map(rfc3339),
        }
    }
}
