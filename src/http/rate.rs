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
/// When there are too many, one in so many goes.
const EVICTED: usize = 10;
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
    fn of(method: &Method, path: &str) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            // A push sends a file after the other; the places for uploads bound those.
            Method::PUT if is_file(path) => Self::Read,
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

    /// Takes one request from a bucket, if there is one: what is left, and otherwise how long to wait for the next.
    fn take(&self, whose: &str, share: u32, class: Class, now: Instant) -> (Left, Option<Duration>) {
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
            // Those who asked longest ago have the fullest.
            let mut asked: Vec<_> = filled.values().map(|bucket| bucket.at).collect();
            let (_, limit, _) = asked.select_nth_unstable(MAX_BUCKETS / EVICTED);
            let limit = *limit;
            filled.retain(|_, bucket| limit < bucket.at);
        }
        let key = key(whose, &kind);
        let held = filled.get(&key).map_or(f64::from(quota), level);
        let is_empty = held < 1.0;
        let after = if is_empty { held } else { held - 1.0 };
        if !is_empty {
            filled.insert(key, Bucket { level: after, at: now });
        }
        let missing = f64::from(quota) - after;
        let left = Left {
            name: kind,
            quota,
            remaining: after as u32,
            resets: Duration::from_secs_f64((missing / refill).max(0.0)),
        };
        (left, is_empty.then(|| Duration::from_secs_f64((1.0 - held) / refill)))
    }

    /// Counts a request; what is left stands in the answer, whatever that will be.
    fn count(&self, request: &HttpRequest, whose: &str, share: u32) -> Result<(), Error> {
        let class = Class::of(request.method(), request.path());
        let (left, wait) = self.take(whose, share, class, Instant::now());
        let quota = left.quota;
        request.extensions_mut().insert(left);
        let Some(wait) = wait else { return Ok(()) };
        let seconds = (wait.as_secs_f64().ceil() as u64).max(1);
        let detail = format!(
            "more than {quota} requests ({}) within a minute; slow down, and try again in {seconds} s",
            class.name()
        );
        Err(Error::TooMany { code: "rate_limited", detail, retry_after: seconds })
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
    Ok(match app.buckets.count(request.request(), &address, ADDRESS_SHARE) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
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
    app.buckets.count(request, &id.to_string(), 1)
}

/// Whether it is a file of a version.
fn is_file(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    let fixed = ["api", "v1", "models", "", "versions", "", "files"];
    fixed.iter().all(|wanted| parts.next().is_some_and(|part| wanted.is_empty() || part == *wanted))
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

    fn allowed(buckets: &Buckets, whose: &str, share: u32, class: Class, now: Instant) -> Option<Left> {
        let (left, wait) = buckets.take(whose, share, class, now);
        assert!(wait.is_none() || left.remaining == 0);
        wait.is_none().then_some(left)
    }

    #[test]
    fn a_bucket_empties_by_asking_and_fills_with_time() {
        let buckets = Buckets::new(60);
        let began = Instant::now();
        let take = |now| allowed(&buckets, "ines", 1, Class::Read, now).map(|left| left.remaining);
        for n in 1..=60 {
            assert_eq!(take(began), Some(60 - n));
        }
        assert_eq!(take(began), None);
        let (second, minute) = (began + Duration::from_secs(1), began + Duration::from_secs(61));
        assert_eq!((take(second), take(second), take(minute)), (Some(0), None, Some(59)));
    }

    #[test]
    fn everybody_has_a_bucket_of_their_own_for_each_class() {
        let buckets = Buckets::new(5);
        let now = Instant::now();
        assert_eq!(allowed(&buckets, "ines", 1, Class::Write, now).expect("one").quota, 1);
        assert!(allowed(&buckets, "ines", 1, Class::Write, now).is_none());
        assert!(allowed(&buckets, "ines", 1, Class::Read, now).is_some());
        assert!(allowed(&buckets, "omar", 1, Class::Write, now).is_some());
        assert_eq!(allowed(&buckets, "192.0.2.1", ADDRESS_SHARE, Class::Read, now).expect("an office").quota, 25);
    }

    #[test]
    fn many_strangers_do_not_empty_everybodys_account() {
        let buckets = Buckets::new(5);
        let began = Instant::now();
        let later = |n: usize| began + Duration::from_micros(n as u64);
        for n in 0..MAX_BUCKETS {
            buckets.take(&n.to_string(), 1, Class::Read, later(n));
        }
        let busy = later(MAX_BUCKETS);
        while allowed(&buckets, "ines", 1, Class::Read, busy).is_some() {}
        for n in 0..MAX_BUCKETS / 2 {
            buckets.take(&format!("other {n}"), 1, Class::Read, later(MAX_BUCKETS + n));
        }
        assert!(allowed(&buckets, "ines", 1, Class::Read, busy).is_none(), "who asked lately is still known");
        assert!(buckets.filled.lock().expect("lock").len() <= MAX_BUCKETS);
    }

    #[test]
    fn files_of_a_push_are_no_changes_to_count() {
        let class = |method, path| Class::of(&method, path);
        assert_eq!(class(Method::PUT, "/api/v1/models/m/versions/1/files/a/b"), Class::Read);
        assert_eq!(class(Method::POST, "/api/v1/models/m/versions/1/files/a"), Class::Write);
        for path in ["/api/v1/models/m/versions/1/seal", "/api/v1/environments/e/policy", "/files", ""] {
            assert_eq!(class(Method::PUT, path), Class::Write, "{path}");
        }
    }
}
