use crate::{
    accountability::{
        Body, Held, Kind,
        ops::{self, Detail, Place, Written},
    },
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::{self, rfc3339},
        ids::{AccountId, RecordId},
        name::Name,
        page::{self, PageRequest},
    },
    error::{Error, InField},
    http::{
        extract::{IfMatch, ValidJson, etag},
        problem::{Found, Problem, Revised},
    },
    oversight::Names,
};
use actix_web::{
    HttpResponse, get, post, put,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "records";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_of_model).service(find_of_model).service(put_of_model).service(review_of_model);
    config.service(list_of_environment).service(find_of_environment).service(put_of_environment);
    config.service(review_of_environment);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordInput {
    /// The account of an active person.
    pub owner: String,
    /// A day, which counts to its end, or a time in RFC 3339; at most 366 days ahead.
    pub review_by: String,
    /// What the record says: fields by kind, see docs/accountability.md.
    #[schema(value_type = Object)]
    pub body: Value,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// When the owner looks again: a day or a time in RFC 3339; at most 366 days ahead.
    pub review_by: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RecordSummary {
    pub id: RecordId,
    /// `kpi`, `assumption`, `degradation`, `runbook`, `sla`, `escalation` or `integration_map`.
    pub kind: String,
    pub name: String,
    pub model: Option<String>,
    pub environment: Option<String>,
    pub owner: String,
    /// Whether the owner's account is active. A record whose owner is gone counts for nothing.
    pub owner_active: bool,
    pub review_by: String,
    /// Nobody looked at it in time, so it counts for nothing.
    pub lapsed: bool,
    /// Counts revisions and reviews from 1; also the ETag.
    pub revision: i64,
    /// sha256 over the canonical JSON of what it says and who answers for it.
    pub digest: String,
    pub revised_at: String,
    #[schema(value_type = Object)]
    pub body: Value,
}

/// One revision, or one review of the same text.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RecordRevisionView {
    pub revision: i64,
    pub digest: String,
    pub owner: Option<String>,
    pub review_by: String,
    pub revised_by: Option<String>,
    pub revised_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RecordView {
    #[serde(flatten)]
    pub summary: RecordSummary,
    /// The 500 newest, newest first.
    pub revisions: Vec<RecordRevisionView>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RecordPage {
    pub items: Vec<RecordSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ModelListParams {
    /// Only those of the model in this environment.
    pub environment: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentListParams {
    /// Only those of this kind.
    pub kind: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InParams {
    /// The record is of the model in this environment.
    pub environment: Option<String>,
}

/// List records of a model, oldest first; those of it in environments too.
#[utoipa::path(tag = "accountability", operation_id = "listModelRecords",
    params(("model" = String, Path, description = "Model name"), ModelListParams),
    responses((status = 200, description = "A page of records", body = RecordPage), Found))]
#[get("/models/{model}/records")]
async fn list_of_model(
    app: Data<App>,
    who: Principal,
    model: Path<String>,
    params: Query<ModelListParams>,
) -> Result<Json<RecordPage>, Problem> {
    let place = Place { model: Some(&model), environment: params.environment.as_deref() };
    list(&app, &who, place, params.kind.as_deref(), params.cursor.as_deref(), params.limit).await
}

/// List records of an environment, oldest first; those of models in it too.
#[utoipa::path(tag = "accountability", operation_id = "listEnvironmentRecords",
    params(("environment" = String, Path, description = "Environment name"), EnvironmentListParams),
    responses((status = 200, description = "A page of records", body = RecordPage), Found))]
#[get("/environments/{environment}/records")]
async fn list_of_environment(
    app: Data<App>,
    who: Principal,
    environment: Path<String>,
    params: Query<EnvironmentListParams>,
) -> Result<Json<RecordPage>, Problem> {
    let place = Place { model: None, environment: Some(&environment) };
    list(&app, &who, place, params.kind.as_deref(), params.cursor.as_deref(), params.limit).await
}

/// Fetch a record of a model with its history.
#[utoipa::path(tag = "accountability", operation_id = "getModelRecord",
    params(("model" = String, Path, description = "Model name"), ("kind" = String, Path, description = "Kind of record"),
        ("name" = String, Path, description = "Record name"), InParams),
    responses((status = 200, description = "The record; its revision is the ETag", body = RecordView), Found))]
