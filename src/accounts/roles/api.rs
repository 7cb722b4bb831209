use crate::{
    accounts::{
        Account,
        api::scope,
        reach::{ReachView, meant},
        roles::{Held, custom, ops},
    },
    app::App,
    authz::{Principal, RoleName},
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Found, Problem},
    },
};
use actix_web::{
    delete, get, put,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(give).service(take).configure(custom::api::routes);
}

/// What an account may do, role by role.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RolesView {
    pub account: String,
    pub roles: Vec<RoleView>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RoleView {
    pub role: String,
    /// The provider and the group of it that gave the role, such as `corp/credit-risk`; a person did where it is null.
    pub group: Option<String>,
    /// For which models and environments it is held; the whole workspace where it is absent.
    #[serde(default, skip_serializing_if = "ReachView::is_empty")]
    pub scope: ReachView,
}

/// Where a role is to be held.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleInput {
    /// Models and environments, by name; the whole workspace if absent. `actions` stay out: what a role allows is fixed.
    #[serde(default, skip_serializing_if = "ReachView::is_empty")]
    pub scope: ReachView,
}

/// List the roles that an account holds.
#[utoipa::path(tag = "accounts", operation_id = "listRoles",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "The roles", body = RolesView), Found))]
#[get("/accounts/{account}/roles")]
async fn list(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<RolesView>, Problem> {
    Ok(Json(RolesView::of(&app, &who, ops::of(&app, &who, &name).await?).await?))
}

/// Give an account one more role, or one that it holds for other models and environments. It holds from the next request on.
#[utoipa::path(tag = "accounts", operation_id = "giveRole", request_body = RoleInput, params(
    ("account" = String, Path, description = "Account name"), ("role" = String, Path, description = "Name of a role; `custom:` and a name for one that the workspace made")),
    responses((status = 200, description = "The roles from now on", body = RolesView), Changed))]
#[put("/accounts/{account}/roles/{role}")]
async fn give(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<RoleInput>,
) -> Result<Json<RolesView>, Problem> {
    let (name, role) = path.into_inner();
    let role = RoleName::parse(&role).in_field("role")?;
    let limits = meant(&app, &who, input.0.scope.parse()?).await?;
    Ok(Json(RolesView::of(&app, &who, ops::give(&app, &who, &name, &role, limits).await?).await?))
}

/// Take a role from an account, from the next request on. Approvals that were given by it alone count no more.
#[utoipa::path(tag = "accounts", operation_id = "takeRole", params(
    ("account" = String, Path, description = "Account name"), ("role" = String, Path, description = "Name of a role")),
    responses((status = 200, description = "The roles that are left", body = RolesView), Changed))]
#[delete("/accounts/{account}/roles/{role}")]
async fn take(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<RolesView>, Problem> {
    let (name, role) = path.into_inner();
    let role = RoleName::parse(&role).in_field("role")?;
    Ok(Json(RolesView::of(&app, &who, ops::take(&app, &who, &name, &role).await?).await?))
}

impl RolesView {
    pub async fn of(app: &App, who: &Principal, (account, held): (Account, Vec<Held>)) -> Result<Self, Error> {
        let mut roles = Vec::new();
        for held in held {
            let scope = scope(app, who, &held.reach).await?;
            roles.push(RoleView { role: held.role.to_string(), group: held.origin, scope });
        }
        Ok(Self { account: account.name, roles })
    }
}
