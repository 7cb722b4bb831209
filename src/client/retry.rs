//! Repeating what may be repeated: exponential back-off with jitter, and as long as the
//! service asks for.

use crate::{cli::Failure, client::problem};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use std::time::Duration;

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A service that asks for more is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends a request that has the same effect however often it arrives.
pub async fn send(address: &str, make: impl AsyncFn() -> Result<RequestBuilder, Failure>) -> Result<Response, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let answer = make().await?.send().await;
        let asked = match &answer {
            Ok(response) if is_passing(response.status()) => retry_after(response),
            Err(error) if error.is_connect() || error.is_timeout() || error.is_request() => None,
            _ => return answer.map_err(|e| problem::unreachable(address, &e)),
        };
        let pause = asked.unwrap_or_else(|| backoff(attempt));
        if ATTEMPTS <= attempt || LONGEST_PAUSE < pause {
            return answer.map_err(|e| problem::unreachable(address, &e));
        }
        eprintln!("no answer yet from {address}; trying again in {:.1} s", pause.as_secs_f64());
        tokio::time::sleep(pause).await;
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Doubles each time, between the half and the whole, so that clients don't come back as one.
fn backoff(attempt: u32) -> Duration {
    let whole = FIRST_PAUSE * 2u32.saturating_pow(attempt.min(10) - 1);
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
        for attempt in 1..ATTEMPTS {
            let whole = FIRST_PAUSE * 2u32.pow(attempt - 1);
            for _ in 0..100 {
                let pause = backoff(attempt);
                assert!(whole / 2 <= pause && pause <= whole, "{attempt}: {pause:?}");
            }
        }
    }
}
