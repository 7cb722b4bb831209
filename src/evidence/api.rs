use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{AccountId, EvidenceId, RunId, TrustKeyId},
        page,
        text::Line,
    },
    error::{Error, InField},
    evidence::{
        EvidenceRef, Reported, ops,
        ops::{Detail, Record},
        statement::Basis,
    },
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Problem},
    },
    versions::{VersionRef, api::ReasonInput},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "evidence";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(report).service(find).service(withdraw).service(refute);
}

/// The key whose holder signed a reported record.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReportedBy {
    pub key_id: TrustKeyId,
    /// As the workspace's administrators named it.
    pub key: String,
    /// Lowercase hex SHA-256 over the key's PEM text.
    pub fingerprint: String,
}

/// What ended a reported record.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ClosedView {
    pub at: String,
    pub by: String,
    /// Null when a newer statement by the same key took its place.
    pub reason: Option<String>,
}

/// What only a reported record has.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReportView {
    pub reported_by: ReportedBy,
    /// Which document it is; for other kinds the report's own name, if it has one.
    pub document: Option<String>,
    pub title: String,
    pub issued_at: String,
    pub measured_at: Option<String>,
    pub valid_until: Option<String>,
    pub closed: Option<ClosedView>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EvidenceSummary {
    pub id: EvidenceId,
    /// `measured` by the registry's own worker, or `reported` by somebody outside.
    pub origin: String,
    /// `performance`, `robustness`, `bias`, `quality`, `scan`, `provenance`, `document` or `kpi`.
    pub kind: String,
    /// Measured: sha256 over the canonical JSON of the body. Reported: over that of
    /// `{"key": fingerprint, "statement": statement}`.
    pub digest: String,
    /// Reported: `verified`, `superseded`, `expired`, `withdrawn`, `refuted` or `key_revoked`;
    /// only `verified` counts. Measured: `verified`.
    pub state: String,
    /// When the registry measured or received it.
    pub at: String,
    /// Who asked for the run, or submitted the statement.
    pub by: String,
    /// The validation run of a measured record.
    pub run: Option<RunId>,
    pub report: Option<ReportView>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EvidencePage {
    pub items: Vec<EvidenceSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EvidenceRecord {
    #[serde(flatten)]
    pub summary: EvidenceSummary,
    /// How it was measured or written; for a measured record it stands in the body.
    pub method: Option<String>,
    pub basis: Option<Basis>,
    #[schema(value_type = Object)]
    pub body: Value,
    /// The signed bundle of a reported record, as it was received.
    #[schema(value_type = Option<Object>)]
    pub bundle: Option<Value>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceInput {
    /// A Sigstore bundle v0.3 with a DSSE-signed in-toto statement of the predicate type
    /// `https://plimsoll.example/attestations/evidence/v1`, by a trusted key.
    #[schema(value_type = Object)]
    pub bundle: Value,
}

/// List all evidence of a version, measured and reported, newest first.
#[utoipa::path(tag = "evidence", operation_id = "listEvidence",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"), PageParams),
    responses((status = 200, description = "A page of records, closed ones too", body = EvidencePage), Found))]
#[get("/models/{model}/versions/{version}/evidence")]
async fn list(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<PageParams>,
) -> Result<Json<EvidencePage>, Problem> {
    let (model, version) = path.into_inner();
    let page = ops::list(&app, &who, &model, &reference(&version)?, params.parse(LIST)?).await?;
    let items = summaries(&app, page.items).await?;
    Ok(Json(EvidencePage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Report evidence that somebody outside signed. The same statement again changes nothing;
/// a newer one by the same key, of the same kind and name, supersedes the older one.
#[utoipa::path(tag = "evidence", operation_id = "reportEvidence",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    request_body = EvidenceInput, responses(
    (status = 201, description = "Verified and kept, marked as reported", body = EvidenceSummary),
    (status = 200, description = "This statement is here already", body = EvidenceSummary), Changed))]
#[post("/models/{model}/versions/{version}/evidence")]
async fn report(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<EvidenceInput>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = path.into_inner();
    let (record, created) = ops::report(&app, &who, &model, &reference(&version)?, &input.0.bundle).await?;
    let view = summary(&app, record).await?;
    Ok(if created { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// Fetch one record with its body.
#[utoipa::path(tag = "evidence", operation_id = "getEvidence",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("evidence" = String, Path, description = "Id or digest of the record")),
    responses((status = 200, description = "The record", body = EvidenceRecord), Found))]
#[get("/models/{model}/versions/{version}/evidence/{evidence}")]
async fn find(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
) -> Result<Json<EvidenceRecord>, Problem> {
    let (model, version, which) = path.into_inner();
    let detail = ops::find(&app, &who, &model, &reference(&version)?, EvidenceRef::parse(&which)?).await?;
    Ok(Json(record(&app, detail).await?))
}

/// Withdraw a reported record: for the one who submitted it, or an administrator.
#[utoipa::path(tag = "evidence", operation_id = "withdrawEvidence",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("evidence" = String, Path, description = "Id or digest of the record")),
    request_body = ReasonInput, responses((status = 200, description = "Withdrawn; it no longer counts", body = EvidenceSummary), Changed))]
