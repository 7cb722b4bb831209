//! The outermost middleware: request ids, security headers, one log line per request,
//! and the final shape of every problem.

use crate::{
    error::Error,
    http::{
        docs::DOCS_POLICY,
        problem::{CONTENT_TYPE, Problem},
        rate,
    },
};
use actix_web::{
    HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Instant};
use uuid::Uuid;

/// The id of a request: in the answer, in the log, in the audit leaf.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("x-permitted-cross-domain-policies", "none"),
    // Browsers heed it only where the connection is secure; behind a proxy that ends TLS, this is where it comes from.
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    ),
];

pub async fn surround(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (started, method) = (Instant::now(), request.method().clone());
    let id = Uuid::now_v7().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    // Middleware further in answers with a response, never with an error: only a response
    // can carry the headers and the request id.
    let route = request.match_pattern();
    let response = if holds_nul(&request) {
        request.error_response(Problem::new(StatusCode::BAD_REQUEST, "malformed_address", "the address holds a NUL"))
    } else if is_embedded(&request) {
        let detail = "another site embeds this address; open it by itself";
        request.error_response(Problem::new(StatusCode::FORBIDDEN, "not_embeddable", detail))
    } else {
        // What a handler held is let go of as it unwinds: a transaction rolls back, a file is removed.
        match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(response) => response?.map_into_boxed_body(),
            Err(_) => {
                tracing::error!(request_id = id, route, "a handler panicked; its message is above");
                return Err(panicked(&id));
            }
        }
    };
    let mut response = shape(response, &id);
    let docs = response.request().path().starts_with("/docs");
    protect(response.headers_mut(), docs);
    name_charset(&mut response);
    rate::tell(&mut response);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "-".to_owned());
    tracing::info!(
        request_id = id,
        %method,
        route,
        status = response.status().as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    Ok(response)
}

/// The headers that every answer has, unless it has said something of its own.
fn protect(headers: &mut HeaderMap, docs: bool) {
    for (name, value) in HEADERS {
        let value = if docs && *name == "content-security-policy" { DOCS_POLICY } else { value };
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// The answer where a handler panicked. Its request is gone, so nothing outside of this can dress it.
fn panicked(id: &str) -> actix_web::Error {
    let problem = Problem::from(Error::internal("a handler panicked"));
    let mut answer = problem.respond(id);
    protect(answer.headers_mut(), false);
    if let Ok(value) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    InternalError::from_response("a handler panicked", answer).into()
}

/// No name, search or cursor has a NUL in it, and PostgreSQL fails on text that has.
fn holds_nul(request: &ServiceRequest) -> bool {
    let uri = request.uri();
    uri.path().contains("%00") || uri.query().is_some_and(|query| query.contains("%00"))
}

/// All text here is UTF-8, whoever wrote the header.
fn name_charset(response: &mut ServiceResponse<BoxBody>) {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bare = kind.filter(|kind| kind.starts_with("text/") && !kind.contains("charset"));
    if let Some(Ok(named)) = bare.map(|kind| HeaderValue::from_str(&format!("{kind}; charset=utf-8"))) {
        response.headers_mut().insert(header::CONTENT_TYPE, named);
    }
}

/// Whether another site's page wants this as a part of itself: a picture, a script, a frame. Following a link from
/// elsewhere is none of these.
fn is_embedded(request: &ServiceRequest) -> bool {
    let said = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let foreign = said(&FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"));
    foreign && said(&FETCH_DEST).is_some_and(|dest| !matches!(dest, "document" | "empty"))
}

/// Puts the request id into a problem, logs the cause of a failure of ours once, and
/// turns whatever actix itself says into a problem.
fn shape(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let shaped = match response.response().error() {
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => {
                if let Some(cause) = problem.cause().filter(|_| status.is_server_error()) {
                    tracing::error!(request_id = id, error = %chain(cause), "request failed");
                }
                Some(problem.respond(id))
            }
            None if is_html(&response) => None,
            None => Some(Problem::new(status, code_of(status), error.to_string()).respond(id)),
        },
        None if has_body_of_ours(&response) => None,
        None => Some(Problem::new(status, code_of(status), status.canonical_reason().unwrap_or("refused")).respond(id)),
    };
    match shaped {
        Some(shaped) => response.into_response(shaped),
        None => response,
    }
}

fn is_html(response: &ServiceResponse<BoxBody>) -> bool {
    starts_with(response, "text/html")
}

fn has_body_of_ours(response: &ServiceResponse<BoxBody>) -> bool {
    is_html(response) || starts_with(response, CONTENT_TYPE) || starts_with(response, "application/json")
}

fn starts_with(response: &ServiceResponse<BoxBody>, kind: &str) -> bool {
    let header = response.headers().get(header::CONTENT_TYPE);
    header.is_some_and(|v| v.as_bytes().starts_with(kind.as_bytes()))
}

fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "no_route",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        _ if status.is_server_error() => "internal",
        _ => "bad_request",
    }
}

/// An error with everything that caused it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
