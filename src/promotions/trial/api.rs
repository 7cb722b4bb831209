use crate::{
    app::App,
    authz::Principal,
    core::clock::rfc3339,
    environments::profile::OperatingMode,
    error::{Error, FailedCheck, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Problem},
    },
    policies::{Asked, Policy, lint},
    promotions::{
        api::HoldView,
        trial::{Trial, ops},
    },
    versions::VersionRef,
};
use actix_web::{
    post,
    web::{Data, Json, Path},
};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(lint_policy).service(dry_run);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LintInput {
    /// The whole document, as it would be published.
    #[schema(value_type = Object)]
    pub policy: Value,
    /// Where it would be published; without it the document is looked at alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct LintView {
    /// Errors first; empty if nothing was found.
    pub problems: Vec<lint::Problem>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunInput {
    pub model: String,
    /// Number or digest.
    pub version: String,
    /// As in a request: `advisory`, `human_in_the_loop` or `automated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Another policy than the published one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Policy>)]
    pub policy: Option<Value>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SeatView {
    pub role: String,
    /// The accounts of one person who could fill it while others fill the others; none of them if
    /// there are too few people.
    pub could_be: Vec<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DryRunView {
    /// What would fail the checks of a request that you make now.
    pub would_block: Vec<FailedCheck>,
    /// What would be shown to those who decide, and stop nothing.
    pub warnings: Vec<FailedCheck>,
    /// What would keep it waiting if it were approved at this moment.
    pub holds: Vec<HoldView>,
    pub seats: Vec<SeatView>,
    /// Who could decide, by role.
    pub eligible: BTreeMap<String, Vec<String>>,
    /// What the policy asks for in these circumstances.
    pub asked: Option<Asked>,
}

/// Say what is wrong with a policy. Nothing is changed.
#[utoipa::path(tag = "environments", operation_id = "lintPolicy", request_body = LintInput, responses(
    (status = 200, description = "What was found, a policy that can't be published included", body = LintView),
    Changed))]
#[post("/policies/lint")]
async fn lint_policy(app: Data<App>, who: Principal, input: ValidJson<LintInput>) -> Result<Json<LintView>, Problem> {
    let problems = ops::lint(&app, &who, &input.0.policy, input.0.environment.as_deref()).await?;
    Ok(Json(LintView { problems }))
}

/// Say what would stop a version here. Nothing is changed.
#[utoipa::path(tag = "environments", operation_id = "dryRunPolicy", request_body = DryRunInput,
    params(("environment" = String, Path, description = "Environment name")), responses(
    (status = 200, description = "What a request that is made now would come to", body = DryRunView), Changed))]
#[post("/environments/{environment}/policy/dry-run")]
async fn dry_run(
    app: Data<App>,
    who: Principal,
    environment: Path<String>,
    input: ValidJson<DryRunInput>,
) -> Result<Json<DryRunView>, Problem> {
    let DryRunInput { model, version, mode, policy } = input.0;
    let mode = mode.as_deref().map(OperatingMode::parse).transpose().in_field("mode")?;
    let version = VersionRef::parse(&version).in_field("version")?;
    let policy = policy.map(|written| Policy::parse(&written).map_err(within)).transpose()?;
    let trial = ops::dry_run(&app, &who, &environment, &model, &version, mode, policy).await?;
    Ok(Json(DryRunView::from(trial)))
}

fn within(error: Error) -> Error {
    let place = |(field, detail): (String, String)| (format!("policy.{field}"), detail);
    match error {
        Error::Invalid(fields) => Error::Invalid(fields.into_iter().map(place).collect()),
        other => other,
    }
}

impl From<Trial> for DryRunView {
    fn from(trial: Trial) -> Self {
        let hold = |hold: crate::policies::Hold| HoldView {
            cause: hold.cause.name().to_owned(),
            until: hold.until.map(rfc3339),
            detail: hold.detail,
        };
        Self {
            would_block: trial.would_block,
            warnings: trial.warnings,
            holds: trial.holds.into_iter().map(hold).collect(),
            seats: trial.seats.into_iter().map(|(role, could_be)| SeatView { role, could_be }).collect(),
            eligible: trial.eligible,
            asked: trial.asked,
        }
    }
}
