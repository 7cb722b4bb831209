//! The way to an identity provider and back. Nothing here is a form: a browser refuses forms that lead elsewhere.

use crate::{
    accounts::{
        sessions::{self, api::whence},
        single_sign_on::{Answer, Attempt, Failed, Provider, Purpose, ops},
    },
    app::App,
    authz::Cause,
    http::authn,
    web::{PageError, access, cookies, frame::see_other, session},
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::StatusCode,
    web::{Data, Path, Query},
};

/// A provider as a page offers it.
#[derive(Clone, Debug)]
pub struct Offer {
    pub label: String,
    pub address: String,
}

#[derive(serde::Deserialize)]
struct BeginParams {
    next: Option<String>,
    confirm: Option<String>,
}

#[get("/login/with/{provider}")]
pub async fn begin(
    app: Data<App>,
    request: HttpRequest,
    name: Path<String>,
    params: Query<BeginParams>,
) -> Result<HttpResponse, PageError> {
    let provider = app.providers.named(&name)?;
    let next = access::local_path(params.next.as_deref().unwrap_or("/"));
    let signed_in = authn::session(&app, &request).await?.is_some();
    let purpose = match params.confirm {
        Some(_) if signed_in => Purpose::Confirm,
        None if signed_in => return Ok(see_other(next)),
        _ => Purpose::SignIn,
    };
    let attempt = Attempt::begin(provider.name.as_str(), purpose, next, app.db.clock().now())?;
    let mut answer = see_other(&ops::begin(&app, provider, &attempt).await?);
    cookies::attempt(&mut answer, attempt.to_cookie())?;
    Ok(answer)
}

#[get("/login/with/{provider}/callback")]
pub async fn finish(
    app: Data<App>,
    request: HttpRequest,
    cause: Cause,
    name: Path<String>,
    said: Query<Answer>,
) -> Result<HttpResponse, PageError> {
    let provider = app.providers.named(&name)?;
    let before = authn::session(&app, &request).await?.map(|(who, _)| who);
    let (device, kept) = (cookies::device_secret(&request)?, cookies::kept_attempt(&request));
    let back = ops::Return {
        provider,
        cookie: kept.as_deref(),
        answer: &said,
        whence: &whence(&request, Some(device.clone())),
        who: before.as_ref(),
        cause,
    };
    let mut answer = match ops::finish(&app, back).await {
        Ok((issued, next)) => {
            // A session that this browser had before ends with the new one; one that was confirmed has ended.
            if let Some((before, _)) = authn::session(&app, &request).await? {
                sessions::ops::sign_out(&app, &before).await?;
            }
            let mut answer = see_other(access::local_path(&next));
            cookies::session(&mut answer, issued.secret, issued.token.expires_at, app.db.clock().now())?;
            cookies::device(&mut answer, &device)?;
            answer
        }
        Err(Failed::Refused(refusal)) => session::refused(&app, &request, StatusCode::FORBIDDEN, &refusal.said)?,
        Err(Failed::Other(error)) => return session::failed(&app, &request, error),
    };
    cookies::end_attempt(&mut answer)?;
    Ok(answer)
}

/// All providers, as the sign-in page offers them.
pub fn offers(app: &App, next: &str) -> Vec<Offer> {
    app.providers.all().iter().map(|provider| Offer::to(provider, "", next)).collect()
}

impl Offer {
    fn to(provider: &Provider, how: &str, next: &str) -> Self {
        let address = format!("/login/with/{}?{how}next={}", provider.name, access::encode(next));
        Self { label: provider.label.clone(), address }
    }

    /// For somebody who is signed in and is to prove it again.
    pub fn to_confirm(provider: &Provider, next: &str) -> Self {
        Self::to(provider, "confirm=1&", next)
    }
}
