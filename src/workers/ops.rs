use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::ids::WorkerId,
    error::Error,
    jobs::store::{self as jobs, Standing},
    validation::Run,
    workers::{
        ANNOUNCE, Known, Waiting,
        store::{self, Present},
    },
};
use std::sync::Arc;
use tokio::sync::watch;

/// Says again and again that the workers of this process are there, until told to stop.
pub async fn announce(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let id = WorkerId::generate();
    while !*stop.borrow() {
        announce_once(&app, id).await;
        tokio::select! {
            () = tokio::time::sleep(ANNOUNCE) => {}
            _ = stop.changed() => {}
        }
    }
}

/// The same once, for a worker that does what is due and ends.
pub async fn announce_once(app: &App, id: WorkerId) {
    let present = Present { id, remote: None, name: "local", labels: &app.labels };
    if let Err(error) = store::announce(&app.db, &present).await {
        tracing::warn!(%error, "that this worker is there could not be noted");
    }
}

/// Workers that may do what the caller's workspace asks for, those that were seen last first, each with the name of its
/// account.
pub async fn known(app: &App, who: &Principal) -> Result<Vec<(Known, String)>, Error> {
    let sight = policy::read(who, Action::RunRead)?;
    let known = store::known(&app.db.read(&sight), who.workspace).await?;
    let accounts: Vec<_> = known.iter().filter_map(|worker| worker.account).collect();
    let names = accounts::ops::names(app, &accounts).await?;
    let named = |worker: Known| {
        let account = worker.account.and_then(|id| names.get(&id).cloned()).unwrap_or_default();
        (worker, account)
    };
    Ok(known.into_iter().map(named).collect())
}

/// Why a run is not under way; `None` when it is, or has ended.
pub async fn waiting(app: &App, run: &Run) -> Result<Option<Waiting>, Error> {
    if run.state.is_final() {
        return Ok(None);
    }
    let reader = app.db.read(&policy::upkeep());
    let now = app.db.clock().now();
    let Some(Standing::Free(from)) = jobs::standing(&reader, run.id, now).await? else { return Ok(None) };
    let seen = store::seen(&reader, run.workspace).await?;
    Ok(Some(Waiting::of(run.requires.clone(), &seen, from, now)))
}
