use crate::{
    app::App,
    audit::{
        archive::{self, Extent},
        asof, ops, proofs, search, security,
    },
    authz::Principal,
    error::Error,
    http::problem::{Found, Guarded, Problem},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Bytes, Data, Query},
};
use futures_util::stream;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

/// Leaves per read while an export streams.
const EXPORT_PAGE: u64 = 1_000;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(checkpoint)
        .service(export_log)
        .configure(search::api::routes)
        .configure(security::api::routes)
        .configure(proofs::api::routes)
        .configure(asof::api::routes);
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

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportParams {
    /// `jsonl`, as if absent: the signed head and one leaf per line; or `tar`: a signed archive.
    pub format: Option<String>,
    /// Of an archive, `log` or `workspace`; what the caller may have, if absent.
    pub extent: Option<String>,
}

/// Export the log for `plimsoll audit verify`: as JSON Lines, the signed head first, or as an
/// archive that is a mirror of the log when it is unpacked. Of another workspace than the
/// registry's own only its records leave, as an archive with their proofs.
#[utoipa::path(tag = "audit", operation_id = "exportLog", params(ExportParams), responses(
    (status = 200, description = "The log", content((String = "application/jsonl"), (String = "application/x-tar"))), Guarded))]
#[post("/audit/export")]
async fn export_log(app: Data<App>, who: Principal, params: Query<ExportParams>) -> Result<HttpResponse, Problem> {
    match (params.format.as_deref(), params.extent.as_deref()) {
        (None | Some("jsonl"), None | Some("log")) => export_lines(app, who).await,
        (Some("tar"), None) => export_archive(app, who, None).await,
        (Some("tar"), Some("log")) => export_archive(app, who, Some(Extent::Log)).await,
        (Some("tar"), Some("workspace")) => export_archive(app, who, Some(Extent::Workspace)).await,
        (None | Some("jsonl"), Some("workspace")) => {
            Err(Error::invalid("format", "the records of one workspace come as tar").into())
        }
        (None | Some("jsonl" | "tar"), Some(_)) => Err(Error::invalid("extent", "use log or workspace").into()),
        (Some(_), _) => Err(Error::invalid("format", "use jsonl or tar").into()),
    }
}

async fn export_archive(app: Data<App>, who: Principal, extent: Option<Extent>) -> Result<HttpResponse, Problem> {
    let pack = archive::ops::begin(&app, &who, extent).await?;
    let pieces = stream::try_unfold((app, pack), |(app, mut pack)| async move {
        let piece = pack.next(&app).await.map_err(Problem::from)?;
        Ok::<_, actix_web::Error>(piece.map(|piece| (Bytes::from(piece), (app, pack))))
    });
    Ok(HttpResponse::Ok().content_type(archive::MEDIA_TYPE).streaming(pieces))
}

async fn export_lines(app: Data<App>, who: Principal) -> Result<HttpResponse, Problem> {
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
