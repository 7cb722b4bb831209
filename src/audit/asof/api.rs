use crate::{
    app::App,
    audit::asof::{Selection, State, ops},
    authz::Principal,
    core::clock::{MOMENT, moment, rfc3339},
    error::Error,
    http::problem::{Found, Problem},
};
use actix_web::{
    get,
    web::{Data, Json, Query},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(as_of);
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AsOfParams {
    /// A time in RFC 3339, or a day such as `2026-03-01`, which means its end in UTC (or now, today).
    pub at: String,
    /// Name of one environment.
    pub environment: Option<String>,
    /// Name of one model.
    pub model: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AsOfView {
    pub at: String,
    /// How many records were replayed for it: online those of the workspace that can change a row,
    /// from an export all of them.
    pub records: u64,
    #[serde(flatten)]
    pub state: State,
}

/// The state on any date: releases, documents, owners, roles and open requests, replayed from the log.
#[utoipa::path(tag = "audit", operation_id = "getStateAsOf", params(AsOfParams), responses(
    (status = 200, description = "The state then", body = AsOfView), Found))]
#[get("/asof")]
async fn as_of(app: Data<App>, who: Principal, params: Query<AsOfParams>) -> Result<Json<AsOfView>, Problem> {
    let Query(AsOfParams { at, environment, model }) = params;
    let at = moment(&at, app.db.clock().now()).ok_or_else(|| Error::invalid("at", MOMENT))?;
    let (state, records) = ops::as_of(&app.into_inner(), &who, at, &Selection { environment, model }).await?;
    Ok(Json(AsOfView { at: rfc3339(at), records, state }))
}
