//! Stored sign-ins: one file each, readable by their owner only.
//!
//! Invariant: the registry's key is pinned at the first sign-in; a later sign-in at the
//! same address that meets another key is refused, unless the pinned one vouches for it.

use super::{Exit, Failure};
use crate::{config::Client as Connection, core::name::Name, keys::api::RegistryKeyView, registry::api::RegistryView};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder},
    io::{ErrorKind, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub url: String,
    /// The account's name.
    pub user: String,
    /// Absent after signing out; the pinned key stays.
    pub token: Option<String>,
    pub registry: Registry,
}

/// Whose log and statements are believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    pub origin: String,
    /// Of the key that signed when it was pinned.
    pub verifier_key: String,
    pub public_key_pem: String,
    /// Verifier keys that the registry had before: what they signed is still believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

impl Registry {
    pub fn new(view: RegistryView, keys: &[RegistryKeyView]) -> Self {
        let earlier = keys.iter().map(|key| key.verifier_key.clone()).filter(|key| *key != view.verifier_key);
        Self {
            earlier: earlier.collect(),
            origin: view.origin,
            verifier_key: view.verifier_key,
            public_key_pem: view.public_key_pem,
        }
    }

    /// All of them, a line each, the newest first.
    pub fn verifier_keys(&self) -> String {
        let earlier = self.earlier.iter().rev().map(String::as_str);
        std::iter::once(self.verifier_key.as_str()).chain(earlier).collect::<Vec<_>>().join("\n")
    }
}

impl Profile {
    /// `None` when nobody signed in under this name.
    pub fn load(connection: &Connection) -> Result<Option<Self>, Failure> {
        let file = file(connection)?;
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Failure::other(format!("can't read {}: {e}", file.display()))),
        };
        serde_json::from_slice(&text).map(Some).map_err(|e| {
            Failure::other(format!("{} is damaged: {e}", file.display())).next("delete it and sign in again")
        })
    }

    pub fn store(&self, connection: &Connection) -> Result<(), Failure> {
        let file = file(connection)?;
        let text = serde_json::to_string_pretty(self).map_err(Failure::other)?;
        write_private(&file, &text, true)
    }
}

fn file(connection: &Connection) -> Result<PathBuf, Failure> {
    let name = Name::parse(&connection.profile).map_err(|e| Failure::new(Exit::Usage, format!("--as: {}", e.0)))?;
    Ok(connection.config_folder().join("profiles").join(format!("{}.json", name.as_str())))
}

/// Where this person's signing key is.
pub fn signing_key_file(connection: &Connection) -> PathBuf {
    connection.config_folder().join("signing-key.pem")
}

/// Writes a whole file or none, mode 0600, in a folder that is closed to others.
pub fn write_private(file: &Path, text: &str, replace: bool) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::other(format!("can't write {}: {e}", file.display()));
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // A temporary file has mode 0600 from the beginning.
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    temporary.write_all(text.as_bytes()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    let kept = if replace { temporary.persist(file) } else { temporary.persist_noclobber(file) };
    kept.map(drop).map_err(|e| failed(e.error))
}
