use crate::{
    accounts,
    app::App,
    authz::Principal,
    constraints::words::Words,
    core::{
        clock::rfc3339,
        ids::{AccountId, WaiverId},
        page::{self, PageRequest},
        text::{Line, Paragraph},
    },
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Guarded, Problem},
    },
    oversight::{
        Names,
        waivers::{Outcome, Waiver, ops, ops::Ask},
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
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "waivers";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(request_waiver).service(find).service(decide).service(revoke);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverInput {
    pub model: String,
    /// Number or digest; every version if absent.
    #[serde(default)]
    pub version: Option<String>,
    pub environment: String,
    /// The name of one limit that stops promotions there.
    pub constraint: String,
    pub reason: String,
    /// What is done instead of keeping the limit.
    pub compensating_control: String,
    /// Within 90 days, or fewer if the environment's policy says so.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverDecisionInput {
    /// `grant` or `refuse`.
    pub outcome: String,
    pub reason: String,
}

/// One person's decision on a waiver.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WaiverGrantView {
    pub by: String,
    /// `grant` or `refuse`.
    pub outcome: String,
    pub reason: String,
    pub at: String,
    /// The registry's signed statement: a Sigstore bundle with an in-toto statement.
    #[schema(value_type = Object)]
    pub statement: Value,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WaiverSummary {
    pub id: WaiverId,
    /// `requested`, `granted`, `refused`, `revoked` or `expired`.
    pub state: String,
    pub model: String,
    /// Null for every version.
    pub version: Option<i64>,
    pub environment: String,
    pub constraint: String,
    pub requested_by: String,
    pub requested_at: String,
    pub expires_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WaiverView {
    #[serde(flatten)]
    pub summary: WaiverSummary,
    /// The digest of the limit as it was when this was asked for; of a revised limit nothing is waived.
    pub constraint_digest: String,
    /// The owner of the limit, who must be among those who grant.
    pub owner: Option<String>,
    /// Why nobody can grant it, and what to do: its owner is no longer there. Null while there is one.
    #[serde(default)]
    pub vacancy: Option<String>,
    pub reason: String,
    pub compensating_control: String,
    pub grants: Vec<WaiverGrantView>,
    pub granted_at: Option<String>,
    pub closed_at: Option<String>,
    pub closed_by: Option<String>,
    pub closed_reason: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WaiverPage {
    pub items: Vec<WaiverSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Only what is asked for or holds.
    #[serde(default)]
    pub open: bool,
    /// Only those of this environment.
    pub environment: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// List waivers, newest first.
#[utoipa::path(tag = "oversight", operation_id = "listWaivers", params(ListParams), responses(
    (status = 200, description = "A page of waivers", body = WaiverPage), Guarded))]
#[get("/waivers")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<WaiverPage>, Problem> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let (page, names) = ops::list(&app, &who, params.open, params.environment.as_deref(), request).await?;
    let items = summaries(&app, &page.items, &names).await?;
    Ok(Json(WaiverPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Ask for a time-bound exception to one limit.
#[utoipa::path(tag = "oversight", operation_id = "requestWaiver", request_body = WaiverInput, responses(
    (status = 201, description = "Recorded; it excepts nothing before it is granted", body = WaiverView), Changed))]
#[post("/waivers")]
async fn request_waiver(
    app: Data<App>,
    who: Principal,
    input: ValidJson<WaiverInput>,
) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let endless = || Error::invalid("expires_at", "say when it ends, within 90 days");
    let ask = Ask {
        model: i.model,
        version: i.version.as_deref().map(VersionRef::parse).transpose().in_field("version")?,
        environment: i.environment,
        constraint: i.constraint,
        reason: Line::parse_required(&i.reason).in_field("reason")?,
        compensating_control: Paragraph::parse_required(&i.compensating_control).in_field("compensating_control")?,
        expires_at: i.expires_at.ok_or_else(endless)?,
    };
    let waiver = ops::request(&app, &who, ask).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, waiver.id).await?))
}

/// Fetch a waiver with who granted it.
#[utoipa::path(tag = "oversight", operation_id = "getWaiver", params(("waiver" = WaiverId, Path, description = "Waiver id")),
    responses((status = 200, description = "The waiver as it stands", body = WaiverView), Found))]
