use crate::{
    accounts::{
        Account, Issued, NewAccount, Token,
        ops::{self, Made},
        reach::{ReachView, meant, shown},
    },
    app::App,
    authz::{Principal, Reach},
    core::{
        clock::rfc3339,
        ids::{AccountId, TokenId},
        page,
        text::Line,
    },
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        idempotency::ShownOnce,
        problem::{Changed, Found, Guarded, Problem},
    },
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json, Path, Query},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const ACCOUNTS: &str = "accounts";
const TOKENS: &str = "tokens";

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(whoami)
        .service(list)
        .service(create)
        .service(deactivate)
        .service(erase)
        .service(list_tokens)
        .service(create_token)
        .service(revoke_token);
}

/// A credential in the only answer that shows its secret.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct IssuedView {
    pub id: TokenId,
    /// Send it as `Authorization: Bearer …`; it is not shown again.
    pub token: String,
    /// Names the credential in lists and in the log.
    pub accessor: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
}

/// The caller, as the service sees them.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WhoView {
    pub name: String,
    /// `user` or `service`.
    pub kind: String,
    pub roles: Vec<String>,
    /// `session` or `token`.
    pub credential: String,
    /// How far the credential reaches; as far as the account may, where nothing is named.
    #[serde(default)]
    pub scope: ReachView,
    /// `active`; `required`: nothing else may be done before there is one; or `none`.
    #[serde(default)]
    pub second_factor: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AccountView {
    pub id: AccountId,
    pub name: String,
    pub display_name: String,
    /// `user` or `service`.
    pub kind: String,
    /// `active` or `deactivated`.
    pub state: String,
    pub roles: Vec<String>,
    pub created_at: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AccountPage {
    pub items: Vec<AccountView>,
    pub next_cursor: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    /// 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    /// `user` or `service`.
    pub kind: String,
    /// Any of viewer, contributor, reviewer, environment_manager, deployer, auditor, admin,
    /// risk_officer, compliance_officer.
    pub roles: Vec<String>,
}

/// An account that was made.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MadeView {
    #[serde(flatten)]
    pub account: AccountView,
    /// For a person, in the only answer that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationView>,
}

/// With this a person chooses their password, at `/reset` or `POST /api/v1/password-resets`.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct InvitationView {
    /// For the person alone, over a channel on which you know them; it works once, for three days.
    pub code: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TokenView {
    pub id: TokenId,
    pub account: AccountId,
    pub name: String,
    pub accessor: String,
    pub created_at: String,
    pub expires_at: String,
    pub revoked_at: Option<String>,
    /// How far it reaches; as far as its account may, where nothing is named.
    #[serde(default)]
    pub scope: ReachView,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TokenPage {
    pub items: Vec<TokenView>,
    pub next_cursor: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenInput {
    /// What it is for.
    pub name: String,
    /// Whose token; the caller's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// 1 to 365.
    pub expires_in_days: i64,
    /// How far it reaches; as far as its account may, if absent.
    #[serde(default, skip_serializing_if = "ReachView::is_empty")]
    pub scope: ReachView,
}

/// Say who the caller is.
#[utoipa::path(tag = "accounts", operation_id = "whoAmI", responses(
    (status = 200, description = "The caller", body = WhoView), Guarded))]
#[get("/whoami")]
async fn whoami(app: Data<App>, who: Principal) -> Result<Json<WhoView>, Problem> {
    let scope = scope(&app, &who, &who.reach).await?;
    Ok(Json(WhoView {
        scope,
        name: who.name.clone(),
        kind: who.kind.name().to_owned(),
        roles: who.role_names(),
        credential: who.credential.name().to_owned(),
        second_factor: who.second_factor.name().to_owned(),
    }))
}

/// List the workspace's accounts.
#[utoipa::path(tag = "accounts", operation_id = "listAccounts", params(PageParams), responses(
    (status = 200, description = "A page of accounts", body = AccountPage), Guarded))]
#[get("/accounts")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<AccountPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(ACCOUNTS)?).await?.map(AccountView::from);
    Ok(Json(AccountPage { next_cursor: page.next.map(|id| page::encode(ACCOUNTS, id)), items: page.items }))
}

/// Create a user or a service account. Whoever makes a user learns and chooses no password.
#[utoipa::path(tag = "accounts", operation_id = "createAccount", request_body = AccountInput, responses(
    (status = 201, description = "Created; the code of a user is shown once", body = MadeView), Changed))]
