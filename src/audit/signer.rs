//! The registry's own keys: they sign the log's heads, approvals and releases.
//!
//! Invariants: a key signs heads only while the database says that it does (`keys`); a key
//! file that the database does not know signs no head, so a rotation that stopped half-way
//! changed nothing; every key file that is here verifies, registered or not.

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
    keys::{KeyState, RegisteredKey},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// More key files than this are not looked at.
const MAX_FILES: usize = 64;

pub struct Signer {
    /// The first key; those that follow it are files beside it.
    file: PathBuf,
    origin: String,
    ring: RwLock<Arc<Ring>>,
}

/// A secret key that is on this machine.
#[derive(Clone)]
pub struct Secret {
    /// 8 hex digits: the id in signed notes.
    pub id: String,
    pub verifier_key: String,
    pub key: RegistryKey,
}

#[derive(Clone)]
struct Ring {
    /// Of the configured file.
    first: Secret,
    /// Of the files beside it.
    others: Vec<Secret>,
    registered: Vec<RegisteredKey>,
    /// What signs heads now, newest last.
    signing: Vec<Secret>,
}

impl Ring {
    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn secret(&self, id: &str) -> Option<&Secret> {
        self.secrets().find(|secret| secret.id == id)
    }
}

impl Signer {
    /// Reads the key, or makes one at the first start, readable by its owner only.
    pub fn open(file: &Path, origin: &str) -> Result<Self, Error> {
        note::check_name(origin).map_err(|e| Error::invalid("origin", e.to_string()))?;
        let first = secret(open_key(file)?, origin);
        let ring = Ring { first, others: others(file, origin), registered: Vec::new(), signing: Vec::new() };
        Ok(Self { file: file.to_owned(), origin: origin.to_owned(), ring: RwLock::new(Arc::new(ring)) })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key of the log, as `plimsoll audit verify` takes it: that of the newest key.
    pub fn vkey(&self) -> String {
        self.newest().verifier_key
    }

    pub fn public_key_pem(&self) -> String {
        self.newest().key.public_key_pem()
    }

    /// Takes over what the database says about the keys, and looks for files that it names.
    pub fn refresh(&self, registered: Vec<RegisteredKey>, now: DateTime<Utc>) {
        let mut ring = Ring::clone(&self.ring());
        let live: Vec<_> = registered.iter().filter(|key| key.state(now) != KeyState::Retired).collect();
        if live.iter().any(|key| ring.secret(&key.id).is_none()) {
            ring.others = others(&self.file, &self.origin);
        }
        ring.signing = live.iter().filter_map(|key| ring.secret(&key.id).cloned()).collect();
        ring.registered = registered;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Whether any key that signs heads now is here; otherwise a sentence that says what is missing.
    pub fn check(&self) -> Result<(), String> {
        let ring = self.ring();
        if !ring.signing.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = ring.registered.iter().filter(|key| key.signs_until.is_none()).collect();
        let wanted = wanted.first().map_or("none", |key| key.id.as_str());
        let found: Vec<_> = ring.secrets().map(|secret| secret.id.as_str()).collect();
        Err(format!(
            "the key {wanted} signs the audit log, and {} holds {}",
            self.file.parent().unwrap_or(Path::new(".")).display(),
            found.join(", ")
        ))
    }

    /// Signs with each key that signs now.
    pub fn sign_checkpoint(&self, size: u64, root: Hash) -> String {
        let ring = self.ring();
        Checkpoint { origin: self.origin.clone(), size, root }.sign_all(ring.signing.iter().map(|secret| &secret.key))
    }

    /// Reads a head of this log that this registry signed, by whichever key it had then.
    pub fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let ring = self.ring();
        let registered = ring.registered.iter().filter(|key| key.origin == self.origin).map(|key| &key.verifier_key);
        let mut keys: Vec<&str> =
            ring.secrets().map(|secret| &secret.verifier_key).chain(registered).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        checkpoint::open(note, &keys.join("\n"))
    }

    /// By the newest key.
    pub fn sign_statement(&self, statement: &Statement) -> Value {
        bundle::sign_registry_statement(statement, &self.newest().key)
    }

    /// The secret half of a key, if it is on this machine.
    pub fn secret(&self, id: &str) -> Option<Secret> {
        self.ring().secret(id).cloned()
    }

    /// Of the configured file, before anything is registered.
    pub fn first(&self) -> Secret {
        self.ring().first.clone()
    }

    /// A new key in a file of its own beside the others; it signs nothing before it is registered.
    pub fn make_next(&self) -> Result<(Secret, PathBuf), Error> {
        let secret = secret(RegistryKey::generate().map_err(Error::internal)?, &self.origin);
        let file = self.file.with_file_name(format!("{}-{}.pem", stem(&self.file), secret.id));
        write_key(&file, &secret.key)?;
        Ok((secret, file))
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn newest(&self) -> Secret {
        let ring = self.ring();
        ring.signing.last().unwrap_or(&ring.first).clone()
    }
}

fn secret(key: RegistryKey, origin: &str) -> Secret {
    let verifier_key = note::vkey(origin, &key.public_bytes());
    let id = verifier_key.split('+').nth(1).unwrap_or_default().to_owned();
    Secret { id, verifier_key, key }
}

/// Keys that followed the first: `registry-0123abcd.pem` beside `registry.pem`. A file that holds
/// no key is left out; if it is needed, [`Signer::check`] says that it is missing.
fn others(file: &Path, origin: &str) -> Vec<Secret> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}-", stem(file));
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(&prefix) && name.ends_with(".pem")).collect();
    names.sort();
    let texts = names.iter().take(MAX_FILES).filter_map(|name| fs::read_to_string(folder.join(name)).ok());
    texts.filter_map(|pem| RegistryKey::from_pem(&pem).ok()).map(|key| secret(key, origin)).collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads an Ed25519 key, or makes one.
pub fn open_key(file: &Path) -> Result<RegistryKey, Error> {
    match fs::read_to_string(file) {
        Ok(pem) => RegistryKey::from_pem(&pem).map_err(|e| Error::internal(format!("{}: {e}", file.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = RegistryKey::generate().map_err(Error::internal)?;
            write_key(file, &key)?;
            Ok(key)
        }
        Err(e) => Err(Error::internal(format!("{}: {e}", file.display()))),
    }
}

/// Never over another key; durable when it returns.
fn write_key(file: &Path, key: &RegistryKey) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::internal)?;
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = opened.map_err(|e| Error::internal(format!("{}: {e}", file.display())))?;
    out.write_all(key.to_pem().as_bytes()).map_err(Error::internal)?;
    out.sync_all().map_err(Error::internal)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::internal)?;
    tracing::info!(file = %file.display(), "made a signing key");
    Ok(())
}
