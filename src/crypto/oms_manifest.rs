//! The predicate of an OMS v1.0 signature: which files, with which digests, were signed.

use crate::crypto::{
    hex,
    oms::{OmsError, PREDICATE_TYPE},
    statement::{Statement, Subject},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The name that the reference tool gives to a model that is one file.
pub const SINGLE_FILE: &str = ".";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    pub resources: Vec<Resource>,
    pub serialization: Serialization,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub name: String,
    pub algorithm: String,
    pub digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serialization {
    pub method: String,
    pub hash_type: String,
    pub allow_symlinks: bool,
    #[serde(default)]
    pub ignore_paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<Value>,
}

/// What was signed, after every rule that needs no file has held.
///
/// Invariant: names are canonical and unique, digests are lowercase hex SHA-256, and the
/// subject's digest is the root over them in the order received.
#[derive(Debug)]
pub struct Manifest {
    pub model_name: String,
    /// Lowercase hex.
    pub root: String,
    /// Name to lowercase hex SHA-256.
    pub digests: BTreeMap<String, String>,
    pub ignore_paths: Vec<String>,
}

impl Manifest {
    pub fn from_statement(statement: Statement) -> Result<Self, OmsError> {
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(OmsError::PredicateType(statement.predicate_type));
        }
        let (model_name, root) = only_subject(statement.subject)?;
        let predicate: Predicate =
            serde_json::from_value(statement.predicate).map_err(|e| OmsError::Predicate(e.to_string()))?;
        let how = predicate.serialization;
        if how.allow_symlinks {
            return Err(OmsError::Symlinks);
        }
        if how.method != "files" || how.hash_type != "sha256" {
            return Err(OmsError::Unsupported { method: how.method, hash_type: how.hash_type });
        }
        if predicate.resources.is_empty() {
            return Err(OmsError::NoFiles);
        }
        let mut hasher = Sha256::new();
        let mut digests = BTreeMap::new();
        let single = predicate.resources.len() == 1;
        for resource in predicate.resources {
            let digest = check_resource(&resource, single)?;
            hasher.update(digest);
            if digests.contains_key(&resource.name) {
                return Err(OmsError::DuplicateName(resource.name));
            }
            digests.insert(resource.name, resource.digest);
        }
        if hex::encode(&hasher.finalize()) != root {
            return Err(OmsError::Root { stated: root });
        }
        Ok(Self { model_name, root, digests, ignore_paths: how.ignore_paths })
    }
}

fn only_subject(subjects: Vec<Subject>) -> Result<(String, String), OmsError> {
    let count = subjects.len();
    let Ok([subject]) = <[Subject; 1]>::try_from(subjects) else {
        return Err(OmsError::SubjectCount(count));
    };
    match subject.digest.get("sha256") {
        Some(root) if hex::decode::<32>(root).is_some() => Ok((subject.name, root.clone())),
        _ => Err(OmsError::SubjectDigest),
    }
}

fn check_resource(resource: &Resource, single: bool) -> Result<[u8; 32], OmsError> {
    if !(is_canonical(&resource.name) || single && resource.name == SINGLE_FILE) {
        return Err(OmsError::BadName(resource.name.clone()));
    }
    if resource.algorithm != "sha256" {
        return Err(OmsError::Algorithm { name: resource.name.clone(), algorithm: resource.algorithm.clone() });
    }
    hex::decode(&resource.digest).ok_or_else(|| OmsError::BadDigest(resource.name.clone()))
}

/// Relative, parts joined by `/`, no part empty, `.` or `..`.
pub fn is_canonical(name: &str) -> bool {
    !name.contains(['\0', '\\']) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// SHA-256 over the raw digests in the given order, in lowercase hex.
pub fn root_of<'a>(digests: impl Iterator<Item = &'a [u8; 32]>) -> String {
    let mut hasher = Sha256::new();
    for digest in digests {
        hasher.update(digest);
    }
    hex::encode(&hasher.finalize())
}
