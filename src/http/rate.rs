//! How many requests somebody may make: by credential, and before there is one by network address.
//!
//! Each has a bucket per class of operation, which refills steadily. What is left stands in every
//! answer (`RateLimit`, as draft-ietf-httpapi-ratelimit-headers has it), so that a program can slow
//! down before it is refused. Counts are of this process; with several replicas each counts for itself.

use crate::{
    app::App,
    authz::Principal,
    error::Error,
    http::{peer, problem::Problem},
};
use actix_web::{
    HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(60);
/// An address may be that of a whole office: it has so many times what one credential has.
const ADDRESS_SHARE: u32 = 5;
/// What changes something costs more than looking: so many times.
const WRITE_SHARE: u32 = 5;
const MAX_BUCKETS: usize = 50_000;
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

type Key = [u8; 16];

/// What an operation is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
}

impl Class {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            _ => Self::Write,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What is left of a bucket, for the answer.
#[derive(Clone, Debug)]
struct Left {
    name: String,
    quota: u32,
    remaining: u32,
    /// Until it is full again.
    resets: Duration,
}

/// The buckets of everybody who asked lately.
pub struct Buckets {
    /// Reads of one credential per minute; none are counted if zero.
    per_minute: u32,
    filled: Mutex<HashMap<Key, Bucket>>,
}

struct Bucket {
    level: f64,
    at: Instant,
}

impl Buckets {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, filled: Mutex::default() }
    }

    /// Takes one request from a bucket.
    ///
    /// # Errors
    /// `TooMany` when it is empty.
    fn take(&self, whose: &str, share: u32, class: Class, now: Instant) -> Result<Left, Error> {
        let per_minute = self.per_minute.saturating_mul(share);
        let quota = if class == Class::Write { (per_minute / WRITE_SHARE).max(1) } else { per_minute };
        let kind = if share == 1 { class.name().to_owned() } else { format!("address-{}", class.name()) };
        let refill = f64::from(quota) / WINDOW.as_secs_f64();
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let level = |bucket: &Bucket| {
            let since = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.level + since * refill).min(f64::from(quota))
        };
        if MAX_BUCKETS <= filled.len() {
            // Whoever has not asked for a minute has a full bucket anyway.
            filled.retain(|_, bucket| now.saturating_duration_since(bucket.at) < WINDOW);
        }
        if MAX_BUCKETS <= filled.len() {
            filled.clear();
        }
        let key = key(whose, &kind);
        let held = filled.get(&key).map_or(f64::from(quota), level);
        if held < 1.0 {
            let seconds = ((1.0 - held) / refill).ceil().max(1.0);
            let detail = format!("more than {quota} requests ({}) within a minute; slow down", class.name());
            return Err(Error::TooMany { code: "rate_limited", detail, retry_after: seconds as u64 });
        }
        filled.insert(key, Bucket { level: held - 1.0, at: now });
        let missing = f64::from(quota) - (held - 1.0);
        Ok(Left {
            name: kind,
            quota,
            remaining: (held - 1.0) as u32,
            resets: Duration::from_secs_f64((missing / refill).max(0.0)),
        })
    }
}

/// Counts requests by address.
pub async fn limit(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if app.buckets.per_minute == 0 || is_free(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let address = peer::address(request.request());
    let taken = app.buckets.take(&address, ADDRESS_SHARE, Class::of(request.method()), Instant::now());
    Ok(match taken {
        Ok(left) => {
            request.extensions_mut().insert(left);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(error) => request.error_response(Problem::from(error)),
    })
}

/// Says in an answer what is left. Called where answers have their last form: a problem is written anew on its way out.
pub fn tell(response: &mut ServiceResponse<BoxBody>) {
    let Some(left) = response.request().extensions().get::<Left>().cloned() else { return };
    let policy = format!("\"{}\";q={};w={}", left.name, left.quota, WINDOW.as_secs());
    let limit = format!("\"{}\";r={};t={}", left.name, left.remaining, left.resets.as_secs());
    for (name, value) in [(POLICY, policy), (LEFT, limit)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Counts a request for the credential that it came with.
///
/// # Errors
/// `TooMany` when it has asked too often.
pub fn count(app: &App, request: &HttpRequest, who: &Principal) -> Result<(), Error> {
    let Some(id) = who.credential.id().filter(|_| app.buckets.per_minute != 0) else { return Ok(()) };
    let left = app.buckets.take(&id.to_string(), 1, Class::of(request.method()), Instant::now())?;
    request.extensions_mut().insert(left);
    Ok(())
}

/// Whoever watches whether the service lives is never told to wait.
fn is_free(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

fn key(whose: &str, kind: &str) -> Key {
    let mut key = Key::default();
    let digest = Sha256::new().chain_update(kind).chain_update("\n").chain_update(whose).finalize();
    key.copy_from_slice(&digest[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_by_asking_and_fills_with_time() {
        let buckets = Buckets::new(60);
        let began = Instant::now();
        for n in 1..=60 {
            assert_eq!(buckets.take("ines", 1, Class::Read, began).expect("left").remaining, 60 - n);
        }
        assert!(buckets.take("ines", 1, Class::Read, began).is_err());
        let (second, minute) = (began + Duration::from_secs(1), began + Duration::from_secs(61));
        assert_eq!(buckets.take("ines", 1, Class::Read, second).expect("one more").remaining, 0);
        assert!(buckets.take("ines", 1, Class::Read, second).is_err());
        assert_eq!(buckets.take("ines", 1, Class::Read, minute).expect("full").remaining, 59);
    }

    #[test]
    fn everybody_has_a_bucket_of_their_own_for_each_class() {
        let buckets = Buckets::new(5);
        let now = Instant::now();
        assert_eq!(buckets.take("ines", 1, Class::Write, now).expect("one").quota, 1);
        assert!(buckets.take("ines", 1, Class::Write, now).is_err());
        assert!(buckets.take("ines", 1, Class::Read, now).is_ok());
        assert!(buckets.take("omar", 1, Class::Write, now).is_ok());
        assert_eq!(buckets.take("192.0.2.1", ADDRESS_SHARE, Class::Read, now).expect("an office").quota, 25);
    }
}
