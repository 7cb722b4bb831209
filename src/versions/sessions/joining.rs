//! Files that are being put together here: it goes on when nobody listens any more, and whoever asks again waits for it
//! instead of doing it twice.

use crate::{app::App, core::ids::UploadId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::watch, time::Instant};

/// Which files this process puts together now.
#[derive(Default)]
pub struct Joins {
    under_way: Mutex<HashMap<UploadId, watch::Receiver<()>>>,
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
