use crate::{
    accounts,
    app::App,
    authz::{Principal, policy},
    constraints::ConstraintVerdict,
    core::{
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, PromotionId, RunId},
        page::{self, PageRequest},
        text::{Line, Paragraph},
    },
    environments::profile::OperatingMode,
    error::{Error, FailedCheck, InField},
    frameworks::api::HeldView,
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Guarded, Problem},
    },
    promotions::{Promotion, decision, ops, ops::Detail, parties::Seat, said::Said},
    versions::VersionRef,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use serde_json::Value;
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "promotions";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(request_promotion).service(find).service(decide).service(unapprove).service(withdraw);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionInput {
    pub model: String,
    /// Number or digest.
    pub version: String,
    pub environment: String,
    /// `advisory`, `human_in_the_loop` or `automated`: at most one step above what runs, and not above what the
    /// environment's profile allows. If absent, that of the active release; of the first one, the profile's
    /// `starting_mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// For those who decide.
    #[serde(default)]
    pub comment: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// The digest that the approver saw.
    pub decision_digest: String,
    /// `approve` or `reject`.
    pub outcome: String,
    /// Why; needed to reject.
    #[serde(default)]
    pub reason: String,
    /// What is to hold beside, where the policy lets an approval have conditions. At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// The account name of somebody whose delegate the caller is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ApprovalView {
    pub by: String,
    /// `approve` or `reject`.
    pub outcome: String,
    pub decision_digest: String,
    pub reason: String,
    #[serde(default)]
    pub conditions: Vec<String>,
    /// In whose stead it was given.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    /// `active`, `revoked` by whoever gave it, `expired`, or `invalidated` with the request.
    #[serde(default)]
    pub state: String,
    /// From this moment on it does not count; without it as long as the request is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Why it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_because: Option<String>,
    pub at: String,
    /// The registry's signed statement: a Sigstore bundle with an in-toto statement.
    #[schema(value_type = Object)]
    pub statement: Value,
}

/// What keeps an approved request from being activated for the time being.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct HoldView {
    /// `wait`, `freeze` or `soak`.
    pub cause: String,
    /// A sentence for whoever waits.
    pub detail: String,
    /// When it ends by itself, if that can be said.
    pub until: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnapprovalInput {
    /// Why; kept with the approval.
    pub reason: String,
}

/// A place that the policy asks somebody to fill.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SeatView {
    pub role: String,
    /// The accounts, all of one person, by whose approvals it is filled; empty while nobody sits there.
    pub filled_by: Vec<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PromotionView {
    pub id: PromotionId,
    pub model: String,
    pub version: i64,
    pub version_digest: String,
    pub environment: String,
    /// How much the model is to do by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `checks_failed`, `awaiting_approval`, `approved`, `held`, `activated`, `superseded`,
    /// `rejected`, `withdrawn`, `expired`, `invalidated` or `bypassed`.
    pub state: String,
    /// What can be done with it now: `approve`, `reject`, `unapprove`, `withdraw`, `activate`, `roll_back`, `request`.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// What it waits for although it is approved.
    #[serde(default)]
    pub holds: Vec<HoldView>,
    /// Everything that is decided on.
    #[schema(value_type = Object)]
    pub decision: Value,
    /// sha256 over the canonical JSON of `decision`; an approval names it. Of an open request, `decision` has the findings
    /// that stand now.
    pub decision_digest: String,
    /// The same with the findings that stood when it was asked: what the request is bound to for its life.
    #[serde(default)]
    pub request_digest: String,
    /// What failed when it was asked for, with owners.
    pub failed_checks: Vec<FailedCheck>,
    /// What the policy lets pass with a word to those who decide, as it is now.
    #[serde(default)]
    pub warnings: Vec<FailedCheck>,
    pub run: Option<RunId>,
    pub verdicts: Vec<ConstraintVerdict>,
    /// What the frameworks that it is decided under find now, one per pinned revision.
    pub frameworks: Vec<HeldView>,
    pub approvals: Vec<ApprovalView>,
    pub seats_filled: usize,
    pub seats: Vec<SeatView>,
    /// In whose stead the caller could decide now.
    #[serde(default)]
    pub you_may_act_for: Vec<String>,
    /// Why the caller could not decide on it; empty means that they had no part in it.
    pub your_conflicts: Vec<String>,
    pub comment: String,
    pub requested_by: String,
    pub requested_at: String,
    pub expires_at: String,
    pub closed_reason: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PromotionSummary {
    pub id: PromotionId,
    pub state: String,
    pub decision_digest: String,
    pub requested_at: String,
    pub expires_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PromotionPage {
    pub items: Vec<PromotionSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Only requests that can still be decided on.
    #[serde(default)]
    pub open: bool,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// List promotion requests, newest first.
#[utoipa::path(tag = "promotions", operation_id = "listPromotions", params(ListParams), responses(
    (status = 200, description = "A page of requests", body = PromotionPage), Guarded))]
