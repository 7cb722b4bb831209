//! The cookies of this site. Their prefix makes a browser insist that they came from this very host
//! over a secure connection.

use crate::{error::Error, http::authn::SESSION_COOKIE, web::PageError};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
};
use chrono::{DateTime, Utc};

/// Ties a form to one browser before there is a session.
const FORM_COOKIE: &str = "__Host-plimsoll-form";
/// By which a browser is known again after a session; it opens nothing.
const DEVICE_COOKIE: &str = "__Host-plimsoll-device";
/// What a sign-in with a provider is tied to the browser by.
const ATTEMPT_COOKIE: &str = "__Host-plimsoll-attempt";
/// Browsers keep no cookie for longer.
const DEVICE_DAYS: i64 = 400;

/// The cookie of a session until its end.
pub fn session(
    answer: &mut HttpResponse,
    secret: String,
    ends: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), PageError> {
    set(answer, SESSION_COOKIE, secret, Duration::seconds((ends - now).num_seconds().max(0)))
}

pub fn end_session(answer: &mut HttpResponse) -> Result<(), PageError> {
    set(answer, SESSION_COOKIE, String::new(), Duration::ZERO)
}

pub fn form(answer: &mut HttpResponse, secret: &str) -> Result<(), PageError> {
    set(answer, FORM_COOKIE, secret.to_owned(), Duration::hours(1))
}

pub fn end_form(answer: &mut HttpResponse) -> Result<(), PageError> {
    set(answer, FORM_COOKIE, String::new(), Duration::ZERO)
}

pub fn device(answer: &mut HttpResponse, secret: &str) -> Result<(), PageError> {
    set(answer, DEVICE_COOKIE, secret.to_owned(), Duration::days(DEVICE_DAYS))
}

pub fn attempt(answer: &mut HttpResponse, value: String) -> Result<(), PageError> {
    set(answer, ATTEMPT_COOKIE, value, Duration::minutes(crate::accounts::single_sign_on::answer::MINUTES))
}

pub fn end_attempt(answer: &mut HttpResponse) -> Result<(), PageError> {
    set(answer, ATTEMPT_COOKIE, String::new(), Duration::ZERO)
}

pub fn kept_attempt(request: &HttpRequest) -> Option<String> {
    request.cookie(ATTEMPT_COOKIE).map(|cookie| cookie.value().to_owned())
}

/// The secret of this browser's form, or a new one.
///
/// Without the cookie no token fits: nobody knows a secret that was just made.
pub fn form_secret(request: &HttpRequest) -> Result<String, Error> {
    kept(request, FORM_COOKIE).map_or_else(new_secret, Ok)
}

/// The secret by which this browser is known, or a new one.
pub fn device_secret(request: &HttpRequest) -> Result<String, Error> {
    kept(request, DEVICE_COOKIE).map_or_else(new_secret, Ok)
}

fn kept(request: &HttpRequest, name: &str) -> Option<String> {
    let cookie = request.cookie(name)?;
    crate::crypto::hex::decode::<32>(cookie.value()).map(|_| cookie.value().to_owned())
}

fn new_secret() -> Result<String, Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Error::internal)?;
    Ok(crate::crypto::hex::encode(&random))
}

fn set(answer: &mut HttpResponse, name: &'static str, value: String, lasts: Duration) -> Result<(), PageError> {
    let cookie = Cookie::build(name, value).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    Ok(answer.add_cookie(&cookie.max_age(lasts).finish()).map_err(Error::internal)?)
}
