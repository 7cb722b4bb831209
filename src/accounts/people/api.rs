use crate::{
    accounts::{
        self, Account,
        people::{Bonds, Delegation, ops},
    },
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{AccountId, DelegationId},
        name::Name,
        page,
    },
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Guarded, Problem},
    },
};
use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const DELEGATIONS: &str = "delegations";

pub fn routes(config: &mut ServiceConfig) {
    config.service(show).service(link).service(set_team).service(list).service(delegate).service(find).service(revoke);
}

/// What binds an account to others where duties are to be separate.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct BondsView {
    pub account: String,
    /// The other accounts of the same person, by name.
    pub same_person: Vec<String>,
    /// False while an identity provider has brought the account and nobody has said whose it is: it may look, and
    /// nothing else.
    #[serde(default = "before")]
    pub person_is_known: bool,
    pub team: Option<String>,
}

/// What a service says by its silence that is older than accounts of providers.
fn before() -> bool {
    true
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonInput {
    /// Another account of the same person; null makes it an account of a person of its own.
    pub same_as: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamInput {
    /// A name of 1 to 64 of `a-z 0-9 . _ -`; null takes it out of its team.
    pub team: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationInput {
    /// Who shall decide in the caller's stead.
    pub to: String,
    /// RFC 3339; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub valid_from: Option<DateTime<Utc>>,
    /// RFC 3339; at most 365 days after the start. The moment itself is no longer in it.
    #[schema(value_type = String)]
    pub valid_until: DateTime<Utc>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DelegationView {
    pub id: DelegationId,
    pub from: String,
    pub to: String,
    /// RFC 3339, UTC.
    pub valid_from: String,
    pub valid_until: String,
    /// `upcoming`, `in_force`, `ended` or `revoked`.
    pub state: String,
    pub created_at: String,
    pub revoked_at: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DelegationPage {
    pub items: Vec<DelegationView>,
    pub next_cursor: Option<String>,
}

/// Say which accounts are of the same person, and in which team an account is.
#[utoipa::path(tag = "accounts", operation_id = "getPerson",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "What binds the account to others", body = BondsView), Found))]
#[get("/accounts/{account}/person")]
async fn show(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<BondsView>, Problem> {
    Ok(Json(view(&app, ops::bonds(&app, &who, &name).await?).await?))
}

/// Say that an account is of the same person as another one: both count as one from now on.
#[utoipa::path(tag = "accounts", operation_id = "linkPerson", request_body = PersonInput,
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "What binds the account to others now", body = BondsView), Changed))]
#[put("/accounts/{account}/person")]
async fn link(
    app: Data<App>,
    who: Principal,
    name: Path<String>,
    input: ValidJson<PersonInput>,
) -> Result<Json<BondsView>, Problem> {
    Ok(Json(view(&app, ops::link(&app, &who, &name, input.0.same_as.as_deref()).await?).await?))
}

/// Put an account into a team, or take it out. Policies may ask for approvals of different teams.
#[utoipa::path(tag = "accounts", operation_id = "setTeam", request_body = TeamInput,
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "What binds the account to others now", body = BondsView), Changed))]
#[put("/accounts/{account}/team")]
async fn set_team(
    app: Data<App>,
    who: Principal,
    name: Path<String>,
    input: ValidJson<TeamInput>,
) -> Result<Json<BondsView>, Problem> {
    let team = input.0.team.as_deref().map(Name::parse).transpose().in_field("team")?;
    Ok(Json(view(&app, ops::set_team(&app, &who, &name, team).await?).await?))
}

/// List delegations, newest first, those that have ended too.
#[utoipa::path(tag = "accounts", operation_id = "listDelegations", params(PageParams), responses(
    (status = 200, description = "A page of delegations", body = DelegationPage), Guarded))]
#[get("/delegations")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<DelegationPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(DELEGATIONS)?).await?;
    let items = views(&app, &page.items).await?;
    Ok(Json(DelegationPage { next_cursor: page.next.map(|id| page::encode(DELEGATIONS, id)), items }))
}

/// Let another person decide in your stead for a time. It gives them no role.
#[utoipa::path(tag = "accounts", operation_id = "createDelegation", request_body = DelegationInput, responses(
    (status = 201, description = "The delegation", body = DelegationView), Changed))]
#[post("/delegations")]
async fn delegate(app: Data<App>, who: Principal, input: ValidJson<DelegationInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let made = ops::delegate(&app, &who, &i.to, i.valid_from, i.valid_until).await?;
    Ok(HttpResponse::Created().json(one(&app, made).await?))
}

/// Fetch a delegation.
#[utoipa::path(tag = "accounts", operation_id = "getDelegation",
    params(("delegation" = DelegationId, Path, description = "Delegation id")), responses(
    (status = 200, description = "The delegation as it stands", body = DelegationView), Found))]
#[get("/delegations/{delegation}")]
async fn find(app: Data<App>, who: Principal, id: Path<DelegationId>) -> Result<Json<DelegationView>, Problem> {
    Ok(Json(one(&app, ops::find(&app, &who, *id).await?).await?))
}

/// End a delegation at once, as one of its sides or as an administrator.
#[utoipa::path(tag = "accounts", operation_id = "revokeDelegation",
    params(("delegation" = DelegationId, Path, description = "Delegation id")), responses(
    (status = 200, description = "Revoked; what was decided under it no longer counts", body = DelegationView), Changed))]
#[delete("/delegations/{delegation}")]
async fn revoke(app: Data<App>, who: Principal, id: Path<DelegationId>) -> Result<Json<DelegationView>, Problem> {
    Ok(Json(one(&app, ops::revoke(&app, &who, *id).await?).await?))
}

pub async fn view(app: &App, (account, bonds): (Account, Bonds)) -> Result<BondsView, Error> {
    let names = accounts::ops::names(app, &bonds.same_person).await?;
    let mut same_person: Vec<_> = names.into_values().collect();
    same_person.sort_unstable();
    Ok(BondsView { account: account.name, same_person, person_is_known: bonds.is_said, team: bonds.team })
}

/// Several as they are shown, with names.
pub async fn views(app: &App, all: &[Delegation]) -> Result<Vec<DelegationView>, Error> {
    let names = names(app, all).await?;
    Ok(all.iter().map(|delegation| show_delegation(app, delegation, &names)).collect())
}

async fn one(app: &App, delegation: Delegation) -> Result<DelegationView, Error> {
    let names = names(app, std::slice::from_ref(&delegation)).await?;
    Ok(show_delegation(app, &delegation, &names))
}

async fn names(app: &App, of: &[Delegation]) -> Result<HashMap<AccountId, String>, Error> {
    let people: Vec<_> = of.iter().flat_map(|delegation| [delegation.from, delegation.to]).collect();
    accounts::ops::names(app, &people).await
}

fn show_delegation(app: &App, delegation: &Delegation, names: &HashMap<AccountId, String>) -> DelegationView {
    let name = |id: AccountId| names.get(&id).cloned().unwrap_or_default();
    DelegationView {
        id: delegation.id,
        from: name(delegation.from),
        to: name(delegation.to),
        valid_from: rfc3339(delegation.valid_from),
        valid_until: rfc3339(delegation.valid_until),
        state: delegation.state(app.db.clock().now()).to_owned(),
        created_at: rfc3339(delegation.created_at),
        revoked_at: delegation.revoked_at.map(rfc3339),
    }
}
