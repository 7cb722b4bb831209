//! The service put together: routes, middleware, extractor limits.

use crate::{
    accountability, accounts,
    app::App,
    audit, bom, comparisons, datasets, dossiers, environments, evidence, frameworks,
    http::{authn, denials, docs, head, headers, health, idempotency, operations, pace, problem::Problem, rate, tls},
    inference, keys, models, oversight, promotions, provenance, quotas, registry, releases, trust, validation,
    versions, web, workers,
};
use actix_web::{
    HttpRequest, HttpResponse, HttpServer,
    dev::{ResourceDef, Server},
    http::{Method, StatusCode, header},
    middleware::from_fn,
    web::{self as actix, Data},
};
use std::{net::TcpListener, sync::LazyLock, time::Duration};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt;

/// JSON bodies are small; files go by their own route, which streams. The largest is a
/// seal with a signature over 10,000 files, about 2.5 MiB.
const MAX_JSON_BYTES: usize = 4 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plimsoll",
        version = "1",
        description = "Registers models, measures them against an environment's limits, gates promotion by evidence and approvals, and keeps an audit log that outsiders can verify.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Bearer)
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}

/// The document, without a database or a server.
pub fn openapi() -> Document {
    let (_, mut document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .service(utoipa_actix_web::scope("/api/v1").configure(api_routes))
        .split_for_parts();
    operations::describe(&mut document);
    document
}

/// How long a caller may take for the handshake; whoever says nothing holds a place for no longer.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// So many may be in it at once, per worker, before others wait: a place is a socket and a few kilobytes.
const HANDSHAKES: usize = 4_096;

/// Starts the service on a socket that is already bound, over TLS if there is a certificate.
pub fn run(listener: TcpListener, app: Data<App>, workers: usize, tls: Option<tls::Edge>) -> std::io::Result<Server> {
    let (config, callers) = tls.map_or((None, None), |edge| (Some(edge.config), edge.callers));
    let server = HttpServer::new(move || {
        let (service, _) = actix_web::App::new()
            .wrap(from_fn(head::as_get))
            .wrap(from_fn(pace::bodies))
            .wrap(from_fn(rate::limit))
            .wrap(from_fn(denials::record_denials))
            .wrap(from_fn(web::dress))
            .wrap(from_fn(headers::surround))
            .into_utoipa_app()
            .app_data(app.clone())
            .service(
                utoipa_actix_web::scope("/api/v1")
                    .wrap(from_fn(idempotency::once))
                    .wrap(from_fn(authn::authenticate))
                    .configure(api_routes),
            )
            .split_for_parts();
        service.configure(edge).configure(health::routes).configure(docs::routes).configure(web::routes)
    })
    .workers(workers)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(30)
    .disable_signals()
    .tls_handshake_timeout(HANDSHAKE)
    .max_connection_rate(HANDSHAKES)
    .on_connect(move |connection, of_it| tls::note_certificate(callers.as_ref(), connection, of_it));
    let server = match config {
        Some(config) => server.listen_rustls_0_23(listener, config)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

fn api_routes(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    registry::api::routes(config);
    accounts::api::routes(config);
    accounts::sessions::api::routes(config);
    accounts::passwords::api::routes(config);
    accounts::second_factor::api::routes(config);
    accounts::founding::api::routes(config);
    accounts::people::api::routes(config);
    accounts::roles::api::routes(config);
    accounts::workloads::api::routes(config);
    trust::api::routes(config);
    models::api::routes(config);
    versions::api::routes(config);
    versions::sessions::api::routes(config);
    versions::contents::api::routes(config);
    quotas::api::routes(config);
    provenance::lineage::api::routes(config);
    bom::api::routes(config);
    versions::card::api::routes(config);
    inference::api::routes(config);
    // Before environments, whose documents have names of any kind.
    accountability::api::routes(config);
    environments::api::routes(config);
    datasets::api::routes(config);
    validation::api::routes(config);
    workers::api::routes(config);
    workers::list_api::routes(config);
    comparisons::api::routes(config);
    evidence::api::routes(config);
    frameworks::api::routes(config);
    promotions::api::routes(config);
    promotions::comments::api::routes(config);
    promotions::trial::api::routes(config);
    releases::api::routes(config);
    dossiers::api::routes(config);
    audit::api::routes(config);
    keys::api::routes(config);
    oversight::api::routes(config);
}

/// Failures inside actix leave in the same shape as ours.
fn edge(config: &mut actix::ServiceConfig) {
    let bad = |status: StatusCode, code: &str, detail: String| Problem::new(status, code, detail).into();
    config
        .app_data(actix::PayloadConfig::new(MAX_JSON_BYTES))
        .app_data(
            actix::QueryConfig::default()
                .error_handler(move |e, _| bad(StatusCode::BAD_REQUEST, "malformed_query", e.to_string())),
        )
        .app_data(
            actix::PathConfig::default()
                .error_handler(move |e, _| bad(StatusCode::NOT_FOUND, "not_found", e.to_string())),
        )
        .app_data(
            actix::FormConfig::default()
                .limit(64 << 10)
                .error_handler(move |e, _| bad(StatusCode::BAD_REQUEST, "malformed_form", e.to_string())),
        )
        .default_service(actix::to(unknown));
}

/// Macro routes are one resource per method, so a wrong method lands here as well.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let methods = allowed(request.path());
    let is_named = methods.iter().any(|method| method == request.method().as_str());
    // The document knows the form of the address and no route took it: a part of it names nothing.
    if is_named || (methods.is_empty() && !request.resource_map().has_resource(request.path())) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this address; see /docs"));
    }
    let allow = match methods.iter().any(|method| method == "GET") {
        true if methods.iter().all(|method| method != "HEAD") => format!("{}, HEAD", methods.join(", ")),
        false if methods.is_empty() => "GET, HEAD".to_owned(),
        _ => methods.join(", "),
    };
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish());
    }
    Err(Problem::method_not_allowed(allow))
}

/// Which methods the document knows at an address.
pub(super) fn allowed(path: &str) -> Vec<String> {
    static TABLE: LazyLock<Vec<(ResourceDef, Vec<String>)>> = LazyLock::new(|| {
        let document = serde_json::to_value(openapi()).unwrap_or_default();
        let paths = document["paths"].as_object().cloned().unwrap_or_default();
        paths
            .iter()
            .map(|(path, item)| {
                let methods =
                    item.as_object().map(|i| i.keys().map(|m| m.to_uppercase()).collect()).unwrap_or_default();
                (ResourceDef::new(path.replace("{path}", "{path:.*}")), methods)
            })
            .collect()
    });
    // An address that is spelled out is not also one of a form with a name in it.
    let matching = TABLE.iter().filter(|(def, _)| def.is_match(path));
    let named = |def: &ResourceDef| def.pattern().map_or(usize::MAX, |pattern| pattern.matches('{').count());
    let fewest = matching.clone().map(|(def, _)| named(def)).min().unwrap_or_default();
    let mut methods: Vec<_> =
        matching.filter(|(def, _)| named(def) == fewest).flat_map(|(_, methods)| methods.clone()).collect();
    methods.sort();
    methods.dedup();
    methods
}
