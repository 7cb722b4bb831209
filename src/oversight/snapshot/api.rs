use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, digest::Digest},
    error::InField,
    http::{
        extract::ValidJson,
        problem::{Changed, Problem},
    },
    oversight::snapshot::{Host, ops},
};
use actix_web::{
    put,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(report);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunningInput {
    /// The manifest digest of the files that run; null if nothing runs.
    pub digest: Option<String>,
    /// Which machine: 1 to 128 of a-z, 0-9, `.`, `-`, `_` and `:`.
    pub host: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunningView {
    pub host: String,
    pub digest: Option<String>,
    /// Whether it is what is active.
    pub matches: bool,
    /// What differs, in a sentence.
    pub difference: Option<String>,
    /// The version that is active, and its digest.
    pub active_version: Option<i64>,
    pub active_digest: Option<String>,
    /// The finding that stands about this host.
    pub finding: Option<String>,
    /// When it was written down; the same again within an hour is not.
    pub at: String,
}

/// Say what really runs on a host. A difference to what is active is a finding, which closes by
/// itself when a later report agrees.
#[utoipa::path(tag = "oversight", operation_id = "reportRunning",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name")),
    request_body = RunningInput, responses((status = 200, description = "How it stands to what is active", body = RunningView), Changed))]
#[put("/environments/{environment}/models/{model}/running")]
async fn report(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<RunningInput>,
) -> Result<Json<RunningView>, Problem> {
    let (environment, model) = path.into_inner();
    let digest = input.0.digest.as_deref().map(Digest::parse).transpose().in_field("digest")?;
    let host = Host::parse(&input.0.host).in_field("host")?;
    let compared = ops::report(&app, &who, &environment, &model, digest, &host).await?;
    let finding = ops::standing(&app, &who, &compared, &model).await?;
    let ops::Compared { snapshot, active, difference } = compared;
    Ok(Json(RunningView {
        host: snapshot.host,
        digest: snapshot.digest.map(|digest| digest.to_string()),
        matches: snapshot.matches,
        difference,
        active_version: active.map(|(_, number)| number),
        active_digest: active.map(|(digest, _)| digest.to_string()),
        finding,
        at: rfc3339(snapshot.at),
    }))
}
