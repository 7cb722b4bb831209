//! How slowly a body may come: whoever sends a byte a minute holds a connection, a place among the
//! uploads and a temporary file, and nobody else gets them.
//!
//! A body has some seconds to begin with, then it has to have come at the least rate on average, and
//! whatever its size it ends within hours.

use crate::{app::App, http::problem::Problem};
use actix_web::{
    HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{Method, StatusCode},
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::{Stream, StreamExt};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// The slowest line that a registry is used over.
const LEAST_BYTES_PER_SECOND: u64 = 8 << 10;
/// What is larger than the least rate allows in this time needs a faster line.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// Cuts a body off that is too slow, and says so.
pub async fn bodies(
    app: Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let body = request.take_payload();
    let paced = paced(Box::pin(body), app.limits.body_patience, is_late.clone());
    request.set_payload(Payload::Stream { payload: paced });
    let response = next.call(request).await?.map_into_boxed_body();
    if !is_late.load(Ordering::Relaxed) {
        return Ok(response);
    }
    let detail = format!(
        "the body came too slowly: it has {} seconds to begin with, then {} KiB a second, and six hours at most; \
         nothing was kept. Send it again over a faster line",
        app.limits.body_patience.as_secs(),
        LEAST_BYTES_PER_SECOND >> 10
    );
    let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail);
    Ok(response.into_response(HttpResponse::from_error(problem)))
}

fn paced(body: Body, patience: Duration, is_late: Arc<AtomicBool>) -> Body {
    let state = (Some(body), 0_u64);
    // Counted from when the first piece is asked for: who waits for a place among the uploads is not late.
    let mut asked = None;
    Box::pin(futures_util::stream::unfold(state, move |(body, received)| {
        let is_late = is_late.clone();
        let began = *asked.get_or_insert_with(Instant::now);
        async move {
            let mut body = body?;
            match timeout_at(began + allowed(patience, received), body.next()).await {
                Ok(Some(Ok(piece))) => {
                    let received = received.saturating_add(piece.len() as u64);
                    Some((Ok(piece), (Some(body), received)))
                }
                Ok(Some(Err(error))) => Some((Err(error), (None, received))),
                Ok(None) => None,
                Err(_) => {
                    is_late.store(true, Ordering::Relaxed);
                    Some((Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into())), (None, received)))
                }
            }
        }
    }))
}

/// Takes no more of a body than this from somebody of whom nobody knows yet who they are.
pub fn bound(request: &mut ServiceRequest, most: usize) {
    let mut left = most;
    let pieces = request.take_payload().map(move |piece| {
        let piece = piece?;
        left = left.checked_sub(piece.len()).ok_or(PayloadError::Overflow)?;
        Ok(piece)
    });
    request.set_payload(Payload::Stream { payload: Box::pin(pieces) });
}

/// By when after its beginning the next piece of a body has to be there.
fn allowed(patience: Duration, received: u64) -> Duration {
    LONGEST.min(patience.saturating_add(Duration::from_secs(received / LEAST_BYTES_PER_SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_time_for_what_has_come_and_never_more_than_hours() {
        let patience = Duration::from_secs(20);
        assert_eq!(allowed(patience, 0), patience);
        assert_eq!(allowed(patience, 1 << 20), Duration::from_secs(20 + 128));
        assert_eq!(allowed(patience, u64::MAX), LONGEST);
    }
}
