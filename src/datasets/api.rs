use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, ids::DatasetId, name::Name, page},
    datasets::{Dataset, Description, ops},
    error::{Error, InField},
    http::{
        extract::{PageParams, parse, require_type},
        problem::{Changed, Found, Guarded, Keeps, Parts, Problem, Withheld},
        ranges::{self, Wanted},
    },
    versions::deliver,
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    get, head,
    http::{
        StatusCode,
        header::{self, ContentDisposition},
    },
    put,
    web::{Bytes, Data, Json, Path, Payload, Query},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use serde_json::Value;
use std::io;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "datasets";
const ZIP: &str = "application/zip";
/// The header that describes the columns or arrays of the body.
pub const DESCRIPTION_HEADER: &str = "plimsoll-dataset";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(register).service(find).service(content).service(head_content);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DatasetView {
    pub id: DatasetId,
    pub name: String,
    /// sha256 of the file.
    pub digest: String,
    pub size_bytes: i64,
    pub rows: i64,
    pub description: Description,
    pub created_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DatasetPage {
    pub items: Vec<DatasetView>,
    pub next_cursor: Option<String>,
}

/// List the workspace's evaluation datasets.
#[utoipa::path(tag = "datasets", operation_id = "listDatasets", params(PageParams), responses(
    (status = 200, description = "A page of datasets", body = DatasetPage), Guarded))]
#[get("/datasets")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<DatasetPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?.map(DatasetView::from);
    Ok(Json(DatasetPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Register evaluation data. The body is CSV in UTF-8 with a header line, or an `.npz` of NumPy where the description
/// speaks of `tensors`; the header `Plimsoll-Dataset` is base64 of that description in JSON.
#[utoipa::path(tag = "datasets", operation_id = "registerDataset",
    params(("dataset" = String, Path, description = "Dataset name"),
        ("Plimsoll-Dataset" = String, Header, description = "base64 of {\"label\", \"positive_label\", \"features\", \"sensitive\", \"tensors\", \"source\"}")),
    request_body(content((String = "text/csv"), (String = "application/zip"))),
    responses((status = 201, description = "Registered; it never changes", body = DatasetView), Keeps, Changed))]
#[put("/datasets/{dataset}")]
async fn register(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    name: Path<String>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let name = Name::parse(&name).in_field("dataset")?;
    let description = described(&request)?;
    require_type(&request, media_type(&description))?;
    // Asked before anything is held for them.
    ops::may_register(&who)?;
    let _place = app.uploads.take(who.id.ok_or(Error::Unauthenticated)?).await?;
    let bytes = collect(body, app.limits.max_dataset_bytes).await?;
    let dataset = ops::register(&app, &who, name, description, bytes).await?;
    Ok(HttpResponse::Created().json(DatasetView::from(dataset)))
}

/// Fetch a dataset's record, without its rows.
#[utoipa::path(tag = "datasets", operation_id = "getDataset", params(("dataset" = String, Path, description = "Dataset name")),
    responses((status = 200, description = "The record", body = DatasetView), Found))]
#[get("/datasets/{dataset}")]
async fn find(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<DatasetView>, Problem> {
    Ok(Json(ops::find(&app, &who, &name).await?.into()))
}

/// Read the rows, to measure with them before anything is pushed. Each reading stands in the audit log.
#[utoipa::path(tag = "datasets", operation_id = "inspectDataset", params(("dataset" = String, Path, description = "Dataset name")),
    responses((status = 200, description = "The file as it was registered",
        content((String = "text/csv"), (String = "application/zip"))), (status = 206, description = "The part that `Range` asks for"), (status = 304, description = "It is what `If-None-Match` names"), Withheld, Parts, Found))]
#[get("/datasets/{dataset}/content")]
async fn content(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (dataset, permit) = ops::inspectable(&app, &who, &name).await?;
    let mut answer = headed(&dataset);
    let part = match ranges::wanted(&request, &dataset.digest.to_string(), size(&dataset)) {
        Wanted::Unchanged => return Ok(answer.status(StatusCode::NOT_MODIFIED).finish()),
        Wanted::Nothing => return Err(ranges::not_there(size(&dataset))),
        Wanted::Another => return Err(ranges::not_that()),
        Wanted::Part(part) => Some(part),
        Wanted::Whole => None,
    };
    let bytes = ops::inspect(&app, (&dataset, permit)).await?;
    Ok(deliver(app.into_inner(), answer, bytes, part, || std::future::ready(Ok(()))))
}

/// What `inspectDataset` would say, without the rows.
#[utoipa::path(tag = "datasets", operation_id = "headDataset", params(("dataset" = String, Path, description = "Dataset name")),
    responses((status = 200, description = "How long it is, and its digest as the ETag"), (status = 304, description = "It is what `If-None-Match` names"), (status = 412, description = "It is not what `If-Match` names", body = Problem, content_type = "application/problem+json"), Found))]
#[head("/datasets/{dataset}/content")]
async fn head_content(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (dataset, _) = ops::inspectable(&app, &who, &name).await?;
    let mut answer = headed(&dataset);
    match ranges::wanted(&request, &dataset.digest.to_string(), size(&dataset)) {
        Wanted::Unchanged => Ok(answer.status(StatusCode::NOT_MODIFIED).finish()),
        Wanted::Another => Err(ranges::not_that()),
        _ => Ok(answer.body(SizedStream::new(size(&dataset), futures_util::stream::empty::<io::Result<Bytes>>()))),
    }
}

fn size(dataset: &Dataset) -> u64 {
    u64::try_from(dataset.size_bytes).unwrap_or(0)
}

fn headed(dataset: &Dataset) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    let (media_type, ending) = match dataset.description.tensors {
        None => ("text/csv; charset=utf-8", "csv"),
        Some(_) => (ZIP, "npz"),
    };
    answer
        .content_type(media_type)
        .insert_header(ContentDisposition::attachment(format!("{}.{ending}", dataset.name)))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::ETAG, format!("\"{}\"", dataset.digest)));
    answer
}

/// In what a file comes that is described like this.
pub fn media_type(description: &Description) -> &'static str {
    match description.tensors {
        None => "text/csv",
        Some(_) => ZIP,
    }
}

fn described(request: &HttpRequest) -> Result<Description, Problem> {
    let missing = || Error::BadRequest {
        code: "description_missing",
        detail: format!("describe the columns or arrays in the header {DESCRIPTION_HEADER}: base64 of JSON"),
    };
    let header = request.headers().get(DESCRIPTION_HEADER).ok_or_else(missing)?;
    let json = STANDARD.decode(header.as_bytes()).map_err(|_| missing())?;
    Ok(Description::parse(&parse::<Value>(&json)?)?)
}

async fn collect(mut body: Payload, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| Error::BadRequest { code: "body_unreadable", detail: e.to_string() })?;
        if limit < (bytes.len() + chunk.len()) as u64 {
            return Err(Error::TooLarge { detail: format!("a dataset may have at most {limit} bytes") });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl From<Dataset> for DatasetView {
    fn from(dataset: Dataset) -> Self {
        Self {
            id: dataset.id,
            name: dataset.name,
            digest: dataset.digest.to_string(),
            size_bytes: dataset.size_bytes,
            rows: dataset.rows,
            description: dataset.description,
            created_at: rfc3339(dataset.created_at),
        }
    }
}
