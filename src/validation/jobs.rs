//! Carrying a run out: by a worker, in the sandbox, once per attempt.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    constraints::{self, ConstraintSpec},
    core::{event::Event, ids::RunId},
    datasets::{self, Dataset, table::Table},
    environments,
    error::Error,
    formats::onnx,
    promotions::invalidation::{self, Cause},
    sandbox::{Failure, FailureKind, Observation, Outcome, Phase, Progress, Task},
    validation::{Evidence, Run, RunState, evidence, evidence::Basis, measure, ops, store},
    versions::{self, MODEL_FILE, StoredFile, Version, seal::read_interface},
};
use std::{io::BufReader, time::Duration};
use tokio::sync::watch;

/// Progress is for people: more often than this nobody looks.
const PROGRESS_EVERY: Duration = Duration::from_millis(300);

/// Everything that a run reads.
struct Prepared {
    run: Run,
    version: Version,
    files: Vec<StoredFile>,
    spec: ConstraintSpec,
    basis: Basis,
    dataset: Dataset,
    table: Table,
}

/// Carries out one attempt of a run.
///
/// # Errors
/// Only when it is worth trying again: what is the model's fault ends the run.
pub async fn run(app: &App, id: RunId, attempt: i32) -> Result<(), Error> {
    if !store::start(&app.db, id, attempt).await? {
        return Ok(());
    }
    let prepared = prepare(app, id).await?;
    let (state, reason, seen) = match execute(app, &prepared).await? {
        Outcome::Completed(seen) => (None, None, Some(seen)),
        Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => {
            return Err(Error::Unavailable { code: "runtime_unavailable", detail: failure.detail });
        }
        Outcome::Failed(failure) => {
            let reason = (failure.kind.name().to_owned(), failure.detail.clone());
            (Some(state_of(&failure)), Some(reason), None)
        }
    };
    let (mut run, records) = match seen {
        Some(seen) => {
            let graph = count_graph(app, &prepared.files).await?;
            judge(app, prepared, *seen, graph).await?
        }
        None => (prepared.run, Vec::new()),
    };
    run.attempt = attempt;
    run.state = state.unwrap_or(run.state);
    run.reason = reason.or(run.reason);
    finish(app, run, records).await
}

/// Ends a run that no attempt could carry out, so that nobody waits for it.
pub async fn give_up(app: &App, id: RunId, attempt: i32, why: &str) -> Result<(), Error> {
    // An attempt that never began is taken up here, so that no earlier one ends it later.
    store::start(&app.db, id, attempt).await?;
    let reader = app.db.read(&policy::upkeep());
    let Some(mut run) = store::find(reader.conn(), Scope::Instance, id).await? else { return Ok(()) };
    run.attempt = attempt;
    run.state = RunState::Errored;
    run.reason = Some(("not_carried_out".to_owned(), why.to_owned()));
    finish(app, run, Vec::new()).await
}

fn state_of(failure: &Failure) -> RunState {
    match failure.kind {
        FailureKind::TimeLimit => RunState::TimedOut,
        _ => RunState::Failed,
    }
}

