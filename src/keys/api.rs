use crate::{
    app::App,
    core::clock::rfc3339,
    crypto::key_chain::Link,
    http::problem::Problem,
    keys::{KeyState, RegisteredKey, ops},
};
use actix_web::{
    get,
    web::{Data, Json},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_keys);
}

/// The public half of a key of the registry.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RegistryKeyView {
    /// 8 hex digits: the id in signed notes.
    pub id: String,
    /// `active` (signs everything), `retiring` (signs the log's heads beside the active one) or `retired`.
    pub state: String,
    /// Verifies the log's heads (C2SP signed-note form).
    pub verifier_key: String,
    /// The same Ed25519 key as PEM: verifies statements.
    pub public_key_pem: String,
    /// A signed note in which the key before vouches for this one; absent for the first key.
    pub endorsement: Option<String>,
    pub signs_from: String,
    /// Absent for the active key.
    pub signs_until: Option<String>,
}

/// Every key that the registry had, oldest first.
#[utoipa::path(tag = "audit", operation_id = "listRegistryKeys", security(()),
    responses((status = 200, description = "Keys, retired ones too", body = Vec<RegistryKeyView>)))]
#[get("/audit/keys")]
async fn list_keys(app: Data<App>) -> Result<Json<Vec<RegistryKeyView>>, Problem> {
    Ok(Json(ops::list(&app).await?.into_iter().map(RegistryKeyView::from).collect()))
}

impl RegistryKeyView {
    pub fn link(&self) -> Link {
        Link { verifier_key: self.verifier_key.clone(), endorsement: self.endorsement.clone() }
    }
}

impl From<(RegisteredKey, KeyState)> for RegistryKeyView {
    fn from((key, state): (RegisteredKey, KeyState)) -> Self {
        Self {
            id: key.id,
            state: state.name().to_owned(),
            verifier_key: key.verifier_key,
            public_key_pem: key.public_key_pem,
            endorsement: key.endorsement,
            signs_from: rfc3339(key.added_at),
            signs_until: key.signs_until.map(rfc3339),
        }
    }
}
