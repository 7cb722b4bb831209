//! States that were replayed lately, and those that are being replayed.
//!
//! What the log tells up to one of its records holds for ever, so a state is kept by that record. It is kept without
//! names, which may be forgotten, and whether somebody may look is asked each time.

use super::State;
use crate::{authz::Scope, error::Error};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// A state of 100,000 versions takes some 20 MB.
const KEPT: usize = 4;
/// Each waits for its turn and holds nothing meanwhile, but nobody may heap them up.
const MAX_UNDER_WAY: usize = 4;

/// All that the log tells up to one record.
pub struct Told {
    pub state: State,
    /// How many records made it.
    pub records: u64,
}

/// Whose records, and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub scope: Scope,
    pub last: i64,
}

#[derive(Default)]
pub struct States(Mutex<VecDeque<(Key, Arc<Replay>)>>);

/// A state, or the way to it.
pub struct Replay {
    last: i64,
    read: AtomicI64,
    /// Whose other end is dropped without a state when the replay fails.
    told: watch::Receiver<Option<Arc<Told>>>,
}

/// What somebody has to replay now.
pub type Begun = watch::Sender<Option<Arc<Told>>>;

impl States {
    /// The replay of a key, and if it is a new one, where its state has to be left.
    pub fn of(&self, key: Key) -> Result<(Arc<Replay>, Option<Begun>), Error> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, replay)| !replay.has_failed());
        if let Some(place) = kept.iter().position(|(known, _)| *known == key)
            && let Some((_, replay)) = kept.remove(place)
        {
            kept.push_front((key, replay.clone()));
            return Ok((replay, None));
        }
        if MAX_UNDER_WAY <= kept.iter().filter(|(_, replay)| replay.is_under_way()).count() {
            let detail = "the log is being replayed for other dates, and no more at once; ask again in a minute";
            return Err(Error::Unavailable { code: "replays_busy", detail: detail.to_owned() });
        }
        let (begun, told) = watch::channel(None);
        let replay = Arc::new(Replay { last: key.last, read: AtomicI64::new(0), told });
        kept.push_front((key, replay.clone()));
        while KEPT < kept.len() {
            // Those under way are fewer, so there is one that is done.
            let Some(oldest) = kept.iter().rposition(|(_, replay)| !replay.is_under_way()) else { break };
            kept.remove(oldest);
        }
        Ok((replay, Some(begun)))
    }
}

impl Replay {
    /// The state, if it is there in time.
    pub async fn within(&self, patience: Duration) -> Result<Option<Arc<Told>>, Error> {
        timeout(patience, self.told()).await.map_or(Ok(None), |told| told.map(Some))
    }

    /// The state, however long it takes.
    pub async fn told(&self) -> Result<Arc<Told>, Error> {
        let mut told = self.told.clone();
        let there = told.wait_for(Option::is_some).await;
        let there = there.map_err(|_| Error::internal("the log did not replay; the service's own log says why"))?;
        there.clone().ok_or_else(|| Error::internal("a state that was there is gone"))
    }

    pub fn has_read(&self, record: i64) {
        self.read.store(record, Ordering::Relaxed);
    }

    /// How much of the log was read, in percent of its records.
    pub fn percent(&self) -> i64 {
        self.read.load(Ordering::Relaxed).saturating_mul(100) / self.last.max(1)
    }

    fn is_under_way(&self) -> bool {
        self.told.borrow().is_none() && !self.has_failed()
    }

    fn has_failed(&self) -> bool {
        self.told.borrow().is_none() && self.told.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::WorkspaceId;

    fn key(last: i64) -> Key {
        Key { scope: Scope::Workspace(WorkspaceId(uuid::Uuid::nil())), last }
    }

    fn told(records: u64) -> Option<Arc<Told>> {
        Some(Arc::new(Told { state: State::default(), records }))
    }

    #[tokio::test]
    async fn whoever_asks_for_the_same_record_gets_the_same_state() {
        let states = States::default();
        let (first, begun) = states.of(key(7)).expect("a place");
        let (second, nothing) = states.of(key(7)).expect("a place");
        assert!(nothing.is_none(), "one replay serves both");
        assert!(second.within(Duration::ZERO).await.expect("no fault").is_none());
        begun.expect("the first one replays").send_replace(told(3));
        assert_eq!(first.told().await.expect("told").records, 3);
        assert_eq!(second.told().await.expect("told").records, 3);
    }

    #[tokio::test]
    async fn a_replay_that_failed_is_begun_anew() {
        let states = States::default();
        let (replay, begun) = states.of(key(7)).expect("a place");
        drop(begun);
        assert!(replay.told().await.is_err());
        assert!(states.of(key(7)).expect("a place").1.is_some());
    }

    #[tokio::test]
    async fn only_so_many_are_replayed_at_once_and_only_so_many_are_kept() {
        let states = States::default();
        let begun: Vec<_> = (0..4).map(|n| states.of(key(n)).expect("a place").1.expect("new")).collect();
        assert!(matches!(states.of(key(9)), Err(Error::Unavailable { .. })));
        begun.iter().for_each(|begun| drop(begun.send_replace(told(1))));
        let (_, fifth) = states.of(key(9)).expect("a place");
        assert!(fifth.is_some());
        assert!(states.of(key(0)).expect("a place").1.is_some(), "the one that was longest unasked for was forgotten");
        assert!(states.of(key(3)).expect("a place").1.is_none());
    }
}
