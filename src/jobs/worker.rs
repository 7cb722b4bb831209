//! The loop that takes jobs and does them: embedded in `serve`, or as `plimsoll worker`.

use crate::{
    app::App,
    error::Error,
    jobs::{
        Job,
        store::{self, Claimed, LEASE},
    },
    releases, validation,
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// How often an idle worker looks by itself: other processes can't wake this one.
const POLL: Duration = Duration::from_secs(1);
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
        match work_once(&app, &name).await {
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
    while work_once(app, "worker-once").await? {}
    Ok(())
}

async fn work_once(app: &App, worker: &str) -> Result<bool, Error> {
    let Some(claimed) = store::claim(&app.db, worker).await? else { return Ok(false) };
    tracing::info!(job = %claimed.id, kind = name_of(&claimed), attempt = claimed.attempt, "job begins");
    let done = if store::MAX_ATTEMPTS < claimed.attempt {
        // Whoever took it last time never came back to say so: it may have killed them.
        Err(Error::internal("every attempt ended without a word; the job may kill its worker"))
    } else {
        with_lease(app, &claimed).await
    };
    match done {
        Ok(()) => store::finish(&app.db, &claimed).await?,
        Err(error) => {
            tracing::error!(job = %claimed.id, kind = name_of(&claimed), error = ?error, "job failed");
            store::fail(&app.db, &claimed, &error.to_string()).await?;
            if store::MAX_ATTEMPTS <= claimed.attempt {
                give_up(app, &claimed, &error).await?;
            }
        }
    }
    Ok(true)
}

async fn give_up(app: &App, claimed: &Claimed, error: &Error) -> Result<(), Error> {
    match &claimed.job {
        Ok(Job::RunValidation { run }) => {
            validation::jobs::give_up(app, *run, claimed.attempt, &error.to_string()).await
        }
        Ok(Job::Rehearse { rehearsal }) => {
            releases::rehearsals::jobs::give_up(app, *rehearsal, &error.to_string()).await
        }
        Err(_) => Ok(()),
    }
}

/// Does a job while its lease is renewed; drops it when the lease is lost.
async fn with_lease(app: &App, claimed: &Claimed) -> Result<(), Error> {
    let third = Duration::from_secs(u64::try_from(LEASE.num_seconds() / 3).unwrap_or(10));
    let lost = async {
        loop {
            tokio::time::sleep(third).await;
            match store::renew(&app.db, claimed).await {
                Ok(true) => {}
                Ok(false) => return Error::conflict("lease_lost", "another worker took the job over"),
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        done = handle(app, claimed) => done,
        error = lost => Err(error),
    }
}

async fn handle(app: &App, claimed: &Claimed) -> Result<(), Error> {
    match &claimed.job {
        Err(unreadable) => Err(Error::internal(format!("the job can't be read: {unreadable}"))),
        Ok(Job::RunValidation { run }) => validation::jobs::run(app, *run, claimed.attempt).await,
        Ok(Job::Rehearse { rehearsal }) => releases::rehearsals::jobs::run(app, *rehearsal).await,
    }
}

fn name_of(claimed: &Claimed) -> &'static str {
    claimed.job.as_ref().map_or("unreadable", Job::name)
}
