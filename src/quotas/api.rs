use super::{Usage, ops};
use crate::{
    app::App,
    authz::Principal,
    http::problem::{Guarded, Problem},
};
use actix_web::{
    get,
    web::{Data, Json},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(look);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct QuotaView {
    /// What the workspace may keep; `null`: as much as there is room for.
    pub limit_bytes: Option<u64>,
    /// What it keeps and what it promised, together.
    pub used_bytes: u64,
    /// Of its files and datasets, the same bytes once.
    pub kept_bytes: u64,
    /// Of uploads in pieces that are open.
    pub promised_bytes: u64,
    /// What may still come; `null`: as much as there is room for.
    pub left_bytes: Option<u64>,
}

impl From<Usage> for QuotaView {
    fn from(usage: Usage) -> Self {
        Self {
            limit_bytes: usage.limit_bytes,
            used_bytes: usage.used_bytes(),
            kept_bytes: usage.kept_bytes,
            promised_bytes: usage.promised_bytes,
            left_bytes: usage.left_bytes(),
        }
    }
}

/// How much your workspace keeps, and how much it may.
#[utoipa::path(tag = "versions", operation_id = "getQuota", responses(
    (status = 200, description = "As of now", body = QuotaView), Guarded))]
#[get("/quota")]
async fn look(app: Data<App>, who: Principal) -> Result<Json<QuotaView>, Problem> {
    Ok(Json(ops::look(&app, &who).await?.into()))
}