#[get("/models/{model}/records/{kind}/{name}")]
async fn find_of_model(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    params: Query<InParams>,
) -> Result<HttpResponse, Problem> {
    let (model, kind, name) = path.into_inner();
    answer(&app, &who, Place { model: Some(&model), environment: params.environment.as_deref() }, &kind, &name).await
}

/// Fetch a record of an environment with its history.
#[utoipa::path(tag = "accountability", operation_id = "getEnvironmentRecord",
    params(("environment" = String, Path, description = "Environment name"),
        ("kind" = String, Path, description = "Kind of record"), ("name" = String, Path, description = "Record name")),
    responses((status = 200, description = "The record; its revision is the ETag", body = RecordView), Found))]
#[get("/environments/{environment}/records/{kind}/{name}")]
async fn find_of_environment(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (environment, kind, name) = path.into_inner();
    answer(&app, &who, Place { model: None, environment: Some(&environment) }, &kind, &name).await
}

/// Write a revision of a record of a model. Send the ETag that you saw as If-Match, `"0"` for the first.
#[utoipa::path(tag = "accountability", operation_id = "putModelRecord",
    params(("model" = String, Path, description = "Model name"), ("kind" = String, Path, description = "Kind of record"),
        ("name" = String, Path, description = "1 to 64 of `a-z 0-9 . _ -`"), InParams,
        ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body = RecordInput,
    responses((status = 200, description = "The record as it stands now", body = RecordView), Revised))]
#[put("/models/{model}/records/{kind}/{name}")]
async fn put_of_model(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    params: Query<InParams>,
    seen: IfMatch,
    input: ValidJson<RecordInput>,
) -> Result<HttpResponse, Problem> {
    let (model, kind, name) = path.into_inner();
    let place = Place { model: Some(&model), environment: params.environment.as_deref() };
    write(&app, &who, place, &kind, &name, seen, input.0).await
}

/// Write a revision of a record of an environment. Send the ETag that you saw as If-Match, `"0"` for
/// the first.
#[utoipa::path(tag = "accountability", operation_id = "putEnvironmentRecord",
    params(("environment" = String, Path, description = "Environment name"),
        ("kind" = String, Path, description = "Kind of record"),
        ("name" = String, Path, description = "1 to 64 of `a-z 0-9 . _ -`"),
        ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body = RecordInput,
    responses((status = 200, description = "The record as it stands now", body = RecordView), Revised))]
#[put("/environments/{environment}/records/{kind}/{name}")]
async fn put_of_environment(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    seen: IfMatch,
    input: ValidJson<RecordInput>,
) -> Result<HttpResponse, Problem> {
    let (environment, kind, name) = path.into_inner();
    write(&app, &who, Place { model: None, environment: Some(&environment) }, &kind, &name, seen, input.0).await
}

/// Say that a record of a model still holds, for its owner. Send the ETag of what you looked at as
/// If-Match.
#[utoipa::path(tag = "accountability", operation_id = "reviewModelRecord",
    params(("model" = String, Path, description = "Model name"), ("kind" = String, Path, description = "Kind of record"),
        ("name" = String, Path, description = "Record name"), InParams,
        ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body = ReviewInput,
    responses((status = 200, description = "The record as it stands now", body = RecordView), Revised))]
#[post("/models/{model}/records/{kind}/{name}/review")]
async fn review_of_model(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    params: Query<InParams>,
    seen: IfMatch,
    input: ValidJson<ReviewInput>,
) -> Result<HttpResponse, Problem> {
    let (model, kind, name) = path.into_inner();
    let place = Place { model: Some(&model), environment: params.environment.as_deref() };
    renew(&app, &who, place, &kind, &name, seen, &input.0).await
}

/// Say that a record of an environment still holds, for its owner. Send the ETag of what you looked at
/// as If-Match.
#[utoipa::path(tag = "accountability", operation_id = "reviewEnvironmentRecord",
    params(("environment" = String, Path, description = "Environment name"),
        ("kind" = String, Path, description = "Kind of record"), ("name" = String, Path, description = "Record name"),
        ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body = ReviewInput,
    responses((status = 200, description = "The record as it stands now", body = RecordView), Revised))]
#[post("/environments/{environment}/records/{kind}/{name}/review")]
async fn review_of_environment(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    seen: IfMatch,
    input: ValidJson<ReviewInput>,
) -> Result<HttpResponse, Problem> {
    let (environment, kind, name) = path.into_inner();
    renew(&app, &who, Place { model: None, environment: Some(&environment) }, &kind, &name, seen, &input.0).await
}

