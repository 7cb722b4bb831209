//! Which workers there are, for people.

use super::{Known, LIVE, ops};
use crate::{
    app::App,
    authz::Principal,
    core::clock::rfc3339,
    http::problem::{Guarded, Problem},
};
use actix_web::{
    get,
    web::{Data, Json},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WorkerList {
    pub items: Vec<WorkerView>,
    /// Always `null`: there are few enough for one page.
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct WorkerView {
    pub name: String,
    /// Whose token a worker elsewhere uses; `null` for one at the service's own database.
    pub account: Option<String>,
    /// What it can be chosen by, such as `hardware=edge-cam`.
    pub labels: Vec<String>,
    /// Whether it was heard of lately enough to be thought there.
    pub is_live: bool,
    pub last_seen_at: String,
}

/// List the workers that may do what your workspace asks for, those that were seen last first.
#[utoipa::path(tag = "workers", operation_id = "listWorkers", responses(
    (status = 200, description = "All that were heard of lately", body = WorkerList), Guarded))]
#[get("/workers")]
async fn list(app: Data<App>, who: Principal) -> Result<Json<WorkerList>, Problem> {
    let now = app.db.clock().now();
    let view = |(known, account): (Known, String)| WorkerView {
        name: known.name,
        account: Some(account).filter(|account| !account.is_empty()),
        labels: known.labels.iter().map(ToString::to_string).collect(),
        is_live: now - known.last_seen_at <= LIVE,
        last_seen_at: rfc3339(known.last_seen_at),
    };
    let items = ops::known(&app, &who).await?.into_iter().map(view).collect();
    Ok(Json(WorkerList { items, next_cursor: None }))
}
