//! Runs in the hands of workers elsewhere: they ask for one, fetch what they need, and hand in what they saw.
//!
//! Invariants: a worker gets only what its lease covers, and never the answers that the model is to find; what it hands
//! in is distrusted like the answer of a sandbox; figures and verdicts are computed here.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, Scope, policy},
    blobs::{self, Opened},
    core::{
        event::Event,
        ids::{AccountId, JobId, RunId, WorkerId},
        label::Label,
        name::Name,
    },
    error::Error,
    formats::onnx,
    jobs::{
        Job,
        store::{self as jobs, Claimant, Claimed, Held},
        worker,
    },
    sandbox::{Failure, FailureKind, Outcome, Task},
    validation::{
        self,
        jobs::{Prepared, conclude, model_of, prepare, task},
    },
    versions::{self, DeclaredFile, State, model_source},
    workers::{
        material::only_needed,
        store::{self, Present},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{io::BufReader, time::Duration};
use tokio::{sync::SemaphorePermit, time::Instant};

/// How often a worker's question is asked again while it waits.
const POLL: Duration = Duration::from_secs(1);
/// For fetching a model and handing in what was seen.
const MARGIN: TimeDelta = TimeDelta::minutes(15);
const OVERDUE: &str = "the run takes longer than any may; its claim ends, and somebody else may take it";
const LOST: &str = "this claim is no longer yours: the run was cancelled, has ended, or went to another worker";

/// A run in a worker's hands.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: JobId,
    pub run: RunId,
    /// Fencing number: what an earlier attempt hands in is refused.
    pub attempt: i32,
    pub model: DeclaredFile,
    /// The files of the version in which the model keeps tensors.
    pub beside: Vec<DeclaredFile>,
}

/// A claim as a worker names it.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    pub id: JobId,
    pub attempt: i32,
}

impl Named {
    fn claimed(self, run: RunId) -> Claimed {
        Claimed { id: self.id, job: Ok(Job::RunValidation { run }), attempt: self.attempt }
    }
}

/// A worker that is silent for longer has lost its run.
pub fn lease_seconds() -> i64 {
    jobs::LEASE.num_seconds()
}

/// The oldest run that this worker may carry out; waits for one as long as it is told to.
pub async fn take(
    app: &App,
    who: &Principal,
    name: &Name,
    labels: &[Label],
    wait: Duration,
) -> Result<Option<Claim>, Error> {
    let account = holder(who)?;
    let remote = Some((who.workspace, account));
    store::announce(&app.db, &Present { id: WorkerId::generate(), remote, name: name.as_str(), labels }).await?;
    let claimant = Claimant { name: name.as_str(), labels, remote };
    let until = Instant::now() + wait;
    loop {
        let woken = app.work.notified();
        let (reader, now) = (app.db.read(&policy::upkeep()), app.db.clock().now());
        if jobs::is_any_due(&reader, claimant, now).await?
            && let Some(claim) = begin_next(app, claimant).await?
        {
            return Ok(Some(claim));
        }
        let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            return Ok(None);
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(POLL.min(left)) => {}
        }
    }
}

async fn begin_next(app: &App, claimant: Claimant<'_>) -> Result<Option<Claim>, Error> {
    while let Some(claimed) = jobs::claim(&app.db, claimant).await? {
        let begun = match worker::spent(&claimed) {
            Some(error) => Err(error),
            None => begin(app, &claimed).await,
        };
        match begun {
            Ok(Some(claim)) => return Ok(Some(claim)),
            Ok(None) => worker::settle(app, &claimed, Ok(())).await?,
            Err(error) => worker::settle(app, &claimed, Err(error)).await?,
        }
    }
    Ok(None)
}

