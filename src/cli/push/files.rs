//! Which files of a folder make up a version, and their digests.

use super::{
    super::{Exit, Failure, meter::Meter},
    card::CARD_FILE,
    provenance::TRAINING_FILE,
};
use crate::{
    core::{digest::Digest, path::FilePath},
    crypto::oms::SIGNATURE_FILE,
    versions::{DeclaredFile, MAX_FILES, Manifest},
};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, Metadata},
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

const MAX_DEPTH: usize = 32;

/// A file that will be pushed.
pub struct Found {
    pub path: FilePath,
    pub place: PathBuf,
    pub size_bytes: u64,
    /// When it was last written to as it was found, where the file system says so.
    pub modified: Option<SystemTime>,
}

impl Found {
    pub fn at(path: FilePath, place: PathBuf, about: &Metadata) -> Self {
        Self { path, place, size_bytes: about.len(), modified: about.modified().ok() }
    }

    /// Whether it is still as it was found, as far as size and time tell.
    pub fn is_unchanged(&self) -> bool {
        let now = fs::metadata(&self.place);
        now.is_ok_and(|now| now.len() == self.size_bytes && now.modified().ok() == self.modified)
    }
}

/// Everything but hidden files, the description of the model and the facts of the training, which become the model's record
/// and its provenance, and a signature of these files: a push makes its own, which is kept beside them.
pub fn find(dir: &Path) -> Result<Vec<Found>, Failure> {
    let is_about =
        |name: &str, depth| depth == 0 && (name == CARD_FILE || name == TRAINING_FILE || name == SIGNATURE_FILE);
    let found = walked(dir, |name, depth| !name.starts_with('.') && !is_about(name, depth))?;
    if found.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("there are no files to push in {}", dir.display())));
    }
    Ok(found)
}

/// Every file there is.
pub fn find_all(dir: &Path) -> Result<Vec<Found>, Failure> {
    walked(dir, |_, _| true)
}

/// The files that are wanted by their names and how deep they lie, in the order of their paths.
fn walked(dir: &Path, is_wanted: impl Fn(&str, usize) -> bool) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    walk(dir, "", 0, &is_wanted, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(
    dir: &Path,
    prefix: &str,
    depth: usize,
    is_wanted: &impl Fn(&str, usize) -> bool,
    found: &mut Vec<Found>,
) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", dir.display()));
    if MAX_DEPTH < depth {
        return Err(Failure::new(Exit::Usage, format!("{} is nested deeper than {MAX_DEPTH} folders", dir.display())));
    }
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(Failure::new(Exit::Usage, format!("{} is not a name in UTF-8", place.display())));
        };
        if !is_wanted(&name, depth) {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&place, &format!("{path}/"), depth + 1, is_wanted, found)?;
            continue;
        }
        if !kind.is_file() {
            return Err(Failure::new(Exit::Usage, format!("{} is not a regular file", place.display()))
                .next("a version holds files only: replace links by what they point to"));
        }
        let path = FilePath::parse(&path).map_err(|e| Failure::new(Exit::Usage, format!("{path}: {}", e.0)))?;
        found.push(Found::at(path, place, &entry.metadata().map_err(failed)?));
        if MAX_FILES < found.len() {
            return Err(Failure::new(Exit::Usage, format!("there are more than {MAX_FILES} files")));
        }
    }
    Ok(())
}

/// Hashes every file.
pub fn manifest(found: &[Found]) -> Result<Manifest, Failure> {
    let mut meter = Meter::new("hashing", found.iter().map(|f| f.size_bytes).sum());
    let mut declared = Vec::new();
    for file in found {
        let failed = |e: std::io::Error| Failure::other(format!("can't read {}: {e}", file.place.display()));
        let (sha256, size_bytes) = hash(&file.place, &mut meter).map_err(failed)?;
        let size_bytes = i64::try_from(size_bytes).map_err(Failure::other)?;
        declared.push(DeclaredFile { path: file.path.clone(), sha256, size_bytes });
    }
    Manifest::new(declared).map_err(|e| Failure::new(Exit::Usage, e.0))
}

fn hash(place: &Path, meter: &mut Meter) -> std::io::Result<(Digest, u64)> {
    let mut file = File::open(place)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size_bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest::finish(hasher), size_bytes));
        }
        hasher.update(&buffer[..read]);
        size_bytes += read as u64;
        meter.add(read as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_every_file_but_the_hidden_ones_and_those_about_it() {
        let dir = tempfile::tempdir().expect("folder");
        for name in ["model.onnx", "README.md", "plimsoll.yaml", "training.json", ".hidden", "sub/training.json"] {
            let place = dir.path().join(name);
            fs::create_dir_all(place.parent().expect("parent")).expect("folder");
            fs::write(place, name).expect("file");
        }
        let found = find(dir.path()).expect("found");
        let names: Vec<_> = found.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(names, ["README.md", "model.onnx", "sub/training.json"]);
        let manifest = manifest(&found).expect("manifest");
        assert_eq!(manifest.files()[1].sha256, Digest::of("model.onnx"));
    }

    #[test]
    fn links_and_empty_folders_are_refused() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(find(dir.path()).is_err());
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).expect("link");
        assert_eq!(find(dir.path()).err().map(|f| f.exit), Some(Exit::Usage));
    }
}
