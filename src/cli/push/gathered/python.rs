//! The Python that a training ran on, where a file in the folder says so.

use super::mlflow;
use crate::core::digest::Digest;
use std::{fs, path::Path};

const MAX_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    pub version: Option<String>,
    /// Name and sha256 of the files that list packages.
    pub requirements: Vec<(&'static str, Digest)>,
}

/// Lists of packages, as they are called.
const LISTS: [&str; 6] =
    ["requirements.txt", "conda.yaml", "python_env.yaml", "uv.lock", "poetry.lock", "Pipfile.lock"];

pub fn read(dir: &Path) -> Result<Option<Python>, String> {
    let mut requirements = Vec::new();
    for name in LISTS {
        if let Some(bytes) = bytes(&dir.join(name))? {
            requirements.push((name, Digest::of(bytes)));
        }
    }
    let said = match bytes(&dir.join(".python-version"))? {
        Some(bytes) => String::from_utf8_lossy(&bytes).lines().next().map(|line| line.trim().to_owned()),
        None => mlflow::python_version(dir)?,
    };
    // Whatever else stands there is no version.
    let is_version = |text: &String| {
        (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-'))
    };
    let version = said.filter(is_version);
    Ok((version.is_some() || !requirements.is_empty()).then_some(Python { version, requirements }))
}

/// The bytes of a small regular file, if it is there.
pub(super) fn bytes(place: &Path) -> Result<Option<Vec<u8>>, String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", place.display());
    let Ok(about) = fs::symlink_metadata(place) else { return Ok(None) };
    if !about.is_file() {
        return Ok(None);
    }
    if MAX_BYTES < about.len() {
        return Err(format!("{}: has more than {MAX_BYTES} bytes", place.display()));
    }
    fs::read(place).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_lists_of_packages_are_found_where_they_are() {
        let dir = tempfile::tempdir().expect("folder");
        assert_eq!(read(dir.path()), Ok(None));
        fs::write(dir.path().join("requirements.txt"), "numpy==2.1\n").expect("written");
        fs::write(dir.path().join(".python-version"), "3.12.4\n").expect("written");
        let read = super::read(dir.path()).expect("readable").expect("something");
        assert_eq!(read.version.as_deref(), Some("3.12.4"));
        assert_eq!(read.requirements, [("requirements.txt", Digest::of("numpy==2.1\n"))]);
        fs::write(dir.path().join(".python-version"), "$(cat secrets)\n").expect("written");
        assert_eq!(super::read(dir.path()).expect("readable").expect("something").version, None);
    }
}