#[get("/promotions")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<PromotionPage>, Problem> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let page = ops::list(&app, &who, params.open, request).await?.map(PromotionSummary::from);
    Ok(Json(PromotionPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Ask for a version to become active in an environment.
#[utoipa::path(tag = "promotions", operation_id = "requestPromotion", request_body = PromotionInput, responses(
    (status = 201, description = "Recorded; `state` says whether the checks passed", body = PromotionView), Changed))]
#[post("/promotions")]
async fn request_promotion(
    app: Data<App>,
    who: Principal,
    input: ValidJson<PromotionInput>,
) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let version = VersionRef::parse(&i.version).in_field("version")?;
    let comment = Paragraph::parse(&i.comment).in_field("comment")?;
    let mode = i.mode.as_deref().map(OperatingMode::parse).transpose().in_field("mode")?;
    let made = ops::request(&app, &who, &i.model, &version, &i.environment, mode, comment).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, made.id).await?))
}

/// Fetch a request with everything that is decided on.
#[utoipa::path(tag = "promotions", operation_id = "getPromotion", params(("promotion" = PromotionId, Path, description = "Request id")),
    responses((status = 200, description = "The request as it stands", body = PromotionView), Found))]
#[get("/promotions/{promotion}")]
async fn find(app: Data<App>, who: Principal, id: Path<PromotionId>) -> Result<Json<PromotionView>, Problem> {
    Ok(Json(view(&app, &who, *id).await?))
}

/// Approve or reject exactly the digest that was shown.
#[utoipa::path(tag = "promotions", operation_id = "decidePromotion", params(("promotion" = PromotionId, Path, description = "Request id")),
    request_body = DecisionInput, responses(
    (status = 200, description = "The decision is recorded and signed", body = PromotionView), Changed))]
#[post("/promotions/{promotion}/decisions")]
async fn decide(
    app: Data<App>,
    who: Principal,
    id: Path<PromotionId>,
    input: ValidJson<DecisionInput>,
) -> Result<Json<PromotionView>, Problem> {
    let i = input.0;
    let seen = Digest::parse(&i.decision_digest).in_field("decision_digest")?;
    let said = Said::parse(&i.outcome, &i.reason, &i.conditions, i.on_behalf_of.as_deref())?;
    ops::decide(&app, &who, *id, &seen, said).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Take one's own approval back, before anything is active by it.
#[utoipa::path(tag = "promotions", operation_id = "withdrawApproval", params(("promotion" = PromotionId, Path, description = "Request id")),
    request_body = UnapprovalInput, responses(
    (status = 200, description = "It no longer counts; a request that is short of a seat waits for approvals again", body = PromotionView), Changed))]
#[post("/promotions/{promotion}/decisions/withdrawal")]
async fn unapprove(
    app: Data<App>,
    who: Principal,
    id: Path<PromotionId>,
    input: ValidJson<UnapprovalInput>,
) -> Result<Json<PromotionView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    decision::unapprove(&app, &who, *id, reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Withdraw one's own request.
#[utoipa::path(tag = "promotions", operation_id = "withdrawPromotion", params(("promotion" = PromotionId, Path, description = "Request id")),
    responses((status = 200, description = "Withdrawn", body = PromotionView), Changed))]
