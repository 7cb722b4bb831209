//! Carrying a run out: by a worker, in the sandbox, once per attempt.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    blobs,
    constraints::{self, ConstraintSpec, Link, StandIn},
    core::{event::Event, ids::RunId},
    datasets::{self, Dataset, data::Data},
    environments,
    error::Error,
    formats::onnx,
    models,
    promotions::invalidation::{self, Cause},
    sandbox::{Failure, FailureKind, ModelSource, Observation, Outcome, Phase, Progress, Task},
    validation::{Evidence, Run, RunState, answers, evidence, evidence::Basis, measure, ops, reported, store},
    versions::{self, MODEL_FILE, StoredFile, model_source, seal::read_interface},
};
use std::{io::BufReader, time::Duration};
use tokio::sync::watch;

/// Progress is for people: more often than this nobody looks.
const PROGRESS_EVERY: Duration = Duration::from_millis(300);

/// Everything that a run reads.
pub(crate) struct Prepared {
    pub run: Run,
    pub files: Vec<StoredFile>,
    pub spec: ConstraintSpec,
    pub basis: Basis,
    pub dataset: Dataset,
    pub data: Data,
    /// How the environment is reached, as its profile says now.
    pub link: Option<Link>,
    /// What reports say where a limit accepts them.
    pub stand_ins: Vec<StandIn>,
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
    let outcome = execute(app, &prepared).await?;
    conclude(app, prepared, attempt, outcome, None).await
}

/// From what a sandbox answered to the end of the run. `worker` is the account that handed it in, of a worker elsewhere.
///
/// # Errors
/// Only when it is worth trying again.
pub(crate) async fn conclude(
    app: &App,
    prepared: Prepared,
    attempt: i32,
    outcome: Outcome,
    worker: Option<&Principal>,
) -> Result<(), Error> {
    let Prepared { data, dataset, spec, .. } = &prepared;
    let (state, reason, seen) = match answers::held_against(outcome, data, &dataset.description, spec) {
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
            let graph = count_graph(app, &prepared.files, measure::shapes_of_a_row(&prepared.data)).await?;
            judge(app, prepared, *seen, graph).await?
        }
        None => (prepared.run, Vec::new()),
    };
    run.attempt = attempt;
    run.state = state.unwrap_or(run.state);
    run.reason = reason.or(run.reason);
    run.measured_by = worker.and_then(|worker| worker.id);
    finish(app, run, records, worker).await
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
    finish(app, run, Vec::new(), None).await
}

/// What a run comes to whose model could not be measured.
pub(crate) fn state_of(failure: &Failure) -> RunState {
    match failure.kind {
        FailureKind::TimeLimit => RunState::TimedOut,
        _ => RunState::Failed,
    }
}

pub(crate) async fn prepare(app: &App, id: RunId) -> Result<Prepared, Error> {
    let reader = app.db.read(&policy::upkeep());
    let conn = reader.conn();
    let run = store::find(conn, Scope::Instance, id).await?.ok_or(ops::NOT_FOUND)?;
    let scope = Scope::Workspace(run.workspace);
    let version = versions::store::find_by_id(conn, scope, run.version).await?.ok_or(versions::ops::NOT_FOUND)?;
    let files = versions::store::files(conn, version.id).await?;
    let revision = environments::store::revision(conn, run.constraints).await?;
    let revision = revision.ok_or(Error::not_found("constraint spec"))?;
    let dataset = datasets::store::find_by_id(conn, scope, run.dataset).await?.ok_or(datasets::ops::NOT_FOUND)?;
    let data = datasets::ops::load(app, &dataset).await?;
    let basis = Basis {
        version: version.manifest.to_string(),
        dataset: dataset.digest.to_string(),
        constraints: revision.digest.to_string(),
        rows: data.rows() as u64,
    };
    let profile = environments::store::all_current(conn, run.environment).await?.profile;
    let link = profile.map(|revision| revision.profile()).transpose()?.and_then(|profile| profile.connectivity);
    let model = models::store::find_by_id(conn, scope, version.model).await?.ok_or(Error::not_found("model"))?;
    let spec = revision.limits_of(&model.name)?;
    let stand_ins = reported::stand_ins(conn, scope, &version, &spec, app.db.clock().now()).await?;
    Ok(Prepared { run, files, spec, basis, dataset, data, link, stand_ins })
}

