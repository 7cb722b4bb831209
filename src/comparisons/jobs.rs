//! Carrying a comparison out: four runs in the sandbox, in turn, so that what the machine does meanwhile hits both alike.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    comparisons::{
        Comparison, State,
        figures::{self, Named, Rows, Turns},
        store,
    },
    constraints::ConstraintSpec,
    core::{canonical, digest::Digest, event::Event, ids::ComparisonId},
    datasets::{self, Dataset, data::Data},
    environments,
    error::Error,
    sandbox::{Failure, FailureKind, Observation, Outcome, Task},
    validation::{answers, evidence::Basis, measure},
    versions::{self, MODEL_FILE, StoredFile, Version, model_source, seal::read_interface},
};

/// A load has at least so many calls in each turn.
const LEAST_CALLS: u32 = 10;

struct Contestant {
    named: Named,
    model: StoredFile,
    files: Vec<StoredFile>,
    task: Task,
}

/// What both are measured with.
struct Shared {
    spec: ConstraintSpec,
    dataset: Dataset,
    data: Data,
    basis: Basis,
}

/// Baseline and candidate, or why one of them can't be measured.
type Contestants = Result<(Contestant, Contestant), Failure>;

/// Carries one attempt out. The first one to end counts.
///
/// # Errors
/// Only when it is worth trying again: what is a model's fault ends the comparison.
pub async fn run(app: &App, id: ComparisonId) -> Result<(), Error> {
    let Some(mut comparison) = queued(app, id).await? else { return Ok(()) };
    let (shared, contestants) = prepare(app, &comparison).await?;
    let (baseline, candidate) = match contestants {
        Ok(both) => both,
        Err(failure) => return fail(app, comparison, failure).await,
    };
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        for (contestant, seen) in [(&baseline, &mut left), (&candidate, &mut right)] {
            match measured(app, contestant, &shared).await? {
                Ok(observation) => seen.push(*observation),
                Err(failure) => {
                    let detail = format!("version {}: {}", contestant.named.number, failure.detail);
                    return fail(app, comparison, Failure::new(failure.kind, detail)).await;
                }
            }
        }
    }
    let (Ok(left), Ok(right)) = (Turns::try_from(left), Turns::try_from(right)) else {
        return Err(Error::internal("each version has two turns"));
    };
    let Shared { spec, dataset, data, basis } = shared;
    let compared = tokio::task::spawn_blocking(move || {
        let description = &dataset.description;
        let groups: Vec<_> = description
            .sensitive
            .iter()
            .map(|name| (name.clone(), description.groups(name, data.table.column(name).unwrap_or_default())))
            .collect();
        let truth = data.table.column(&description.label).unwrap_or_default();
        let host = measure::fingerprint(&left[0].host);
        let rows = Rows { basis, truth, groups: &groups };
        let (baseline, candidate) = ((&baseline.named, &left), (&candidate.named, &right));
        figures::compare(rows, baseline, candidate, &spec.loads(), Some(host))
    });
    match compared.await.map_err(Error::internal)? {
        Ok(body) => {
            let body = canonical::to_string(&body).map_err(Error::internal)?;
            comparison.digest = Some(Digest::of(&body));
            comparison.body = Some(body);
            comparison.state = State::Completed;
            finish(app, comparison).await
        }
        Err(why) => fail(app, comparison, Failure::new(FailureKind::NonDeterministic, why)).await,
    }
}

/// Ends a comparison that no attempt could carry out, so that nobody waits for it.
pub async fn give_up(app: &App, id: ComparisonId, why: &str) -> Result<(), Error> {
    let Some(mut comparison) = queued(app, id).await? else { return Ok(()) };
    comparison.state = State::Failed;
    comparison.reason = Some(("not_carried_out".to_owned(), why.to_owned()));
    finish(app, comparison).await
}

async fn queued(app: &App, id: ComparisonId) -> Result<Option<Comparison>, Error> {
    let reader = app.db.read(&policy::upkeep());
    let found = store::find(reader.conn(), reader.scope(), id).await?;
    Ok(found.filter(|comparison| comparison.state == State::Queued))
}

