//! Asking for the password once more before what weighs much. What was typed is kept, and the action
//! goes on where it stopped.

use crate::{
    accounts::{
        sessions::{self, ops::Shown},
        single_sign_on::ops::provider_of,
    },
    app::App,
    authz::{Credential, SecondFactor},
    error::Error,
    http::problem::Problem,
    web::{
        PageError, access, cookies,
        form::Fields,
        frame::{Frame, html},
        single_sign_on::Offer,
        visitor::Visitor,
    },
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::ServiceResponse,
    http::{StatusCode, header},
    web::Data,
};
use askama::Template;
use chrono::{DateTime, Utc};

/// The field of any form in which the password comes with it.
pub const FIELD: &str = "confirm_password";
/// And the one in which a code of the second factor does.
pub const CODE_FIELD: &str = "confirm_code";
/// What the use-cases say when they want it.
pub const CODE: &str = "reauthentication_required";
const WRONG: &str = "This is not your password. The attempt is in the audit log.";
const WRONG_CODE: &str = "This is no code of now, or it was used before. The attempt is in the audit log. Give your \
    password again, and the next code.";
const NO_CODE: &str = "A code of your second factor is missing. Give your password again, and the code.";

/// What came with a form, to be sent again beside the password.
pub struct Sent {
    pub address: String,
    pub fields: Fields,
    /// Where somebody without a password proves who they are.
    pub offer: Option<Offer>,
}

/// The secret under which a session goes on, until when, and now.
pub struct Renewed(String, DateTime<Utc>, DateTime<Utc>);

#[derive(Template)]
#[template(path = "session/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    form_token: &'a str,
    sent: &'a Sent,
    /// What was wrong with the last try.
    failed: &'a str,
    has_factor: bool,
}

/// Takes the password that came with a form; the session goes on under another secret.
pub async fn confirm(
    request: &HttpRequest,
    visitor: Visitor,
    password: &str,
    code: &str,
) -> Result<Visitor, PageError> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| Error::internal("no app"))?;
    let issued = match sessions::ops::confirm(&app, &visitor.who, Shown { password, code }).await {
        Ok(issued) => issued,
        Err(Error::Invalid(fields)) => {
            let is_code = fields.iter().any(|(field, _)| field == "code");
            let said = match is_code {
                true if code.trim().is_empty() => NO_CODE,
                true => WRONG_CODE,
                false => WRONG,
            };
            return Err(Problem::new(StatusCode::FORBIDDEN, CODE, said).into());
        }
        Err(Error::TooMany { detail, .. }) => {
            let said = format!("There were {detail}, or sign out and in again, which is counted by itself.");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, CODE, said).into());
        }
        Err(error) => return Err(error.into()),
    };
    let mut who = visitor.who;
    (who.credential, who.proof) = (Credential::Session(issued.token.id), issued.token.proof());
    let form_token = access::form_token(&issued.token.form_secret(&issued.secret));
    let visitor = Visitor { who, form_token };
    let mut extensions = request.extensions_mut();
    extensions.insert(visitor.clone());
    extensions.insert(Renewed(issued.secret, issued.token.expires_at, app.db.clock().now()));
    Ok(visitor)
}

/// Where the visitor proves who they are if a provider signs them in, and the page with the form that they come back to.
pub async fn offer(request: &HttpRequest, visitor: &Visitor) -> Result<Option<Offer>, PageError> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| Error::internal("no app"))?;
    if visitor.who.proof.is_fresh(app.db.clock().now()) {
        return Ok(None);
    }
    let before = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = before.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let next = access::local_path(path.unwrap_or("/").split('#').next().unwrap_or("/"));
    Ok(provider_of(&app, &visitor.who).await?.map(|provider| Offer::to_confirm(provider, next)))
}

/// The page that asks, for a form that was refused for want of the password.
pub fn ask(problem: &Problem, visitor: &Visitor, sent: &Sent) -> Option<HttpResponse> {
    if problem.code != CODE {
        return None;
    }
    let frame = Frame { section: "", visitor: Some(visitor.clone()) };
    // What was refused for want of the password has a cause; what is wrong with the password is said here alone.
    let failed = if problem.cause().is_none() { problem.detail.as_str() } else { "" };
    let has_factor = visitor.who.second_factor == SecondFactor::Active;
    let page = ConfirmPage { frame, form_token: &visitor.form_token, sent, failed, has_factor };
    Some(html(problem.status(), page.render().unwrap_or_default()))
}

/// Gives the browser the new secret, whatever became of the form.
pub fn hand_out(response: &mut ServiceResponse<BoxBody>) {
    let renewed = response.request().extensions_mut().remove::<Renewed>();
    let Some(Renewed(secret, ends, now)) = renewed else { return };
    let mut holder = HttpResponse::Ok().finish();
    if cookies::session(&mut holder, secret, ends, now).is_ok() {
        for value in holder.headers().get_all(header::SET_COOKIE) {
            response.headers_mut().append(header::SET_COOKIE, value.clone());
        }
    }
}