async fn list(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: Option<&str>,
    cursor: Option<&str>,
    limit: Option<u64>,
) -> Result<Json<RecordPage>, Problem> {
    let kind = kind.map(Kind::parse).transpose().in_field("kind")?;
    let request = PageRequest::parse(LIST, cursor, limit).map_err(Error::from)?;
    let (page, names) = ops::list(app, who, place, kind, request).await?;
    let now = app.db.clock().now();
    let items = page.items.iter().map(|held| RecordSummary::new(held, &names, now)).collect::<Result<_, _>>()?;
    Ok(Json(RecordPage { items, next_cursor: page.next.map(|id| page::encode(LIST, id)) }))
}

async fn write(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: &str,
    name: &str,
    seen: IfMatch,
    input: RecordInput,
) -> Result<HttpResponse, Problem> {
    let known = known(kind)?;
    let parsed = Name::parse(name).in_field("name")?;
    let body = Body::parse(known, &input.body).map_err(|e| within(e, "body"))?;
    let written = Written { owner: input.owner, review_by: day(&input.review_by)?, body };
    ops::put(app, who, place, known, parsed, seen.0, written).await?;
    answer(app, who, place, kind, name).await
}

async fn renew(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: &str,
    name: &str,
    seen: IfMatch,
    input: &ReviewInput,
) -> Result<HttpResponse, Problem> {
    let review_by = day(&input.review_by)?;
    ops::review(app, who, place, known(kind)?, name, seen.0, review_by).await?;
    answer(app, who, place, kind, name).await
}

async fn answer(app: &App, who: &Principal, place: Place<'_>, kind: &str, name: &str) -> Result<HttpResponse, Problem> {
    let Detail { held, revisions, names } = ops::find(app, who, place, known(kind)?, name).await?;
    let ids: Vec<AccountId> = revisions.iter().flat_map(|revision| [revision.owner, revision.revised_by]).collect();
    let people: HashMap<_, _> = accounts::ops::names(app, &ids).await?;
    let revisions = revisions.into_iter().map(|revision| RecordRevisionView {
        revision: revision.number,
        digest: revision.digest.to_string(),
        owner: people.get(&revision.owner).cloned(),
        review_by: rfc3339(revision.review_by),
        revised_by: people.get(&revision.revised_by).cloned(),
        revised_at: rfc3339(revision.revised_at),
    });
    let view = RecordView {
        summary: RecordSummary::new(&held, &names, app.db.clock().now())?,
        revisions: revisions.collect(),
    };
    Ok(HttpResponse::Ok().insert_header(etag(view.summary.revision)).json(view))
}

/// A path with another word leads nowhere.
fn known(kind: &str) -> Result<Kind, Error> {
    Kind::parse(kind).map_err(|_| ops::NOT_FOUND)
}

fn day(raw: &str) -> Result<DateTime<Utc>, Error> {
    // Of a day that is today its end is meant as well, so the moment that "now" would be lies before all.
    let found = clock::moment(raw, DateTime::UNIX_EPOCH);
    found.ok_or_else(|| Error::invalid("review_by", clock::MOMENT))
}

fn within(error: Error, parent: &str) -> Error {
    let placed = |field: String| if field == "body" { field } else { format!("{parent}.{field}") };
    match error {
        Error::Invalid(fields) => {
            Error::Invalid(fields.into_iter().map(|(field, detail)| (placed(field), detail)).collect())
        }
        other => other,
    }
}

impl RecordSummary {
    fn new(held: &Held, names: &Names, now: DateTime<Utc>) -> Result<Self, Error> {
        let record = &held.record;
        Ok(Self {
            id: record.id,
            kind: record.kind.to_string(),
            name: record.name.clone(),
            model: record.reach.model.and_then(|id| names.models.get(&id).cloned()),
            environment: record.reach.environment.and_then(|id| names.environments.get(&id).cloned()),
            owner: held.owner.clone(),
            owner_active: held.owner_is_active,
            review_by: rfc3339(record.review_by),
            lapsed: record.has_lapsed(now),
            revision: record.revision,
            digest: record.digest.to_string(),
            revised_at: rfc3339(record.revised_at),
            body: serde_json::to_value(&record.body).map_err(Error::internal)?,
        })
    }
}
