//! Where the key is that seals second factors: in the environment, or in a file; never in the database.

use crate::{
    crypto::seal::{KEY_BYTES, SealingKey},
    error::Error,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use zeroize::Zeroizing;

/// The key of the environment, or that of the file, which is made at the first start.
///
/// # Errors
/// When the file cannot be read or made, or there is no key of 32 bytes, in base64.
pub fn open(given: Option<&str>, file: &Path) -> Result<SealingKey, Error> {
    if let Some(text) = given {
        return parse(text).ok_or_else(|| Error::invalid("PLIMSOLL_SEALING_KEY", WRONG));
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => make(file)?,
        Err(error) => return Err(Error::internal(format!("{}: {error}", file.display()))),
    };
    parse(&text).ok_or_else(|| Error::invalid("--sealing-key-file", format!("{}: {WRONG}", file.display())))
}

const WRONG: &str = "a sealing key is 32 bytes in base64, such as `openssl rand -base64 32` prints";

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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone_and_the_environment_comes_first() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("keys/sealing.key");
        let sealed = open(None, &file).expect("made").seal(b"x", "y").expect("sealed");
        assert_eq!(open(None, &file).expect("read").open(&sealed, "y").expect("opened").as_slice(), b"x");
        assert_eq!(fs::metadata(&file).expect("file").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("keys")).expect("folder").count(), 1);
        let given = STANDARD.encode([7; KEY_BYTES]);
        assert!(open(Some(&given), &file).expect("given").open(&sealed, "y").is_err(), "another key");
        assert!(open(Some("c2hvcnQ="), &file).is_err());
        fs::write(&file, "short").expect("broken");
        assert!(open(None, &file).is_err());
    }
}
