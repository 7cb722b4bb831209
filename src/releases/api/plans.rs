use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, ids::ReleaseId},
    error::{FailedCheck, InField},
    http::problem::{Found, Problem},
    releases::{
        Release,
        plan::{self, Plan, Returns},
    },
    versions::{Version, VersionRef},
};
use actix_web::{
    get,
    web::{Data, Json, Path, Query},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(plan_rollback);
}

/// A release and its version.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PlanSide {
    pub release: ReleaseId,
    pub version: i64,
    pub version_digest: String,
    pub activated_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RollbackPlanView {
    /// `earlier`: that would run again; `same`: it is what runs already; `blocked`: it may not come back.
    pub outcome: String,
    /// What is active or suspended now.
    pub leaves: PlanSide,
    /// What would be active then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<PlanSide>,
    /// Why it may not come back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<FailedCheck>,
    /// The mode of now, if what comes back leaves less to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode_raised_from: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PlanParams {
    /// Number or digest; the last good one if absent.
    pub to: Option<String>,
}

/// Say what a rollback would do as things stand. Nothing changes.
#[utoipa::path(tag = "releases", operation_id = "planRollback",
    params(("environment" = String, Path, description = "Environment name"),
        ("model" = String, Path, description = "Model name"), PlanParams),
    responses((status = 200, description = "What would happen", body = RollbackPlanView),
        (status = 409, description = "Nothing is active, or nothing can come back", body = Problem, content_type = "application/problem+json"), Found))]
#[get("/environments/{environment}/models/{model}/rollbacks/plan")]
async fn plan_rollback(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<PlanParams>,
) -> Result<Json<RollbackPlanView>, Problem> {
    let (environment, model) = path.into_inner();
    let to = params.to.as_deref().map(VersionRef::parse).transpose().in_field("to")?;
    Ok(Json(plan::plan(&app, &who, &environment, &model, to.as_ref()).await?.into()))
}

impl From<Plan> for RollbackPlanView {
    fn from(plan: Plan) -> Self {
        let side = |(release, version): &(Release, Version)| PlanSide {
            release: release.id,
            version: version.number,
            version_digest: version.manifest.to_string(),
            activated_at: rfc3339(release.activated_at),
            mode: release.mode.map(|mode| mode.name().to_owned()),
        };
        let mode_raised_from = plan.raises_mode().map(|(before, _)| before.name().to_owned());
        let leaves = side(&plan.leaves);
        let (outcome, returns, blocked_by) = match plan.returns {
            Returns::Same => ("same", None, Vec::new()),
            Returns::Earlier(found) => ("earlier", Some(side(&found)), Vec::new()),
            Returns::Blocked(_, failed) => ("blocked", None, failed),
        };
        Self { outcome: outcome.to_owned(), leaves, returns, blocked_by, mode_raised_from }
    }
}
