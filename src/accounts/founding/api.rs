use crate::{
    accounts::{
        api::AccountView,
        founding::{First, ops},
    },
    app::App,
    authz::Cause,
    http::{
        extract::ValidJson,
        problem::{Changed, Problem},
    },
};
use actix_web::{HttpResponse, post, web::Data};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(found);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAccountInput {
    /// As the service printed it when it started with an empty database.
    pub code: String,
    /// 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    /// 15 to 256 characters of any kind.
    pub password: String,
}

/// Make the first account, an administrator's, with the code that the service printed.
#[utoipa::path(tag = "accounts", operation_id = "createFirstAccount", request_body = FirstAccountInput, security(()), responses(
    (status = 201, description = "Made; sign in with the password", body = AccountView), Changed))]
#[post("/first-account")]
async fn found(app: Data<App>, cause: Cause, input: ValidJson<FirstAccountInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let first = First::parse(&i.name, &i.display_name, &i.password)?;
    let account = ops::found(&app, cause, &i.code, first).await?;
    Ok(HttpResponse::Created().json(AccountView::from(account)))
}
