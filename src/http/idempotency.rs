//! `Idempotency-Key`: the same key with the same body has one effect and one answer.
//!
//! A claim is written before the operation runs; the operation's own transaction marks
//! it `applied` (see `WriteTx::commit`), so a crash in between can't lead to a second
//! effect; the answer is stored afterwards. Refused requests release their claim.

use crate::{
    app::App,
    authz::Principal,
    core::{digest::Digest, ids::ClaimId},
    error::Error,
    http::{extract::body_problem, problem::Problem},
};
use actix_web::{
    HttpMessage, HttpResponse,
    body::{self, BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};

pub mod store;

use store::{Claim, Stored};

pub const HEADER: &str = "idempotency-key";
/// A longer answer is not kept.
const MAX_KEPT_BYTES: u64 = 1 << 20;
const REPLAYED: &str = "idempotency-replayed";

/// Marks an answer that must not be kept, because it holds a secret shown once.
pub struct ShownOnce;

/// Marks an answer that says that it goes on: whoever asks again wants to hear more, not the same.
pub struct Unsettled;

pub async fn once(
    app: Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let key = match key_of(&request) {
        Ok(Some(key)) if request.method() == Method::POST => key,
        Ok(_) => return Ok(next.call(request).await?.map_into_boxed_body()),
        Err(problem) => return Ok(request.error_response(problem)),
    };
    let caller = request.extensions().get::<Principal>().map(|who| (who.id, who.credential.id()));
    let Some((Some(account), credential)) = caller else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let bytes = match request.extract::<Bytes>().await {
        Ok(bytes) => bytes,
        Err(error) => return Ok(request.error_response(body_problem(&error))),
    };
    // The answer is for the credential that asked: another one of the account may not reach so far.
    let credential = credential.map(|id| id.to_string()).unwrap_or_default();
    let hash = Digest::of([credential.as_bytes(), b"\0", request.path().as_bytes(), b"\0", &bytes].concat());
    request.set_payload(Payload::from(bytes));

    match store::claim(&app.db, account, &key, &hash.hex()).await {
        Ok(Claim::New(claim)) => carry_out(app, request, next, claim).await,
        Ok(Claim::Taken(stored)) => match replay(stored, &hash.hex()) {
            Ok(answer) => Ok(request.into_response(answer)),
            Err(problem) => Ok(request.error_response(problem)),
        },
        Err(error) => Ok(request.error_response(Problem::from(error))),
    }
}

/// The same for a form of a page, which carries its key in a field: it is carried out once.
///
/// # Errors
/// 409 `sent_twice`; otherwise those of the act, after which the key is free again.
pub async fn of_a_form<T>(
    app: &App,
    who: &Principal,
    key: &str,
    act: impl AsyncFnOnce(&Principal) -> Result<T, Error>,
) -> Result<T, Error> {
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let Claim::New(claim) = store::claim(&app.db, account, key, &Digest::of(key).hex()).await? else {
        let detail = "this form was sent twice, and the first time it did what it says; its answer is shown only once. Look at the list: what you did not see, revoke there, and reload the page to make another";
        return Err(Error::conflict("sent_twice", detail));
    };
    let mut who = who.clone();
    who.cause.claim = Some(claim);
    let done = act(&who).await;
    match &done {
        Ok(_) => store::keep(&app.db, claim, i32::from(StatusCode::OK.as_u16()), None).await?,
        Err(_) => store::release(&app.db, claim).await?,
    }
    done
}

async fn carry_out(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    claim: ClaimId,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Some(who) = request.extensions_mut().get_mut::<Principal>() {
        who.cause.claim = Some(claim);
    }
    let response = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => response?.map_into_boxed_body(),
        // The key is free for the next try before the panic goes on its way.
        Err(panic) => {
            if let Err(error) = store::release(&app.db, claim).await {
                tracing::error!(%error, "the idempotency key of a request that panicked could not be released");
            }
            resume_unwind(panic)
        }
    };
    let is_unsettled = response.response().extensions().get::<Unsettled>().is_some();
    if is_unsettled || !response.status().is_success() {
        return Ok(match store::release(&app.db, claim).await {
            Ok(()) => response,
            Err(error) => response.into_response(HttpResponse::from_error(Problem::from(error))),
        });
    }
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let status = i32::from(response.status().as_u16());
    let secret = response.extensions().get::<ShownOnce>().is_some();
    if !matches!(body.size(), BodySize::Sized(size) if size <= MAX_KEPT_BYTES) {
        // A stream is not an answer to keep: it is settled, and goes out as it comes.
        let answer = match store::keep(&app.db, claim, status, None).await {
            Ok(()) => response.set_body(body),
            Err(error) => HttpResponse::from_error(Problem::from(error)),
        };
        return Ok(ServiceResponse::new(request, answer));
    }
    let kept = match body::to_bytes(body).await {
        Ok(bytes) => {
            let text = if secret { None } else { String::from_utf8(bytes.to_vec()).ok() };
            store::keep(&app.db, claim, status, text).await.map(|()| bytes)
        }
        Err(_) => Err(Error::internal("the answer could not be read")),
    };
    let answer = match kept {
        Ok(bytes) => response.set_body(bytes).map_into_boxed_body(),
        Err(error) => HttpResponse::from_error(Problem::from(error)),
    };
    Ok(ServiceResponse::new(request, answer))
}

fn key_of(request: &ServiceRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let fits = (8..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        let detail = "Idempotency-Key takes 8 to 128 printable ASCII characters without spaces";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", detail));
    }
    Ok(Some(text.to_owned()))
}

fn replay(stored: Stored, hash: &str) -> Result<HttpResponse, Problem> {
    if stored.request_hash != hash {
        let detail = "this Idempotency-Key was used for another request, or with another token or session; use a new key for \
            a new request";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", detail));
    }
    match (stored.state.as_str(), stored.status, stored.reply) {
        ("answered", Some(status), Some(reply)) => {
            let status = u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok());
            let mut response = HttpResponse::build(status.unwrap_or(StatusCode::OK));
            Ok(response.insert_header((REPLAYED, "true")).content_type(header::ContentType::json()).body(reply))
        }
        ("claimed", ..) => {
            let detail = "the first request with this Idempotency-Key is still running; ask again shortly";
            Err(Problem::new(StatusCode::CONFLICT, "idempotency_in_flight", detail))
        }
        _ => {
            let detail = "this request was carried out, but its answer is not kept; read the object instead";
            Err(Problem::new(StatusCode::CONFLICT, "idempotency_answer_lost", detail))
        }
    }
}
