//! How many uploads are under way at once: each holds a connection, a temporary file and a hash.
//!
//! Who comes when all places are taken waits for one, and nothing of what they send is read meanwhile. A
//! place that becomes free goes to whichever account holds the fewest, so that one that sends a hundred
//! files at once delays itself more than the others.

use crate::{core::ids::AccountId, error::Error};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::oneshot::{self, Receiver, Sender},
    time::timeout,
};

const AT_ONCE: usize = 64;
const OF_ONE_ACCOUNT: usize = 8;
/// Each who waits holds a connection.
const WAITING: usize = 512;
const WAITING_OF_ONE_ACCOUNT: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// Who is uploading now, who waits to, and how much at once.
pub struct Uploads {
    state: Mutex<State>,
    patience: Duration,
}

#[derive(Default)]
struct State {
    taken: HashMap<AccountId, usize>,
    /// Whoever came first stands first.
    waiting: VecDeque<(AccountId, Sender<()>)>,
}

/// A place among those who upload; it is free again when this is dropped.
pub struct Place<'a> {
    uploads: &'a Uploads,
    account: AccountId,
}

/// A place in the queue.
struct Turn<'a> {
    uploads: &'a Uploads,
    account: AccountId,
    called: Receiver<()>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { state: Mutex::default(), patience: PATIENCE }
    }
}

impl Uploads {
    /// Waits for a place. Call it before a body is read, and hold nothing that others wait for.
    ///
    /// # Errors
    /// `Unavailable` if none became free for half a minute, or too many wait already.
    pub async fn take(&self, account: AccountId) -> Result<Place<'_>, Error> {
        if let Some(mut turn) = self.queue(account)? {
            // A turn that comes at this very moment is passed on when it is dropped.
            let called = timeout(self.patience, &mut turn.called).await;
            called.ok().and_then(Result::ok).ok_or_else(busy)?;
        }
        Ok(Place { uploads: self, account })
    }

    /// `None` when a place was free and is taken now.
    fn queue(&self, account: AccountId) -> Result<Option<Turn<'_>>, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.has_place(account) {
            *state.taken.entry(account).or_default() += 1;
            return Ok(None);
        }
        // Whoever went away meanwhile stands in nobody's way.
        state.waiting.retain(|(_, call)| !call.is_closed());
        let own = state.waiting.iter().filter(|(other, _)| *other == account).count();
        if WAITING_OF_ONE_ACCOUNT <= own || WAITING <= state.waiting.len() {
            return Err(busy());
        }
        let (call, called) = oneshot::channel();
        state.waiting.push_back((account, call));
        Ok(Some(Turn { uploads: self, account, called }))
    }

    fn free(&self, account: AccountId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.taken.get_mut(&account) {
            Some(own) if 1 < *own => *own -= 1,
            _ => drop(state.taken.remove(&account)),
        }
        state.call_next();
    }
}

impl State {
    fn held(&self, account: AccountId) -> usize {
        self.taken.get(&account).copied().unwrap_or_default()
    }

    fn has_place(&self, account: AccountId) -> bool {
        self.held(account) < OF_ONE_ACCOUNT && self.taken.values().sum::<usize>() < AT_ONCE
    }

    fn call_next(&mut self) {
        loop {
            let may = self.waiting.iter().enumerate().filter(|(_, (account, _))| self.has_place(*account));
            let Some((next, _)) = may.min_by_key(|(_, (account, _))| self.held(*account)) else { return };
            let Some((account, call)) = self.waiting.remove(next) else { return };
            if call.send(()).is_ok() {
                *self.taken.entry(account).or_default() += 1;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.called.close();
        // Called and never heard.
        if self.called.try_recv().is_ok() {
            self.uploads.free(self.account);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.uploads.free(self.account);
    }
}

fn busy() -> Error {
    let detail = format!(
        "too many uploads are under way: {OF_ONE_ACCOUNT} of one account at once, and {AT_ONCE} of all, and no place \
         became free; wait for one to end, and send this again"
    );
    Error::Unavailable { code: "uploads_busy", detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn now<'a>(uploads: &'a Uploads, account: AccountId) -> Option<Place<'a>> {
        uploads.take(account).now_or_never().map(|place| place.expect("a place"))
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_upload_has_ended() {
        let uploads = Uploads::default();
        let (one, other) = (AccountId::generate(), AccountId::generate());
        let places: Vec<_> = (0..OF_ONE_ACCOUNT).map(|_| now(&uploads, one).expect("free")).collect();
        assert!(now(&uploads, one).is_none());
        drop(now(&uploads, other).expect("another's"));
        drop(places);
        let many: Vec<_> = (0..AT_ONCE).map(|_| now(&uploads, AccountId::generate()).expect("free")).collect();
        assert!(now(&uploads, other).is_none());
        drop(many);
        let state = uploads.state.lock().expect("lock");
        assert!(state.taken.is_empty() && state.waiting.iter().all(|(_, call)| call.is_closed()));
    }

    #[tokio::test]
    async fn whoever_holds_the_fewest_places_is_called_first() {
        let uploads = Uploads::default();
        let (greedy, calm) = (AccountId::generate(), AccountId::generate());
        let mut places: Vec<_> = (0..OF_ONE_ACCOUNT).map(|_| now(&uploads, greedy).expect("free")).collect();
        places.extend((OF_ONE_ACCOUNT..AT_ONCE).map(|_| now(&uploads, AccountId::generate()).expect("free")));
        let mut first = Box::pin(uploads.take(greedy));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(uploads.take(calm));
        assert!(second.as_mut().now_or_never().is_none());
        drop(places.remove(0));
        let taken = second.now_or_never().expect("called").expect("a place");
        assert!(first.as_mut().now_or_never().is_none());
        drop(taken);
        assert!(first.now_or_never().expect("called").is_ok());
    }

    #[tokio::test]
    async fn who_waits_too_long_or_with_too_many_is_refused_and_takes_nothing_along() {
        let uploads = Uploads { patience: Duration::from_millis(20), ..Uploads::default() };
        let one = AccountId::generate();
        let places: Vec<_> = (0..OF_ONE_ACCOUNT).map(|_| now(&uploads, one).expect("free")).collect();
        assert!(uploads.take(one).await.is_err());
        let mut waiting: Vec<_> = (0..WAITING_OF_ONE_ACCOUNT).map(|_| Box::pin(uploads.take(one))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        assert!(uploads.take(one).now_or_never().expect("at once").is_err());
        // Called, and gone before they heard it.
        drop(places);
        drop(waiting);
        assert!(uploads.state.lock().expect("lock").taken.is_empty());
        assert!(now(&uploads, one).is_some());
    }
}
