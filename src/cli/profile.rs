//! Stored sign-ins: one file each, readable by their owner only.
//!
//! Invariant: the registry's key is pinned at the first sign-in; a later sign-in at the
//! same address that meets another key is refused, unless the pinned one vouches for it.

use super::{Exit, Failure};
use crate::{
    config::Client as Connection,
    core::name::Name,
    crypto::key_chain::{leads, path},
    keys::api::RegistryKeyView,
    registry::api::RegistryView,
};
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
    /// By which the service knows this program again, so that nobody who guesses elsewhere makes it wait; it opens
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
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
    /// What is believed from now on.
    ///
    /// At the first sign-in that is what the registry says. Later the key that is pinned decides:
    /// only keys that it vouches for are added, and none that is said to have come before it.
    ///
    /// # Errors
    /// When the pinned key does not lead to the one that signs now.
    pub fn follow(pinned: Option<&Self>, view: RegistryView, keys: &[RegistryKeyView]) -> Result<Self, NotVouched> {
        let links: Vec<_> = keys.iter().map(RegistryKeyView::link).collect();
        let (origin, now) = (view.origin.as_str(), view.verifier_key.as_str());
        let mut earlier: Vec<String> = match pinned {
            None => {
                let led = links.iter().map(|link| &link.verifier_key).filter(|key| leads(origin, key, now, &links));
                led.cloned().collect()
            }
            Some(pinned) if pinned.origin != origin => return Err(NotVouched { now: now.to_owned() }),
            Some(pinned) => {
                let way = path(origin, &pinned.verifier_key, now, &links);
                let way = way.ok_or_else(|| NotVouched { now: now.to_owned() })?;
                pinned.earlier.iter().cloned().chain(way).collect()
            }
        };
        earlier.retain(|key| key != now);
        Ok(Self { earlier, origin: view.origin, verifier_key: view.verifier_key, public_key_pem: view.public_key_pem })
    }

    /// All of them, a line each, the newest first.
    pub fn verifier_keys(&self) -> String {
        let earlier = self.earlier.iter().rev().map(String::as_str);
        std::iter::once(self.verifier_key.as_str()).chain(earlier).collect::<Vec<_>>().join("\n")
    }
}

/// The registry has another key, and the pinned one says nothing about it.
#[derive(Debug)]
pub struct NotVouched {
    pub now: String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{key_chain::endorse, keys::RegistryKey, note::vkey};

    const ORIGIN: &str = "log.example";

    fn listed(key: &RegistryKey, by: Option<&RegistryKey>) -> RegistryKeyView {
        let verifier_key = vkey(ORIGIN, &key.public_bytes());
        RegistryKeyView {
            id: verifier_key[12..20].to_owned(),
            state: "active".to_owned(),
            endorsement: by.map(|by| endorse(ORIGIN, &verifier_key, by)),
            public_key_pem: key.public_key_pem(),
            signs_from: String::new(),
            signs_until: None,
            verifier_key,
        }
    }

    fn describes(key: &RegistryKeyView) -> RegistryView {
        RegistryView {
            version: String::new(),
            origin: ORIGIN.to_owned(),
            verifier_key: key.verifier_key.clone(),
            public_key_pem: key.public_key_pem.clone(),
        }
    }

    #[test]
    fn only_what_the_pinned_key_vouches_for_is_added() {
        let keys: Vec<_> = (0..4).map(|_| RegistryKey::generate().expect("key")).collect();
        let honest: Vec<_> = (0..3).map(|n: usize| listed(&keys[n], n.checked_sub(1).map(|by| &keys[by]))).collect();
        let text = |n: usize| honest[n].verifier_key.clone();
        let fresh = Registry::follow(None, describes(&honest[2]), &honest).expect("first");
        assert_eq!((fresh.verifier_key.clone(), fresh.earlier.clone()), (text(2), vec![text(0), text(1)]));
        let old = Registry::follow(None, describes(&honest[0]), &honest[..1]).expect("first");
        let later = Registry::follow(Some(&old), describes(&honest[2]), &honest).expect("followed");
        assert_eq!(later, fresh);
        assert_eq!(Registry::follow(Some(&later), describes(&honest[2]), &honest).expect("again"), fresh);

        // Somebody at the same address without the key slips in one of their own as an earlier one.
        let forged = [listed(&keys[3], None), listed(&keys[0], Some(&keys[3]))];
        let same = Registry::follow(Some(&old), describes(&honest[0]), &forged).expect("the pinned key");
        assert_eq!(same, old);
        // Or as the next one.
        for by in [None, Some(&keys[3])] {
            let forged = [honest[0].clone(), listed(&keys[3], by)];
            assert!(Registry::follow(Some(&old), describes(&forged[1]), &forged).is_err());
        }
        assert!(Registry::follow(Some(&later), describes(&honest[0]), &honest).is_err(), "back to an older key");
    }
}
