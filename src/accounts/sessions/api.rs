use crate::{
    accounts::{
        Token,
        api::IssuedView,
        sessions::{
            IDLE_MINUTES, Whence,
            ops::{self, Shown},
        },
    },
    app::App,
    authz::{Cause, Principal},
    core::{clock::rfc3339, ids::TokenId},
    crypto::hex,
    error::Error,
    http::{
        extract::ValidJson,
        peer,
        problem::{Changed, Found, Guarded, Problem},
    },
    workspaces,
};
use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header,
    post,
    web::{Data, Json, Path, Query},
};
use chrono::TimeDelta;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    // The current one before those with a name.
    config.service(sign_in).service(list).service(end_others).service(confirm).service(sign_out).service(end);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub name: String,
    pub password: String,
    /// Of the second factor, if the account has one: six digits, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// A secret of the program's own, 64 hex digits that it made at random and keeps: who signed in with it before does
    /// not wait for those who guess elsewhere. It opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationInput {
    /// The caller's own.
    pub password: String,
    /// Of the second factor, if the caller has one: six digits, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SessionView {
    pub id: TokenId,
    /// Whether this request came with it.
    pub current: bool,
    /// What the program said that it is, such as a browser's name.
    pub client: Option<String>,
    /// When it was opened, or confirmed with the password.
    pub confirmed_at: String,
    /// To the minute.
    pub last_used_at: String,
    /// When it ends if nobody uses it.
    pub idle_until: String,
    /// When it ends in any case.
    pub expires_at: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SessionList {
    /// The newest first.
    pub items: Vec<SessionView>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EndedView {
    /// How many sessions ended.
    pub ended: usize,
}

#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Whose, for administrators; the caller's own if absent.
    account: Option<String>,
}

/// Sign in with a password, and a code where the account has a second factor (401 `second_factor_required` without).
#[utoipa::path(tag = "accounts", operation_id = "signIn", request_body = SignIn, security(()), responses(
    (status = 201, description = "A session; the token is shown once", body = IssuedView), Changed))]
#[post("/sessions")]
async fn sign_in(
    app: Data<App>,
    request: HttpRequest,
    cause: Cause,
    input: ValidJson<SignIn>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let workspace = input.workspace.as_deref().unwrap_or(workspaces::DEFAULT);
    if input.device.as_deref().is_some_and(|device| hex::decode::<32>(device).is_none()) {
        return Err(Error::invalid("device", "use 64 hex digits that were made at random").into());
    }
    let from = whence(&request, input.device);
    let shown = Shown { password: &input.password, code: input.code.as_deref().unwrap_or_default() };
    let issued = ops::sign_in(&app, cause, workspace, &input.name, shown, &from).await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
}

/// Say again who one is: the session goes on under another token, and what weighs much can be done for 15 minutes.
#[utoipa::path(tag = "accounts", operation_id = "confirmSession", request_body = ConfirmationInput, responses(
    (status = 201, description = "The session's new token, shown once; the old one is dead", body = IssuedView), Changed))]
#[post("/sessions/current/confirmation")]
async fn confirm(app: Data<App>, who: Principal, input: ValidJson<ConfirmationInput>) -> Result<HttpResponse, Problem> {
    let shown = Shown { password: &input.0.password, code: input.0.code.as_deref().unwrap_or_default() };
    let issued = ops::confirm(&app, &who, shown).await?;
    let mut response = HttpResponse::Created().json(IssuedView::from(issued));
    response.extensions_mut().insert(crate::http::idempotency::ShownOnce);
    Ok(response)
}

/// List the sessions that are in use: one's own, or somebody's for an administrator.
#[utoipa::path(tag = "accounts", operation_id = "listSessions", params(ListParams), responses(
    (status = 200, description = "Sessions, without their secrets", body = SessionList), Found))]
#[get("/sessions")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<SessionList>, Problem> {
    let found = ops::list(&app, &who, params.account.as_deref()).await?;
    Ok(Json(SessionList { items: found.into_iter().map(|session| SessionView::of(session, &who)).collect() }))
}

/// End one's other sessions.
#[utoipa::path(tag = "accounts", operation_id = "endOtherSessions", responses(
    (status = 200, description = "All but the one that this request came with have ended", body = EndedView), Guarded))]
#[delete("/sessions")]
async fn end_others(app: Data<App>, who: Principal) -> Result<Json<EndedView>, Problem> {
    Ok(Json(EndedView { ended: ops::end_others(&app, &who).await? }))
}

/// End the session or token that this request came with.
#[utoipa::path(tag = "accounts", operation_id = "signOut", responses(
    (status = 204, description = "The credential is no longer valid"), Guarded))]
#[delete("/sessions/current")]
async fn sign_out(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
    ops::sign_out(&app, &who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End a session: one's own, or anybody's for an administrator.
#[utoipa::path(tag = "accounts", operation_id = "endSession",
    params(("session" = TokenId, Path, description = "Session id")), responses(
    (status = 204, description = "The session is no longer valid"), Found))]
#[delete("/sessions/{session}")]
async fn end(app: Data<App>, who: Principal, id: Path<TokenId>) -> Result<HttpResponse, Problem> {
    ops::end(&app, &who, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Where a request comes from, for whoever signs in by it.
pub fn whence(request: &HttpRequest, device: Option<String>) -> Whence {
    let client = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Whence::new(peer::address(request), client, device)
}

impl SessionView {
    pub fn of(session: Token, who: &Principal) -> Self {
        let (last, proven_at) = (session.seen_at.unwrap_or(session.created_at), session.proven_at());
        let idle_until = (last + TimeDelta::minutes(IDLE_MINUTES)).min(session.expires_at);
        Self {
            id: session.id,
            current: Some(session.id) == who.credential.id(),
            client: session.client,
            confirmed_at: rfc3339(proven_at),
            last_used_at: rfc3339(last),
            idle_until: rfc3339(idle_until),
            expires_at: rfc3339(session.expires_at),
        }
    }
}
