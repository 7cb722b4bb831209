use crate::{
    app::App,
    authz::{Action, Kind, Principal, policy},
    core::event::Event,
    error::Error,
    sandbox::{Failure, FailureKind, Limits, Runner, Trial, Tried},
    versions::{self, MODEL_FILE, State, StoredFile, Version, VersionRef, model_source},
};
use std::time::Duration;

/// What one call may use. A person waits for it.
fn limits() -> Limits {
    Limits { memory_bytes: 1 << 30, cpu_seconds: 10, wall: Duration::from_secs(10), answer_bytes: 4 << 20 }
}

/// Loads a sealed version and calls it once, or only asks what it takes.
///
/// # Errors
/// `Denied` for robots, `Unavailable` when others are at it. The inner error is the model's.
pub async fn attempt(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    trial: Trial,
) -> Result<(Version, Result<Tried, Failure>), Error> {
    let detail = versions::ops::find(app, who, model, version).await?;
    let permit = policy::act(who, Action::VersionInspect)?;
    if who.kind != Kind::User {
        let reason = "a version is tried by a person; whoever deploys it runs it from a pull".to_owned();
        return Err(Error::Denied(policy::refuse(who, Action::VersionInspect, "people_only", reason)));
    }
    let file = model_file(&detail.version, &detail.files)?;
    let busy = |_| Error::Unavailable {
        code: "trials_busy",
        detail: "others are trying versions right now; try again in a few seconds".to_owned(),
    };
    let _turn = app.trials.try_acquire().map_err(busy)?;
    let model = model_source::open(app, file, &detail.files).await?;
    if matches!(trial, Trial::Call { .. }) {
        let event = Event::VersionTried { version: detail.version.id, manifest: detail.version.manifest.to_string() };
        // Before it runs: what never comes back was tried, too.
        app.db.begin().await?.commit(permit, event).await?;
    }
    let runner = Runner { limits: limits(), ..app.sandbox.clone() };
    match runner.attempt(trial, model).await {
        Err(failure) if failure.kind == FailureKind::Unavailable => {
            Err(Error::Unavailable { code: "runtime_unavailable", detail: failure.detail })
        }
        tried => Ok((detail.version, tried)),
    }
}

fn model_file<'a>(version: &Version, files: &'a [StoredFile]) -> Result<&'a StoredFile, Error> {
    if version.state != State::Sealed {
        let text = format!("version {} is {}; only a sealed version is tried", version.number, version.state.name());
        return Err(Error::conflict("version_not_sealed", text));
    }
    files.iter().find(|file| file.declared.path.as_str() == MODEL_FILE).ok_or_else(|| {
        let text = format!("version {} has no file {MODEL_FILE}; only ONNX models can be tried", version.number);
        Error::conflict("no_model_file", text)
    })
}
