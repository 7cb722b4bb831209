//! Is it alive, and could it do its work?

use crate::{app::App, audit, blobs};
use actix_web::{
    HttpResponse, get,
    web::{Data, ServiceConfig},
};
use serde_json::json;

pub fn routes(config: &mut ServiceConfig) {
    config.service(livez).service(readyz);
}

#[get("/livez")]
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// Tests what a write needs: the database takes a transaction, the store of files is this registry's and takes a file,
/// and the audit log goes on from what was signed.
#[get("/readyz")]
async fn readyz(app: Data<App>) -> HttpResponse {
    let database = app.db.ping().await.is_ok();
    let files = app.blobs.probe().await.is_ok() && blobs::owner::confirm(&app).await.is_ok();
    let log = audit::guard::check_now(&app).await.is_ok();
    let validation = app.sandbox.ort_lib.is_some();
    let body = json!({
        "database": word(database),
        "blobs": word(files),
        "log": if log { "ok" } else { "not extended: the service's own log says why" },
        "validation": if validation { "ok" } else { "no ONNX Runtime library: runs will wait for another worker" },
    });
    if database && files && log { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

fn word(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}
