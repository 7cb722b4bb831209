//! SLSA provenance v1 from what the training wrote down about itself.
//! Format: slsa.dev/spec/v1.0/provenance.

use super::super::{Exit, Failure};
use crate::{
    crypto::{
        hex, json as strict_json,
        statement::{Statement, Subject},
    },
    versions::DeclaredFile,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path, process::Command};

/// Beside the model: data, code, parameters and times of the training.
pub const TRAINING_FILE: &str = "training.json";
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
const BUILD_TYPE: &str = "https://plimsoll.example/build-types/training/v1";
/// A person's machine: says that nobody else vouches for the build.
const BUILDER: &str = "https://plimsoll.example/builders/workstation/v1";
const MAX_BYTES: u64 = 256 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    #[serde(default)]
    dataset: Vec<Dataset>,
    #[serde(default)]
    code: BTreeMap<String, String>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    started_on: Option<String>,
    finished_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    name: String,
    sha256: String,
    uri: Option<String>,
    rows: Option<u64>,
}

/// `None` when the folder says nothing about the training.
pub fn statement(dir: &Path, files: &[DeclaredFile]) -> Result<Option<Statement>, Failure> {
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
    if let Some(bad) = training.dataset.iter().find(|d| hex::decode::<32>(&d.sha256).is_none()) {
        return Err(wrong(format!("the sha256 of the dataset {} is not 64 lowercase hex digits", bad.name)));
    }
    Ok(Some(build(files, training, git_commit(dir))))
}

fn build(files: &[DeclaredFile], training: Training, commit: Option<Value>) -> Statement {
    let subject = files.iter().map(|f| Subject::sha256(f.path.as_str(), f.sha256.hex())).collect();
    let dependencies: Vec<_> = training.dataset.into_iter().map(dependency).chain(commit).collect();
    let predicate = json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"code": training.code, "parameters": training.parameters},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": present([("startedOn", training.started_on), ("finishedOn", training.finished_on)]),
        },
    });
    Statement::new(subject, PREDICATE_TYPE, predicate)
}

fn dependency(dataset: Dataset) -> Value {
    let mut resource = json!({"name": dataset.name, "digest": {"sha256": dataset.sha256}});
    if let Some(uri) = dataset.uri {
        resource["uri"] = uri.into();
    }
    if let Some(rows) = dataset.rows {
        resource["annotations"] = json!({"rows": rows});
    }
    resource
}

fn present(pairs: [(&str, Option<String>); 2]) -> Value {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?)))).collect()
}

/// The commit that is checked out there, and whether the files differ from it.
fn git_commit(dir: &Path) -> Option<Value> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(dir).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--", "."]).is_none_or(|lines| !lines.is_empty());
    Some(json!({"name": "git", "digest": {"gitCommit": commit}, "annotations": {"modified": changed}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{digest::Digest, path::FilePath};

    fn file() -> DeclaredFile {
        DeclaredFile { path: FilePath::parse("model.onnx").expect("path"), sha256: Digest::of("m"), size_bytes: 1 }
    }

    #[test]
    fn provenance_names_every_file_and_every_dataset() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(statement(dir.path(), &[file()]).expect("none").is_none());
        let sha256 = Digest::of("rows").hex();
        let text = format!(
            r#"{{"dataset":[{{"name":"rows.csv","sha256":"{sha256}","rows":3}}],"started_on":"2026-01-01T00:00:00Z"}}"#
        );
        fs::write(dir.path().join(TRAINING_FILE), text).expect("write");
        let made = statement(dir.path(), &[file()]).expect("statement").expect("some");
        assert_eq!(made.subject, [Subject::sha256("model.onnx", Digest::of("m").hex())]);
        let dependency = &made.predicate["buildDefinition"]["resolvedDependencies"][0];
        assert_eq!(dependency["digest"]["sha256"], sha256);
        assert_eq!(made.predicate["runDetails"]["metadata"]["startedOn"], "2026-01-01T00:00:00Z");
    }

    #[test]
    fn facts_that_cannot_be_read_stop_the_push() {
        let dir = tempfile::tempdir().expect("folder");
        for bad in ["", "[]", r#"{"dataset":[{"name":"x","sha256":"00"}]}"#, r#"{"code":{},"code":{}}"#] {
            fs::write(dir.path().join(TRAINING_FILE), bad).expect("write");
            assert_eq!(statement(dir.path(), &[file()]).err().map(|f| f.exit), Some(Exit::Usage), "{bad}");
        }
    }
}
