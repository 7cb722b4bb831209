//! The API document and its browser, offline.

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{self, ServiceConfig},
};
use utoipa_swagger_ui::SwaggerUi;

/// Swagger UI writes style attributes; nothing else here may relax the policy.
pub const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'";

pub fn routes(config: &mut ServiceConfig) {
    let ui = SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", super::server::openapi());
    config.service(web::redirect("/docs", "/docs/")).service(yaml).service(ui);
}

#[get("/openapi.yaml")]
async fn yaml() -> HttpResponse {
    match super::server::openapi().to_yaml() {
        Ok(text) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/yaml; charset=utf-8")).body(text)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
