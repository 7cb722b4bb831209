use super::{
    LIST,
    views::{AssertionView, PullView, ReleasePage, assertion_view, pull_view, view},
};
use crate::{
    app::App,
    authz::{Principal, policy},
    core::{
        clock::{MOMENT, moment},
        page::{self, PageRequest},
        path::FilePath,
    },
    error::{Error, InField},
    http::{
        problem::{Found, Parts, Problem},
        ranges,
        tls::Presented,
    },
    releases::{
        gate::{self, Answer, Wish},
        watch::Admission,
    },
    versions::{VersionRef, settled, stream_while, told},
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get, head,
    http::header,
    web::{Data, Json, Path, Query},
};
use std::{io, pin::Pin, sync::Arc, time::Duration};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

/// Nobody waits longer for a change, in seconds.
const MAX_WAIT: u64 = 60;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(pull_release).service(head_release).service(pull_file).service(head_file);
    config.service(assert_release).service(list_releases);
}

/// Whoever takes a release away; from a machine with a certificate, where the operator asks for them.
struct Puller(Principal);

impl FromRequest for Puller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let needed = request.app_data::<Data<App>>().is_some_and(|app| app.pulls_need_certificate);
        let is_shown = !needed || request.conn_data::<Presented>().is_some_and(Presented::is_good);
        let who = Principal::from_request(request, payload);
        Box::pin(async move {
            let who = who.await?;
            policy::require_certificate(&who, is_shown).map_err(Error::from)?;
            Ok(Self(who))
        })
    }
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WantedParams {
    /// Number or digest: refuse unless this is the active version.
    pub version: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PullParams {
    /// Number or digest: refuse unless this is the active version.
    pub version: Option<String>,
    /// With `If-None-Match`: seconds to wait for another release than that, at most 60. A gate that closes answers at
    /// once.
    pub wait: Option<u64>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
    /// A day or a time (RFC 3339): only what was active then, one release or none.
    pub at: Option<String>,
}

/// The gate: what is active here, if everything that must hold holds now.
#[utoipa::path(tag = "releases", operation_id = "pullRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), PullParams),
    responses((status = 200, description = "The active release; its id is the ETag", body = PullView),
        (status = 304, description = "Still the release that If-None-Match names"),
        (status = 412, description = "The gate is closed; `failed_checks` and `unblock` say why and who can open it", body = Problem, content_type = "application/problem+json"),
        Found))]
#[get("/environments/{environment}/models/{model}/release")]
async fn pull_release(
    app: Data<App>,
    Puller(who): Puller,
    request: HttpRequest,
    path: Path<(String, String)>,
    params: Query<PullParams>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let wanted = wanted(params.version.as_deref())?;
    let wish = Wish { environment: &environment, model: &model, wanted: wanted.as_ref() };
    let seen = request.headers().get(header::IF_NONE_MATCH).map(|value| value.as_bytes());
    let wait = params.wait.unwrap_or(0);
    if MAX_WAIT < wait {
        return Err(Error::invalid("wait", format!("wait at most {MAX_WAIT} seconds, and ask again")).into());
    }
    match gate::admit_next(&app, &who, wish, seen, Duration::from_secs(wait)).await? {
        Answer::Known(known) => {
            Ok(HttpResponse::NotModified().insert_header((header::ETAG, gate::tag(known.release))).finish())
        }
        Answer::Pulled(pull) => {
            let tag = gate::tag(pull.release.id);
            Ok(HttpResponse::Ok().insert_header((header::ETAG, tag)).json(pull_view(&app, *pull).await?))
        }
    }
}

/// What `pullRelease` would say, without a pull.
#[utoipa::path(tag = "releases", operation_id = "headRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), WantedParams),
    responses((status = 200, description = "The gate is open; the release's id is the ETag"),
        (status = 304, description = "Still the release that If-None-Match names"),
        (status = 412, description = "The gate is closed", body = Problem, content_type = "application/problem+json"), Found))]
#[head("/environments/{environment}/models/{model}/release")]
async fn head_release(
    app: Data<App>,
    Puller(who): Puller,
    request: HttpRequest,
    path: Path<(String, String)>,
    params: Query<WantedParams>,
) -> Result<HttpResponse, Problem> {
    let (environment, model) = path.into_inner();
    let wanted = wanted(params.version.as_deref())?;
    let wish = Wish { environment: &environment, model: &model, wanted: wanted.as_ref() };
    let pull = gate::assert(&app, &who, wish).await?;
    let tag = gate::tag(pull.release.id);
    let seen = request.headers().get(header::IF_NONE_MATCH).map(|value| value.as_bytes());
    let mut answer = if seen == Some(tag.as_bytes()) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    Ok(answer.insert_header((header::ETAG, tag)).content_type(header::ContentType::json()).finish())
}