#[post("/promotions/{promotion}/withdrawal")]
async fn withdraw(app: Data<App>, who: Principal, id: Path<PromotionId>) -> Result<Json<PromotionView>, Problem> {
    ops::withdraw(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

pub async fn view(app: &App, who: &Principal, id: PromotionId) -> Result<PromotionView, Error> {
    let detail = ops::find(app, who, id).await?;
    let delegators = who.id.map(|id| detail.involved.persons.delegators(id)).unwrap_or_default();
    let mut people: Vec<AccountId> =
        detail.approvals.iter().flat_map(|a| [Some(a.account), a.on_behalf_of]).flatten().collect();
    people.push(detail.promotion.requested_by);
    people.extend(&delegators);
    let names = accounts::ops::names(app, &people).await?;
    let conflicts = policy::conflicts(who, &detail.involved).into_iter().map(str::to_owned).collect();
    let mut view = build(detail, &names, conflicts)?;
    view.you_may_act_for = delegators.iter().filter_map(|id| names.get(id).cloned()).collect();
    Ok(view)
}

fn build(
    detail: Detail,
    names: &HashMap<AccountId, String>,
    your_conflicts: Vec<String>,
) -> Result<PromotionView, Error> {
    let Detail { promotion, facts, assessment, approvals, quorum, seating, holds, frameworks, at, .. } = detail;
    let name = |id: AccountId| names.get(&id).cloned().unwrap_or_default();
    let seat =
        |seat: Seat| SeatView { role: seat.role, filled_by: seat.filled_by.into_iter().map(name).collect::<Vec<_>>() };
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(Error::internal);
    let stands = promotion.stage.is_open() && assessment.digest == promotion.decision_digest;
    let (decision, decision_digest) = match stands {
        true => (&assessment.shown, assessment.shown_digest),
        false => (&promotion.decision, promotion.decision_digest),
    };
    Ok(PromotionView {
        id: promotion.id,
        model: facts.model.name,
        version: facts.version.number,
        version_digest: facts.version.manifest.to_string(),
        environment: facts.environment.name,
        mode: promotion.mode.map(|mode| mode.name().to_owned()),
        state: promotion.stage.name().to_owned(),
        allowed: promotion.stage.allowed().iter().map(|action| (*action).to_owned()).collect(),
        holds: holds
            .into_iter()
            .map(|hold| HoldView { cause: hold.code, detail: hold.detail, until: hold.until.map(rfc3339) })
            .collect(),
        decision: json(decision)?,
        decision_digest: decision_digest.to_string(),
        request_digest: promotion.decision_digest.to_string(),
        failed_checks: promotion.checks.clone(),
        warnings: assessment.warnings,
        run: promotion.run,
        verdicts: facts.run.filter(|run| Some(run.id) == promotion.run).map(|run| run.verdicts).unwrap_or_default(),
        frameworks: frameworks.into_iter().map(HeldView::new).collect(),
        approvals: approvals
            .into_iter()
            .map(|a| {
                Ok(ApprovalView {
                    by: name(a.account),
                    state: a.state(&promotion, at).to_owned(),
                    expires_at: a.expires_at.map(rfc3339),
                    revoked_because: a.withdrawn.map(|gone| gone.reason),
                    conditions: a.conditions,
                    on_behalf_of: a.on_behalf_of.map(name),
                    outcome: a.outcome.name().to_owned(),
                    decision_digest: a.decision_digest.to_string(),
                    reason: a.reason,
                    at: rfc3339(a.created_at),
                    statement: json(&a.statement)?,
                })
            })
            .collect::<Result<_, Error>>()?,
        seats_filled: quorum.0,
        seats: seating.into_iter().map(seat).collect(),
        you_may_act_for: Vec::new(),
        your_conflicts,
        comment: promotion.comment,
        requested_by: name(promotion.requested_by),
        requested_at: rfc3339(promotion.requested_at),
        expires_at: rfc3339(promotion.expires_at),
        closed_reason: promotion.closed_reason,
    })
}

impl From<Promotion> for PromotionSummary {
    fn from(promotion: Promotion) -> Self {
        Self {
            id: promotion.id,
            state: promotion.stage.name().to_owned(),
            decision_digest: promotion.decision_digest.to_string(),
            requested_at: rfc3339(promotion.requested_at),
            expires_at: rfc3339(promotion.expires_at),
        }
    }
}
