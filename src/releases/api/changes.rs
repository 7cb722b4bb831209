use super::views::{ReleaseView, view};
use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, ids::PromotionId, text::Line},
    environments::profile::OperatingMode,
    error::InField,
    http::{
        extract::ValidJson,
        problem::{Changed, Problem},
    },
    releases::{activation, rollback, suspension},
    versions::VersionRef,
};
use actix_web::{
    HttpResponse, delete, post,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(activate).service(roll_back).service(suspend).service(resume).service(lower_mode);
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

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionInput {
    /// Why; kept with the release.
    pub reason: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeInput {
    /// `advisory` or `human_in_the_loop`.
    pub mode: String,
    /// Why; kept with the release.
    pub reason: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RollbackView {
    #[serde(flatten)]
    pub release: ReleaseView,
    /// Documents of the environment that were revised since the version was approved there: `profile`, `constraints`,
    /// `policy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revised_since: Vec<String>,
    /// The mode of the release that was left, if what came back leaves less to people: a step up that nobody asked for
    /// anew. Lower it if it is too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode_raised_from: Option<String>,
    /// By when somebody else is to review it; absent if nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due_at: Option<String>,
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

/// Roll back to a release that was active here before.
#[utoipa::path(tag = "releases", operation_id = "rollBack",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = RollbackInput, responses(
        (status = 201, description = "The earlier version runs again", body = RollbackView),
        (status = 200, description = "It is what runs already; nothing was changed", body = RollbackView),
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
    let done = rollback::roll_back(&app, &who, &environment, &model, to.as_ref(), reason).await?;
    let mut answer = if done.changed { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(RollbackView {
        release: view(&app, &who, done.release).await?,
        revised_since: done.revised_since.into_iter().map(str::to_owned).collect(),
        mode_raised_from: done.mode_raised_from.map(|mode| mode.name().to_owned()),
        review_due_at: done.review_due_at.map(rfc3339),
    }))
}

/// Withdraw the active release: nothing of it leaves from now on, downloads under way included.
#[utoipa::path(tag = "releases", operation_id = "suspendRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = SuspensionInput,
    responses((status = 200, description = "Suspended, now or before", body = ReleaseView), Changed))]
#[post("/environments/{environment}/models/{model}/release/suspension")]
async fn suspend(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<SuspensionInput>,
) -> Result<Json<ReleaseView>, Problem> {
    let (environment, model) = path.into_inner();
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let release = suspension::suspend(&app, &who, &environment, &model, reason).await?;
    Ok(Json(view(&app, &who, release).await?))
}

/// Bring the suspended release back, if nothing took its place and its version is fit to leave.
#[utoipa::path(tag = "releases", operation_id = "resumeRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = SuspensionInput, responses(
        (status = 201, description = "The version runs again, as a release of its own", body = ReleaseView),
        (status = 412, description = "The version may not leave", body = Problem, content_type = "application/problem+json"), Changed))]
#[delete("/environments/{environment}/models/{model}/release/suspension")]
async fn resume(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<SuspensionInput>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let release = suspension::resume(&app, &who, &environment, &model, reason).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, release).await?))
}

/// Let the model do less by itself, at once. The way up is a promotion request.
#[utoipa::path(tag = "releases", operation_id = "lowerReleaseMode",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = ModeInput, responses(
        (status = 200, description = "It runs in this mode, as a release of its own", body = ReleaseView),
        (status = 412, description = "The version may not leave", body = Problem, content_type = "application/problem+json"), Changed))]
#[post("/environments/{environment}/models/{model}/release/mode")]
async fn lower_mode(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<ModeInput>,
) -> Result<Json<ReleaseView>, Problem> {
    let (environment, model) = path.into_inner();
    let mode = OperatingMode::parse(&input.0.mode).in_field("mode")?;
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let release = suspension::lower_mode(&app, &who, &environment, &model, mode, reason).await?;
    Ok(Json(view(&app, &who, release).await?))
}
