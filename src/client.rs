//! The client of the REST API, over the wire structs of the slices.
//!
//! Invariants: paths are built from segments, so that a name can't become a route; only
//! calls that may be repeated are repeated; every creating POST carries an
//! `Idempotency-Key`; every refusal becomes a [`Failure`] with its exit code.

mod problem;
mod retry;
mod transfer;

pub use retry::Patience;

use crate::{
    cli::{Exit, Failure},
    config::Trust,
    http::idempotency,
};
use reqwest::{
    Certificate, Identity, Method, RequestBuilder, Response, StatusCode, Url,
    header::{self, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fs, path::Path, time::Duration};
use uuid::Uuid;

/// An answer that is read into memory has at most this many bytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Silence = Silence { answer: Duration::from_secs(60), line: Duration::from_secs(120) };

/// What is given up as silent.
#[derive(Clone, Copy)]
struct Silence {
    /// An answer that does not begin, or of which nothing more comes.
    answer: Duration,
    /// A connection that takes no bytes for so long, or all of them without an answer. What the system holds for a slow line
    /// has to leave meanwhile.
    line: Duration,
}

pub struct Client {
    http: reqwest::Client,
    /// Without a limit for how long a request may take to be sent: whoever uses it has one of their own.
    sending: reqwest::Client,
    still: Duration,
    base: Url,
    token: Option<HeaderValue>,
}

/// What all lists have in common.
#[derive(serde::Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl Client {
    /// `base`: such as `http://127.0.0.1:8250`.
    ///
    /// # Errors
    /// When the address is not an http(s) URL, the token can't be a header, or a file of `trust` can't be used.
    pub fn new(base: &str, token: Option<&str>, trust: &Trust) -> Result<Self, Failure> {
        Self::patient(base, token, trust, SILENCE)
    }

    fn patient(base: &str, token: Option<&str>, trust: &Trust, silence: Silence) -> Result<Self, Failure> {
        let base = parse_base(base)?;
        let builder = || {
            let mut http = reqwest::Client::builder()
                .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT);
            if is_loopback(&base) {
                http = http.no_proxy();
            }
            // Over plain HTTP there is nothing to verify; a machine without root certificates can still talk to itself.
            if base.scheme() == "http" { Ok(http.tls_certs_only([])) } else { trusting(http, trust) }
        };
        let token = token
            .map(|token| {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()
            .map_err(|_: header::InvalidHeaderValue| {
                Failure::new(Exit::Usage, "the token holds characters that no token has")
            })?;
        let http = builder()?.read_timeout(silence.answer).build().map_err(Failure::other)?;
        let sending = builder()?.build().map_err(Failure::other)?;
        Ok(Self { http, sending, still: silence.line, base, token })
    }

    /// The address without a trailing slash.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Failure> {
        self.read_json(self.get_raw(path, query).await?).await
    }

    /// `None` when there is no such object.
    pub async fn find<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, Failure> {
        match self.get(path, &[]).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.exit == Exit::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Every page of a list.
    pub async fn list<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("limit", "200"));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.get(path, &query).await?;
            all.extend(page.items);
            match page.next_cursor {
                // A service that gives the same cursor again would keep us for ever.
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(all),
            }
        }
    }

    pub async fn get_bytes(&self, path: &[&str]) -> Result<Vec<u8>, Failure> {
        read(self.get_raw(path, &[]).await?).await
    }

    pub async fn get_text(&self, path: &[&str]) -> Result<String, Failure> {
        let bytes = self.get_bytes(path).await?;
        String::from_utf8(bytes).map_err(|_| Failure::other("the answer is not text"))
    }

    /// The answer as it comes, for streaming.
    pub async fn get_raw(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let make = || async { Ok(self.request(Method::GET, url.clone())) };
        accepted(retry::send(self.address(), Patience::SHORT, make).await?).await
    }

    /// A POST that creates something: sent once, under a new key.
    pub async fn create<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, Failure> {
        self.read_json(self.post(path, Some(body)).await?).await
    }

    /// The same for an operation that takes no body.
    pub async fn act<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        self.read_json(self.post(path, None::<&()>).await?).await
    }

    /// The answer as it comes, for streaming. Without a body for operations that take none.
    pub async fn post(&self, path: &[&str], body: Option<&impl Serialize>) -> Result<Response, Failure> {
        self.post_with(path, &[], body).await
    }

    /// The same with a query.
    pub async fn post_with(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&impl Serialize>,
    ) -> Result<Response, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let key = Uuid::now_v7().to_string();
        let mut request = self.request(Method::POST, url).header(idempotency::HEADER, key);
        if let Some(body) = body {
            request = request.json(body);
        }
        accepted(request.send().await.map_err(|e| problem::unreachable(self.address(), &e))?).await
    }

    /// A revision of a document, if it is still at the ETag that was last seen.
    pub async fn revise<T: DeserializeOwned>(
        &self,
        path: &[&str],
        seen: i64,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self.request(Method::PUT, self.url(path)?).header(header::IF_MATCH, format!("\"{seen}\""));
        let answer = request.json(body).send().await;
        self.read_json(accepted(answer.map_err(|e| problem::unreachable(self.address(), &e))?).await?).await
    }

    /// A PUT of a value in the place of whatever is there.
    pub async fn put<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, Failure> {
        let answer = self.request(Method::PUT, self.url(path)?).json(body).send().await;
        self.read_json(accepted(answer.map_err(|e| problem::unreachable(self.address(), &e))?).await?).await
    }

    /// The same with a query, or as a POST that says something about what was last seen.
    pub async fn revise_at<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        seen: i64,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.request(method, url).header(header::IF_MATCH, format!("\"{seen}\""));
        let answer = request.json(body).send().await;
        self.read_json(accepted(answer.map_err(|e| problem::unreachable(self.address(), &e))?).await?).await
    }

    /// JSON that is sent once and without an `Idempotency-Key`: what it belongs to is numbered by itself.
    pub async fn send_once(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        json: Vec<u8>,
    ) -> Result<Response, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.request(method, url).header(header::CONTENT_TYPE, "application/json").body(json);
        accepted(request.send().await.map_err(|e| problem::unreachable(self.address(), &e))?).await
    }

    pub async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.delete_raw(path).await.map(drop)
    }

    /// A DELETE that answers with what is left.
    pub async fn end<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        self.read_json(self.delete_raw(path).await?).await
    }

    /// The same, with something to say about it.
    pub async fn end_with<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, Failure> {
        let answer = self.request(Method::DELETE, self.url(path)?).json(body).send().await;
        self.read_json(accepted(answer.map_err(|e| problem::unreachable(self.address(), &e))?).await?).await
    }

    async fn delete_raw(&self, path: &[&str]) -> Result<Response, Failure> {
        let answer = self.request(Method::DELETE, self.url(path)?).send().await;
        accepted(answer.map_err(|e| problem::unreachable(self.address(), &e))?).await
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let bytes = read(response).await?;
        match serde_json::from_slice(&bytes) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(problem::unexpected(&error, self.version_of_service().await.as_deref())),
        }
    }

    /// What the service says that it is, if it says so.
    async fn version_of_service(&self) -> Option<String> {
        let answer = self.request(Method::GET, self.url(&["registry"]).ok()?).timeout(CONNECT).send().await.ok()?;
        let said: serde_json::Value = serde_json::from_slice(&read(answer).await.ok()?).ok()?;
        said["version"].as_str().map(str::to_owned)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.of_somebody(self.http.request(method, url))
    }

    /// The same for what takes long to be sent or to be answered.
    fn long_request(&self, method: Method, url: Url) -> RequestBuilder {
        self.of_somebody(self.sending.request(method, url))
    }

    fn of_somebody(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(["api", "v1"]).extend(path);
            }
            Err(()) => return Err(Failure::new(Exit::Usage, "the address has no path")),
        }
        Ok(url)
    }
}

