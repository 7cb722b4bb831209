//! The API document and its browser, offline.

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{self, ServiceConfig},
};
use std::sync::LazyLock;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Swagger UI writes style attributes; nothing else here may relax the policy.
pub const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'";

/// Composed when somebody asks first: most services are never asked, and it takes some megabytes while it is made.
static JSON: LazyLock<Option<String>> = LazyLock::new(|| super::server::openapi().to_json().ok());
static YAML: LazyLock<Option<String>> = LazyLock::new(|| super::server::openapi().to_yaml().ok());

pub fn routes(config: &mut ServiceConfig) {
    let ui = SwaggerUi::new("/docs/{_:.*}").config(Config::new(["/openapi.json"]));
    config.service(web::redirect("/docs", "/docs/")).service(json).service(yaml).service(ui);
}

#[get("/openapi.json")]
async fn json() -> HttpResponse {
    document(&JSON, "application/json")
}

#[get("/openapi.yaml")]
async fn yaml() -> HttpResponse {
    document(&YAML, "application/yaml; charset=utf-8")
}

fn document(text: &'static Option<String>, media_type: &str) -> HttpResponse {
    match text {
        Some(text) => HttpResponse::Ok().insert_header((header::CONTENT_TYPE, media_type)).body(text.as_str()),
        None => HttpResponse::InternalServerError().finish(),
    }
}
