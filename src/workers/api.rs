use crate::{
    app::App,
    authz::Principal,
    core::{
        ids::{JobId, RunId},
        label::Label,
        name::Name,
    },
    error::{Error, InField},
    http::{
        extract::{ValidJson, require_type},
        problem::{Changed, Found, Problem},
    },
    sandbox::Phase,
    validation::jobs::phase_name,
    versions::{DeclaredFile, deliver, described},
    workers::claims::{self, Claim, Named},
};
use actix_web::{
    HttpRequest, HttpResponse, get, post, put,
    web::{Data, Path, Payload, Query},
};
use futures_util::StreamExt;
use std::{io, time::Duration};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Proxies close what is silent for longer.
const LONGEST_WAIT_SECONDS: u64 = 25;

pub fn routes(config: &mut ServiceConfig) {
    config.service(claim_run).service(renew_claim).service(fetch_task).service(fetch_model).service(hand_in_result);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimInput {
    /// Of the worker among those of its account.
    pub name: String,
    /// What the machine is, such as `hardware=edge-cam`; at most 32.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How long to wait for a run if there is none, 0 to 25.
    #[serde(default)]
    pub wait_seconds: u64,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ClaimView {
    pub id: JobId,
    pub run: RunId,
    /// To be named with everything that is said about the claim; the result of an earlier attempt is refused.
    pub attempt: i32,
    /// A worker that is silent for longer has lost the run.
    pub lease_seconds: i64,
    pub model_sha256: String,
    pub model_size_bytes: i64,
    /// The files in which the model keeps tensors; absent where it is one file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<BesideView>,
}

/// A file of the version that the model asks for.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct BesideView {
    pub path: String,
    pub sha256: String,
    pub size_bytes: i64,
}

/// How far it is. For people, and never evidence.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgressInput {
    /// `fetching`, `loading`, `predicting`, `measuring`, `perturbing` or `handing in`.
    pub phase: String,
    /// Of that phase, 0 to 100.
    pub percent: i32,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The attempt that the claim named.
    attempt: i32,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ModelQuery {
    /// The attempt that the claim named.
    attempt: i32,
    /// A file in which the model keeps tensors, as the claim names it; the model's own without it.
    file: Option<String>,
}

/// Take the oldest run that asks for a device with these labels, for workers. 204 when there is none.
#[utoipa::path(tag = "workers", operation_id = "claimRun", request_body = ClaimInput, responses(
    (status = 200, description = "A run, with a lease on it", body = ClaimView),
    (status = 204, description = "Nothing to do now"), Changed))]
#[post("/worker/claims")]
async fn claim_run(app: Data<App>, who: Principal, input: ValidJson<ClaimInput>) -> Result<HttpResponse, Problem> {
    let ClaimInput { name, labels, wait_seconds } = input.0;
    let name = Name::parse(&name).in_field("name")?;
    if Label::MAXIMUM < labels.len() {
        return Err(Error::invalid("labels", format!("give at most {}", Label::MAXIMUM)).into());
    }
    let labels = labels.iter().map(|raw| Label::parse(raw)).collect::<Result<Vec<_>, _>>().in_field("labels")?;
    let wait = Duration::from_secs(wait_seconds.min(LONGEST_WAIT_SECONDS));
    match claims::take(&app, &who, &name, &labels, wait).await? {
        Some(claim) => Ok(HttpResponse::Ok().json(ClaimView::from(claim))),
        None => Ok(HttpResponse::NoContent().finish()),
    }
}

/// Say that the run is still being carried out, and how far it is: it renews the lease.
#[utoipa::path(tag = "workers", operation_id = "renewClaim",
    params(("claim" = JobId, Path, description = "Claim id"), Attempt), request_body = ProgressInput,
    responses((status = 204, description = "The lease lasts on"), Changed))]
