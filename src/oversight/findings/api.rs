use crate::{
    accounts,
    app::App,
    authz::Principal,
    constraints::words::Words,
    core::{
        clock::rfc3339,
        ids::{AccountId, FindingId, ReleaseId},
        page::{self, PageRequest},
        text::{Line, Paragraph},
    },
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Guarded, Problem},
    },
    oversight::findings::{
        Finding, Severity, State, ops,
        ops::{Report, Wanted},
        parse_code,
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

const LIST: &str = "findings";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(open).service(find).service(remediate).service(close).service(accept);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingInput {
    /// What kind of thing is wrong: 1 to 64 of a-z, 0-9, `_` and `-`. Of one code about one thing, one finding stands.
    pub code: String,
    /// `info`, `low`, `medium`, `high` or `critical`: due in 90, 90, 30, 14 and 7 days.
    pub severity: String,
    pub title: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub model: Option<String>,
    /// Number or digest; with its model.
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub environment: Option<String>,
    /// Who shall deal with it; if absent, the model's development or business owner, or whoever
    /// made the environment.
    #[serde(default)]
    pub owner: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceInput {
    pub reason: String,
    /// When the acceptance ends, within 90 days.
    pub until: DateTime<Utc>,
}

/// What a finding is about.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SubjectView {
    /// Such as `version`, `environment` or `break_glass`.
    pub kind: String,
    pub id: String,
    /// Which part of it, such as a host; empty for the whole.
    pub part: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FindingSummary {
    pub id: FindingId,
    pub code: String,
    pub severity: String,
    /// `open`, `remediating`, `risk_accepted` or `closed`.
    pub state: String,
    pub title: String,
    pub model: Option<String>,
    pub version: Option<i64>,
    pub environment: Option<String>,
    pub owner: Option<String>,
    pub due_at: String,
    /// Its due date has passed and nobody has dealt with it.
    pub overdue: bool,
    pub accepted_until: Option<String>,
    pub opened_at: String,
    /// Null when the registry saw it itself.
    pub opened_by: Option<String>,
}

/// One step in the life of a finding.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct StepView {
    /// `opened`, `remediated`, `accepted`, `reopened` or `closed`.
    pub step: String,
    pub at: String,
    /// Null when the registry did it.
    pub by: Option<String>,
    pub reason: String,
    pub until: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FindingView {
    #[serde(flatten)]
    pub summary: FindingSummary,
    pub detail: String,
    pub subject: SubjectView,
    pub release: Option<ReleaseId>,
    pub closed_at: Option<String>,
    pub steps: Vec<StepView>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FindingPage {
    pub items: Vec<FindingSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Leaves out what is closed.
    #[serde(default)]
    pub standing: bool,
    /// Only `open`, `remediating`, `risk_accepted` or `closed` ones, as they stand now.
    pub state: Option<String>,
    /// Only those of this severity.
    pub severity: Option<String>,
    /// Only those of this owner, by the account's name.
    pub owner: Option<String>,
    /// Only those whose due date has passed with nobody having dealt with them.
    #[serde(default)]
    pub overdue: bool,
    /// Only findings about this model or a version of it.
    pub model: Option<String>,
    /// Only findings about this environment.
    pub environment: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// List findings, newest first.
#[utoipa::path(tag = "oversight", operation_id = "listFindings", params(ListParams), responses(
    (status = 200, description = "A page of findings", body = FindingPage), Guarded))]
#[get("/findings")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<FindingPage>, Problem> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let state = |word: &str| {
        State::from_word(word).ok_or_else(|| Error::invalid("state", format!("use one of {}", State::listed())))
    };
    let severity = |word: &str| {
        Severity::from_word(word)
            .ok_or_else(|| Error::invalid("severity", format!("use one of {}", Severity::listed())))
    };
    let wanted = Wanted {
        standing_only: params.standing,
        state: params.state.as_deref().map(state).transpose()?,
        severity: params.severity.as_deref().map(severity).transpose()?,
        owner: params.owner.as_deref(),
        overdue: params.overdue,
        model: params.model.as_deref(),
        environment: params.environment.as_deref(),
    };
    let (page, names) = ops::list(&app, &who, wanted, request).await?;
    let items = summaries(&app, &page.items, &names).await?;
    Ok(Json(FindingPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items }))
}

/// Say that something is wrong. Open requests that it bears on end; the same code about the same
/// thing again changes nothing.
#[utoipa::path(tag = "oversight", operation_id = "openFinding", request_body = FindingInput, responses(
    (status = 201, description = "Opened", body = FindingView),
    (status = 200, description = "One of this code stands about it already", body = FindingView), Changed))]
