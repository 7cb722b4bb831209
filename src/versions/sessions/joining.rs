//! Files that are being put together here: it goes on when nobody listens any more, and whoever asks again waits for it
//! instead of doing it twice.

use crate::{app::App, core::ids::UploadId, error::Error};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Failures that nobody came for are forgotten after this, and so is which upload they were of.
const HEARD: Duration = Duration::from_secs(3_600);

/// Which files this process puts together now, and which it could not.
#[derive(Default)]
pub struct Joins {
    under_way: Mutex<HashMap<UploadId, watch::Receiver<()>>>,
    failed: Mutex<HashMap<UploadId, (Instant, Error)>>,
}

impl Joins {
    /// Why the last attempt failed, told once.
    pub(super) fn take_failure(&self, id: UploadId) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).map(|(_, error)| error)
    }
}

/// Whose turn it is.
pub(super) enum Turn {
    /// Nobody does it: it is the caller's to do, as long as this is held.
    Own(Join),
    Others(Wait),
}

/// One file that is being put together. Dropping it, by an end or a panic, tells whoever waits.
pub(super) struct Join {
    app: Arc<App>,
    id: UploadId,
    _ends: watch::Sender<()>,
}

/// For the end of what somebody else does.
pub(super) struct Wait(watch::Receiver<()>);

pub(super) fn enter(app: &Arc<App>, id: UploadId) -> Turn {
    let mut under_way = app.joins.under_way.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ended) = under_way.get(&id) {
        return Turn::Others(Wait(ended.clone()));
    }
    let (_ends, ended) = watch::channel(());
    under_way.insert(id, ended);
    Turn::Own(Join { app: Arc::clone(app), id, _ends })
}

impl Join {
    /// Says how it ended, and lets whoever waits go on.
    pub fn ends(self, outcome: Result<(), Error>) {
        let mut failed = self.app.joins.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, (at, _)| at.elapsed() < HEARD);
        match outcome {
            Ok(()) => failed.remove(&self.id),
            Err(error) => failed.insert(self.id, (Instant::now(), error)),
        };
        drop(failed);
    }
}

impl Wait {
    /// Whether it ended by then.
    pub async fn until(&self, deadline: Instant) -> bool {
        let mut ended = self.0.clone();
        // Nothing is ever sent: what is heard is that the other side is gone.
        tokio::time::timeout_at(deadline, ended.changed()).await.is_ok()
    }
}

impl Drop for Join {
    fn drop(&mut self) {
        self.app.joins.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