#[put("/worker/claims/{claim}")]
async fn renew_claim(
    app: Data<App>,
    who: Principal,
    claim: Path<JobId>,
    query: Query<Attempt>,
    input: ValidJson<ProgressInput>,
) -> Result<HttpResponse, Problem> {
    let ProgressInput { phase, percent } = input.0;
    let phases = [Phase::Loading, Phase::Predicting, Phase::Measuring, Phase::Perturbing].map(phase_name);
    if !phases.iter().chain(&["fetching", "handing in"]).any(|known| *known == phase) {
        return Err(Error::invalid("phase", "use one of the phases that the document names").into());
    }
    claims::renew(&app, &who, named(&claim, &query), &phase, percent.clamp(0, 100)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the sandbox is asked for: the rows that the model predicts, without the answers, and the loads to measure.
#[utoipa::path(tag = "workers", operation_id = "fetchTask",
    params(("claim" = JobId, Path, description = "Claim id"), Attempt),
    responses((status = 200, description = "The task of the sandbox", body = Object),
        (status = 409, description = "The lease is over", body = Problem, content_type = "application/problem+json"), Found))]
#[get("/worker/claims/{claim}/task")]
async fn fetch_task(
    app: Data<App>,
    who: Principal,
    claim: Path<JobId>,
    query: Query<Attempt>,
) -> Result<HttpResponse, Problem> {
    let task = claims::fetch_task(&app, &who, named(&claim, &query)).await?;
    Ok(HttpResponse::Ok().json(task))
}

/// The model's file, or one of those in which it keeps tensors. It breaks off when the lease is over.
#[utoipa::path(tag = "workers", operation_id = "fetchModel",
    params(("claim" = JobId, Path, description = "Claim id"), ModelQuery),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"),
        (status = 409, description = "The lease is over", body = Problem, content_type = "application/problem+json"), Found))]
#[get("/worker/claims/{claim}/model")]
async fn fetch_model(
    app: Data<App>,
    who: Principal,
    claim: Path<JobId>,
    query: Query<ModelQuery>,
) -> Result<HttpResponse, Problem> {
    let named = Named { id: *claim, attempt: query.attempt };
    let (bytes, file) = claims::fetch_model(&app, &who, named, query.file.as_deref()).await?;
    Ok(deliver(app.clone().into_inner(), described(&file), bytes, None, move || {
        let (app, who) = (app.clone(), who.clone());
        async move {
            match claims::is_held(&app, &who, named).await {
                true => Ok(()),
                false => Err(io::Error::other("the lease is over")),
            }
        }
    }))
}

/// Hand in what the sandbox answered. The registry computes figures and verdicts from it, and ends the run.
#[utoipa::path(tag = "workers", operation_id = "handInResult",
    params(("claim" = JobId, Path, description = "Claim id"), Attempt),
    request_body(content = Object, description = "The sandbox's answer", content_type = "application/json"),
    responses((status = 204, description = "Taken in"), Changed))]
#[post("/worker/claims/{claim}/result")]
async fn hand_in_result(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    claim: Path<JobId>,
    query: Query<Attempt>,
    mut body: Payload,
) -> Result<HttpResponse, Problem> {
    require_type(&request, "application/json")?;
    let named = named(&claim, &query);
    // Nobody else may make this process keep what they send.
    claims::may_hand_in(&app, &who, named).await?;
    // One after the other, and before anything of it is kept: an answer takes several times its size.
    let turn = claims::turn(&app)?;
    let most = app.sandbox.limits.answer_bytes;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| Error::BadRequest { code: "body_unreadable", detail: e.to_string() })?;
        if most < (bytes.len() + chunk.len()) as u64 {
            let detail = format!("an answer has at most {most} bytes; use fewer rows or classes, or raise the limit");
            return Err(Error::TooLarge { detail }.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    claims::hand_in(&app, &who, named, bytes).await?;
    drop(turn);
    Ok(HttpResponse::NoContent().finish())
}

fn named(claim: &Path<JobId>, query: &Query<Attempt>) -> Named {
    Named { id: **claim, attempt: query.attempt }
}

impl From<DeclaredFile> for BesideView {
    fn from(file: DeclaredFile) -> Self {
        Self { path: file.path.to_string(), sha256: file.sha256.to_string(), size_bytes: file.size_bytes }
    }
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        Self {
            id: claim.id,
            run: claim.run,
            attempt: claim.attempt,
            lease_seconds: claims::lease_seconds(),
            model_sha256: claim.model.sha256.to_string(),
            model_size_bytes: claim.model.size_bytes,
            beside: claim.beside.into_iter().map(BesideView::from).collect(),
        }
    }
}
