use crate::{
    app::App,
    audit::asof::{Selection, State, ops},
    authz::Principal,
    core::clock::rfc3339,
    error::Error,
    http::problem::{Found, Problem},
};
use actix_web::{
    get,
    web::{Data, Json, Query},
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
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
    let (state, records) = ops::as_of(&app, &who, at, &Selection { environment, model }).await?;
    Ok(Json(AsOfView { at: rfc3339(at), records, state }))
}

pub const MOMENT: &str = "use a day such as 2026-04-16, or a time in RFC 3339";

/// A time, or the end of a day; of today: now.
pub fn moment(raw: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(raw) {
        return Some(at.to_utc());
    }
    let day = NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok().filter(|_| raw.len() == 10)?;
    let end = day.succ_opt()?.and_time(NaiveTime::MIN).and_utc() - TimeDelta::microseconds(1);
    Some(if day == now.date_naive() { now } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_day_is_meant_to_its_end_and_today_to_now() {
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).single().expect("time");
        for (raw, wanted) in [
            ("2026-03-01", Some("2026-03-01T23:59:59.999999Z")),
            ("2026-03-02", Some("2026-03-02T10:00:00.000000Z")),
            ("2026-03-01T12:00:00+02:00", Some("2026-03-01T10:00:00.000000Z")),
            ("2026-3-1", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(moment(raw, now).map(rfc3339).as_deref(), wanted, "{raw}");
        }
    }
}
