//! Authentication runs as middleware: actix polls a handler's extractors together, so
//! an extractor could not stop a request before its body is read.

use crate::{
    accounts,
    app::App,
    authz::{Cause, Credential, Principal},
    error::Error,
    http::{headers::RequestId, operations, pace, problem::Problem, rate, reach},
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};
use std::{
    future::{Ready, ready},
    pin::Pin,
};

/// Operations that need no caller. Public is a decision, and this is where it stands.
const PUBLIC: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/sessions"),
    // Whoever lost their password has nothing else to show.
    (Method::POST, "/api/v1/password-resets"),
    // Whose job it is says the token that it brings.
    (Method::POST, "/api/v1/workload-tokens"),
    // There is nobody yet.
    (Method::POST, "/api/v1/first-account"),
    (Method::GET, "/api/v1/registry"),
    // Who verifies the log need not have an account.
    (Method::GET, "/api/v1/audit/keys"),
];

/// A name, a password or a code; whoever sends more of it holds memory that they have no account for.
const MAX_PUBLIC_BYTES: usize = 16 << 10;

/// Bearer tokens on the API; cookies are for pages only.
pub async fn authenticate(
    app: Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let cause = cause_of(request.request());
    request.extensions_mut().insert(cause.clone());
    if PUBLIC.contains(&(request.method().clone(), request.path())) {
        pace::bound(&mut request, MAX_PUBLIC_BYTES);
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let mut tokens = request.headers().get_all(header::AUTHORIZATION);
    let token = match (tokens.next(), tokens.next()) {
        (Some(one), None) => one.to_str().ok().and_then(|v| v.strip_prefix("Bearer ")).map(str::to_owned),
        _ => None,
    };
    let Some(token) = token else {
        return Ok(request.error_response(Problem::from(Error::Unauthenticated)));
    };
    let mut who = match accounts::ops::authenticate(&app, &token).await {
        Ok(who) => who,
        Err(error) => return Ok(request.error_response(Problem::from(error))),
    };
    if let Err(error) = rate::count(&app, request.request(), &who) {
        return Ok(request.error_response(Problem::from(error)));
    }
    who.cause = cause;
    request.extensions_mut().insert(who);
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Holds a session's token, for pages only. With this prefix a browser insists that the
/// cookie came over a secure connection from this very host.
pub const SESSION_COOKIE: &str = "__Host-plimsoll";

/// Who is signed in on a page, with what the session's forms are known by; `None` when nobody is.
///
/// A bearer header does not count here, nor does an API token in the cookie.
pub async fn session(app: &App, request: &HttpRequest) -> Result<Option<(Principal, String)>, Error> {
    let Some(cookie) = request.cookie(SESSION_COOKIE) else { return Ok(None) };
    let (mut who, session) = match accounts::ops::identify(app, cookie.value()).await {
        Ok(found) => found,
        Err(Error::Unauthenticated) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !matches!(who.credential, Credential::Session(_)) {
        return Ok(None);
    }
    rate::count(app, request, &who)?;
    who.cause = cause_of(request);
    Ok(Some((who, session.form_secret(cookie.value()))))
}

pub fn cause_of(request: &HttpRequest) -> Cause {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    Cause { request_id, claim: None }
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    /// No handler begins for somebody who may not do what it is for, or whose credential does not reach what the request names.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let who = request.extensions().get::<Self>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let who = who.ok_or(Error::Unauthenticated)?;
            let app = request.app_data::<Data<App>>().ok_or_else(|| Error::internal("no app"))?;
            operations::admit(app, &request, &who).await?;
            reach::require(app, &request, &who).await?;
            Ok(who)
        })
    }
}

impl FromRequest for Cause {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(cause_of(request)))
    }
}
