use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, ids::TrustKeyId, name::Name, page},
    error::InField,
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Guarded, Problem},
    },
    trust::{TrustKey, ops},
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "trust-keys";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(add).service(revoke);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TrustKeyView {
    pub id: TrustKeyId,
    pub name: String,
    /// Lowercase hex SHA-256 over the PEM text.
    pub fingerprint: String,
    pub public_key_pem: String,
    pub valid_from: String,
    pub valid_until: Option<String>,
    pub revoked_at: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TrustKeyPage {
    pub items: Vec<TrustKeyView>,
    pub next_cursor: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustKeyInput {
    /// Whose key it is, such as `ines-laptop`.
    pub name: String,
    /// An EC public key (P-256, P-384 or P-521; SubjectPublicKeyInfo) as PEM.
    pub public_key_pem: String,
    /// Since when it counts, now if absent; not in the future. Evidence that it signed before is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
}

/// List the keys that this workspace trusts.
#[utoipa::path(tag = "trust", operation_id = "listTrustKeys", params(PageParams), responses(
    (status = 200, description = "A page of keys, revoked ones too", body = TrustKeyPage), Guarded))]
#[get("/trust-keys")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<TrustKeyPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?.map(TrustKeyView::from);
    Ok(Json(TrustKeyPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Trust a key's signatures, from now on or since an earlier day.
#[utoipa::path(tag = "trust", operation_id = "addTrustKey", request_body = TrustKeyInput, responses(
    (status = 201, description = "Trusted", body = TrustKeyView), Changed))]
#[post("/trust-keys")]
async fn add(app: Data<App>, who: Principal, input: ValidJson<TrustKeyInput>) -> Result<HttpResponse, Problem> {
    let name = Name::parse(&input.0.name).in_field("name")?;
    let key = ops::add(&app, &who, name, &input.0.public_key_pem, (input.0.valid_from, input.0.valid_until)).await?;
    Ok(HttpResponse::Created().json(TrustKeyView::from(key)))
}

/// Revoke a key: what it signed no longer leaves through the gate.
#[utoipa::path(tag = "trust", operation_id = "revokeTrustKey", params(("key" = TrustKeyId, Path, description = "Key id")),
    responses((status = 200, description = "Revoked", body = TrustKeyView), Changed))]
#[delete("/trust-keys/{key}")]
async fn revoke(app: Data<App>, who: Principal, id: Path<TrustKeyId>) -> Result<Json<TrustKeyView>, Problem> {
    Ok(Json(ops::revoke(&app, &who, *id).await?.into()))
}

impl From<TrustKey> for TrustKeyView {
    fn from(key: TrustKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            fingerprint: key.fingerprint,
            public_key_pem: key.public_key_pem,
            valid_from: rfc3339(key.valid_from),
            valid_until: key.valid_until.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}
