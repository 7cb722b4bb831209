//! Signing in and out, and setting a lost password by a code.

use crate::{
    accounts::{
        passwords,
        sessions::{self, HOURS, IDLE_MINUTES, api::whence, ops::Shown},
    },
    app::App,
    authz::Cause,
    error::Error,
    http::{authn, problem::Problem},
    web::{
        PageError, access, cookies,
        form::{Fields, Signed},
        frame::{Frame, page_with, see_other},
        single_sign_on::{self, Offer},
    },
    workspaces,
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get,
    http::{StatusCode, header},
    post,
    web::{Data, Query},
};
use askama::Template;
use std::{future::Future, pin::Pin};

#[derive(Template)]
#[template(path = "session/login.html")]
struct SignInPage<'a> {
    frame: Frame,
    form_token: String,
    name: &'a str,
    next: &'a str,
    /// What was wrong with the last try.
    failed: &'a str,
    /// Whether a password was set a moment ago, or the first account was made.
    is_reset: bool,
    is_first: bool,
    offers: Vec<Offer>,
}

#[derive(Template)]
#[template(path = "session/reset.html")]
struct ResetPage<'a> {
    frame: Frame,
    form_token: String,
    failed: &'a str,
}

#[derive(serde::Deserialize)]
struct NextParams {
    next: Option<String>,
    #[serde(default)]
    reset: Option<String>,
    #[serde(default)]
    first: Option<String>,
}

/// What happened a moment ago.
#[derive(Clone, Copy, Default)]
struct Before {
    is_reset: bool,
    is_first: bool,
}

const ASKED: &str = "The account has a second factor: give the password again, and a code of it as well.";
const WRONG_CODE: &str = "The code of the second factor is not one of now, or was used before: give the password again, and \
    the next code. The attempt is in the audit log.";
const WRONG: &str = "The name or the password is wrong, or the account is not active. The attempt is in the audit log.";

#[get("/login")]
pub async fn sign_in_form(
    app: Data<App>,
    request: HttpRequest,
    params: Query<NextParams>,
) -> Result<HttpResponse, PageError> {
    let next = access::local_path(params.next.as_deref().unwrap_or("/"));
    if authn::session(&app, &request).await?.is_some() {
        return Ok(see_other(next));
    }
    let before = Before { is_reset: params.reset.is_some(), is_first: params.first.is_some() };
    show(&app, StatusCode::OK, &cookies::form_secret(&request)?, ("", next), "", before)
}

#[post("/login")]
pub async fn sign_in(
    app: Data<App>,
    request: HttpRequest,
    cause: Cause,
    sent: Unsigned,
) -> Result<HttpResponse, PageError> {
    let Unsigned { secret, fields } = sent;
    let (name, next) = (fields.get("name").trim(), access::local_path(fields.get("next")));
    let device = cookies::device_secret(&request)?;
    let from = whence(&request, Some(device.clone()));
    let shown = Shown { password: fields.get("password"), code: fields.get("code") };
    let signed_in = sessions::ops::sign_in(&app, cause, workspaces::DEFAULT, name, shown, &from).await;
    let issued = match signed_in {
        Ok(issued) => issued,
        Err(Error::Unauthenticated) => {
            return show(&app, StatusCode::UNAUTHORIZED, &secret, (name, next), WRONG, Before::default());
        }
        Err(Error::SecondFactor { code, .. }) => {
            let said = if code == sessions::ops::CODE_MISSING { ASKED } else { WRONG_CODE };
            return show(&app, StatusCode::UNAUTHORIZED, &secret, (name, next), said, Before::default());
        }
        Err(error @ Error::TooMany { .. }) => return wait(&app, &secret, (name, next), error),
        Err(error) => return Err(error.into()),
    };
    // A session that this browser had before ends with the new one.
    if let Some((before, _)) = authn::session(&app, &request).await? {
        sessions::ops::sign_out(&app, &before).await?;
    }
    let mut answer = see_other(next);
    cookies::session(&mut answer, issued.secret, issued.token.expires_at, app.db.clock().now())?;
    cookies::device(&mut answer, &device)?;
    cookies::end_form(&mut answer)?;
    Ok(answer)
}

