use crate::{
    accounts,
    app::App,
    authz::Principal,
    constraints::words::Words,
    core::{
        clock::rfc3339,
        ids::{AccountId, BreakGlassId, PromotionId, ReleaseId},
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
        break_glass::{BreakGlass, Outcome, ops, ops::Call},
    },
    versions::{VersionRef, api::ReasonInput},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "break-glass";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(invoke).service(find).service(confirm).service(close).service(review);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassInput {
    pub model: String,
    /// Number or digest.
    pub version: String,
    pub environment: String,
    pub justification: String,
    /// 1 to 24, or fewer if the environment's policy says so.
    pub hours: u32,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassReviewInput {
    /// `justified` or `unjustified`.
    pub outcome: String,
    pub reason: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct BreakGlassView {
    pub id: BreakGlassId,
    /// `proposed` (a second person has not confirmed it), `unconfirmed`, `active`, `closed` (to be
    /// reviewed), `justified` or `unjustified`.
    pub state: String,
    pub model: String,
    pub version: i64,
    pub environment: String,
    pub justification: String,
    pub hours: u32,
    pub invoked_by: String,
    pub invoked_at: String,
    /// Until when a second person can confirm it, where the policy asks for one.
    pub confirm_by: Option<String>,
    pub second_by: Option<String>,
    /// The request that fixes what was let past, in the state `bypassed`.
    pub promotion: Option<PromotionId>,
    pub release: Option<ReleaseId>,
    /// Whether the checks of a request would have passed.
    pub would_have_passed: Option<bool>,
    pub starts_at: Option<String>,
    /// From this moment on the gate is closed.
    pub ends_at: Option<String>,
    pub ended_at: Option<String>,
    pub ended_by: Option<String>,
    pub ended_reason: Option<String>,
    pub review_due_at: Option<String>,
    /// While this is so, no further glass is broken for this model there.
    pub review_overdue: bool,
    pub reviewed_by: Option<String>,
    pub reviewed_at: Option<String>,
    pub review_reason: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct BreakGlassPage {
    pub items: Vec<BreakGlassView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Only what nobody has reviewed yet.
    #[serde(default)]
    pub unreviewed: bool,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// List emergency activations, newest first.
#[utoipa::path(tag = "oversight", operation_id = "listBreakGlass", params(ListParams), responses(
    (status = 200, description = "A page of them", body = BreakGlassPage), Guarded))]
#[get("/break-glass")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<BreakGlassPage>, Problem> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let (page, names) = ops::list(&app, &who, params.unreviewed, request).await?;
    let items = views(&app, page.items, &names).await?;
    Ok(Json(BreakGlassPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Make a version active for some hours without approvals, as the environment's policy allows. It is
/// written down whether or not the checks would have passed. Never a revoked or unsigned version.
#[utoipa::path(tag = "oversight", operation_id = "invokeBreakGlass", request_body = BreakGlassInput, responses(
    (status = 201, description = "Active, or proposed where a second person must confirm it", body = BreakGlassView),
    (status = 412, description = "The version may not leave at all", body = Problem,
        content_type = "application/problem+json"), Changed))]
#[post("/break-glass")]
async fn invoke(app: Data<App>, who: Principal, input: ValidJson<BreakGlassInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let call = Call {
        model: i.model,
        version: VersionRef::parse(&i.version).in_field("version")?,
        environment: i.environment,
        justification: Paragraph::parse_required(&i.justification).in_field("justification")?,
        hours: i.hours,
    };
    let broken = ops::invoke(&app, &who, call).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, broken.id).await?))
}

/// Fetch one.
#[utoipa::path(tag = "oversight", operation_id = "getBreakGlass", params(("break_glass" = BreakGlassId, Path, description = "Break-glass id")),
    responses((status = 200, description = "As it stands", body = BreakGlassView), Found))]
#[get("/break-glass/{break_glass}")]
async fn find(app: Data<App>, who: Principal, id: Path<BreakGlassId>) -> Result<Json<BreakGlassView>, Problem> {
    Ok(Json(view(&app, &who, *id).await?))
}

/// Confirm it as the second person, within an hour. It is active then.
#[utoipa::path(tag = "oversight", operation_id = "confirmBreakGlass", params(("break_glass" = BreakGlassId, Path, description = "Break-glass id")),
    responses((status = 200, description = "Active", body = BreakGlassView),
    (status = 412, description = "The version may not leave at all", body = Problem,
        content_type = "application/problem+json"), Changed))]
