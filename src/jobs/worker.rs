//! The loop that takes jobs and does them: embedded in `serve`, or as `plimsoll worker`.

use crate::{
    app::App,
    comparisons,
    error::Error,
    jobs::{
        Job,
        store::{self, Claimant, Claimed},
    },
    releases, validation,
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// How often an idle worker looks by itself: other processes can't wake this one.
const POLL: Duration = Duration::from_secs(1);
/// How often a worker says that it is still at it; a few in vain, and the lease is over.
const RENEW: Duration = Duration::from_secs(5);
/// How often what the clock ends is ended.
const SWEEP: Duration = Duration::from_secs(30);

/// What is done again and again: it ends what the clock ends.
pub struct Sweep {
    /// Of what, for the service's own log.
    pub name: &'static str,
    pub run: for<'a> fn(&'a App) -> BoxFuture<'a, Result<(), Error>>,
}

/// Works until told to stop; the job at hand is finished first, or left to its lease.
pub async fn run(app: Arc<App>, sweeps: &[Sweep], mut stop: watch::Receiver<bool>) {
    let name = format!("worker-{}", Uuid::now_v7().simple());
    let claimant = Claimant { name: &name, labels: &app.labels, remote: None };
    let mut swept = tokio::time::Instant::now() - SWEEP;
    while !*stop.borrow() {
        if SWEEP <= swept.elapsed() {
            swept = tokio::time::Instant::now();
            for sweep in sweeps {
                if let Err(error) = (sweep.run)(&app).await {
                    tracing::error!(of = sweep.name, ?error, "a sweep failed");
                }
            }
        }
        let woken = app.work.clone();
        let woken = woken.notified();
        match work_once(&app, claimant).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the queue can't be read"),
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Does everything that is due, and returns; for tests and one-shot workers.
pub async fn run_until_empty(app: &App) -> Result<(), Error> {
    let claimant = Claimant { name: "worker-once", labels: &app.labels, remote: None };
    while work_once(app, claimant).await? {}
    Ok(())
}

async fn work_once(app: &App, claimant: Claimant<'_>) -> Result<bool, Error> {
    let Some(claimed) = store::claim(&app.db, claimant).await? else { return Ok(false) };
    tracing::info!(job = %claimed.id, kind = name_of(&claimed), attempt = claimed.attempt, "job begins");
    let done = match spent(&claimed) {
        Some(error) => Err(error),
        // Boxed, because what a run does in all would take much of a thread's stack.
        None => with_lease(app, &claimed, Box::pin(handle(app, &claimed))).await,
    };
    settle(app, &claimed, done).await?;
    Ok(true)
}

/// What comes of an attempt: it is over, or it is tried again, or given up.
pub(crate) async fn settle(app: &App, claimed: &Claimed, done: Result<(), Error>) -> Result<(), Error> {
    let Err(error) = done else { return store::finish(&app.db, claimed).await };
    tracing::error!(job = %claimed.id, kind = name_of(claimed), ?error, "job failed");
    store::fail(&app.db, claimed, &error.to_string()).await?;
    if store::MAX_ATTEMPTS <= claimed.attempt {
        give_up(app, claimed, &error).await?;
    }
    Ok(())
}

/// Whoever took it last time never came back to say so: it may have killed them.
pub(crate) fn spent(claimed: &Claimed) -> Option<Error> {
    let is_spent = store::MAX_ATTEMPTS < claimed.attempt;
    is_spent.then(|| Error::internal("every attempt ended without a word; the job may kill its worker"))
}

async fn give_up(app: &App, claimed: &Claimed, error: &Error) -> Result<(), Error> {
    match &claimed.job {
        Ok(Job::RunValidation { run }) => {
            validation::jobs::give_up(app, *run, claimed.attempt, &error.to_string()).await
        }
        Ok(Job::Compare { comparison }) => comparisons::jobs::give_up(app, *comparison, &error.to_string()).await,
        Ok(Job::Rehearse { rehearsal }) => {
            releases::rehearsals::jobs::give_up(app, *rehearsal, &error.to_string()).await
        }
        Err(_) => Ok(()),
    }
}

/// Does a job while its lease is renewed; drops it when the lease is lost.
pub(crate) async fn with_lease(
    app: &App,
    claimed: &Claimed,
    work: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let lost = async {
        loop {
            // Somebody may have called it off, which is told at once to the workers of that process.
            tokio::select! {
                () = app.work.notified() => {}
                () = tokio::time::sleep(RENEW) => {}
            }
            match store::renew(&app.db, claimed).await {
                Ok(true) => {}
                Ok(false) => return Error::conflict("lease_lost", "another worker took the job over"),
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        done = work => done,
        error = lost => Err(error),
    }
}

async fn handle(app: &App, claimed: &Claimed) -> Result<(), Error> {
    match &claimed.job {
        Err(unreadable) => Err(Error::internal(format!("the job can't be read: {unreadable}"))),
        Ok(Job::RunValidation { run }) => validation::jobs::run(app, *run, claimed.attempt).await,
        Ok(Job::Rehearse { rehearsal }) => releases::rehearsals::jobs::run(app, *rehearsal).await,
        Ok(Job::Compare { comparison }) => comparisons::jobs::run(app, *comparison).await,
    }
}

fn name_of(claimed: &Claimed) -> &'static str {
    claimed.job.as_ref().map_or("unreadable", Job::name)
}
