//! Repeating what may be repeated: exponential back-off with jitter, and as long as the
//! service asks for.

use crate::{
    cli::{Failure, printable},
    client::problem,
};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use std::{future::pending, time::Duration};

const ATTEMPTS: u32 = 5;
/// Who is told to wait is only one of many who are: two minutes in all.
const BUSY_ATTEMPTS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A service that asks for more is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Of what a service says of itself.
const MAX_SAID_CHARS: usize = 200;

/// How long somebody goes on asking, and whom they tell that they do.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    attempts: u32,
    /// How long one answer may take, where that is longer than for others.
    pub answer: Option<Duration>,
    say: &'a dyn Fn(&str),
}

impl<'a> Patience<'a> {
    /// For what is of no use later: some seconds.
    pub const SHORT: Patience<'static> =
        Patience { attempts: ATTEMPTS, answer: None, say: &|what| eprintln!("{}", printable(what)) };

    /// For what took long to get so far: two minutes and more of silence, as where a network comes back.
    pub fn long(say: &'a dyn Fn(&str)) -> Self {
        Self { attempts: BUSY_ATTEMPTS, answer: None, say }
    }

    /// For what the service needs long to do, such as to read every file of a version.
    pub fn for_answer(self, within: Duration) -> Self {
        Self { answer: Some(within), ..self }
    }

    pub fn tell(&self, what: &str) {
        (self.say)(what);
    }

    /// For one attempt, where the attempts are counted elsewhere.
    pub fn once(self) -> Self {
        Self { attempts: 1, ..self }
    }

    /// Waits before the next attempt, unless that was the last; says whether to go on. `attempt` counts from 1.
    pub async fn wait(&self, attempt: u32, what: &str) -> bool {
        if self.attempts <= attempt {
            return false;
        }
        let pause = backoff(attempt);
        (self.say)(&format!("{what}; trying again in {:.1} s", pause.as_secs_f64()));
        tokio::time::sleep(pause).await;
        true
    }
}

/// Sends a request that has the same effect however often it arrives.
pub async fn send(
    address: &str,
    patience: Patience<'_>,
    make: impl AsyncFn() -> Result<RequestBuilder, Failure>,
) -> Result<Response, Failure> {
    send_unless(address, patience, make, pending).await
}

/// The same, and each attempt is given up when `silent` ends.
pub async fn send_unless(
    address: &str,
    patience: Patience<'_>,
    make: impl AsyncFn() -> Result<RequestBuilder, Failure>,
    silent: impl AsyncFn(),
) -> Result<Response, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let request = make().await?;
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(Some),
            () = silent() => Err(None),
        };
        let failed = |error: Option<reqwest::Error>| match error {
            Some(error) => problem::unreachable(address, &error),
            None => problem::silent(address),
        };
        let (asked, most) = match &answer {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                (retry_after(response), BUSY_ATTEMPTS)
            }
            Ok(response) if is_passing(response.status()) => (retry_after(response), patience.attempts),
            Err(None) => (None, patience.attempts),
            Err(Some(error)) if error.is_connect() || error.is_timeout() || error.is_request() => {
                (None, patience.attempts)
            }
            _ => return answer.map_err(failed),
        };
        let pause = pause(asked, backoff(attempt));
        if most <= attempt || LONGEST_PAUSE < asked.unwrap_or_default() {
            return answer.map_err(failed);
        }
        let what = match answer {
            Ok(response) => refusal(address, response).await,
            Err(_) => format!("no answer yet from {address}"),
        };
        (patience.say)(&format!("{what}; trying again in {:.1} s", pause.as_secs_f64()));
        tokio::time::sleep(pause).await;
    }
}

/// What the service says of itself, where it says something.
async fn refusal(address: &str, response: Response) -> String {
    let status = response.status().as_u16();
    let said = response.json::<serde_json::Value>().await.unwrap_or_default();
    let detail = said["detail"].as_str().map(|detail| detail.chars().take(MAX_SAID_CHARS).collect());
    match detail.filter(|detail: &String| !detail.is_empty()) {
        Some(detail) => format!("{address}: {detail} ({status})"),
        None => format!("{address} is busy ({status})"),
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

pub fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// At least what the service asks for, and not at the same moment as everybody else whom it told the same.
fn pause(asked: Option<Duration>, backoff: Duration) -> Duration {
    asked.map_or(backoff, |asked| asked.saturating_add(backoff)).min(LONGEST_PAUSE * 2)
}

/// Doubles each time up to half a minute, between the half and the whole, so that clients don't come back as one.
fn backoff(attempt: u32) -> Duration {
    let whole = (FIRST_PAUSE * 2u32.saturating_pow(attempt.min(10) - 1)).min(LONGEST_PAUSE);
    let mut random = [0; 1];
    // Without randomness there is no jitter, which is no reason to give up.
    let _ = getrandom::fill(&mut random);
    whole / 2 + whole * u32::from(random[0]) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_within_their_bounds() {
        for attempt in 1..BUSY_ATTEMPTS {
            let whole = (FIRST_PAUSE * 2u32.pow(attempt - 1)).min(LONGEST_PAUSE);
            for _ in 0..100 {
                let pause = backoff(attempt);
                assert!(whole / 2 <= pause && pause <= whole, "{attempt}: {pause:?}");
            }
        }
    }

    #[test]
    fn nobody_comes_back_sooner_than_asked_or_all_at_once() {
        let asked = Some(Duration::from_secs(1));
        let pauses: std::collections::BTreeSet<_> = (0..100).map(|_| pause(asked, backoff(3))).collect();
        assert!(pauses.iter().all(|pause| Duration::from_secs(1) <= *pause));
        assert!(20 < pauses.len(), "{pauses:?}");
    }
}
