use crate::{
    accounts::{
        Account,
        roles::{Held, ops},
    },
    app::App,
    authz::{Principal, Role},
    error::InField,
    http::problem::{Changed, Found, Problem},
};
use actix_web::{
    delete, get, put,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(give).service(take);
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
}

/// List the roles that an account holds.
#[utoipa::path(tag = "accounts", operation_id = "listRoles",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "The roles", body = RolesView), Found))]
#[get("/accounts/{account}/roles")]
async fn list(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<RolesView>, Problem> {
    Ok(Json(RolesView::of(ops::of(&app, &who, &name).await?)))
}

/// Give an account one more role. It holds from the next request on.
#[utoipa::path(tag = "accounts", operation_id = "giveRole", params(
    ("account" = String, Path, description = "Account name"), ("role" = String, Path, description = "Name of a role")),
    responses((status = 200, description = "The roles from now on", body = RolesView), Changed))]
#[put("/accounts/{account}/roles/{role}")]
async fn give(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<RolesView>, Problem> {
    let (name, role) = path.into_inner();
    let role = Role::parse(&role).in_field("role")?;
    Ok(Json(RolesView::of(ops::give(&app, &who, &name, role).await?)))
}

/// Take a role from an account, from the next request on. Approvals that were given by it alone count no more.
#[utoipa::path(tag = "accounts", operation_id = "takeRole", params(
    ("account" = String, Path, description = "Account name"), ("role" = String, Path, description = "Name of a role")),
    responses((status = 200, description = "The roles that are left", body = RolesView), Changed))]
#[delete("/accounts/{account}/roles/{role}")]
async fn take(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<RolesView>, Problem> {
    let (name, role) = path.into_inner();
    let role = Role::parse(&role).in_field("role")?;
    Ok(Json(RolesView::of(ops::take(&app, &who, &name, role).await?)))
}

impl RolesView {
    pub fn of((account, held): (Account, Vec<Held>)) -> Self {
        let roles = held.into_iter().map(|held| RoleView { role: held.role.to_string(), group: held.origin }).collect();
        Self { account: account.name, roles }
    }
}