#[get("/waivers/{waiver}")]
async fn find(app: Data<App>, who: Principal, id: Path<WaiverId>) -> Result<Json<WaiverView>, Problem> {
    Ok(Json(view(&app, &who, *id).await?))
}

/// Grant or refuse. It holds when the owner of the limit has granted it, and somebody else with no
/// part in it as well if the owner had one.
#[utoipa::path(tag = "oversight", operation_id = "decideWaiver", params(("waiver" = WaiverId, Path, description = "Waiver id")),
    request_body = WaiverDecisionInput, responses(
    (status = 200, description = "The decision is recorded and signed", body = WaiverView), Changed))]
#[post("/waivers/{waiver}/decisions")]
async fn decide(
    app: Data<App>,
    who: Principal,
    id: Path<WaiverId>,
    input: ValidJson<WaiverDecisionInput>,
) -> Result<Json<WaiverView>, Problem> {
    let i = input.0;
    let outcome = Outcome::from_word(&i.outcome);
    let outcome = outcome.ok_or_else(|| Error::invalid("outcome", format!("use one of {}", Outcome::listed())))?;
    let reason = Line::parse_required(&i.reason).in_field("reason")?;
    ops::decide(&app, &who, *id, outcome, reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Take a waiver back: for the one who asked, and for those who may grant.
#[utoipa::path(tag = "oversight", operation_id = "revokeWaiver", params(("waiver" = WaiverId, Path, description = "Waiver id")),
    request_body = ReasonInput, responses((status = 200, description = "It excepts nothing any more", body = WaiverView), Changed))]
#[post("/waivers/{waiver}/revocation")]
async fn revoke(
    app: Data<App>,
    who: Principal,
    id: Path<WaiverId>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<WaiverView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::revoke(&app, &who, *id, reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// One as it is shown, with names.
pub async fn view(app: &App, who: &Principal, id: WaiverId) -> Result<WaiverView, Error> {
    let ops::Detail { waiver, names, owner, vacancy } = ops::find(app, who, id).await?;
    let mut ids: Vec<AccountId> = waiver.grants.iter().map(|grant| grant.account).collect();
    ids.push(waiver.requested_by);
    ids.extend(waiver.closed_by);
    let people = accounts::ops::names(app, &ids).await?;
    let name = |id: AccountId| people.get(&id).cloned().unwrap_or_default();
    let summary = WaiverSummary::new(&waiver, &names, &people, app.db.clock().now());
    let mut grants = Vec::new();
    for grant in waiver.grants {
        grants.push(WaiverGrantView {
            by: name(grant.account),
            outcome: grant.outcome.to_string(),
            reason: grant.reason,
            at: rfc3339(grant.decided_at),
            statement: serde_json::from_str(&grant.statement).map_err(Error::internal)?,
        });
    }
    Ok(WaiverView {
        summary,
        constraint_digest: waiver.constraint_digest.to_string(),
        owner,
        vacancy,
        reason: waiver.reason,
        compensating_control: waiver.compensating_control,
        grants,
        granted_at: waiver.granted_at.map(rfc3339),
        closed_at: waiver.closed_at.map(rfc3339),
        closed_by: waiver.closed_by.map(name),
        closed_reason: waiver.closed_reason,
    })
}

/// Several as they are shown, with names.
pub async fn summaries(app: &App, all: &[Waiver], names: &Names) -> Result<Vec<WaiverSummary>, Error> {
    let ids: Vec<_> = all.iter().map(|waiver| waiver.requested_by).collect();
    let people = accounts::ops::names(app, &ids).await?;
    let now = app.db.clock().now();
    Ok(all.iter().map(|waiver| WaiverSummary::new(waiver, names, &people, now)).collect())
}

impl WaiverSummary {
    fn new(waiver: &Waiver, names: &Names, people: &HashMap<AccountId, String>, now: DateTime<Utc>) -> Self {
        Self {
            id: waiver.id,
            state: waiver.standing(now).to_string(),
            model: names.models.get(&waiver.model).cloned().unwrap_or_default(),
            version: waiver.version.and_then(|id| names.versions.get(&id).copied()),
            environment: names.environments.get(&waiver.environment).cloned().unwrap_or_default(),
            constraint: waiver.constraint.clone(),
            requested_by: people.get(&waiver.requested_by).cloned().unwrap_or_default(),
            requested_at: rfc3339(waiver.requested_at),
            expires_at: rfc3339(waiver.expires_at),
        }
    }
}