#[post("/models/{model}/versions/{version}/evidence/{evidence}/withdraw")]
async fn withdraw(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<EvidenceSummary>, Problem> {
    let (model, version, which) = path.into_inner();
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let which = EvidenceRef::parse(&which)?;
    let closed = ops::withdraw(&app, &who, &model, &reference(&version)?, which, reason).await?;
    Ok(Json(summary(&app, closed).await?))
}

/// Refute a reported record: for a reviewer who is not the version's author.
#[utoipa::path(tag = "evidence", operation_id = "refuteEvidence",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("evidence" = String, Path, description = "Id or digest of the record")),
    request_body = ReasonInput, responses((status = 200, description = "Refuted; it no longer counts", body = EvidenceSummary), Changed))]
#[post("/models/{model}/versions/{version}/evidence/{evidence}/refute")]
async fn refute(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<EvidenceSummary>, Problem> {
    let (model, version, which) = path.into_inner();
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let which = EvidenceRef::parse(&which)?;
    let closed = ops::refute(&app, &who, &model, &reference(&version)?, which, reason).await?;
    Ok(Json(summary(&app, closed).await?))
}

fn reference(raw: &str) -> Result<VersionRef, Error> {
    VersionRef::parse(raw).in_field("version")
}

async fn summary(app: &App, record: Reported) -> Result<EvidenceSummary, Error> {
    let mut all = summaries(app, vec![Record::from(record)]).await?;
    all.pop().ok_or_else(|| Error::internal("a record without a view"))
}

async fn record(app: &App, detail: Detail) -> Result<EvidenceRecord, Error> {
    let (method, basis) = match &detail.record {
        Record::Reported(reported) => (Some(reported.method.clone()), reported.basis.clone()),
        Record::Measured(_) => (None, None),
    };
    let mut all = summaries(app, vec![detail.record]).await?;
    Ok(EvidenceRecord {
        summary: all.pop().ok_or_else(|| Error::internal("a record without a view"))?,
        method,
        basis,
        body: serde_json::from_str(&detail.body).map_err(Error::internal)?,
        bundle: detail.bundle.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
    })
}

/// What people and programs see of records, in the same order.
pub async fn summaries(app: &App, records: Vec<Record>) -> Result<Vec<EvidenceSummary>, Error> {
    let mut people = Vec::new();
    for record in &records {
        match record {
            Record::Measured(measured) => people.push(measured.requested_by),
            Record::Reported(reported) => {
                people.push(reported.submitted_by);
                people.extend(reported.closed.as_ref().map(|closed| closed.by));
            }
        }
    }
    let names = accounts::ops::names(app, &people).await?;
    let now = app.db.clock().now();
    Ok(records.into_iter().map(|record| EvidenceSummary::new(record, &names, now)).collect())
}

impl EvidenceSummary {
    fn new(record: Record, names: &HashMap<AccountId, String>, now: DateTime<Utc>) -> Self {
        let name = |id: AccountId| names.get(&id).cloned().unwrap_or_default();
        match record {
            Record::Measured(measured) => Self {
                id: measured.id,
                origin: "measured".to_owned(),
                kind: measured.kind.name().to_owned(),
                digest: measured.digest.to_string(),
                state: "verified".to_owned(),
                at: rfc3339(measured.created_at),
                by: name(measured.requested_by),
                run: Some(measured.run),
                report: None,
            },
            Record::Reported(reported) => Self {
                id: reported.id,
                origin: "reported".to_owned(),
                kind: reported.kind.name().to_owned(),
                digest: reported.digest.to_string(),
                state: reported.standing(now).name().to_owned(),
                at: rfc3339(reported.submitted_at),
                by: name(reported.submitted_by),
                run: None,
                report: Some(ReportView {
                    reported_by: ReportedBy {
                        key_id: reported.key.id,
                        key: reported.key.name,
                        fingerprint: reported.key.fingerprint,
                    },
                    document: reported.document,
                    title: reported.title,
                    issued_at: rfc3339(reported.issued_at),
                    measured_at: reported.measured_at.map(rfc3339),
                    valid_until: reported.valid_until.map(rfc3339),
                    closed: reported.closed.map(|closed| ClosedView {
                        at: rfc3339(closed.at),
                        by: name(closed.by),
                        reason: closed.reason,
                    }),
                }),
            },
        }
    }
}
