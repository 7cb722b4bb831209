//! Carrying a rehearsal out: by a worker, once per attempt; the same again finds the same.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    blobs,
    core::{canonical, clock::rfc3339, digest::Digest, event::Event, ids::RehearsalId},
    crypto::oms,
    datasets, environments,
    error::Error,
    promotions::{
        self,
        invalidation::{self, Cause},
    },
    releases::{
        rehearsals::{EVIDENCE_KIND, Rehearsal, State, store},
        store as releases,
    },
    sandbox::{FailureKind, Outcome, Task},
    trust::{Roots, TrustKey},
    validation::{self, measure},
    versions::{
        self, MODEL_FILE, StoredFile, Version, fitness, model_source,
        seal::read_interface,
        signature::{ListError, Listed},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Tried {
    check: &'static str,
    passed: bool,
    detail: String,
}

/// What is recorded; its canonical JSON has the digest.
#[derive(Debug, Serialize)]
struct Found {
    v: u8,
    kind: &'static str,
    rehearsal: RehearsalId,
    environment: String,
    version: String,
    version_number: i64,
    release: String,
    at: String,
    tried: Vec<Tried>,
}

/// # Errors
/// Only when it is worth trying again: what is the target's fault is a result.
pub async fn run(app: &App, id: RehearsalId) -> Result<(), Error> {
    let Some(rehearsal) = queued(app, id).await? else { return Ok(()) };
    let scope = Scope::Workspace(rehearsal.workspace);
    let reader = app.db.read(&policy::upkeep());
    let conn = reader.conn();
    let version = versions::store::find_by_id(conn, scope, rehearsal.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let key = versions::ops::signing_key(conn, scope, &version).await?;
    let files = versions::store::files(conn, version.id).await?;
    let bundle = versions::store::signature_bundle(conn, version.id).await?;
    let mut tried = vec![fit(&version, key.as_ref(), app)];
    tried.push(bytes(app, &files).await);
    tried.push(signature(app, bundle.as_deref(), &files, key.as_ref(), version.sealed_at).await);
    tried.push(loads(app, &rehearsal, &files).await?);
    finish(app, &rehearsal, tried).await
}

/// Ends a rehearsal that no attempt could carry out: then nothing is proven.
pub async fn give_up(app: &App, id: RehearsalId, why: &str) -> Result<(), Error> {
    let Some(rehearsal) = queued(app, id).await? else { return Ok(()) };
    finish(app, &rehearsal, vec![said("carried_out", false, why.to_owned())]).await
}

async fn queued(app: &App, id: RehearsalId) -> Result<Option<Rehearsal>, Error> {
    let reader = app.db.read(&policy::upkeep());
    let found = store::find(reader.conn(), reader.scope(), id).await?;
    Ok(found.filter(|rehearsal| rehearsal.state == State::Queued))
}

/// What the gate would ask.
fn fit(version: &Version, key: Option<&TrustKey>, app: &App) -> Tried {
    match fitness::checks(version, key, app.db.clock().now()).first() {
        None => said("fit_to_leave", true, "sealed, and signed by a key that is trusted now".to_owned()),
        Some(failed) => said("fit_to_leave", false, failed.detail.clone()),
    }
}

/// Every byte, against what its record says.
async fn bytes(app: &App, files: &[StoredFile]) -> Tried {
    let mut total = 0;
    for file in files {
        let declared = &file.declared;
        match blobs::ops::check(app, &declared.sha256, None).await {
            Ok((None, size)) => total += size,
            Ok((Some(fault), _)) => {
                return said("bytes", false, format!("the stored bytes of {} are damaged: {fault}", declared.path));
            }
            Err(error) => return said("bytes", false, format!("{} can't be read: {error}", declared.path)),
        }
    }
    said("bytes", true, format!("{} files of {total} bytes have the sha256 that they are to have", files.len()))
}

/// The author's signature over the files, verified again with the key.
async fn signature(
    app: &App,
    bundle: Option<&str>,
    files: &[StoredFile],
    key: Option<&TrustKey>,
    sealed_at: Option<DateTime<Utc>>,
) -> Tried {
    let (Some(bundle), Some(key)) = (bundle, key) else {
        return said("signature", false, "there is no signature by a listed key".to_owned());
    };
    let Ok(roots) = Roots::of([key]) else {
        return said("signature", false, format!("the key {} can't be read", key.name));
    };
    let verified = async {
        // Certificates count as of when the signature came in.
        let at = sealed_at.unwrap_or_else(|| app.db.clock().now());
        let signed = oms::open_trusting(bundle.as_bytes(), &roots.at(at))?;
        Ok::<_, ListError>(Listed::of(app, &signed, files).await?.compare(&signed)?)
    };
    match verified.await {
        Ok(verified) if verified.unsigned.is_empty() => {
            said("signature", true, format!("signed by {} over every file", key.name))
        }
        Ok(verified) => said("signature", false, format!("the author did not sign {}", verified.unsigned[0])),
        Err(error) => said("signature", false, error.to_string()),
    }
}

/// The model, loaded in the sandbox and called with the first row of the data that it was measured on.
async fn loads(app: &App, rehearsal: &Rehearsal, files: &[StoredFile]) -> Result<Tried, Error> {
    let Some(model) = files.iter().find(|f| f.declared.path.as_str() == MODEL_FILE) else {
        return Ok(said("loads", false, format!("there is no file {MODEL_FILE}")));
    };
    let Some(task) = task(app, rehearsal, files).await? else {
        return Ok(said("loads", false, "no validation run says which data it can be called with".to_owned()));
    };
    let Ok(source) = model_source::open(app, model, files).await else {
        return Ok(said("loads", false, format!("{MODEL_FILE} can't be read")));
    };
    match app.sandbox.run(task, source, |_| {}).await {
        Outcome::Completed(_) => Ok(said("loads", true, "it loads, and answers for a row".to_owned())),
        Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => {
            Err(Error::Unavailable { code: "runtime_unavailable", detail: failure.detail })
        }
        Outcome::Failed(failure) => Ok(said("loads", false, format!("{}: {}", failure.kind.name(), failure.detail))),
    }
}

async fn task(app: &App, rehearsal: &Rehearsal, files: &[StoredFile]) -> Result<Option<Task>, Error> {
    let scope = Scope::Workspace(rehearsal.workspace);
    let reader = app.db.read(&policy::upkeep());
    let conn = reader.conn();
    let release = releases::find(conn, scope, rehearsal.release).await?.ok_or(Error::not_found("release"))?;
    let promotion = promotions::store::find(conn, scope, release.promotion).await?;
    let Some(run) = promotion.and_then(|promotion| promotion.run) else { return Ok(None) };
    let run = validation::store::find(conn, scope, run).await?.ok_or(validation::ops::NOT_FOUND)?;
    let revision = environments::store::revision(conn, run.constraints).await?;
    let revision = revision.ok_or(Error::not_found("constraint spec"))?;
    let dataset = datasets::store::find_by_id(conn, scope, run.dataset).await?.ok_or(datasets::ops::NOT_FOUND)?;
    let data = datasets::ops::load(app, &dataset).await?;
    let interface = read_interface(app, files).await?;
    let mut task = measure::task(&data, &dataset.description, interface, &revision.constraints()?);
    task.loads.clear();
    task.keep_first_row();
    Ok(Some(task))
}

async fn finish(app: &App, rehearsal: &Rehearsal, tried: Vec<Tried>) -> Result<(), Error> {
    let scope = Scope::Workspace(rehearsal.workspace);
    let who = Principal::system("worker", rehearsal.workspace);
    let permit = policy::system(&who, Action::RehearsalFinish)?;
    let tx = app.db.begin().await?;
    let standing = store::lock(&tx, scope, rehearsal.id).await?;
    if standing.is_none_or(|rehearsal| rehearsal.state != State::Queued) {
        tracing::warn!(rehearsal = %rehearsal.id, "a late result was refused");
        return Ok(());
    }
    let version = versions::store::find_by_id(&tx.conn(), scope, rehearsal.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let environment = environments::store::find_by_id(&tx.conn(), scope, rehearsal.environment).await?;
    let state = if tried.iter().all(|tried| tried.passed) { State::Passed } else { State::Failed };
    let found = Found {
        v: 1,
        kind: EVIDENCE_KIND,
        rehearsal: rehearsal.id,
        environment: environment.ok_or(environments::ops::NOT_FOUND)?.name,
        version: version.manifest.to_string(),
        version_number: version.number,
        release: rehearsal.release.to_string(),
        at: rfc3339(tx.at()),
        tried,
    };
    let body = canonical::to_string(&found).map_err(Error::internal)?;
    let digest = Digest::of(&body);
    store::finish(&tx, rehearsal.id, state, &body, &digest).await?;
    let event = Event::RehearsalFinished {
        release: rehearsal.release,
        rehearsal: rehearsal.id,
        state: state.name().to_owned(),
        digest: digest.to_string(),
    };
    // One that failed may have taken away what an open request has to show.
    let ended = match state {
        State::Failed => {
            invalidation::follow(&tx, scope, Cause::Release(rehearsal.environment, rehearsal.model)).await?
        }
        State::Queued | State::Passed => Vec::new(),
    };
    tx.commit_all(permit, event, ended).await
}

fn said(check: &'static str, passed: bool, detail: String) -> Tried {
    Tried { check, passed, detail }
}