/// `None` when there is nothing left to do for it.
async fn begin(app: &App, claimed: &Claimed) -> Result<Option<Claim>, Error> {
    let run = match &claimed.job {
        Ok(Job::RunValidation { run }) => *run,
        Ok(_) => return Err(Error::internal("only runs are carried out elsewhere")),
        Err(unreadable) => return Err(Error::internal(format!("the job can't be read: {unreadable}"))),
    };
    if !validation::store::start(&app.db, run, claimed.attempt).await? {
        return Ok(None);
    }
    let found = {
        let reader = app.db.read(&policy::upkeep());
        let found = validation::store::find(reader.conn(), reader.scope(), run).await?;
        let found = found.ok_or(validation::ops::NOT_FOUND)?;
        let version = versions::store::find_by_id(reader.conn(), Scope::Workspace(found.workspace), found.version);
        let version = version.await?.ok_or(versions::ops::NOT_FOUND)?;
        (version.state, versions::store::files(reader.conn(), version.id).await?)
    };
    let (state, files) = found;
    if state != State::Sealed {
        validation::jobs::give_up(app, run, claimed.attempt, &not_to_leave(state)).await?;
        return Ok(None);
    }
    match model_of(&files) {
        Ok(model) => {
            let beside = model_source::beside(app, model, &files).await?;
            let beside = beside.into_iter().map(|file| file.declared.clone()).collect();
            let model = model.declared.clone();
            Ok(Some(Claim { id: claimed.id, run, attempt: claimed.attempt, model, beside }))
        }
        Err(failure) => {
            let prepared = prepare(app, run).await?;
            conclude(app, prepared, claimed.attempt, Outcome::Failed(failure), None).await?;
            Ok(None)
        }
    }
}

/// Still at it, and how far.
pub async fn renew(app: &App, who: &Principal, named: Named, phase: &str, percent: i32) -> Result<(), Error> {
    let account = holder(who)?;
    // A lease that lapsed while nobody else took the run is renewed, too.
    let held = find(app, named, account, None).await?;
    if !is_in_time(app, who, held.run).await? {
        return Err(Error::conflict("run_overdue", OVERDUE));
    }
    if !jobs::renew(&app.db, &named.claimed(held.run)).await? {
        return Err(lost());
    }
    store::touch(&app.db, account, &held.name).await?;
    let run = held.run;
    validation::store::set_progress(&app.db, run, named.attempt, phase, percent).await
}

/// A device may take as long as the registry's own sandbox, and some more for what comes before and after.
async fn is_in_time(app: &App, who: &Principal, run: RunId) -> Result<bool, Error> {
    let reader = app.db.read(&policy::upkeep());
    let found = validation::store::find(reader.conn(), Scope::Workspace(who.workspace), run).await?;
    let begun = found.and_then(|run| run.started_at);
    let most = TimeDelta::from_std(app.sandbox.limits.wall * 2).map_err(Error::internal)? + MARGIN;
    Ok(begun.is_some_and(|begun| app.db.clock().now() <= begun + most))
}

/// What the sandbox is asked for: rows without the answers, and of the columns those that the model takes.
pub async fn fetch_task(app: &App, who: &Principal, named: Named) -> Result<Task, Error> {
    let run = held(app, who, named).await?;
    let prepared = prepare(app, run).await?;
    let inputs = inputs(app, &prepared).await?;
    let task = only_needed(task(app, &prepared).await?, &inputs);
    left(app, who, named, run, ("rows", prepared.basis.dataset)).await?;
    Ok(task)
}

/// The model's file, or one of those in which it keeps tensors; ask [`is_held`] while it leaves.
pub async fn fetch_model(
    app: &App,
    who: &Principal,
    named: Named,
    path: Option<&str>,
) -> Result<(Opened, DeclaredFile), Error> {
    let run = held(app, who, named).await?;
    let files = {
        let reader = app.db.read(&policy::upkeep());
        let found = validation::store::find(reader.conn(), Scope::Workspace(who.workspace), run).await?;
        let found = found.ok_or(validation::ops::NOT_FOUND)?;
        versions::store::files(reader.conn(), found.version).await?
    };
    let model = model_of(&files).map_err(|failure| Error::conflict("model_missing", failure.detail))?;
    let wanted = match path {
        None => model,
        Some(path) => {
            let beside = model_source::beside(app, model, &files).await?;
            let found = beside.into_iter().find(|file| file.declared.path.as_str() == path);
            found.ok_or(Error::not_found("file in which the model keeps tensors"))?
        }
    };
    let bytes = blobs::ops::open(app, &wanted.declared.sha256).await?;
    left(app, who, named, run, ("model", wanted.declared.sha256.to_string())).await?;
    Ok((bytes, wanted.declared.clone()))
}

/// Whether a worker's lease lasts, its token too, and the version may leave.
pub async fn is_held(app: &App, who: &Principal, named: Named) -> bool {
    accounts::ops::is_signed_in(app, who).await.unwrap_or(false) && held(app, who, named).await.is_ok()
}

/// The run whose result a worker may hand in. A lease that lapsed while nobody else took the run is good enough: no
/// work is lost then.
pub async fn may_hand_in(app: &App, who: &Principal, named: Named) -> Result<RunId, Error> {
    Ok(find(app, named, holder(who)?, None).await?.run)
}

