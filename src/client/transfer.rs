//! What is repeated for long: the calls of transfers, which took long to get as far as they are.

use super::{Client, accepted, retry, retry::Patience};
use crate::cli::{Exit, Failure};
use reqwest::{
    Body, Method, Response, StatusCode,
    header::{self, HeaderName},
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Where a service does not say when to ask again.
const LATER: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);

/// A file from some place on.
pub struct Part {
    pub answer: Response,
    /// The number of bytes before the first that comes.
    pub from: u64,
}

impl Client {
    /// A POST that means the same however often it arrives, so that it needs no key.
    pub async fn repeat(
        &self,
        path: &[&str],
        body: Option<&impl Serialize>,
        patience: Patience<'_>,
    ) -> Result<Response, Failure> {
        let url = self.url(path)?;
        let make = || async {
            let request = self.request(Method::POST, url.clone());
            Ok(match body {
                Some(body) => request.json(body),
                None => request,
            })
        };
        accepted(retry::send(self.address(), patience, make).await?).await
    }

    /// The same, and what it answers.
    pub async fn repeat_for<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        patience: Patience<'_>,
    ) -> Result<T, Failure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answer = self.repeat(path, Some(body), patience).await?;
            match self.read_json(answer).await {
                Err(failure) if failure.exit == Exit::Unreachable && patience.wait(attempt, &failure.what).await => {}
                outcome => return outcome,
            }
        }
    }

    /// The same for what may take long: as long as the service says that it goes on (202), it is asked again.
    pub async fn repeat_until_done(&self, path: &[&str], patience: Patience<'_>) -> Result<(), Failure> {
        let mut attempt = 0;
        loop {
            // What failed is begun anew by asking, so that failures are counted over all of it.
            match self.repeat(path, None::<&()>, patience.once()).await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    tokio::time::sleep(retry::retry_after(&answer).unwrap_or(LATER).min(LATEST)).await;
                }
                Ok(_) => return Ok(()),
                Err(failure) if failure.exit == Exit::Unreachable => {
                    attempt += 1;
                    if !patience.wait(attempt, &failure.what).await {
                        return Err(failure);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// A PUT of bytes that are the same at every attempt. `open` gives them from the start.
    pub async fn put_bytes(
        &self,
        path: &[&str],
        headers: &[(HeaderName, String)],
        size_bytes: u64,
        patience: Patience<'_>,
        open: impl AsyncFn() -> Result<Body, Failure>,
    ) -> Result<Response, Failure> {
        let url = self.url(path)?;
        let make = || async {
            let mut request = self.request(Method::PUT, url.clone()).header(header::CONTENT_LENGTH, size_bytes);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            Ok(request.body(open().await?))
        };
        accepted(retry::send(self.address(), patience, make).await?).await
    }

    /// A file from a place on, if it still has this ETag (without its quotes); else all of it.
    pub async fn get_from(&self, path: &[&str], from: u64, tag: &str, patience: Patience<'_>) -> Result<Part, Failure> {
        let url = self.url(path)?;
        let make = || async {
            let request = self.request(Method::GET, url.clone());
            Ok(match from {
                0 => request,
                _ => request
                    .header(header::RANGE, format!("bytes={from}-"))
                    .header(header::IF_RANGE, format!("\"{tag}\"")),
            })
        };
        let answer = accepted(retry::send(self.address(), patience, make).await?).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(Part { answer, from: 0 });
        }
        let begins = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok()).and_then(first);
        if begins != Some(from) || from == 0 {
            return Err(Failure::other("the service sends another part of the file than was asked for"));
        }
        Ok(Part { answer, from })
    }
}

/// The first byte of `bytes 10-19/20`.
fn first(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_where_it_says() {
        assert_eq!(first("bytes 10-19/20"), Some(10));
        for bad in ["", "bytes */20", "bytes -", "lines 1-2/3", "bytes 99999999999999999999999-"] {
            assert_eq!(first(bad), None, "{bad}");
        }
    }
}
