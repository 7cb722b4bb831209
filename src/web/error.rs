//! A failure as a page: what happened, what to do, and the request's id.

use crate::{
    error::Error,
    http::{
        headers::{RequestId, chain},
        problem::Problem,
    },
    web::{
        access,
        frame::{Frame, html, see_other},
        proof::{self, Sent},
        visitor::Visitor,
    },
};
use actix_web::{
    HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use askama::Template;
use std::fmt;

/// A [`Problem`] for people: same status, HTML body. [`dress`] writes the body.
#[derive(Debug)]
pub struct PageError {
    problem: Problem,
    /// Where to go instead.
    instead: Option<String>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    heading: &'static str,
    advice: &'static str,
    problem: &'a Problem,
    request_id: &'a str,
}

impl PageError {
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Something else has to come first.
    pub fn elsewhere(address: &str) -> Self {
        Self { problem: Error::Unauthenticated.into(), instead: Some(address.to_owned()) }
    }

    /// Nobody is signed in: to the sign-in page, and back afterwards.
    pub fn sign_in(next: &str) -> Self {
        let instead = if next == "/" { "/login".to_owned() } else { format!("/login?next={}", access::encode(next)) };
        Self { problem: Error::Unauthenticated.into(), instead: Some(instead) }
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => Self::sign_in("/"),
            error => Problem::from(error).into(),
        }
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self { problem, instead: None }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        if self.instead.is_some() { StatusCode::SEE_OTHER } else { self.problem.status() }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.instead {
            Some(address) => see_other(address),
            None => HttpResponse::new(self.problem.status()),
        }
    }
}

/// Turns failures into pages: those of pages, and every other one outside the API that a
/// browser meets.
pub async fn dress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let for_people = wants_html(&request);
    let response = next.call(request).await?.map_into_boxed_body();
    let mut dressed = dressed(response, for_people);
    proof::hand_out(&mut dressed);
    Ok(dressed)
}

fn dressed(response: ServiceResponse<BoxBody>, for_people: bool) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let page = {
        let request = response.request();
        let extensions = request.extensions();
        let id = extensions.get::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        let visitor = extensions.get::<Visitor>();
        let error = response.response().error();
        match error.and_then(|error| error.as_error::<PageError>()) {
            Some(error) => {
                let sent = visitor.zip(extensions.get::<Sent>());
                let asked = sent.and_then(|(visitor, sent)| proof::ask(&error.problem, visitor, sent));
                Some(asked.unwrap_or_else(|| render(&error.problem, visitor, id)))
            }
            None if !for_people => None,
            None => error.and_then(|error| error.as_error::<Problem>()).map(|problem| render(problem, visitor, id)),
        }
    };
    match page {
        Some(page) => response.into_response(page),
        None => response,
    }
}

fn wants_html(request: &ServiceRequest) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html") && request.path() != "/api" && !request.path().starts_with("/api/")
}

fn render(problem: &Problem, visitor: Option<&Visitor>, request_id: &str) -> HttpResponse {
    let status = problem.status();
    if let Some(cause) = problem.cause().filter(|_| status.is_server_error()) {
        tracing::error!(request_id, error = %chain(cause), "request failed");
    }
    let (heading, advice) = words(status);
    let frame = Frame { section: "", visitor: visitor.cloned() };
    let page = ErrorPage { frame, heading, advice, problem, request_id };
    let mut response = html(status, page.render().unwrap_or_default());
    // What the answer would say to a program stays true: the methods, when to try again.
    for (name, value) in problem.respond(request_id).headers() {
        if matches!(*name, header::ALLOW | header::RETRY_AFTER) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => (
            "Nothing is here",
            "Check the address. If somebody sent you the link, you may lack a role that lets you see it.",
        ),
        StatusCode::FORBIDDEN => ("You may not do this", "If you should be able to, ask a workspace administrator."),
        StatusCode::METHOD_NOT_ALLOWED => ("This address does not take that", "Go back and use the page's own links."),
        StatusCode::TOO_MANY_REQUESTS => ("Too often", "Wait as long as the message says, and try again."),
        StatusCode::SERVICE_UNAVAILABLE => ("The service is busy", "Try again in a moment."),
        _ if status.is_server_error() => (
            "Something went wrong on our side",
            "Try again. If it stays, give the request id below to whoever runs this service; it leads to the cause.",
        ),
        _ => ("This did not work", "Go back, change what the message says, and send it again."),
    }
}
