//! Those whose signed words about somebody are believed: their description of themselves, their keys, and what they signed.
//!
//! Invariants: every answer is bounded in time and size; no redirect is followed; an address that an issuer names is as
//! safe as its own; whoever sends tokens with made-up key names makes this service ask for keys no more than once in a
//! while.

mod kept;
pub(super) mod store;

use crate::{
    core::Malformed,
    crypto::{
        json,
        jwk::KeySet,
        jwt::{Claims, JwtError, Unchecked},
    },
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use kept::Kept;
use reqwest::{RequestBuilder, StatusCode, Url, header};
use std::{sync::Arc, time::Duration};

const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: usize = 256 << 10;
/// So long a description and keys are believed: a key that the issuer withdrew is of no use after that.
const KEPT_MINUTES: i64 = 60;
/// A key that is not known makes this service ask again, but not sooner than this after the last time.
const ASKED_AGAIN_SECONDS: i64 = 10;

/// Somebody who signs tokens.
#[derive(Debug)]
pub struct Issuer {
    /// Letter by letter as it writes itself.
    pub name: String,
    http: reqwest::Client,
    description_url: Url,
    description: Kept<Description>,
    keys: Kept<KeySet>,
}

/// What an issuer says of itself (OpenID Connect Discovery). Those who sign for programs alone have no endpoints.
#[derive(Debug, serde::Deserialize)]
pub struct Description {
    issuer: String,
    #[serde(default)]
    pub authorization_endpoint: String,
    #[serde(default)]
    pub token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether it always says in its answer who it is (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Why a token is not believed.
#[derive(Debug)]
pub enum Unproven {
    Forged(JwtError),
    /// The issuer could not be asked.
    Other(Error),
}

impl Issuer {
    pub fn new(name: &str) -> Result<Self, Malformed> {
        let description_url = format!("{}/.well-known/openid-configuration", name.trim_end_matches('/'));
        let description_url = safe_address("issuer", &description_url)?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .https_only(description_url.scheme() == "https")
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE)
            .build()
            .map_err(|e| Malformed::new(format!("no HTTP client: {e}")))?;
        let (description, keys) = (Kept::default(), Kept::default());
        Ok(Self { name: name.to_owned(), http, description_url, description, keys })
    }

    pub async fn description(&self, now: DateTime<Utc>) -> Result<Arc<Description>, Error> {
        self.description.get(now, |_, at| is_fresh(at, now), still_unavailable, self.ask_description()).await
    }

    async fn ask_description(&self) -> Result<Description, Error> {
        let bytes = self.get(self.description_url.clone()).await?;
        let description: Description = json::parse(&bytes)
            .map_err(|e| unavailable(&format!("{} is no description: {e}", self.description_url)))?;
        if description.issuer != self.name {
            let detail = format!("{} says that it is by {:?}", self.description_url, description.issuer);
            return Err(unavailable(&detail));
        }
        Ok(description)
    }

    /// The keys; asked for again when the one that is wanted is not among them.
    async fn keys(&self, wanted: Option<&str>, now: DateTime<Utc>) -> Result<Arc<KeySet>, Error> {
        let description = self.description(now).await?;
        let is_good = |keys: &KeySet, at: DateTime<Utc>| {
            let lately = (now - at).abs() < TimeDelta::seconds(ASKED_AGAIN_SECONDS);
            lately || (keys.knows(wanted) && is_fresh(at, now))
        };
        self.keys.get(now, is_good, still_unavailable, self.ask_keys(&description)).await
    }

    async fn ask_keys(&self, description: &Description) -> Result<KeySet, Error> {
        let bytes = self.get(self.address("jwks_uri", &description.jwks_uri)?).await?;
        KeySet::parse(&bytes).map_err(|e| unavailable(&e.to_string()))
    }

    /// The claims of a token that a key of the issuer signed.
    pub async fn verified(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Unproven> {
        let unchecked = Unchecked::parse(token).map_err(Unproven::Forged)?;
        let keys = self.keys(unchecked.key(), now).await.map_err(Unproven::Other)?;
        unchecked.verify(&keys).map_err(Unproven::Forged)
    }

    /// An address that the issuer names: as safe as its own, or none.
    pub fn address(&self, what: &str, raw: &str) -> Result<Url, Error> {
        let url = safe_address(what, raw).map_err(|e| unavailable(&e.0))?;
        match url.scheme() == "https" || self.description_url.scheme() == "http" {
            true => Ok(url),
            false => Err(unavailable(&format!("{what} is not an https address"))),
        }
    }

    pub fn post(&self, address: Url) -> RequestBuilder {
        self.http.post(address).header(header::ACCEPT, "application/json")
    }

    async fn get(&self, address: Url) -> Result<Vec<u8>, Error> {
        let request = self.http.get(address.clone()).header(header::ACCEPT, "application/json");
        let (status, body) = answer(request).await?;
        match status {
            StatusCode::OK => Ok(body),
            status => Err(unavailable(&format!("{address} answers {status}"))),
        }
    }
}

fn is_fresh(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (now - at).abs() < TimeDelta::minutes(KEPT_MINUTES)
}

/// Sends a request and reads the whole answer, as far as it has an end.
pub async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Error> {
    let unreachable = |e: reqwest::Error| unavailable(&last_cause(&e.without_url()));
    let mut answer = request.send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if MAX_ANSWER_BYTES < body.len() + chunk.len() {
            return Err(unavailable("its answer is longer than 256 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status(), body))
}

/// The innermost error says what it was.
fn last_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), last_cause)
}

/// The cause is for the operator; whoever asked is told no more than that.
pub fn unavailable(cause: &str) -> Error {
    tracing::warn!(cause, "an identity provider can't be used");
    still_unavailable()
}

fn still_unavailable() -> Error {
    Error::Unavailable {
        code: "provider_unavailable",
        detail: "the identity provider can't be reached or does not answer as it should; try again in a moment, and \
            tell the operator of this service if it stays so: the cause is in the service's log"
            .to_owned(),
    }
}

/// An https address, or an http one on this machine.
pub fn safe_address(what: &str, raw: &str) -> Result<Url, Malformed> {
    let wrong =
        || Malformed::new(format!("{what}: use an https address; http is for 127.0.0.1, [::1] and localhost alone"));
    let url = Url::parse(raw).map_err(|_| wrong())?;
    let plain = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if plain => Ok(url),
        "http" if plain && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")) => Ok(url),
        _ => Err(wrong()),
    }
}
