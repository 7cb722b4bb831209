use crate::{
    accounts,
    app::App,
    authz::Principal,
    constraints::ConstraintVerdict,
    core::{clock::rfc3339, ids::RunId, page, text::Line},
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Guarded, Problem},
    },
    validation::{Evidence, Run, ops},
    versions::{VersionRef, api::ReasonInput},
    workers,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "runs";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(request_run).service(find).service(cancel);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunInput {
    pub model: String,
    /// Number or digest.
    pub version: String,
    pub environment: String,
}

/// Why a run did not pass, where there is one reason.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReasonView {
    /// Such as `memory_limit`, `time_limit`, `invalid_model`, `runtime_error`, `invalid_output`.
    pub code: String,
    pub detail: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EvidenceView {
    /// `performance`, `quality` or `bias`.
    pub kind: String,
    /// sha256 over the canonical JSON of `body`.
    pub digest: String,
    #[schema(value_type = Object)]
    pub body: Value,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunView {
    pub id: RunId,
    pub model: String,
    pub version: i64,
    pub version_digest: String,
    /// Whose limits and rows it was measured with.
    pub environment: String,
    /// Of the environment's constraint spec.
    pub constraints_revision: i64,
    pub dataset: String,
    /// `queued`, `running`, `passed`, `failed`, `inconclusive`, `timed_out`, `errored` or `cancelled`.
    pub state: String,
    /// What the sandbox is doing.
    pub phase: String,
    /// Of that phase, 0 to 100.
    pub percent: i32,
    /// The label that its worker must have, such as `hardware=edge-cam`.
    pub requires: Option<String>,
    /// Why nobody is at it, such as "waiting for a worker with hardware=edge-cam; none seen since 2026-01-02 01:04 UTC".
    pub waiting: Option<String>,
    /// The account of the worker that measured elsewhere; null for the registry's own.
    pub measured_by: Option<String>,
    pub reason: Option<ReasonView>,
    /// One per constraint, computed by the server.
    pub verdicts: Vec<ConstraintVerdict>,
    pub evidence: Vec<EvidenceView>,
    pub requested_by: String,
    pub requested_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunSummary {
    pub id: RunId,
    pub model: String,
    pub version: i64,
    pub environment: String,
    pub state: String,
    pub requested_at: String,
    pub finished_at: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RunPage {
    pub items: Vec<RunSummary>,
    pub next_cursor: Option<String>,
}

/// List validation runs, newest first.
#[utoipa::path(tag = "validation", operation_id = "listRuns", params(PageParams), responses(
    (status = 200, description = "A page of runs", body = RunPage), Guarded))]
#[get("/runs")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<RunPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?;
    let items = summaries(&app, &who, page.items).await?;
    Ok(Json(RunPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Ask for a validation run: the registry measures the version itself.
#[utoipa::path(tag = "validation", operation_id = "requestRun", request_body = RunInput, responses(
    (status = 201, description = "Queued; fetch it to follow its progress", body = RunView), Changed))]
#[post("/runs")]
async fn request_run(app: Data<App>, who: Principal, input: ValidJson<RunInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let version = VersionRef::parse(&i.version).in_field("version")?;
    let run = ops::request(&app, &who, &i.model, &version, &i.environment).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, run, Vec::new()).await?))
}

/// Fetch a run with its verdicts and evidence.
#[utoipa::path(tag = "validation", operation_id = "getRun", params(("run" = RunId, Path, description = "Run id")),
    responses((status = 200, description = "The run as it stands", body = RunView), Found))]
#[get("/runs/{run}")]
async fn find(app: Data<App>, who: Principal, id: Path<RunId>) -> Result<Json<RunView>, Problem> {
    let (run, evidence) = ops::find(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, run, evidence).await?))
}

/// Call a run off, for the one who asked for it and for environment managers. It has ended then, and found nothing out.
#[utoipa::path(tag = "validation", operation_id = "cancelRun", params(("run" = RunId, Path, description = "Run id")),
    request_body = ReasonInput, responses((status = 200, description = "Cancelled", body = RunView), Changed))]
#[post("/runs/{run}/cancellation")]
async fn cancel(
    app: Data<App>,
    who: Principal,
    id: Path<RunId>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<RunView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let run = ops::cancel(&app, &who, *id, &reason).await?;
    Ok(Json(view(&app, &who, run, Vec::new()).await?))
}

pub async fn view(app: &App, who: &Principal, run: Run, evidence: Vec<Evidence>) -> Result<RunView, Error> {
    let place = ops::places(app, who, std::slice::from_ref(&run)).await?.remove(&run.id).ok_or(ops::NOT_FOUND)?;
    let accounts: Vec<_> = std::iter::once(run.requested_by).chain(run.measured_by).collect();
    let names = accounts::ops::names(app, &accounts).await?;
    let waiting = workers::ops::waiting(app, &run).await?;
    Ok(RunView {
        id: run.id,
        model: place.model,
        version: place.version,
        version_digest: place.version_digest,
        environment: place.environment,
        constraints_revision: place.constraints_revision,
        dataset: place.dataset,
        state: run.state.name().to_owned(),
        phase: run.phase,
        percent: run.percent,
        requires: run.requires.map(|label| label.to_string()),
        waiting: waiting.map(|waiting| waiting.sentence()),
        measured_by: run.measured_by.map(|id| names.get(&id).cloned().unwrap_or_default()),
        reason: run.reason.map(|(code, detail)| ReasonView { code, detail }),
        verdicts: run.verdicts,
        evidence: evidence.into_iter().map(EvidenceView::try_from).collect::<Result<_, _>>()?,
        requested_by: names.get(&run.requested_by).cloned().unwrap_or_default(),
        requested_at: rfc3339(run.requested_at),
        started_at: run.started_at.map(rfc3339),
        finished_at: run.finished_at.map(rfc3339),
    })
}

impl TryFrom<Evidence> for EvidenceView {
    type Error = Error;

    fn try_from(evidence: Evidence) -> Result<Self, Error> {
        Ok(Self {
            kind: evidence.kind.name().to_owned(),
            digest: evidence.digest.to_string(),
            body: serde_json::from_str(&evidence.body).map_err(Error::internal)?,
        })
    }
}

pub async fn summaries(app: &App, who: &Principal, runs: Vec<Run>) -> Result<Vec<RunSummary>, Error> {
    let mut places = ops::places(app, who, &runs).await?;
    let summary = |run: Run| {
        let place = places.remove(&run.id)?;
        Some(RunSummary {
            id: run.id,
            model: place.model,
            version: place.version,
            environment: place.environment,
            state: run.state.name().to_owned(),
            requested_at: rfc3339(run.requested_at),
            finished_at: run.finished_at.map(rfc3339),
        })
    };
    Ok(runs.into_iter().filter_map(summary).collect())
}