/// The sign-in page again, for somebody whom a provider or this service did not let in.
pub fn refused(app: &App, request: &HttpRequest, status: StatusCode, said: &str) -> Result<HttpResponse, PageError> {
    show(app, status, &cookies::form_secret(request)?, ("", "/"), said, Before::default())
}

/// The same for what went wrong on the way.
pub fn failed(app: &App, request: &HttpRequest, error: Error) -> Result<HttpResponse, PageError> {
    match error {
        Error::TooMany { .. } => wait(app, &cookies::form_secret(request)?, ("", "/"), error),
        error => Err(error.into()),
    }
}

fn wait(app: &App, secret: &str, typed: (&str, &str), error: Error) -> Result<HttpResponse, PageError> {
    let problem = Problem::from(error);
    let failed = format!("There were {}.", problem.detail);
    let mut answer = show(app, problem.status(), secret, typed, &failed, Before::default())?;
    let said = problem.respond("");
    if let Some(after) = said.headers().get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    Ok(answer)
}

#[post("/logout")]
pub async fn sign_out(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    sessions::ops::sign_out(&app, &sent.visitor.who).await?;
    let mut answer = see_other("/login");
    cookies::end_session(&mut answer)?;
    Ok(answer)
}

#[get("/reset")]
pub async fn reset_form(request: HttpRequest) -> Result<HttpResponse, PageError> {
    show_reset(StatusCode::OK, &cookies::form_secret(&request)?, "")
}

#[post("/reset")]
pub async fn reset(app: Data<App>, cause: Cause, sent: Unsigned) -> Result<HttpResponse, PageError> {
    let Unsigned { secret, fields } = sent;
    match passwords::ops::reset(&app, cause, fields.get("code"), fields.get("new_password")).await {
        Ok(()) => Ok(see_other("/login?reset=1")),
        Err(error @ Error::Invalid(_)) => {
            let problem = Problem::from(error);
            let said: Vec<_> = problem.errors.iter().map(|e| format!("{}: {}", label(&e.field), e.detail)).collect();
            show_reset(problem.status(), &secret, &said.join("; "))
        }
        Err(error) => Err(error.into()),
    }
}

fn label(field: &str) -> &str {
    if field == "code" { "Code" } else { "New password" }
}

/// A form of somebody who is not signed in and got it from here.
pub struct Unsigned {
    pub secret: String,
    pub fields: Fields,
}

impl FromRequest for Unsigned {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let secret = cookies::form_secret(&request)?;
            let fields = Fields::read(&request, &mut payload, &secret).await?;
            Ok(Self { secret, fields })
        })
    }
}

fn show(
    app: &App,
    status: StatusCode,
    secret: &str,
    (name, next): (&str, &str),
    failed: &str,
    Before { is_reset, is_first }: Before,
) -> Result<HttpResponse, PageError> {
    let (form_token, offers) = (access::form_token(secret), single_sign_on::offers(app, next));
    let page = SignInPage { frame: Frame::open(), form_token, name, next, failed, is_reset, is_first, offers };
    let mut answer = page_with(status, &page)?;
    cookies::form(&mut answer, secret)?;
    if status == StatusCode::UNAUTHORIZED {
        let how = header::HeaderValue::from_static("Cookie realm=\"plimsoll\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    Ok(answer)
}

fn show_reset(status: StatusCode, secret: &str, failed: &str) -> Result<HttpResponse, PageError> {
    let page = ResetPage { frame: Frame::open(), form_token: access::form_token(secret), failed };
    let mut answer = page_with(status, &page)?;
    cookies::form(&mut answer, secret)?;
    Ok(answer)
}
