//! What is repeated for long: the calls of transfers, which took long to get as far as they are.

use super::{Client, accepted, retry, retry::Patience};
use crate::cli::{Exit, Failure};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::{
    Body, Method, Response, StatusCode,
    header::{self, HeaderName},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Where a service does not say when to ask again.
const LATER: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);
/// Whoever waits for long hears so often that it goes on.
const TOLD_EVERY: Duration = Duration::from_secs(60);

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
            let request = match patience.answer {
                None => self.request(Method::POST, url.clone()),
                Some(within) => self.long_request(Method::POST, url.clone()).timeout(within),
            };
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
        let (mut attempt, mut told) = (0, None::<Instant>);
        loop {
            // What failed is begun anew by asking, so that failures are counted over all of it.
            match self.repeat(path, None::<&()>, patience.once()).await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    if told.is_none_or(|told| TOLD_EVERY <= told.elapsed()) {
                        patience.tell("the service puts the file together and compares it");
                        told = Some(Instant::now());
                    }
                    tokio::time::sleep(retry::retry_after(&answer).unwrap_or(LATER).clamp(LATER, LATEST)).await;
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

    /// A PUT of bytes that are the same at every attempt. `open` gives them from the start. A slow line may take as long as it
    /// needs; one on which nothing moves is given up.
    pub async fn put_bytes<S>(
        &self,
        path: &[&str],
        headers: &[(HeaderName, String)],
        size_bytes: u64,
        patience: Patience<'_>,
        open: impl AsyncFn() -> Result<S, Failure>,
    ) -> Result<Response, Failure>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let url = self.url(path)?;
        let moved = Arc::new(Mutex::new(Instant::now()));
        let moves = |at: &Mutex<Instant>| *at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let make = || async {
            let mut request = self.long_request(Method::PUT, url.clone()).header(header::CONTENT_LENGTH, size_bytes);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            moves(&moved);
            let at = Arc::clone(&moved);
            Ok(request.body(Body::wrap_stream(open().await?.inspect(move |_| moves(&at)))))
        };
        let silent = || async {
            loop {
                let since = moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
                let Some(left) = self.still.checked_sub(since).filter(|left| !left.is_zero()) else { return };
                tokio::time::sleep(left).await;
            }
        };
        accepted(retry::send_unless(self.address(), patience, make, silent).await?).await
    }

    /// A file from a place on, if it still has this ETag (without its quotes); else all of it.
    pub async fn get_from(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        (from, tag): (u64, &str),
        patience: Patience<'_>,
    ) -> Result<Part, Failure> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
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
        // A page that somebody in between sends is no file, and no reason to throw anything away.
        if answer.headers().get(header::ETAG).is_none_or(|said| said.as_bytes() != format!("\"{tag}\"").as_bytes()) {
            let what = format!("what answers at {} did not send the file that was asked for", self.address());
            return Err(
                Failure::new(Exit::Unreachable, what).next("is there a proxy in between, or a page to sign in at?")
            );
        }
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

impl Client {
    /// The ETag of what is there, without its quotes.
    pub async fn tag_of(&self, path: &[&str], query: &[(&str, &str)]) -> Result<String, Failure> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let make = || async { Ok(self.request(Method::HEAD, url.clone())) };
        let answer = accepted(retry::send(self.address(), Patience::SHORT, make).await?).await?;
        let tag = answer.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(tag.trim_matches('"').to_owned())
    }
}

/// The first byte of `bytes 10-19/20`.
fn first(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::Silence, config::Trust};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    const SENT: u64 = 24 << 20;
    const SILENCE: Silence = Silence { answer: Duration::from_millis(300), line: Duration::from_secs(1) };

    /// Puts bytes to somebody who takes some of them now and then, or none, and answers in the end.
    async fn put_to(takes: usize) -> Result<Response, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut line, _)) = listener.accept().await {
                if takes == 0 {
                    silent.push(line);
                    continue;
                }
                let (mut buffer, mut taken) = (vec![0; takes], 0);
                while taken < SENT {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    taken += line.read(&mut buffer).await.expect("read") as u64;
                }
                line.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("written");
            }
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::patient(&url, None, &Trust::default(), SILENCE).expect("a client");
        let piece = || Ok(Bytes::from(vec![7; 1 << 20]));
        let open = async || Ok(futures_util::stream::iter((0..SENT >> 20).map(move |_| piece())));
        client.put_bytes(&["x"], &[], SENT, Patience::SHORT, open).await
    }

    #[tokio::test]
    async fn a_slow_line_takes_as_long_as_it_needs() {
        let begun = Instant::now();
        assert_eq!(put_to(512 << 10).await.expect("sent").status(), StatusCode::NO_CONTENT);
        assert!(SILENCE.answer + SILENCE.line < begun.elapsed(), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_line_on_which_nothing_moves_is_given_up() {
        let failure = put_to(0).await.expect_err("nobody answers");
        assert_eq!((failure.exit, failure.what.ends_with("the connection is silent")), (Exit::Unreachable, true));
    }

    #[test]
    fn a_part_begins_where_it_says() {
        assert_eq!(first("bytes 10-19/20"), Some(10));
        for bad in ["", "bytes */20", "bytes -", "lines 1-2/3", "bytes 99999999999999999999999-"] {
            assert_eq!(first(bad), None, "{bad}");
        }
    }
}