/// The file of the version that is run.
pub(crate) fn model_of(files: &[StoredFile]) -> Result<&StoredFile, Failure> {
    files.iter().find(|f| f.declared.path.as_str() == MODEL_FILE).ok_or_else(|| {
        let detail = format!("the version has no file {MODEL_FILE}; only ONNX models can be measured");
        Failure::new(FailureKind::UnsupportedModel, detail)
    })
}

/// What a sandbox is asked for, the same at every attempt.
pub(crate) async fn task(app: &App, prepared: &Prepared) -> Result<Task, Error> {
    let interface = read_interface(app, &prepared.files).await?;
    Ok(measure::task(&prepared.data, &prepared.dataset.description, interface, &prepared.spec))
}

async fn execute(app: &App, prepared: &Prepared) -> Result<Outcome, Error> {
    let model = match model_of(&prepared.files) {
        Ok(model) => model,
        Err(failure) => return Ok(Outcome::Failed(failure)),
    };
    let task = task(app, prepared).await?;
    let source = model_source::open(app, model, &prepared.files).await?;
    with_progress(app, &prepared.run, task, source).await
}

/// Operators and parameters of the model, from its file; or why they can't be counted.
async fn count_graph(
    app: &App,
    files: &[StoredFile],
    given: onnx::GivenShapes,
) -> Result<Result<onnx::Size, String>, Error> {
    let Some(model) = files.iter().find(|f| f.declared.path.as_str() == MODEL_FILE) else {
        return Ok(Err(format!("there is no file {MODEL_FILE}")));
    };
    let (bytes, size_bytes) = blobs::ops::local(app, &model.declared.sha256).await?;
    let bytes = bytes.into_std().await;
    let counted = tokio::task::spawn_blocking(move || onnx::size_with(BufReader::new(bytes), size_bytes, &given)).await;
    Ok(counted.map_err(Error::internal)?.map_err(|refusal| refusal.to_string()))
}

/// Runs the sandbox while what it says about its progress is written down.
async fn with_progress(app: &App, run: &Run, task: Task, model: ModelSource) -> Result<Outcome, Error> {
    let (tell, mut hear) = watch::channel(None::<Progress>);
    let sandbox = app.sandbox.run(task, model, move |progress| {
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

pub(crate) fn phase_name(phase: Phase) -> &'static str {
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
        let Prepared { mut run, files, spec, basis, dataset, data, link, stand_ins, .. } = prepared;
        let size = files.iter().map(|f| u64::try_from(f.declared.size_bytes).unwrap_or(0)).sum();
        let mut measured = measure::measured(&seen, &data, &dataset.description, &spec, (size, &graph));
        measured.add_link(link.as_ref());
        measured.stand_ins = stand_ins;
        if let Some(host) = &mut measured.host {
            // A worker without the label never had it.
            host.label = run.requires.as_ref().and_then(|label| label.hardware()).map(str::to_owned);
        }
        run.verdicts = constraints::judge(&spec, &measured);
        run.verdicts_digest = Some(evidence::verdicts_digest(&run.verdicts)?);
        run.state = RunState::from_verdicts(&run.verdicts);
        let records = evidence::records(&basis, &measured, seen.isolation, seen.model, at)?;
        Ok::<_, Error>((run, records))
    });
    judged.await.map_err(Error::internal)?
}

async fn finish(app: &App, run: Run, records: Vec<Evidence>, worker: Option<&Principal>) -> Result<(), Error> {
    // Figures and verdicts are the registry's own, whoever measured; the request is the worker's.
    let cause = worker.map(|worker| worker.cause.clone()).unwrap_or_default();
    let who = Principal { cause, ..Principal::system("worker", run.workspace) };
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