#[post("/accounts")]
async fn create(app: Data<App>, who: Principal, input: ValidJson<AccountInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let new = NewAccount::parse(&i.name, &i.display_name, &i.kind, &i.roles, None)?;
    let made = ops::create(&app, &who, new).await?;
    let is_once = made.invitation.is_some();
    let mut response = HttpResponse::Created().json(MadeView::from(made));
    if is_once {
        response.extensions_mut().insert(ShownOnce);
    }
    Ok(response)
}

/// End an account's access at once.
#[utoipa::path(tag = "accounts", operation_id = "deactivateAccount",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "Deactivated; its sessions and tokens no longer work", body = AccountView), Changed))]
#[delete("/accounts/{account}")]
async fn deactivate(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<AccountView>, Problem> {
    Ok(Json(ops::deactivate(&app, &who, &name).await?.into()))
}

/// Forget who a deactivated account belonged to. Its id stays on record, and every proof holds.
#[utoipa::path(tag = "accounts", operation_id = "eraseAccount",
    params(("account" = String, Path, description = "Account name")), responses(
    (status = 200, description = "The account under the name that is left", body = AccountView), Changed))]
#[post("/accounts/{account}/erasure")]
async fn erase(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<AccountView>, Problem> {
    Ok(Json(ops::erase(&app, &who, &name).await?.into()))
}

/// List API tokens: one's own, or everybody's for an administrator.
#[utoipa::path(tag = "accounts", operation_id = "listTokens", params(PageParams), responses(
    (status = 200, description = "A page of tokens, without their secrets", body = TokenPage), Guarded))]
#[get("/tokens")]
async fn list_tokens(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<TokenPage>, Problem> {
    let page = ops::list_tokens(&app, &who, params.parse(TOKENS)?).await?;
    let mut items = Vec::new();
    for token in page.items {
        let scope = scope(&app, &who, &token.reach).await?;
        items.push(TokenView::of(token, scope));
    }
    Ok(Json(TokenPage { items, next_cursor: page.next.map(|id| page::encode(TOKENS, id)) }))
}

/// Create an API token.
#[utoipa::path(tag = "accounts", operation_id = "createToken", request_body = TokenInput, responses(
    (status = 201, description = "The token; it is shown once", body = IssuedView), Changed))]
#[post("/tokens")]
async fn create_token(app: Data<App>, who: Principal, input: ValidJson<TokenInput>) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let name = Line::parse_required(&i.name).in_field("name")?;
    let limits = meant(&app, &who, i.scope.parse()?).await?;
    let issued = ops::create_token(&app, &who, i.account.as_deref(), name, i.expires_in_days, limits).await?;
    let mut response = HttpResponse::Created().json(IssuedView::from(issued));
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

/// Revoke a token.
#[utoipa::path(tag = "accounts", operation_id = "revokeToken", params(("token" = TokenId, Path, description = "Token id")),
    responses((status = 204, description = "The token is no longer valid"), Found))]
#[delete("/tokens/{token}")]
async fn revoke_token(app: Data<App>, who: Principal, id: Path<TokenId>) -> Result<HttpResponse, Problem> {
    ops::revoke_token(&app, &who, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<Issued> for IssuedView {
    fn from(issued: Issued) -> Self {
        Self {
            id: issued.token.id,
            token: issued.secret,
            accessor: issued.token.accessor,
            expires_at: rfc3339(issued.token.expires_at),
        }
    }
}

impl From<Made> for MadeView {
    fn from(made: Made) -> Self {
        let invitation = made
            .invitation
            .map(|issued| InvitationView { code: issued.secret, expires_at: rfc3339(issued.reset.expires_at) });
        Self { account: made.account.into(), invitation }
    }
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            display_name: account.display_name,
            kind: account.kind.name().to_owned(),
            state: if account.active { "active" } else { "deactivated" }.to_owned(),
            roles: account.roles.iter().map(ToString::to_string).chain(account.custom.names()).collect(),
            created_at: rfc3339(account.created_at),
        }
    }
}

/// How far a credential reaches, by names.
pub async fn scope(app: &App, who: &Principal, reach: &Reach) -> Result<ReachView, Error> {
    match reach.limits() {
        Some(limits) => shown(app, who, limits).await,
        None => Ok(ReachView::default()),
    }
}

impl TokenView {
    pub fn of(token: Token, scope: ReachView) -> Self {
        Self {
            id: token.id,
            account: token.account,
            name: token.name,
            accessor: token.accessor,
            created_at: rfc3339(token.created_at),
            expires_at: rfc3339(token.expires_at),
            revoked_at: token.revoked_at.map(rfc3339),
            scope,
        }
    }
}
