//! `check` of files that were not pushed: the same sandbox and the same judging as the registry's worker.
//!
//! Nothing is posted: what this prints is for the person who reads it, and no evidence.

use super::{
    super::{
        Exit, Failure, output, print,
        push::files::{self, Found},
    },
    Follower, conclude,
    material::{self, Material, Options},
    tables::{self, Detail, Shown},
};
use crate::{
    app,
    config::{self, Client as Connection},
    constraints::{self, ConstraintVerdict},
    core::{clock::Clock, path::FilePath},
    error::Error,
    formats::{Pickles, Refusal, onnx},
    sandbox::{FailureKind, Interface, ModelSource, Observation, Outcome},
    validation::{
        RunState, answers,
        api::ReasonView,
        evidence::{self, Basis},
        jobs::{phase_name, state_of},
        measure,
    },
    versions::{INTERFACE_FILE, MODEL_FILE, inspect, seal},
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

const NOTE: &str = "local: nothing here is evidence; only what the registry measures itself counts";

/// What `--json` prints.
#[derive(Serialize)]
struct Local<'a> {
    note: &'static str,
    path: String,
    /// Manifest digest that these files would have as a version.
    version_digest: String,
    environment: &'a str,
    dataset: String,
    constraints: String,
    rows: u64,
    state: &'static str,
    reason: Option<ReasonView>,
    verdicts: Vec<ConstraintVerdict>,
    /// The figures, by the kind of record that a run would make of them.
    figures: BTreeMap<String, Value>,
}

/// The files that would be a version.
struct Files {
    found: Vec<Found>,
    digest: String,
    interface: Option<Interface>,
}

/// Measures the files at `path` and says which limits they keep.
pub async fn check(
    path: &Path,
    env: Option<&str>,
    options: Options,
    connection: &Connection,
    json: bool,
) -> Result<Exit, Failure> {
    let sandbox = config::Sandbox::from(options.sandbox.clone());
    let (place, files) = (path.to_owned(), read(path).await?);
    let material = material::gather(env, options, connection).await?;
    let environment = env.unwrap_or("the constraint spec");
    let (state, reason, verdicts, figures) = measure(&sandbox, &files, &material).await?;
    let shown = Shown {
        title: format!("{} {}: {}", place.display(), files.digest, state.name()),
        reason: reason.as_ref(),
        verdicts: &verdicts,
        figures: &figures,
        more: "--json".to_owned(),
    };
    if json {
        output::json(&Local {
            note: NOTE,
            path: place.display().to_string(),
            version_digest: files.digest.clone(),
            environment,
            dataset: material.dataset_digest.to_string(),
            constraints: material.spec_digest.to_string(),
            rows: material.data.rows() as u64,
            state: state.name(),
            reason: reason.as_ref().map(|r| ReasonView { code: r.code.clone(), detail: r.detail.clone() }),
            verdicts: verdicts.clone(),
            figures: figures.clone(),
        })?;
    } else {
        print(&tables::of(&shown, Detail::Brief))?;
    }
    say!("{NOTE}");
    conclude(&place.display().to_string(), state.name(), reason.as_ref(), &verdicts, environment)
}

/// Finds the files, and refuses what no version could be made of: the checks of a seal.
async fn read(path: &Path) -> Result<Files, Failure> {
    let found = match path.is_dir() {
        true => files::find(path)?,
        false => vec![alone(path)?],
    };
    let read = tokio::task::spawn_blocking(move || {
        let manifest = files::manifest(&found)?;
        for file in &found {
            look_at(file, &found)?;
        }
        let declared = found.iter().find(|file| file.path.as_str() == INTERFACE_FILE);
        let interface = declared.map(interface).transpose()?;
        Ok(Files { digest: manifest.digest()?.to_string(), found, interface })
    });
    read.await.map_err(Failure::other)?
}

/// One file alone is the model, whatever its name is here.
fn alone(path: &Path) -> Result<Found, Failure> {
    let about = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    let name = FilePath::parse(MODEL_FILE).map_err(Failure::other)?;
    Ok(Found::at(name, path.to_owned(), &about))
}