fn trusting(mut http: reqwest::ClientBuilder, trust: &Trust) -> Result<reqwest::ClientBuilder, Failure> {
    let unusable = |file: &Path, why: String| Failure::new(Exit::Usage, format!("can't use {}: {why}", file.display()));
    if let Some(file) = &trust.ca_file {
        let pem = fs::read(file).map_err(|e| unusable(file, e.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|e| unusable(file, e.to_string()))?;
        if found.is_empty() {
            return Err(unusable(file, "it holds no certificate in PEM".to_owned()));
        }
        http = http.tls_certs_merge(found);
    }
    if let Some(file) = &trust.client_cert {
        let pem = fs::read(file).map_err(|e| unusable(file, e.to_string()))?;
        http = http.identity(Identity::from_pem(&pem).map_err(|e| unusable(file, e.to_string()))?);
    }
    Ok(http)
}

fn parse_base(base: &str) -> Result<Url, Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, format!("\"{base}\" is not the address of a service"))
            .next("write it like http://127.0.0.1:8250 or https://plimsoll.example.org")
    };
    let url = Url::parse(base.trim()).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_plain {
        return Err(wrong());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// A success, or what the problem in the answer says.
async fn accepted(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_redirection() || status == StatusCode::NOT_MODIFIED {
        return Err(Failure::new(Exit::Other, format!("the service answered {status}; is the address right?")));
    }
    let body = read(response).await?;
    Err(problem::failure(status, &body))
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(problem::broken_off)? {
        if MAX_ANSWER_BYTES < bytes.len() + chunk.len() {
            return Err(Failure::other("the answer is larger than any that this program expects"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a stream says when it ends early.
pub use problem::broken_off;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_a_route() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new("http://127.0.0.1:1/base/", None, &Trust::default()).expect("client");
        let url = client.url(&["models", "a/../b?c#d", "x y"]).expect("url");
        assert_eq!(url.as_str(), "http://127.0.0.1:1/base/api/v1/models/a%2F..%2Fb%3Fc%23d/x%20y");
    }

    #[test]
    fn only_the_address_of_a_service_is_one() {
        for good in ["http://127.0.0.1:8250", "https://plimsoll.example.org/registry", " http://[::1]:1 "] {
            assert!(parse_base(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:8250", "ftp://x", "http://", "http://ann:pw@host", "http://x/?q", "file:///etc"] {
            assert_eq!(parse_base(bad).err().map(|f| f.exit), Some(Exit::Usage), "{bad}");
        }
    }
}
