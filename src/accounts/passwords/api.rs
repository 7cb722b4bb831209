use crate::{
    accounts::{
        passwords::ops::{self, IssuedReset},
        sessions::api::EndedView,
    },
    app::App,
    authz::{Cause, Principal},
    core::{
        clock::rfc3339,
        ids::{AccountId, ResetId},
    },
    http::{
        extract::ValidJson,
        idempotency::ShownOnce,
        problem::{Changed, Found, Problem},
    },
};
use actix_web::{
    HttpResponse, post, put,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(change).service(issue_reset).service(reset);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    pub current_password: String,
    /// 15 to 256 characters of any kind.
    pub new_password: String,
    /// Whether the other sessions go on; they end if absent.
    #[serde(default)]
    pub keep_other_sessions: bool,
}

/// A code in the only answer that shows it.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ResetView {
    pub id: ResetId,
    pub account: AccountId,
    /// For the person alone, over a channel on which you know them; it works once.
    pub code: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetInput {
    pub code: String,
    /// 15 to 256 characters of any kind.
    pub new_password: String,
}

/// Change one's own password.
#[utoipa::path(tag = "accounts", operation_id = "changePassword", request_body = PasswordInput, responses(
    (status = 200, description = "Changed; the other sessions have ended unless they were to stay", body = EndedView), Changed))]
#[put("/password")]
async fn change(app: Data<App>, who: Principal, input: ValidJson<PasswordInput>) -> Result<Json<EndedView>, Problem> {
    let i = input.0;
    let ended = ops::change(&app, &who, &i.current_password, &i.new_password, i.keep_other_sessions).await?;
    Ok(Json(EndedView { ended }))
}

/// Issue a code by which a person who lost their password sets a new one. Who issues it learns and chooses no password.
#[utoipa::path(tag = "accounts", operation_id = "issuePasswordReset",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 201, description = "The code, shown once; it works once and for an hour", body = ResetView),
    (status = 409, description = "The account has no password", body = Problem, content_type = "application/problem+json"), Found))]
#[post("/accounts/{account}/password-reset")]
async fn issue_reset(app: Data<App>, who: Principal, name: Path<String>) -> Result<HttpResponse, Problem> {
    let issued = ops::issue_reset(&app, &who, &name).await?;
    let mut response = HttpResponse::Created().json(ResetView::from(issued));
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

/// Set a password by a code. Every session and token of the person ends.
#[utoipa::path(tag = "accounts", operation_id = "resetPassword", request_body = ResetInput, security(()), responses(
    (status = 204, description = "The password is set; sign in with it"), Changed))]
#[post("/password-resets")]
async fn reset(app: Data<App>, cause: Cause, input: ValidJson<ResetInput>) -> Result<HttpResponse, Problem> {
    ops::reset(&app, cause, &input.0.code, &input.0.new_password).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<IssuedReset> for ResetView {
    fn from(issued: IssuedReset) -> Self {
        Self {
            id: issued.reset.id,
            account: issued.reset.account,
            code: issued.secret,
            expires_at: rfc3339(issued.reset.expires_at),
        }
    }
}