/// Room for one answer.
///
/// # Errors
/// 503 while others are being taken in.
pub fn turn(app: &App) -> Result<SemaphorePermit<'_>, Error> {
    let busy = "other results are being taken in; hand it in again in a moment";
    app.answers.try_acquire().map_err(|_| Error::Unavailable { code: "answers_busy", detail: busy.to_owned() })
}

/// Takes in what a worker saw, and ends the run with it.
pub async fn hand_in(app: &App, who: &Principal, named: Named, body: Vec<u8>) -> Result<(), Error> {
    let run = may_hand_in(app, who, named).await?;
    let claimed = named.claimed(run);
    let work = Box::pin(async {
        let prepared = prepare(app, run).await?;
        let task = task(app, &prepared).await?;
        let read = tokio::task::spawn_blocking(move || read(&body, &task)).await;
        let outcome = read.map_err(Error::internal)?;
        conclude(app, prepared, named.attempt, outcome, Some(who)).await
    });
    match worker::with_lease(app, &claimed, work).await {
        // The device had no runtime: somebody else may have one.
        Err(error @ Error::Unavailable { code: "runtime_unavailable", .. }) => {
            worker::settle(app, &claimed, Err(error)).await
        }
        // What could not be stored is still with the device, which hands it in again as long as it holds the run.
        Err(error) => Err(error),
        Ok(()) => worker::settle(app, &claimed, Ok(())).await,
    }
}

/// What is unreadable is an answer too: of a sandbox that was taken over.
fn read(body: &[u8], task: &Task) -> Outcome {
    match serde_json::from_slice::<Outcome>(body) {
        Ok(outcome) => outcome.distrust(task),
        Err(error) => {
            let detail = format!("the worker handed in nothing readable: {error}");
            Outcome::Failed(Failure::new(FailureKind::Crashed, detail))
        }
    }
}

fn holder(who: &Principal) -> Result<AccountId, Error> {
    policy::read(who, Action::RunCarryOut)?;
    who.id.ok_or(Error::Unauthenticated)
}

/// The run of a claim whose lease lasts, of a version whose bytes may leave.
async fn held(app: &App, who: &Principal, named: Named) -> Result<RunId, Error> {
    let run = find(app, named, holder(who)?, Some(app.db.clock().now())).await?.run;
    let reader = app.db.read(&policy::upkeep());
    let found = validation::store::find(reader.conn(), Scope::Workspace(who.workspace), run).await?;
    let found = found.ok_or(validation::ops::NOT_FOUND)?;
    let version = versions::store::find_by_id(reader.conn(), Scope::Workspace(who.workspace), found.version).await?;
    match version.ok_or(versions::ops::NOT_FOUND)?.state {
        State::Sealed => Ok(run),
        state => Err(Error::conflict("version_blocked", not_to_leave(state))),
    }
}

fn not_to_leave(state: State) -> String {
    format!("the version is {}; its bytes go to no worker", state.name())
}

async fn find(app: &App, named: Named, holder: AccountId, now: Option<DateTime<Utc>>) -> Result<Held, Error> {
    let reader = app.db.read(&policy::upkeep());
    // Which run it is says the row.
    let any = named.claimed(RunId::generate());
    jobs::held(&reader, &any, holder, now).await?.ok_or_else(lost)
}

fn lost() -> Error {
    Error::conflict("lease_lost", LOST)
}

/// Bytes leave, which the log says before they do.
async fn left(
    app: &App,
    who: &Principal,
    named: Named,
    run: RunId,
    (material, digest): (&str, String),
) -> Result<(), Error> {
    let permit = policy::act(who, Action::RunCarryOut)?;
    let tx = app.db.begin().await?;
    let attempt = i64::from(named.attempt);
    let event = Event::RunMaterialFetched { run, attempt, material: material.to_owned(), digest };
    tx.commit(permit, event).await
}

/// What the model takes, by its file.
async fn inputs(app: &App, prepared: &Prepared) -> Result<Vec<String>, Error> {
    let Ok(model) = model_of(&prepared.files) else { return Ok(Vec::new()) };
    let (bytes, size_bytes) = blobs::ops::local(app, &model.declared.sha256).await?;
    let bytes = bytes.into_std().await;
    let read = tokio::task::spawn_blocking(move || onnx::inputs(BufReader::new(bytes), size_bytes)).await;
    // The sandbox says what is wrong with a file that can't be read.
    Ok(read.map_err(Error::internal)?.unwrap_or_default())
}
