//! HEAD: what GET would answer, without its body (RFC 9110, section 9.3.2).
//!
//! Operations whose GET is recorded have a HEAD of their own, which is in the document; all others are asked as if by GET.

use crate::http::server;
use actix_web::{
    body::{BodySize, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web::Bytes,
};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

pub async fn as_get<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Unsent>>, actix_web::Error> {
    if request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    if !server::allowed(request.path()).iter().any(|method| method == Method::HEAD.as_str()) {
        request.head_mut().method = Method::GET;
    }
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, body| EitherBody::right(Unsent(body.size()))))
}

/// A body that says how long it would be, and is not read.
pub struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