#[post("/break-glass/{break_glass}/confirmation")]
async fn confirm(app: Data<App>, who: Principal, id: Path<BreakGlassId>) -> Result<Json<BreakGlassView>, Problem> {
    ops::confirm(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// End it early. Nothing is active then until somebody rolls back or promotes.
#[utoipa::path(tag = "oversight", operation_id = "closeBreakGlass", params(("break_glass" = BreakGlassId, Path, description = "Break-glass id")),
    request_body = ReasonInput, responses((status = 200, description = "Ended, and to be reviewed", body = BreakGlassView), Changed))]
#[post("/break-glass/{break_glass}/closure")]
async fn close(
    app: Data<App>,
    who: Principal,
    id: Path<BreakGlassId>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<BreakGlassView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::close(&app, &who, *id, reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Say whether it was justified: for somebody who neither invoked nor confirmed it.
#[utoipa::path(tag = "oversight", operation_id = "reviewBreakGlass", params(("break_glass" = BreakGlassId, Path, description = "Break-glass id")),
    request_body = BreakGlassReviewInput, responses((status = 200, description = "Reviewed", body = BreakGlassView), Changed))]
#[post("/break-glass/{break_glass}/review")]
async fn review(
    app: Data<App>,
    who: Principal,
    id: Path<BreakGlassId>,
    input: ValidJson<BreakGlassReviewInput>,
) -> Result<Json<BreakGlassView>, Problem> {
    let outcome = Outcome::from_word(&input.0.outcome);
    let outcome = outcome.ok_or_else(|| Error::invalid("outcome", format!("use one of {}", Outcome::listed())))?;
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::review(&app, &who, *id, outcome, reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// One as it is shown, with names.
pub async fn view(app: &App, who: &Principal, id: BreakGlassId) -> Result<BreakGlassView, Error> {
    let ops::Detail { broken, names } = ops::find(app, who, id).await?;
    let people = people(app, std::slice::from_ref(&broken)).await?;
    Ok(BreakGlassView::new(broken, &names, &people, app.db.clock().now()))
}

/// Several as they are shown, with names.
pub async fn views(app: &App, all: Vec<BreakGlass>, names: &Names) -> Result<Vec<BreakGlassView>, Error> {
    let people = people(app, &all).await?;
    let now = app.db.clock().now();
    Ok(all.into_iter().map(|broken| BreakGlassView::new(broken, names, &people, now)).collect())
}

async fn people(app: &App, all: &[BreakGlass]) -> Result<HashMap<AccountId, String>, Error> {
    let of = |one: &BreakGlass| [Some(one.invoked_by), one.second_by, one.ended_by, one.reviewed_by];
    let ids: Vec<_> = all.iter().flat_map(of).flatten().collect();
    accounts::ops::names(app, &ids).await
}

impl BreakGlassView {
    fn new(broken: BreakGlass, names: &Names, people: &HashMap<AccountId, String>, now: DateTime<Utc>) -> Self {
        let name = |id: AccountId| people.get(&id).cloned();
        Self {
            id: broken.id,
            state: broken.standing(now).to_string(),
            model: names.models.get(&broken.model).cloned().unwrap_or_default(),
            version: names.versions.get(&broken.version).copied().unwrap_or_default(),
            environment: names.environments.get(&broken.environment).cloned().unwrap_or_default(),
            review_overdue: broken.is_review_overdue(now),
            justification: broken.justification,
            hours: broken.hours,
            invoked_by: name(broken.invoked_by).unwrap_or_default(),
            invoked_at: rfc3339(broken.invoked_at),
            confirm_by: broken.confirm_by.map(rfc3339),
            second_by: broken.second_by.and_then(name),
            promotion: broken.promotion,
            release: broken.release,
            would_have_passed: broken.would_have_passed,
            starts_at: broken.starts_at.map(rfc3339),
            ends_at: broken.ends_at.map(rfc3339),
            ended_at: broken.ended_at.map(rfc3339),
            ended_by: broken.ended_by.and_then(name),
            ended_reason: broken.ended_reason,
            review_due_at: broken.review_due_at.map(rfc3339),
            reviewed_by: broken.reviewed_by.and_then(name),
            reviewed_at: broken.reviewed_at.map(rfc3339),
            review_reason: broken.review_reason,
        }
    }
}
