//! SLSA provenance v1 from what the training wrote down about itself, and from what can be found out around it.
//! Format: slsa.dev/spec/v1.0/provenance.

use super::{
    super::{Exit, Failure},
    gathered::Gathered,
};
use crate::{
    crypto::{
        hex, json as strict_json,
        statement::{Statement, Subject},
    },
    provenance::{self, PREDICATE_TYPE, TRAINING},
    versions::DeclaredFile,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

/// Beside the model: data, code, parameters and times of the training.
pub const TRAINING_FILE: &str = "training.json";
/// A person's machine: says that nobody else vouches for the build.
const BUILDER: &str = "https://plimsoll.example/builders/workstation/v1";
const MAX_BYTES: u64 = 256 << 10;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    #[serde(default)]
    dataset: Vec<Named>,
    #[serde(default)]
    base_model: Vec<Named>,
    #[serde(default)]
    code: BTreeMap<String, String>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    started_on: Option<String>,
    finished_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    sha256: String,
    uri: Option<String>,
    rows: Option<u64>,
    /// Of a dataset: `training-dataset`, if it does not say, or `validation-dataset`.
    role: Option<String>,
}

/// A statement, and what whoever pushes is told of it.
pub struct Made {
    pub statement: Statement,
    pub filled: Vec<String>,
    pub missing: Vec<&'static str>,
}

/// `None` where nothing says anything about the training.
pub fn statement(dir: &Path, files: &[DeclaredFile], gathered: &Gathered) -> Result<Option<Made>, Failure> {
    let training = training(dir)?;
    if training.is_none() && gathered.is_empty() {
        return Ok(None);
    }
    let mut filled = Vec::new();
    let mut missing = Vec::new();
    match &training {
        Some(_) => filled.push(TRAINING_FILE.to_owned()),
        None => missing.push("data, base models and times of the training (there is no training.json)"),
    }
    filled.extend(gathered.filled());
    missing.extend(gathered.missing());
    let statement = build(files, training.unwrap_or_default(), gathered);
    // The service would refuse it; here it is known which file is to blame.
    if let Some(Err(fault)) = provenance::of(&statement) {
        let detail = format!("the provenance that follows from {}: {} {}", dir.display(), fault.field, fault.detail);
        return Err(Failure::new(Exit::Usage, detail).next("correct it, or push with --no-provenance"));
    }
    Ok(Some(Made { statement, filled, missing }))
}

fn training(dir: &Path) -> Result<Option<Training>, Failure> {
    let place = dir.join(TRAINING_FILE);
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", place.display()));
    match fs::metadata(&place) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(wrong(e.to_string())),
        Ok(m) if MAX_BYTES < m.len() => return Err(wrong(format!("has more than {MAX_BYTES} bytes"))),
        Ok(_) => {}
    }
    let text = fs::read(&place).map_err(|e| wrong(e.to_string()))?;
    let training: Training = strict_json::parse(&text).map_err(|e| wrong(e.to_string()))?;
    let mut named = training.dataset.iter().chain(&training.base_model);
    match named.find(|named| hex::decode::<32>(&named.sha256).is_none()) {
        Some(bad) => Err(wrong(format!("the sha256 of {} is not 64 lowercase hex digits", bad.name))),
        None => Ok(Some(training)),
    }
}

fn build(files: &[DeclaredFile], training: Training, gathered: &Gathered) -> Statement {
    let subject = files.iter().map(|f| Subject::sha256(f.path.as_str(), f.sha256.hex())).collect();
    let Gathered { checkout, job, python, logged } = gathered;
    let mut external = Map::new();
    external.insert("code".to_owned(), json!(training.code));
    external.insert("parameters".to_owned(), json!(training.parameters));
    let from_job = |of: fn(&super::gathered::Job) -> Option<String>| job.as_ref().and_then(of);
    let repository = from_job(|job| job.repository.clone())
        .or_else(|| checkout.as_ref().and_then(|checkout| checkout.remote.clone()));
    let reference = from_job(|job| job.reference.clone())
        .or_else(|| checkout.as_ref().and_then(|checkout| checkout.reference.clone()));
    external.extend(repository.clone().map(|repository| ("repository".to_owned(), repository.into())));
    external.extend(reference.map(|reference| ("ref".to_owned(), reference.into())));
    let mut internal = Map::new();
    let version = python.as_ref().and_then(|python| python.version.clone());
    internal.extend(version.map(|version| ("python".to_owned(), version.into())));
    internal.extend(logged.as_ref().map(|logged| ("mlflow".to_owned(), logged.told())));

    let mut materials: Vec<_> = training.dataset.into_iter().map(|named| material(named, "training-dataset")).collect();
    materials.extend(training.base_model.into_iter().map(|named| material(named, "base-model")));
    materials.extend(code(gathered, repository));
    materials.extend(python.iter().flat_map(|python| &python.requirements).map(|(name, digest)| {
        json!({"name": name, "digest": {"sha256": digest.hex()}, "annotations": {"role": "environment"}})
    }));
    let metadata = [
        ("invocationId", from_job(|job| job.invocation.clone())),
        ("startedOn", training.started_on),
        ("finishedOn", training.finished_on),
    ];
    let metadata: Map<_, _> =
        metadata.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?)))).collect();
    let builder = job.as_ref().map_or(BUILDER, |job| &job.builder);
    let predicate = json!({
        "buildDefinition": {
            "buildType": TRAINING,
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": materials,
        },
        "runDetails": {"builder": {"id": builder}, "metadata": metadata},
    });
    Statement::new(subject, PREDICATE_TYPE, predicate)
}

