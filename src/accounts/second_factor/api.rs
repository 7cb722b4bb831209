use crate::{
    accounts::second_factor::ops,
    app::App,
    authz::Principal,
    http::{
        extract::ValidJson,
        idempotency::ShownOnce,
        problem::{Changed, Found, Guarded, Problem},
    },
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(show).service(begin).service(confirm).service(renew_codes).service(remove).service(take);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SecondFactorView {
    /// `none`, `begun` (a first code is missing) or `active`.
    pub state: String,
    pub recovery_codes_left: u64,
    /// Whether the caller can do nothing else before there is one.
    pub required: bool,
}

/// What an authenticator takes, in the only answer that shows it.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct BegunView {
    /// To type: base32.
    pub secret: String,
    /// To show as a QR code: `otpauth://totp/…`.
    pub address: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCodeInput {
    /// Six digits, as the authenticator shows them now.
    pub code: String,
}

/// Codes for when the authenticator is lost, in the only answer that shows them.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RecoveryView {
    /// Each works once.
    pub recovery_codes: Vec<String>,
}

/// Say whether the caller has a second factor.
#[utoipa::path(tag = "accounts", operation_id = "getSecondFactor", responses(
    (status = 200, description = "The caller's second factor", body = SecondFactorView), Guarded))]
#[get("/second-factor")]
async fn show(app: Data<App>, who: Principal) -> Result<Json<SecondFactorView>, Problem> {
    let has = ops::standing(&app, &who).await?;
    let (state, recovery_codes_left) = (has.state.to_owned(), has.recovery_codes_left);
    Ok(Json(SecondFactorView { state, recovery_codes_left, required: has.is_required }))
}

/// Make a secret for an authenticator, in a session. It counts when a first code of it is confirmed.
#[utoipa::path(tag = "accounts", operation_id = "beginSecondFactor", responses(
    (status = 201, description = "The secret, shown once", body = BegunView),
    (status = 409, description = "There is a second factor already", body = Problem, content_type = "application/problem+json"), Guarded))]
#[post("/second-factor")]
async fn begin(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
    let begun = ops::begin(&app, &who).await?;
    Ok(once(HttpResponse::Created().json(BegunView { secret: begun.secret, address: begun.address })))
}

/// Confirm a second factor with its first code. Every sign-in needs a code from then on; the other sessions end.
#[utoipa::path(tag = "accounts", operation_id = "confirmSecondFactor", request_body = FirstCodeInput, responses(
    (status = 201, description = "It counts; the recovery codes are shown once", body = RecoveryView), Changed))]
#[post("/second-factor/confirmation")]
async fn confirm(app: Data<App>, who: Principal, input: ValidJson<FirstCodeInput>) -> Result<HttpResponse, Problem> {
    let recovery_codes = ops::confirm(&app, &who, &input.0.code).await?;
    Ok(once(HttpResponse::Created().json(RecoveryView { recovery_codes })))
}

/// Make new recovery codes. Those before work no longer.
#[utoipa::path(tag = "accounts", operation_id = "renewRecoveryCodes", responses(
    (status = 201, description = "The codes, shown once", body = RecoveryView),
    (status = 409, description = "There is no second factor", body = Problem, content_type = "application/problem+json"), Guarded))]
#[post("/second-factor/recovery-codes")]
async fn renew_codes(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
    let recovery_codes = ops::renew_codes(&app, &who).await?;
    Ok(once(HttpResponse::Created().json(RecoveryView { recovery_codes })))
}

/// Remove one's own second factor.
#[utoipa::path(tag = "accounts", operation_id = "removeSecondFactor", responses(
    (status = 204, description = "A password is enough again, unless one is required"),
    (status = 409, description = "There is no second factor", body = Problem, content_type = "application/problem+json"), Guarded))]
#[delete("/second-factor")]
async fn remove(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
    ops::remove(&app, &who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take away the second factor of somebody who lost it with their recovery codes. They have to add another one.
#[utoipa::path(tag = "accounts", operation_id = "takeSecondFactor",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 204, description = "Their sessions ended; they can sign in, and do nothing but add another one"),
    (status = 409, description = "They have none", body = Problem, content_type = "application/problem+json"), Found))]
#[delete("/accounts/{account}/second-factor")]
async fn take(app: Data<App>, who: Principal, name: Path<String>) -> Result<HttpResponse, Problem> {
    ops::take(&app, &who, &name).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Not kept for a repeated request.
fn once(mut response: HttpResponse) -> HttpResponse {
    response.extensions_mut().insert(ShownOnce);
    response
}
