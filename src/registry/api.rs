use crate::app::App;
use actix_web::{
    get,
    web::{Data, Json},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(describe);
}

/// The registry's own name and keys.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RegistryView {
    pub version: String,
    /// The name in the audit log and in signed statements.
    pub origin: String,
    /// Verifies checkpoints of the audit log (C2SP signed-note form).
    pub verifier_key: String,
    /// The same Ed25519 key as PEM: verifies release and approval statements.
    pub public_key_pem: String,
}

/// Describe the registry and its public keys.
#[utoipa::path(tag = "registry", operation_id = "describeRegistry", security(()),
    responses((status = 200, description = "Name, version and public keys", body = RegistryView)))]
#[get("/registry")]
async fn describe(app: Data<App>) -> Json<RegistryView> {
    Json(RegistryView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        origin: app.signer.origin().to_owned(),
        verifier_key: app.signer.vkey(),
        public_key_pem: app.signer.public_key_pem(),
    })
}