async fn prepare(app: &App, id: RunId) -> Result<Prepared, Error> {
    let reader = app.db.read(&policy::upkeep());
    let conn = reader.conn();
    let run = store::find(conn, Scope::Instance, id).await?.ok_or(ops::NOT_FOUND)?;
    let scope = Scope::Workspace(run.workspace);
    let version = versions::store::find_by_id(conn, scope, run.version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let files = versions::store::files(conn, version.id).await?;
    let revision = environments::store::revision(conn, run.constraints).await?;
    let revision = revision.ok_or(Error::not_found("constraint spec"))?;
    let dataset = datasets::store::find_by_id(conn, scope, run.dataset).await?.ok_or(datasets::ops::NOT_FOUND)?;
    let table = datasets::ops::load(app, &dataset).await?;
    let basis = Basis {
        version: version.manifest.to_string(),
        dataset: dataset.digest.to_string(),
        constraints: revision.digest.to_string(),
        rows: table.rows() as u64,
    };
    Ok(Prepared { run, version, files, spec: revision.constraints()?, basis, dataset, table })
}

async fn execute(app: &App, prepared: &Prepared) -> Result<Outcome, Error> {
    let Some(model) = prepared.files.iter().find(|f| f.declared.path.as_str() == MODEL_FILE) else {
        let detail =
            format!("version {} has no file {MODEL_FILE}; only ONNX models can be measured", prepared.version.number);
        return Ok(Outcome::Failed(Failure::new(FailureKind::UnsupportedModel, detail)));
    };
    let interface = read_interface(app, &prepared.files).await?;
    let task = measure::task(&prepared.table, &prepared.dataset.description, interface, &prepared.spec);
    let (bytes, size) = app.blobs.read(&model.declared.sha256).await.map_err(Error::internal)?;
    with_progress(app, &prepared.run, task, bytes, size).await
}

/// Operators and parameters of the model, from its file; or why they can't be counted.
async fn count_graph(app: &App, files: &[StoredFile]) -> Result<Result<onnx::Size, String>, Error> {
    let Some(model) = files.iter().find(|f| f.declared.path.as_str() == MODEL_FILE) else {
        return Ok(Err(format!("there is no file {MODEL_FILE}")));
    };
    let (bytes, size_bytes) = app.blobs.read(&model.declared.sha256).await.map_err(Error::internal)?;
    let bytes = bytes.into_std().await;
    let counted = tokio::task::spawn_blocking(move || onnx::size(BufReader::new(bytes), size_bytes)).await;
    Ok(counted.map_err(Error::internal)?.map_err(|refusal| refusal.to_string()))
}

/// Runs the sandbox while what it says about its progress is written down.
async fn with_progress(app: &App, run: &Run, task: Task, bytes: tokio::fs::File, size: u64) -> Result<Outcome, Error> {
    let (tell, mut hear) = watch::channel(None::<Progress>);
    let sandbox = app.sandbox.run(task, bytes, size, move |progress| {
        let _ = tell.send(Some(progress));
    });
    let note = async {
        while hear.changed().await.is_ok() {
            let latest = *hear.borrow_and_update();
            if let Some(progress) = latest {
                let percent = i32::from(progress.percent);
                if let Err(error) =
                    store::set_progress(&app.db, run.id, run.attempt, phase_name(progress.phase), percent).await
                {
                    tracing::warn!(run = %run.id, %error, "progress could not be noted");
                }
            }
            tokio::time::sleep(PROGRESS_EVERY).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = sandbox => Ok(outcome),
        () = note => Err(Error::internal("unreachable: noting never ends")),
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Loading => "loading",
        Phase::Predicting => "predicting",
        Phase::Measuring => "measuring",
        Phase::Perturbing => "perturbing",
    }
}

/// Numbers and verdicts, off the async threads: a million rows take a while.
async fn judge(
    app: &App,
    prepared: Prepared,
    seen: Observation,
    graph: Result<onnx::Size, String>,
) -> Result<(Run, Vec<Evidence>), Error> {
    let at = app.db.clock().now();
    store::set_progress(&app.db, prepared.run.id, prepared.run.attempt, "computing figures", 0).await?;
    let judged = tokio::task::spawn_blocking(move || {
        let Prepared { mut run, files, spec, basis, dataset, table, .. } = prepared;
        let size = files.iter().map(|f| u64::try_from(f.declared.size_bytes).unwrap_or(0)).sum();
        let measured = measure::measured(&seen, &table, &dataset.description, &spec, (size, &graph));
        run.verdicts = constraints::judge(&spec, &measured);
        run.verdicts_digest = Some(evidence::verdicts_digest(&run.verdicts)?);
        run.state = RunState::from_verdicts(&run.verdicts);
        let records = evidence::records(&basis, &measured, seen.isolation, seen.model, at)?;
        Ok::<_, Error>((run, records))
    });
    judged.await.map_err(Error::internal)?
}

async fn finish(app: &App, run: Run, records: Vec<Evidence>) -> Result<(), Error> {
    let who = Principal::system("worker", run.workspace);
    let permit = policy::system(&who, Action::RunFinish)?;
    let tx = app.db.begin().await?;
    let scope = Scope::Workspace(run.workspace);
    // Nobody asks for the version's promotion on an earlier run while this one ends.
    versions::store::lock_by_id(&tx, scope, run.version).await?;
    if !store::finish(&tx, &run, &records).await? {
        tracing::warn!(run = %run.id, attempt = run.attempt, "a late result was refused");
        return Ok(());
    }
    let event = Event::RunFinished {
        run: run.id,
        state: run.state.name().to_owned(),
        attempt: i64::from(run.attempt),
        evidence: records.iter().map(|e| e.digest.to_string()).collect(),
        verdicts: run.verdicts_digest.map(|d| d.to_string()),
    };
    let ended = invalidation::follow(&tx, scope, Cause::Version(run.version)).await?;
    tx.commit_all(permit, event, ended).await
}