fn look_at(file: &Found, all: &[Found]) -> Result<(), Failure> {
    let bytes = File::open(&file.place).map_err(|e| unreadable(&file.place, &e))?;
    let beside = inspect::beside(file.path.as_str(), all.iter().map(|other| (other.path.as_str(), other.size_bytes)));
    let judged = inspect::refuse(file.path.as_str(), bytes, file.size_bytes, &beside, Pickles::Refused);
    let Err(refusal) = judged else { return Ok(()) };
    if let Refusal::Storage(detail) = &refusal {
        return Err(Failure::other(format!("can't read {}: {detail}", file.place.display())));
    }
    let what = format!("{} would not be sealed as a version", file.place.display());
    let mut failure = Failure::new(Exit::Refused, what);
    failure.why.push(output::printable(&refusal.to_string()));
    Err(failure)
}

/// The model and the files beside it in which it keeps tensors.
async fn source(model: &Found, all: &[Found]) -> Result<ModelSource, Failure> {
    let open = async |file: &Found| tokio::fs::File::open(&file.place).await.map_err(|e| unreadable(&file.place, &e));
    let graph = open(model).await?;
    let size_bytes = model.size_bytes;
    let mut source = ModelSource::new(open(model).await?, size_bytes);
    let graph = graph.into_std().await;
    let named = tokio::task::spawn_blocking(move || onnx::external_files(BufReader::new(graph), size_bytes)).await;
    for name in named.map_err(Failure::other)?.unwrap_or_default() {
        if let Some(file) = all.iter().find(|file| file.path.as_str() == name) {
            source = source.with(name, open(file).await?, file.size_bytes);
        }
    }
    Ok(source)
}

fn interface(file: &Found) -> Result<Interface, Failure> {
    let text = material::read_bounded(&file.place, 1 << 20)?;
    Ok(seal::parse_interface(&text)?)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("can't read {}: {error}", path.display()))
}

type Ended = (RunState, Option<ReasonView>, Vec<ConstraintVerdict>, BTreeMap<String, Value>);

async fn measure(sandbox: &config::Sandbox, files: &Files, material: &Material) -> Result<Ended, Failure> {
    let Some(model) = files.found.iter().find(|file| file.path.as_str() == MODEL_FILE) else {
        return Err(Failure::new(
            Exit::Usage,
            format!("there is no file {MODEL_FILE}; only ONNX models can be measured"),
        )
        .next("name the model's file itself, or call it model.onnx"));
    };
    let runner = app::runner(sandbox)?;
    let task = measure::task(&material.data, &material.description, files.interface.clone(), &material.spec);
    let source = source(model, &files.found).await?;
    let follower = Follower::new();
    let mut said = String::new();
    let outcome = runner
        .run(task, source, |progress| {
            follower.say(phase_name(progress.phase), progress.percent.into(), &mut said);
        })
        .await;
    match answers::held_against(outcome, &material.data, &material.description, &material.spec) {
        Outcome::Completed(seen) => {
            follower.say("computing figures", 0, &mut said);
            let graph = File::open(&model.place).map_err(|e| e.to_string()).and_then(|file| {
                let given = measure::shapes_of_a_row(&material.data);
                onnx::size_with(BufReader::new(file), model.size_bytes, &given).map_err(|e| e.to_string())
            });
            // A million rows take a while, and the bar goes on meanwhile.
            Ok(tokio::task::block_in_place(|| judge(*seen, files, material, &graph))?)
        }
        Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => {
            Err(Failure::new(Exit::Other, failure.detail))
        }
        Outcome::Failed(failure) => {
            let state = state_of(&failure);
            let reason = ReasonView { code: failure.kind.name().to_owned(), detail: failure.detail };
            Ok((state, Some(reason), Vec::new(), BTreeMap::new()))
        }
    }
}

fn judge(
    seen: Observation,
    files: &Files,
    material: &Material,
    graph: &Result<onnx::Size, String>,
) -> Result<Ended, Error> {
    let Material { spec, data, description, .. } = material;
    let size = files.found.iter().map(|file| file.size_bytes).sum();
    let mut measured = measure::measured(&seen, data, description, spec, (size, graph));
    measured.add_link(material.link.as_ref());
    let verdicts = constraints::judge(spec, &measured);
    let basis = Basis {
        version: files.digest.clone(),
        dataset: material.dataset_digest.to_string(),
        constraints: material.spec_digest.to_string(),
        rows: data.rows() as u64,
    };
    let records = evidence::records(&basis, &measured, seen.isolation, seen.model, Clock::System.now())?;
    let figures = records.iter().map(|record| {
        let body = serde_json::from_str(&record.body).map_err(Error::internal)?;
        Ok((record.kind.name().to_owned(), body))
    });
    Ok((RunState::from_verdicts(&verdicts), None, verdicts, figures.collect::<Result<_, Error>>()?))
}
