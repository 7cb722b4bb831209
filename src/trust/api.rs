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
    config.service(list).service(add).service(revoke_certificate).service(revoke);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TrustKeyView {
    pub id: TrustKeyId,
    pub name: String,
    /// `key` or `authority`.
    pub kind: String,
    /// Lowercase hex SHA-256: over the PEM text of a key, over the DER of an authority's certificate.
    pub fingerprint: String,
    /// Of the key, or of the authority's certificate.
    pub public_key_pem: String,
    /// Whom an authority may name.
    pub identities: Vec<String>,
    /// Certificates of an authority that count no more, by SHA-256 or serial number.
    pub revoked_certificates: Vec<String>,
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
    /// A public key (EC P-256, P-384 or P-521, or Ed25519; SubjectPublicKeyInfo), or the certificate of an authority, as PEM.
    pub public_key_pem: String,
    /// Whom an authority may name: `email:NAME@DOMAIN`, `email:*@DOMAIN`, `uri:ADDRESS`, `uri:ADDRESS/*`, `dns:NAME`, or `*`, and
    /// after it perhaps ` issuer=ADDRESS`. For a key none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<String>,
    /// Since when it counts, now if absent; not in the future. Evidence that it signed before is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateInput {
    /// Its SHA-256 in hex, or `serial:` and its number in hex.
    pub certificate: String,
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
    let root = ops::Root { pem: &input.0.public_key_pem, identities: &input.0.identities };
    let key = ops::add(&app, &who, name, root, (input.0.valid_from, input.0.valid_until)).await?;
    Ok(HttpResponse::Created().json(TrustKeyView::from(key)))
}

/// Revoke a key: what it signed no longer leaves through the gate.
#[utoipa::path(tag = "trust", operation_id = "revokeTrustKey", params(("key" = TrustKeyId, Path, description = "Key id")),
    responses((status = 200, description = "Revoked", body = TrustKeyView), Changed))]
#[delete("/trust-keys/{key}")]
async fn revoke(app: Data<App>, who: Principal, id: Path<TrustKeyId>) -> Result<Json<TrustKeyView>, Problem> {
    Ok(Json(ops::revoke(&app, &who, *id).await?.into()))
}

/// Revoke one certificate of an authority: what was signed with it no longer leaves through the gate.
#[utoipa::path(tag = "trust", operation_id = "revokeCertificate", params(("key" = TrustKeyId, Path, description = "Id of the authority")),
    request_body = CertificateInput,
    responses((status = 200, description = "Revoked", body = TrustKeyView), Changed))]
#[post("/trust-keys/{key}/revoked-certificates")]
async fn revoke_certificate(
    app: Data<App>,
    who: Principal,
    id: Path<TrustKeyId>,
    input: ValidJson<CertificateInput>,
) -> Result<Json<TrustKeyView>, Problem> {
    Ok(Json(ops::revoke_certificate(&app, &who, *id, &input.0.certificate).await?.into()))
}

impl From<TrustKey> for TrustKeyView {
    fn from(key: TrustKey) -> Self {
        Self {
            id: key.id,
            kind: if key.is_authority() { "authority" } else { "key" }.to_owned(),
            identities: key.identities.as_deref().unwrap_or_default().lines().map(str::to_owned).collect(),
            revoked_certificates: key.revoked_certificates.into_iter().collect(),
            name: key.name,
            fingerprint: key.fingerprint,
            public_key_pem: key.public_key_pem,
            valid_from: rfc3339(key.valid_from),
            valid_until: key.valid_until.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}
