//! The registry's own key: it signs checkpoints, approvals and releases.

use crate::{
    crypto::{
        bundle,
        checkpoint::{self, Checkpoint},
        keys::RegistryKey,
        merkle::Hash,
        note::{self, NoteError},
        statement::Statement,
    },
    error::Error,
};
use serde_json::Value;
use std::{fs, io::Write, path::Path};

pub struct Signer {
    key: RegistryKey,
    origin: String,
}

impl Signer {
    /// Reads the key, or makes one at the first start, readable by its owner only.
    pub fn open(file: &Path, origin: &str) -> Result<Self, Error> {
        note::check_name(origin).map_err(|e| Error::invalid("origin", e.to_string()))?;
        Ok(Self { key: open_key(file)?, origin: origin.to_owned() })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key of the log, as `plimsoll audit verify` takes it.
    pub fn vkey(&self) -> String {
        note::vkey(&self.origin, &self.key.public_bytes())
    }

    pub fn public_key_pem(&self) -> String {
        self.key.public_key_pem()
    }

    pub fn sign_checkpoint(&self, size: u64, root: Hash) -> String {
        Checkpoint { origin: self.origin.clone(), size, root }.sign(&self.key)
    }

    /// Reads a head of this log that this registry signed.
    pub fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, NoteError> {
        checkpoint::open(note, &self.vkey())
    }

    pub fn sign_statement(&self, statement: &Statement) -> Value {
        bundle::sign_registry_statement(statement, &self.key)
    }
}

/// Reads an Ed25519 key, or makes one.
pub fn open_key(file: &Path) -> Result<RegistryKey, Error> {
    match fs::read_to_string(file) {
        Ok(pem) => RegistryKey::from_pem(&pem).map_err(|e| Error::internal(format!("{}: {e}", file.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => create(file),
        Err(e) => Err(Error::internal(format!("{}: {e}", file.display()))),
    }
}

fn create(file: &Path) -> Result<RegistryKey, Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let key = RegistryKey::generate().map_err(Error::internal)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::internal)?;
    }
    let pem = key.to_pem();
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = opened.map_err(Error::internal)?;
    out.write_all(pem.as_bytes()).map_err(Error::internal)?;
    out.sync_all().map_err(Error::internal)?;
    tracing::info!(file = %file.display(), "made a signing key");
    Ok(key)
}
