//! What somebody else said, kept for a while, so that not everybody who waits for it asks.

use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// After a failure nobody is asked again for so long: whoever comes in that time gets the same answer at once.
const FAILED_SECONDS: i64 = 5;

/// One thing that is asked for over the network.
///
/// Invariant: what is kept is read without waiting; one at a time asks, and whoever waited for that one has its answer.
#[derive(Debug)]
pub struct Kept<T> {
    last: Mutex<Option<Last<T>>>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Last<T> {
    /// The last that was said, and when.
    said: Option<(Arc<T>, DateTime<Utc>)>,
    /// When asking failed since then.
    failed: Option<DateTime<Utc>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { last: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }
}

impl<T> Kept<T> {
    /// What was said last, if it is still good; asks otherwise.
    ///
    /// # Errors
    /// Whatever `ask` says; `failed` within a few seconds of that.
    pub async fn get(
        &self,
        now: DateTime<Utc>,
        is_good: impl Fn(&T, DateTime<Utc>) -> bool,
        failed: impl Fn() -> Error,
        ask: impl Future<Output = Result<T, Error>>,
    ) -> Result<Arc<T>, Error> {
        let look = || {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let last = last.as_ref()?;
            let good = last.said.as_ref().filter(|(said, at)| is_good(said, *at)).map(|(said, _)| said.clone());
            let lately = last.failed.is_some_and(|at| (now - at).abs() < TimeDelta::seconds(FAILED_SECONDS));
            good.map(Ok).or_else(|| lately.then(|| Err(failed())))
        };
        if let Some(kept) = look() {
            return kept;
        }
        let _turn = self.asking.lock().await;
        if let Some(kept) = look() {
            return kept;
        }
        let answer = ask.await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.take().and_then(|last| last.said);
        match answer {
            Ok(said) => {
                let said = Arc::new(said);
                *last = Some(Last { said: Some((said.clone(), now)), failed: None });
                Ok(said)
            }
            Err(error) => {
                *last = Some(Last { said: before, failed: Some(now) });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn failed() -> Error {
        Error::internal("failed lately")
    }

    #[tokio::test]
    async fn of_many_who_wait_one_asks_and_a_failure_is_remembered_for_a_moment() {
        let (kept, asked, noon) = (Kept::default(), AtomicUsize::new(0), DateTime::UNIX_EPOCH + TimeDelta::hours(12));
        let ask = async |works: bool| {
            tokio::task::yield_now().await;
            asked.fetch_add(1, Ordering::Relaxed);
            if works { Ok(7) } else { Err(failed()) }
        };
        let get = async |seconds: i64, works: bool| {
            let now = noon + TimeDelta::seconds(seconds);
            let is_good = move |_: &i32, at| now - at < TimeDelta::seconds(60);
            kept.get(now, is_good, failed, ask(works)).await.map(|said| *said).ok()
        };
        let all = futures_util::future::join_all((0..8).map(|_| get(0, false))).await;
        assert!(all.iter().all(Option::is_none) && asked.load(Ordering::Relaxed) == 1);
        assert_eq!((get(4, true).await, asked.load(Ordering::Relaxed)), (None, 1));
        assert_eq!((get(5, true).await, get(64, false).await, asked.load(Ordering::Relaxed)), (Some(7), Some(7), 2));
        assert_eq!((get(65, false).await, get(66, true).await, asked.load(Ordering::Relaxed)), (None, None, 3));
    }
}