#[post("/findings")]
async fn open(app: Data<App>, who: Principal, input: ValidJson<FindingInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let report = Report {
        code: parse_code(&i.code).in_field("code")?,
        model: i.model,
        version: i.version.as_deref().map(VersionRef::parse).transpose().in_field("version")?,
        environment: i.environment,
        severity: Severity::from_word(&i.severity)
            .ok_or_else(|| Error::invalid("severity", format!("use one of {}", Severity::listed())))?,
        title: Line::parse_required(&i.title).in_field("title")?,
        detail: Paragraph::parse(&i.detail).in_field("detail")?,
        owner: i.owner,
    };
    let (finding, opened) = ops::report(&app, &who, report).await?;
    let view = view(&app, &who, finding.id).await?;
    Ok(if opened { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// Fetch a finding with what happened to it.
#[utoipa::path(tag = "oversight", operation_id = "getFinding", params(("finding" = FindingId, Path, description = "Finding id")),
    responses((status = 200, description = "The finding as it stands", body = FindingView), Found))]
#[get("/findings/{finding}")]
async fn find(app: Data<App>, who: Principal, id: Path<FindingId>) -> Result<Json<FindingView>, Problem> {
    Ok(Json(view(&app, &who, *id).await?))
}

/// Say that it is being worked on. Somebody else closes it then.
#[utoipa::path(tag = "oversight", operation_id = "remediateFinding", params(("finding" = FindingId, Path, description = "Finding id")),
    request_body = ReasonInput, responses((status = 200, description = "It is remediating", body = FindingView), Changed))]
#[post("/findings/{finding}/remediation")]
async fn remediate(
    app: Data<App>,
    who: Principal,
    id: Path<FindingId>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<FindingView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::remediate(&app, &who, *id, &reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Close a finding that is dealt with: for somebody who had no hand in it. What waits for a review is closed by
/// that review.
#[utoipa::path(tag = "oversight", operation_id = "closeFinding", params(("finding" = FindingId, Path, description = "Finding id")),
    request_body = ReasonInput, responses((status = 200, description = "Closed for good", body = FindingView), Changed))]
#[post("/findings/{finding}/closure")]
async fn close(
    app: Data<App>,
    who: Principal,
    id: Path<FindingId>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<FindingView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::close(&app, &who, *id, &reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// Accept the risk for a time: for an officer who had no hand in it. It is open again afterwards.
#[utoipa::path(tag = "oversight", operation_id = "acceptFinding", params(("finding" = FindingId, Path, description = "Finding id")),
    request_body = AcceptanceInput, responses((status = 200, description = "Accepted until then", body = FindingView), Changed))]
#[post("/findings/{finding}/acceptance")]
async fn accept(
    app: Data<App>,
    who: Principal,
    id: Path<FindingId>,
    input: ValidJson<AcceptanceInput>,
) -> Result<Json<FindingView>, Problem> {
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    ops::accept(&app, &who, *id, input.0.until, &reason).await?;
    Ok(Json(view(&app, &who, *id).await?))
}

/// One as it is shown, with names.
pub async fn view(app: &App, who: &Principal, id: FindingId) -> Result<FindingView, Error> {
    let ops::Detail { finding, steps, names } = ops::find(app, who, id).await?;
    let mut ids: Vec<AccountId> = steps.iter().filter_map(|step| step.by).collect();
    ids.extend(finding.owner.into_iter().chain(finding.opened_by));
    let people = accounts::ops::names(app, &ids).await?;
    let now = app.db.clock().now();
    let step = |told: ops::Told| StepView {
        step: told.step.to_string(),
        at: rfc3339(told.at),
        by: told.by.and_then(|id| people.get(&id).cloned()),
        reason: told.reason,
        until: told.until.map(rfc3339),
    };
    Ok(FindingView {
        summary: FindingSummary::new(&finding, &names, &people, now),
        detail: finding.detail,
        subject: SubjectView {
            kind: finding.subject.kind,
            id: finding.subject.id.to_string(),
            part: finding.subject.part,
        },
        release: finding.release,
        closed_at: finding.closed_at.map(rfc3339),
        steps: steps.into_iter().map(step).collect(),
    })
}

/// Several as they are shown, with names.
pub async fn summaries(
    app: &App,
    all: &[Finding],
    names: &crate::oversight::Names,
) -> Result<Vec<FindingSummary>, Error> {
    let people = people(app, all).await?;
    let now = app.db.clock().now();
    Ok(all.iter().map(|finding| FindingSummary::new(finding, names, &people, now)).collect())
}

async fn people(app: &App, findings: &[Finding]) -> Result<HashMap<AccountId, String>, Error> {
    let ids: Vec<_> = findings.iter().flat_map(|finding| finding.owner.into_iter().chain(finding.opened_by)).collect();
    accounts::ops::names(app, &ids).await
}

impl FindingSummary {
    fn new(
        finding: &Finding,
        names: &crate::oversight::Names,
        people: &HashMap<AccountId, String>,
        now: DateTime<Utc>,
    ) -> Self {
        let name = |id: AccountId| people.get(&id).cloned();
        let reach = finding.reach;
        Self {
            id: finding.id,
            code: finding.code.clone(),
            severity: finding.severity.to_string(),
            state: finding.standing(now).to_string(),
            title: finding.title.clone(),
            model: reach.model.and_then(|id| names.models.get(&id).cloned()),
            version: reach.version.and_then(|id| names.versions.get(&id).copied()),
            environment: reach.environment.and_then(|id| names.environments.get(&id).cloned()),
            owner: finding.owner.and_then(name),
            due_at: rfc3339(finding.due_at),
            overdue: finding.is_overdue(now),
            accepted_until: finding.accepted_until.map(rfc3339),
            opened_at: rfc3339(finding.opened_at),
            opened_by: finding.opened_by.and_then(name),
        }
    }
}
