use crate::{
    accounts::{
        self,
        api::IssuedView,
        reach::{ReachView, shown},
        workloads::{
            Trust,
            ops::{self, NewTrust, Shown},
        },
    },
    app::App,
    authz::{Cause, Principal},
    core::{clock::rfc3339, ids::WorkloadTrustId, name::Name, page},
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        idempotency::ShownOnce,
        peer,
        problem::{Changed, Guarded, Problem},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, delete, get, post,
    web::{Data, Json, Path, Query},
};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "workload-trusts";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(end).service(exchange);
}

/// That tokens of an issuer stand for a service account.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WorkloadTrustView {
    pub id: WorkloadTrustId,
    pub name: String,
    pub issuer: String,
    pub audience: String,
    pub claims: BTreeMap<String, BTreeSet<String>>,
    /// The service account's name.
    pub account: String,
    pub scope: ReachView,
    pub minutes: i64,
    pub created_at: String,
    pub ended_at: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WorkloadTrustPage {
    pub items: Vec<WorkloadTrustView>,
    pub next_cursor: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadTrustInput {
    /// What jobs call it: 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    /// One that the operator lets this service ask, letter by letter as it writes itself.
    pub issuer: String,
    /// For whom the issuer's tokens have to be made, and for nobody else.
    pub audience: String,
    /// Claims of the token, and the values that each may have; one that ends with `*` stands for all that begin so.
    pub claims: BTreeMap<String, BTreeSet<String>>,
    /// The service account that they stand for, by name.
    pub account: String,
    /// How far the tokens reach that are given for them; as far as the account's roles if absent.
    #[serde(default)]
    pub scope: ReachView,
    /// How long these last: 1 to 60.
    pub minutes: i64,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadTokenInput {
    /// The workspace's name; `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// By what name the workload is trusted there.
    pub trust: String,
    /// The token of its issuer, a JWT; it is exchanged once.
    pub token: String,
}

/// List whose workloads this workspace trusts.
#[utoipa::path(tag = "accounts", operation_id = "listWorkloadTrusts", params(PageParams), responses(
    (status = 200, description = "A page of them, those that have ended too", body = WorkloadTrustPage), Guarded))]
#[get("/workload-trusts")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<WorkloadTrustPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?;
    let mut items = Vec::new();
    for trust in page.items {
        items.push(view(&app, &who, trust).await?);
    }
    Ok(Json(WorkloadTrustPage { items, next_cursor: page.next.map(|id| page::encode(LIST, id)) }))
}

/// Let workloads, such as the jobs of a CI service, get short tokens of a service account for those of their issuer.
#[utoipa::path(tag = "accounts", operation_id = "trustWorkload", request_body = WorkloadTrustInput, responses(
    (status = 201, description = "Trusted from now on", body = WorkloadTrustView), Changed))]
#[post("/workload-trusts")]
async fn create(app: Data<App>, who: Principal, input: ValidJson<WorkloadTrustInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let new = NewTrust {
        name: Name::parse(&i.name).in_field("name")?,
        issuer: i.issuer,
        audience: i.audience,
        claims: i.claims,
        account: i.account,
        reach: i.scope.parse()?,
        minutes: i.minutes,
    };
    let trust = ops::create(&app, &who, new).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, trust).await?))
}

/// Trust workloads no longer. Tokens that they were given are dead at once.
#[utoipa::path(tag = "accounts", operation_id = "endWorkloadTrust",
    params(("trust" = WorkloadTrustId, Path, description = "The trust's id")),
    responses((status = 200, description = "Ended", body = WorkloadTrustView), Changed))]
#[delete("/workload-trusts/{trust}")]
async fn end(app: Data<App>, who: Principal, id: Path<WorkloadTrustId>) -> Result<Json<WorkloadTrustView>, Problem> {
    let trust = ops::end(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, trust).await?))
}

/// Get a token of a service account for one of a trusted issuer. It works once.
#[utoipa::path(tag = "accounts", operation_id = "exchangeWorkloadToken", request_body = WorkloadTokenInput, security(()), responses(
    (status = 201, description = "A token, with the reach and the end that the trust says", body = IssuedView), Changed))]
#[post("/workload-tokens")]
async fn exchange(
    app: Data<App>,
    request: HttpRequest,
    cause: Cause,
    input: ValidJson<WorkloadTokenInput>,
) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let shown = Shown {
        workspace: i.workspace.as_deref().unwrap_or(crate::workspaces::DEFAULT),
        trust: &i.trust,
        token: &i.token,
        address: &peer::address(&request),
    };
    let issued = ops::exchange(&app, cause, shown).await?;
    let mut response = HttpResponse::Created().json(IssuedView::from(issued));
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

async fn view(app: &App, who: &Principal, trust: Trust) -> Result<WorkloadTrustView, Error> {
    let names = accounts::ops::names(app, &[trust.account]).await?;
    Ok(WorkloadTrustView {
        id: trust.id,
        name: trust.name,
        issuer: trust.issuer,
        audience: trust.audience,
        claims: trust.rules.claims().clone(),
        account: names.get(&trust.account).cloned().unwrap_or_default(),
        scope: shown(app, who, &trust.limits).await?,
        minutes: trust.minutes,
        created_at: rfc3339(trust.created_at),
        ended_at: trust.ended_at.map(rfc3339),
    })
}
