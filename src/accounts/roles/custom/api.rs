use crate::{
    accounts::roles::custom::{Defined, ops},
    app::App,
    authz::Principal,
    core::name::Name,
    error::InField,
    http::{
        extract::ValidJson,
        problem::{Changed, Guarded, Problem},
    },
};
use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path},
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(define).service(discard);
}

/// The roles that a workspace made.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CustomRolesView {
    pub items: Vec<CustomRoleView>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CustomRoleView {
    /// Accounts are given it as `custom:` and this name.
    pub name: String,
    pub actions: Vec<String>,
    /// Names of the accounts that hold it.
    pub holders: Vec<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomRoleInput {
    /// Names of actions, such as `version.create`; `docs/security/roles.md` lists them. It holds these, and no others.
    pub actions: BTreeSet<String>,
}

/// List the roles that the workspace made beside the fixed ones.
#[utoipa::path(tag = "accounts", operation_id = "listCustomRoles", responses(
    (status = 200, description = "The roles, by name", body = CustomRolesView), Guarded))]
#[get("/roles")]
async fn list(app: Data<App>, who: Principal) -> Result<Json<CustomRolesView>, Problem> {
    let items = ops::list(&app, &who).await?.into_iter().map(Into::into).collect();
    Ok(Json(CustomRolesView { items }))
}

/// Make a role, or say anew what one allows. Whoever holds it may that from their next request on.
#[utoipa::path(tag = "accounts", operation_id = "defineRole", request_body = CustomRoleInput,
    params(("role" = String, Path, description = "Its name, without `custom:`")),
    responses((status = 200, description = "The role from now on", body = CustomRoleView), Changed))]
#[put("/roles/{role}")]
async fn define(
    app: Data<App>,
    who: Principal,
    name: Path<String>,
    input: ValidJson<CustomRoleInput>,
) -> Result<Json<CustomRoleView>, Problem> {
    let name = Name::parse(&name).in_field("role")?;
    Ok(Json(ops::define(&app, &who, name, &input.0.actions).await?.into()))
}

/// Remove a role that nobody holds.
#[utoipa::path(tag = "accounts", operation_id = "discardRole",
    params(("role" = String, Path, description = "Its name, without `custom:`")),
    responses((status = 204, description = "There is none of that name any more"), Changed))]
#[delete("/roles/{role}")]
async fn discard(app: Data<App>, who: Principal, name: Path<String>) -> Result<HttpResponse, Problem> {
    let name = Name::parse(&name).in_field("role")?;
    ops::discard(&app, &who, &name).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<Defined> for CustomRoleView {
    fn from(Defined { name, actions, holders }: Defined) -> Self {
        Self { name, actions, holders }
    }
}
