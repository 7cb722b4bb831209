use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        digest::Digest,
        ids::{ReleaseId, SnapshotId},
        page::{self, PageRequest},
    },
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Problem},
    },
    oversight::snapshot::{Host, ops},
};
use actix_web::{
    get, put,
    web::{Data, Json, Path, Query},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "running";

pub fn routes(config: &mut ServiceConfig) {
    config.service(report).service(list);
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

/// One report of what ran on a host.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunningReport {
    pub id: SnapshotId,
    pub host: String,
    /// The manifest digest of what ran; null if nothing did.
    pub digest: Option<String>,
    /// Whether it was what was active then.
    pub matches: bool,
    /// The release that was active then.
    pub release: Option<ReleaseId>,
    pub reported_by: String,
    pub at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunningPage {
    pub items: Vec<RunningReport>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RunningParams {
    /// Only of this host.
    pub host: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// What deployers reported of a model in an environment, newest first. The same again within an hour is one report.
#[utoipa::path(tag = "oversight", operation_id = "listRunning",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), RunningParams),
    responses((status = 200, description = "A page of reports", body = RunningPage), Found))]
#[get("/environments/{environment}/models/{model}/running")]
async fn list(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<RunningParams>,
) -> Result<Json<RunningPage>, Problem> {
    let (environment, model) = path.into_inner();
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let host = params.host.as_deref().map(Host::parse).transpose().in_field("host")?;
    let page = ops::list(&app, &who, &environment, &model, host.as_ref(), request).await?;
    let ids: Vec<_> = page.items.iter().map(|snapshot| snapshot.reported_by).collect();
    let people = accounts::ops::names(&app, &ids).await?;
    let page = page.map(|snapshot| RunningReport {
        id: snapshot.id,
        host: snapshot.host,
        digest: snapshot.digest.map(|digest| digest.to_string()),
        matches: snapshot.matches,
        release: snapshot.release,
        reported_by: people.get(&snapshot.reported_by).cloned().unwrap_or_default(),
        at: rfc3339(snapshot.at),
    });
    Ok(Json(RunningPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
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
