//! What MLflow writes beside a model. Format: mlflow.org/docs, "MLflow Models", the files `MLmodel` and `python_env.yaml`.

use super::python::bytes;
use crate::core::text::misleads;
use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};
use std::path::Path;

const FILE: &str = "MLmodel";
const MAX_TEXT: usize = 200;
const MAX_SIGNATURE_BYTES: usize = 64 << 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    pub run_id: Option<String>,
    pub model_uuid: Option<String>,
    pub model_id: Option<String>,
    pub version: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// Names of flavours, sorted, and the version of the library of each.
    pub flavors: Vec<(String, Option<String>)>,
    /// What it takes and gives, as MLflow says it.
    pub signature: Map<String, Value>,
}

impl Logged {
    /// For the statement: what is known, and nothing else.
    pub fn told(&self) -> Value {
        let texts = [
            ("runId", &self.run_id),
            ("modelUuid", &self.model_uuid),
            ("modelId", &self.model_id),
            ("mlflowVersion", &self.version),
            ("createdAt", &self.created_at),
        ];
        let mut told: Map<_, _> =
            texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::from(text.clone()?)))).collect();
        let flavors: Map<_, _> = self.flavors.iter().map(|(name, version)| (name.clone(), json!(version))).collect();
        told.insert("flavors".to_owned(), flavors.into());
        if !self.signature.is_empty() {
            told.insert("signature".to_owned(), self.signature.clone().into());
        }
        told.into()
    }
}

pub fn read(dir: &Path) -> Result<Option<Logged>, String> {
    let place = dir.join(FILE);
    let Some(bytes) = bytes(&place)? else { return Ok(None) };
    let file: Value = yaml_serde::from_slice(&bytes).map_err(|e| format!("{}: {e}", place.display()))?;
    let text = |key: &str| file[key].as_str().and_then(plain);
    let created = text("utc_time_created").and_then(|said| {
        let read = NaiveDateTime::parse_from_str(&said, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        Some(read.and_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    });
    let flavors = file["flavors"].as_object().into_iter().flatten().filter_map(|(name, about)| {
        let mut facts = about.as_object().into_iter().flatten();
        // That of the library; the version of Python is another matter.
        let version = facts.find(|(key, _)| key.ends_with("_version") && key.as_str() != "python_version");
        let version = version.and_then(|(_, value)| value.as_str());
        Some((plain(name)?, version.and_then(plain)))
    });
    let mut flavors: Vec<_> = flavors.collect();
    flavors.sort();
    // Lists of JSON within a text, which is how MLflow keeps them.
    let signature = ["inputs", "outputs", "params"].into_iter().filter_map(|key| {
        let said = file["signature"][key].as_str().filter(|said| said.len() <= MAX_SIGNATURE_BYTES)?;
        let read: Value = serde_json::from_str(said).ok()?;
        read.is_array().then(|| (key.to_owned(), read))
    });
    Ok(Some(Logged {
        run_id: text("run_id"),
        model_uuid: text("model_uuid"),
        model_id: text("model_id"),
        version: text("mlflow_version"),
        created_at: created,
        flavors,
        signature: signature.collect(),
    }))
}

/// What `python_env.yaml` beside it says.
pub(super) fn python_version(dir: &Path) -> Result<Option<String>, String> {
    let place = dir.join("python_env.yaml");
    let Some(bytes) = bytes(&place)? else { return Ok(None) };
    let file: Value = yaml_serde::from_slice(&bytes).map_err(|e| format!("{}: {e}", place.display()))?;
    Ok(file["python"].as_str().and_then(plain))
}

/// A short text without anything that misleads.
fn plain(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(misleads);
    is_plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const MLMODEL: &str = r#"artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
    python_version: 3.12.4
  sklearn:
    code: null
    pickled_model: model.pkl
    sklearn_version: 1.5.1
mlflow_version: 2.22.5
model_size_bytes: 912
model_uuid: 5a3c7b5c4f5e4d5aa1d6f6f4f0a3f2aa
run_id: 0f7f3a52d7a94f0b9f1d9e1c0a6c7b11
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-11-20 22:00:00.123456'
"#;

    #[test]
    fn what_mlflow_wrote_is_told_as_it_stands_there() {
        let dir = tempfile::tempdir().expect("folder");
        assert_eq!(read(dir.path()), Ok(None));
        fs::write(dir.path().join(FILE), MLMODEL).expect("written");
        let read = read(dir.path()).expect("readable").expect("something");
        assert_eq!(read.run_id.as_deref(), Some("0f7f3a52d7a94f0b9f1d9e1c0a6c7b11"));
        assert_eq!(read.created_at.as_deref(), Some("2026-11-20T22:00:00.123456Z"));
        let flavors = [("python_function".to_owned(), None), ("sklearn".to_owned(), Some("1.5.1".to_owned()))];
        assert_eq!(read.flavors, flavors);
        let told = read.told();
        assert_eq!(told["signature"]["inputs"][0]["name"], "age");
        assert!(told["signature"].get("params").is_none() && told["modelId"].is_null());
    }

    #[test]
    fn a_file_that_is_no_mlmodel_is_said_to_be_none() {
        let dir = tempfile::tempdir().expect("folder");
        fs::write(dir.path().join(FILE), "a: [").expect("written");
        assert!(read(dir.path()).is_err_and(|why| why.contains(FILE)));
    }
}
