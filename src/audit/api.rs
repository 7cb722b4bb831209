use crate::{
    app::App,
    audit::{Entry, asof, ops, proofs},
    authz::Principal,
    core::clock::rfc3339,
    error::Error,
    http::problem::{Found, Guarded, Problem},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Bytes, Data, Json, Query},
};
use futures_util::stream;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Leaves per read while an export streams.
const EXPORT_PAGE: u64 = 1_000;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(checkpoint)
        .service(list_events)
        .service(export_log)
        .configure(proofs::api::routes)
        .configure(asof::api::routes);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EntryView {
    /// The order of writing; give it as `before` to go on.
    pub id: i64,
    /// The place in the tree; absent for a moment after the event.
    pub index: Option<i64>,
    pub at: String,
    pub action: String,
    /// `done` or `denied`.
    pub outcome: String,
    /// The canonical leaf: actor, object, detail.
    #[schema(value_type = Object)]
    pub leaf: Value,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventParams {
    /// Such as `promotion.approve`.
    pub action: Option<String>,
    /// Id of the object that an event is about.
    pub object: Option<String>,
    /// Only events before this one.
    pub before: Option<i64>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CheckpointParams {
    /// The newest head that at least so many witnesses signed; the newest of all if absent.
    pub cosignatures: Option<u64>,
}

/// The log's last signed head: a C2SP checkpoint, with the cosignatures that it has.
#[utoipa::path(tag = "audit", operation_id = "getCheckpoint", params(CheckpointParams), responses(
    (status = 200, description = "A signed note", body = String, content_type = "text/plain"), Found))]
#[get("/audit/checkpoint")]
async fn checkpoint(app: Data<App>, who: Principal, params: Query<CheckpointParams>) -> Result<HttpResponse, Problem> {
    let head = ops::head(&app, &who, params.cosignatures.unwrap_or_default()).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(head.note))
}

/// What happened in this workspace, newest first.
#[utoipa::path(tag = "audit", operation_id = "listEvents", params(EventParams), responses(
    (status = 200, description = "Events", body = Vec<EntryView>), Guarded))]
#[get("/audit/events")]
async fn list_events(
    app: Data<App>,
    who: Principal,
    params: Query<EventParams>,
) -> Result<Json<Vec<EntryView>>, Problem> {
    let limit = params.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::invalid("limit", "use 1 to 200").into());
    }
    let (action, object) = (params.action.as_deref(), params.object.as_deref());
    let entries = ops::events(&app, &who, action, object, params.before, limit).await?;
    Ok(Json(entries.into_iter().map(EntryView::try_from).collect::<Result<_, _>>()?))
}

/// Export the whole log for `plimsoll audit verify`: JSON Lines, the signed head first.
#[utoipa::path(tag = "audit", operation_id = "exportLog", responses(
    (status = 200, description = "The log", body = String, content_type = "application/jsonl"), Guarded))]
#[post("/audit/export")]
async fn export_log(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
    let (header, size) = ops::begin_export(&app, &who).await?;
    let first = Bytes::from(header);
    let lines = stream::try_unfold((app, 0, Some(first)), move |(app, from, first)| async move {
        if let Some(first) = first {
            return Ok::<_, actix_web::Error>(Some((first, (app, from, None))));
        }
        if size <= from {
            return Ok(None);
        }
        let to = size.min(from + EXPORT_PAGE);
        let leaves = ops::export_leaves(&app, from, to).await.map_err(Problem::from)?;
        let mut text = leaves.join("\n");
        text.push('\n');
        Ok(Some((Bytes::from(text), (app, to, None))))
    });
    Ok(HttpResponse::Ok().content_type("application/jsonl").streaming(lines))
}

impl TryFrom<Entry> for EntryView {
    type Error = Error;

    fn try_from(entry: Entry) -> Result<Self, Error> {
        Ok(Self {
            id: entry.id,
            index: entry.index,
            at: rfc3339(entry.at),
            action: entry.action,
            outcome: entry.outcome,
            leaf: serde_json::from_str(&entry.leaf).map_err(Error::internal)?,
        })
    }
}
