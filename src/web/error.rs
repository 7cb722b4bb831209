use crate::{error::Error, http::problem::Problem};
use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use askama::Template;
use std::fmt;

/// A [`Problem`] for people: same status, HTML body.
#[derive(Debug)]
pub struct PageError(Problem);

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    detail: &'a str,
}

impl PageError {
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        let page = ErrorPage { title: &self.0.title, detail: &self.0.detail };
        HttpResponse::build(self.0.status())
            .content_type(header::ContentType::html())
            .body(page.render().unwrap_or_default())
    }
}