async fn prepare(app: &App, comparison: &Comparison) -> Result<(Shared, Contestants), Error> {
    let reader = app.db.read(&policy::upkeep());
    let conn = reader.conn();
    let scope = Scope::Workspace(comparison.workspace);
    let revision = environments::store::revision(conn, comparison.constraints).await?;
    let revision = revision.ok_or(Error::not_found("constraint spec"))?;
    let found = datasets::store::find_by_id(conn, scope, comparison.dataset).await?;
    let dataset = found.ok_or(datasets::ops::NOT_FOUND)?;
    let data = datasets::ops::load(app, &dataset).await?;
    let spec = revision.constraints()?;
    let mut sides = Vec::new();
    let mut candidate_digest = String::new();
    for id in [comparison.baseline, comparison.version] {
        let version = versions::store::find_by_id(conn, scope, id).await?.ok_or(versions::ops::NOT_FOUND)?;
        let files = versions::store::files(conn, id).await?;
        candidate_digest = version.manifest.to_string();
        sides.push(contestant(app, version, files, (&data, &dataset, &spec)).await?);
    }
    let basis = Basis {
        version: candidate_digest,
        dataset: dataset.digest.to_string(),
        constraints: revision.digest.to_string(),
        rows: data.rows() as u64,
    };
    let (Some(candidate), Some(baseline)) = (sides.pop(), sides.pop()) else {
        return Err(Error::internal("a comparison is of two versions"));
    };
    let both = baseline.and_then(|baseline| Ok((baseline, candidate?)));
    Ok((Shared { spec, dataset, data, basis }, both))
}

async fn contestant(
    app: &App,
    version: Version,
    files: Vec<StoredFile>,
    (data, dataset, spec): (&Data, &Dataset, &ConstraintSpec),
) -> Result<Result<Contestant, Failure>, Error> {
    let interface = read_interface(app, &files).await?;
    let artifact_bytes = files.iter().map(|file| u64::try_from(file.declared.size_bytes).unwrap_or(0)).sum();
    let Some(model) = files.iter().find(|file| file.declared.path.as_str() == MODEL_FILE).cloned() else {
        let detail = format!("version {} has no file {MODEL_FILE}; only ONNX models are compared", version.number);
        return Ok(Err(Failure::new(FailureKind::UnsupportedModel, detail)));
    };
    let mut task = measure::task(data, &dataset.description, interface, spec);
    // A run has these; here they would only take time.
    task.perturbations.clear();
    if let Some(tensors) = &mut task.tensors {
        tensors.wanted.clear();
        tensors.keeps_outputs = !tensors.predicts;
    }
    for load in &mut task.loads {
        load.samples = load.samples.div_ceil(2).max(LEAST_CALLS.min(load.samples));
    }
    let named = Named { number: version.number, version: version.manifest.to_string(), artifact_bytes };
    Ok(Ok(Contestant { named, model, files, task }))
}

async fn measured(
    app: &App,
    contestant: &Contestant,
    shared: &Shared,
) -> Result<Result<Box<Observation>, Failure>, Error> {
    let model = model_source::open(app, &contestant.model, &contestant.files).await?;
    let outcome = app.sandbox.run(contestant.task.clone(), model, |_| {}).await;
    match answers::held_against(outcome, &shared.data, &shared.dataset.description, &shared.spec) {
        Outcome::Completed(seen) => match &seen.no_prediction {
            Some(why) => Ok(Err(Failure::new(FailureKind::UnsupportedModel, why))),
            None => Ok(Ok(seen)),
        },
        Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => {
            Err(Error::Unavailable { code: "runtime_unavailable", detail: failure.detail })
        }
        Outcome::Failed(failure) => Ok(Err(failure)),
    }
}

async fn fail(app: &App, mut comparison: Comparison, failure: Failure) -> Result<(), Error> {
    comparison.state = State::Failed;
    comparison.reason = Some((failure.kind.name().to_owned(), failure.detail));
    finish(app, comparison).await
}

async fn finish(app: &App, ended: Comparison) -> Result<(), Error> {
    let who = Principal::system("worker", ended.workspace);
    let permit = policy::system(&who, Action::RunFinish)?;
    let tx = app.db.begin().await?;
    if store::lock_queued(&tx, Scope::Workspace(ended.workspace), ended.id).await?.is_none() {
        tracing::warn!(comparison = %ended.id, "a late result was refused");
        return Ok(());
    }
    store::finish(&tx, &ended).await?;
    let event = Event::ComparisonFinished {
        comparison: ended.id,
        state: ended.state.name().to_owned(),
        digest: ended.digest.map(|digest| digest.to_string()),
    };
    tx.commit(permit, event).await
}
