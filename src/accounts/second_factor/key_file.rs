//! Where the key is that seals second factors: in the environment, or in a file; never in the database.

use crate::{
    crypto::seal::{KEY_BYTES, SealingKey},
    error::Error,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// The key of the environment, or that of the file, which is made at the first start: not where something is sealed already,
/// which no other key than the one before opens.
///
/// # Errors
/// When the file is lost, cannot be read or made, can be read by others, or there is no key of 32 bytes, in base64.
pub fn open(given: Option<&str>, file: &Path, is_anything_sealed: bool) -> Result<SealingKey, Error> {
    if let Some(text) = given {
        return parse(text).ok_or_else(|| Error::invalid("PLIMSOLL_SEALING_KEY", WRONG));
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => {
            is_its_owners_alone(file)?;
            Zeroizing::new(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && is_anything_sealed => return Err(lost(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => make(file)?,
        Err(error) => return Err(Error::internal(format!("{}: {error}", file.display()))),
    };
    parse(&text).ok_or_else(|| Error::invalid("--sealing-key-file", format!("{}: {WRONG}", file.display())))
}

const WRONG: &str = "a sealing key is 32 bytes in base64, such as `openssl rand -base64 32` prints";

/// # Errors
/// When the file's mode lets others read or write it.
fn is_its_owners_alone(file: &Path) -> Result<(), Error> {
    let found = fs::metadata(file).map_err(|error| Error::internal(format!("{}: {error}", file.display())))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let detail = format!(
        "{file} is readable or writable by others (mode {mode:03o}), and opens every second factor: run chmod 600 {file}; if \
         somebody may have read it, have the second factors added anew",
        file = file.display()
    );
    Err(Error::invalid("--sealing-key-file", detail))
}

fn lost(file: &Path) -> Error {
    let detail = format!(
        "there is no file {file}, and second factors are sealed with the key that was in it: put it back from where it is \
         backed up. If it is lost for good, make another (openssl rand -base64 32 > {file}; chmod 600 {file}): then nobody \
         with a second factor signs in until an administrator has taken it away (plimsoll user take-factor)",
        file = file.display()
    );
    Error::invalid("--sealing-key-file", detail)
}

fn parse(text: &str) -> Option<SealingKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    SealingKey::from_bytes(&bytes).ok()
}

/// Of two that start at once, both take the key of the faster one.
fn make(file: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", file.display()));
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut key[..]).map_err(Error::internal)?;
    let text = Zeroizing::new(STANDARD.encode(&key[..]));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    // Whole or not at all: written beside it, then linked to its name.
    let new = file.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
    let linked = fs::hard_link(&new, file);
    fs::remove_file(&new).map_err(failed)?;
    match linked {
        Ok(()) => {
            tracing::info!(file = %file.display(), "made a key for sealing second factors");
            Ok(text)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::read_to_string(file).map(Zeroizing::new).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone_and_the_environment_comes_first() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("keys/sealing.key");
        let sealed = open(None, &file, false).expect("made").seal(b"x", "y").expect("sealed");
        assert_eq!(open(None, &file, false).expect("read").open(&sealed, "y").expect("opened").as_slice(), b"x");
        assert_eq!(fs::metadata(&file).expect("file").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("keys")).expect("folder").count(), 1);
        let given = STANDARD.encode([7; KEY_BYTES]);
        assert!(open(Some(&given), &file, false).expect("given").open(&sealed, "y").is_err(), "another key");
        assert!(open(Some("c2hvcnQ="), &file, false).is_err());
        fs::write(&file, "short").expect("broken");
        assert!(open(None, &file, false).is_err());
    }

    #[test]
    fn a_key_that_is_lost_is_not_made_anew_and_one_that_others_read_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("sealing.key");
        let said = |sealed: bool| open(None, &file, sealed).map(drop).expect_err("refused").to_string();
        assert!(said(true).contains("put it back from where it is backed up"), "{}", said(true));
        assert!(!file.exists());
        open(None, &file, false).expect("the first start");
        open(None, &file, true).expect("it is there");
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("mode");
            assert!(said(true).contains("chmod 600"), "{}", said(true));
        }
    }
}
