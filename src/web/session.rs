//! Signing in and out.

use crate::{
    accounts::{self, SESSION_HOURS},
    app::App,
    authz::Cause,
    crypto::hex,
    error::Error,
    http::authn::{self, SESSION_COOKIE},
    web::{
        PageError, access,
        form::{Fields, Signed},
        frame::{Frame, page_with, see_other},
    },
    workspaces,
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    dev::Payload,
    get,
    http::{StatusCode, header},
    post,
    web::{Data, Query},
};
use askama::Template;
use std::{future::Future, pin::Pin};

/// Ties the sign-in form to one browser before there is a session.
const FORM_COOKIE: &str = "__Host-plimsoll-form";

#[derive(Template)]
#[template(path = "session/login.html")]
struct SignInPage<'a> {
    frame: Frame,
    form_token: String,
    name: &'a str,
    next: &'a str,
    failed: bool,
}

#[derive(serde::Deserialize)]
struct NextParams {
    next: Option<String>,
}

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
    let secret = match form_secret(&request) {
        Some(secret) => secret,
        None => new_secret()?,
    };
    show(StatusCode::OK, &secret, "", next, false)
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
    let signed_in = accounts::ops::sign_in(&app, cause, workspaces::DEFAULT, name, fields.get("password")).await;
    let issued = match signed_in {
        Ok(issued) => issued,
        Err(Error::Unauthenticated) => return show(StatusCode::UNAUTHORIZED, &secret, name, next, true),
        Err(error) => return Err(error.into()),
    };
    // A session that this browser had before ends with the new one.
    if let Some((before, _)) = authn::session(&app, &request).await? {
        accounts::ops::sign_out(&app, &before).await?;
    }
    let mut answer = see_other(next);
    set(&mut answer, cookie(SESSION_COOKIE, issued.secret, Duration::hours(SESSION_HOURS)))?;
    set(&mut answer, cookie(FORM_COOKIE, String::new(), Duration::ZERO))?;
    Ok(answer)
}

#[post("/logout")]
pub async fn sign_out(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    accounts::ops::sign_out(&app, &sent.visitor.who).await?;
    let mut answer = see_other("/login");
    set(&mut answer, cookie(SESSION_COOKIE, String::new(), Duration::ZERO))?;
    Ok(answer)
}

/// The sign-in form of somebody who got it from here.
struct Unsigned {
    secret: String,
    fields: Fields,
}

impl FromRequest for Unsigned {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            // Without the cookie no token fits: nobody knows a secret that was just made.
            let secret = match form_secret(&request) {
                Some(secret) => secret,
                None => new_secret()?,
            };
            let fields = Fields::read(&request, &mut payload, &secret).await?;
            Ok(Self { secret, fields })
        })
    }
}

fn show(status: StatusCode, secret: &str, name: &str, next: &str, failed: bool) -> Result<HttpResponse, PageError> {
    let page = SignInPage { frame: Frame::open(), form_token: access::form_token(secret), name, next, failed };
    let mut answer = page_with(status, &page)?;
    set(&mut answer, cookie(FORM_COOKIE, secret.to_owned(), Duration::hours(1)))?;
    if failed {
        let how = header::HeaderValue::from_static("Cookie realm=\"plimsoll\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    Ok(answer)
}

fn cookie(name: &'static str, value: String, lasts: Duration) -> Cookie<'static> {
    Cookie::build(name, value).path("/").secure(true).http_only(true).same_site(SameSite::Lax).max_age(lasts).finish()
}

fn set(answer: &mut HttpResponse, cookie: Cookie<'static>) -> Result<(), PageError> {
    Ok(answer.add_cookie(&cookie).map_err(Error::internal)?)
}

fn form_secret(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(FORM_COOKIE)?;
    hex::decode::<32>(cookie.value()).map(|_| cookie.value().to_owned())
}

fn new_secret() -> Result<String, Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Error::internal)?;
    Ok(hex::encode(&random))
}