/// One file of the active release. It breaks off if the release ends before the last byte has left.
#[utoipa::path(tag = "releases", operation_id = "pullFile",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"),
        ("path" = String, Path, description = "The file's path in the version"), WantedParams),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"),
        (status = 206, description = "The part that `Range` asks for"), (status = 304, description = "It is what `If-None-Match` names"), Parts,
        (status = 412, description = "The gate is closed, or the file is not what `If-Match` names", body = Problem, content_type = "application/problem+json"), Found))]
#[get("/environments/{environment}/models/{model}/release/files/{path:.*}")]
async fn pull_file(
    app: Data<App>,
    Puller(who): Puller,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    params: Query<WantedParams>,
) -> Result<HttpResponse, Problem> {
    let (environment, model, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let wanted = wanted(params.version.as_deref())?;
    let wish = Wish { environment: &environment, model: &model, wanted: wanted.as_ref() };
    if ranges::is_conditional(&request)
        && let Some(answer) = settled(&request, &gate::describe(&app, &who, wish, &path).await?)?
    {
        return Ok(answer);
    }
    let opened = gate::open(&app, &who, wish, &path).await?;
    let watched = Arc::new((opened.admission, path));
    Ok(stream_while(app.clone().into_inner(), &request, opened.bytes, &opened.file, move || {
        let (app, watched) = (app.clone(), watched.clone());
        async move { watch(&app, &watched.0, &watched.1).await }
    }))
}

/// Whether a file may go on leaving; if not, that is in the log.
async fn watch(app: &App, admission: &Admission, path: &FilePath) -> io::Result<()> {
    let Some(cause) = admission.ended(app).await else { return Ok(()) };
    tracing::warn!(release = %admission.release, %path, cause, "a download was cut off");
    if let Err(error) = admission.cut_off(app, path, cause).await {
        tracing::error!(release = %admission.release, ?error, "a download that was cut off can't be logged");
    }
    Err(io::Error::other(cause))
}

/// What `pullFile` would say, without a pull.
#[utoipa::path(tag = "releases", operation_id = "headFile",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"),
        ("path" = String, Path, description = "The file's path in the version"), WantedParams),
    responses((status = 200, description = "The gate is open for this file"), (status = 304, description = "It is what `If-None-Match` names"),
        (status = 412, description = "The gate is closed, or the file is not what `If-Match` names", body = Problem, content_type = "application/problem+json"), Found))]
#[head("/environments/{environment}/models/{model}/release/files/{path:.*}")]
async fn head_file(
    app: Data<App>,
    Puller(who): Puller,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    params: Query<WantedParams>,
) -> Result<HttpResponse, Problem> {
    let (environment, model, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let wanted = wanted(params.version.as_deref())?;
    let wish = Wish { environment: &environment, model: &model, wanted: wanted.as_ref() };
    let file = gate::describe(&app, &who, wish, &path).await?;
    told(&request, &file)
}

/// Whether a version is what may run here now: for pipelines that deploy by other means. No pull.
#[utoipa::path(tag = "releases", operation_id = "assertRelease",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), WantedParams),
    responses((status = 200, description = "It is, and this proves it", body = AssertionView),
        (status = 412, description = "It is not; `failed_checks` and `unblock` say why and who can change that", body = Problem, content_type = "application/problem+json"),
        Found))]
#[get("/environments/{environment}/models/{model}/assertion")]
async fn assert_release(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<WantedParams>,
) -> Result<Json<AssertionView>, Problem> {
    let (environment, model) = path.into_inner();
    let wanted = wanted(params.version.as_deref())?;
    let wish = Wish { environment: &environment, model: &model, wanted: wanted.as_ref() };
    let pull = gate::assert(&app, &who, wish).await?;
    Ok(Json(assertion_view(&app, pull).await?))
}

/// What ran here and when, newest first; or what was active at a moment.
#[utoipa::path(tag = "releases", operation_id = "listReleases",
    params(("environment" = String, Path, description = "Environment name"), ("model" = String, Path, description = "Model name"), HistoryParams),
    responses((status = 200, description = "A page of releases", body = ReleasePage), Found))]
#[get("/environments/{environment}/models/{model}/releases")]
async fn list_releases(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<HistoryParams>,
) -> Result<Json<ReleasePage>, Problem> {
    let (environment, model) = path.into_inner();
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let (found, next) = match &params.at {
        Some(at) => {
            let now = app.db.clock().now();
            let at = moment(at, now).ok_or(Error::invalid("at", MOMENT))?;
            if now < at {
                return Err(Error::invalid("at", "that is in the future; ask for a time that has passed").into());
            }
            (gate::active_at(&app, &who, &environment, &model, at).await?.into_iter().collect(), None)
        }
        None => {
            let page = gate::history(&app, &who, &environment, &model, request).await?;
            (page.items, page.next)
        }
    };
    let mut items = Vec::new();
    for release in found {
        items.push(view(&app, &who, release).await?);
    }
    Ok(Json(ReleasePage { next_cursor: next.map(|id| page::encode(LIST, id)), items }))
}

fn wanted(raw: Option<&str>) -> Result<Option<VersionRef>, Error> {
    raw.map(VersionRef::parse).transpose().in_field("version")
}