fn material(named: Named, role: &str) -> Value {
    let role = named.role.unwrap_or_else(|| role.to_owned());
    let mut resource = json!({
        "name": named.name, "digest": {"sha256": named.sha256}, "annotations": {"role": role},
    });
    if let Some(uri) = named.uri {
        resource["uri"] = uri.into();
    }
    if let Some(rows) = named.rows {
        resource["annotations"]["rows"] = rows.into();
    }
    resource
}

/// The commit that is checked out, and whether the files differ from it; else the one that the job names.
fn code(gathered: &Gathered, repository: Option<String>) -> Option<Value> {
    let (commit, modified) = match (&gathered.checkout, &gathered.job) {
        (Some(checkout), _) => (checkout.commit.clone(), Some(checkout.is_modified)),
        (None, Some(job)) => (job.commit.clone().filter(|commit| is_commit(commit))?, None),
        (None, None) => return None,
    };
    let mut resource = json!({"name": "git", "digest": {"gitCommit": commit}, "annotations": {"role": "code"}});
    if let Some(modified) = modified {
        resource["annotations"]["modified"] = modified.into();
    }
    if let Some(repository) = repository {
        resource["uri"] = format!("git+{repository}").into();
    }
    Some(resource)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{
        super::gathered::{Checkout, Job, Logged, Python},
        *,
    };
    use crate::core::{digest::Digest, path::FilePath};

    fn file() -> DeclaredFile {
        DeclaredFile { path: FilePath::parse("model.onnx").expect("path"), sha256: Digest::of("m"), size_bytes: 1 }
    }

    fn of(dir: &Path, gathered: &Gathered) -> Result<Option<Made>, Failure> {
        statement(dir, &[file()], gathered)
    }

    #[test]
    fn provenance_names_every_file_and_everything_that_the_training_names() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(of(dir.path(), &Gathered::default()).expect("none").is_none());
        let sha256 = Digest::of("rows").hex();
        let text = format!(
            r#"{{"dataset":[{{"name":"rows.csv","sha256":"{sha256}","rows":3}}],
                "base_model":[{{"name":"base@1","sha256":"{sha256}"}}],"started_on":"2026-01-01T00:00:00Z"}}"#
        );
        fs::write(dir.path().join(TRAINING_FILE), text).expect("write");
        let made = of(dir.path(), &Gathered::default()).expect("statement").expect("some");
        assert_eq!(made.statement.subject, [Subject::sha256("model.onnx", Digest::of("m").hex())]);
        let predicate = &made.statement.predicate;
        let dependencies = &predicate["buildDefinition"]["resolvedDependencies"];
        assert_eq!(dependencies[0]["digest"]["sha256"], sha256);
        assert_eq!(dependencies[0]["annotations"], json!({"role": "training-dataset", "rows": 3}));
        assert_eq!(dependencies[1]["annotations"]["role"], "base-model");
        assert_eq!(predicate["runDetails"]["metadata"]["startedOn"], "2026-01-01T00:00:00Z");
        assert_eq!((made.filled.as_slice(), made.missing.len()), (["training.json".to_owned()].as_slice(), 2));
    }

    #[test]
    fn what_was_found_around_a_folder_is_stated_and_what_was_not_is_said() {
        let dir = tempfile::tempdir().expect("folder");
        let commit = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".to_owned();
        let gathered = Gathered {
            checkout: Some(Checkout {
                commit: commit.clone(),
                is_modified: true,
                reference: Some("refs/heads/main".to_owned()),
                remote: Some("https://git.example/ml/fraud".to_owned()),
            }),
            job: Some(Job {
                service: "GitLab CI",
                builder: "https://gitlab.example/-/runners/7".to_owned(),
                invocation: Some("https://gitlab.example/jobs/9".to_owned()),
                ..Job::default()
            }),
            python: Some(Python {
                version: Some("3.12.4".to_owned()),
                requirements: vec![("requirements.txt", Digest::of("numpy"))],
            }),
            logged: Some(Logged { run_id: Some("0f7f".to_owned()), ..Logged::default() }),
        };
        let made = of(dir.path(), &gathered).expect("statement").expect("some");
        let read = provenance::of(&made.statement).expect("provenance").expect("well-formed");
        let roles: Vec<_> = read.materials.iter().map(|material| (material.role.name(), material.label())).collect();
        assert_eq!(roles, [("code", "git"), ("environment", "requirements.txt")]);
        assert_eq!(read.materials[0].digests["gitCommit"], commit);
        assert_eq!(read.materials[0].uri.as_deref(), Some("git+https://git.example/ml/fraud"));
        assert_eq!(read.builder, "https://gitlab.example/-/runners/7");
        let internal = &made.statement.predicate["buildDefinition"]["internalParameters"];
        assert_eq!((&internal["python"], &internal["mlflow"]["runId"]), (&json!("3.12.4"), &json!("0f7f")));
        assert_eq!(made.filled.len(), 4);
        assert!(made.missing[0].contains("training.json"), "{:?}", made.missing);
    }

    #[test]
    fn facts_that_cannot_be_read_stop_the_push() {
        let dir = tempfile::tempdir().expect("folder");
        for bad in [
            "",
            "[]",
            r#"{"dataset":[{"name":"x","sha256":"00"}]}"#,
            r#"{"code":{},"code":{}}"#,
            r#"{"started_on":"yesterday"}"#,
        ] {
            fs::write(dir.path().join(TRAINING_FILE), bad).expect("write");
            let refused = of(dir.path(), &Gathered::default()).err();
            assert_eq!(refused.map(|f| f.exit), Some(Exit::Usage), "{bad}");
        }
    }
}
