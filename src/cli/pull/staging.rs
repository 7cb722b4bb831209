//! Where a release is put together: a hidden folder beside its target, which a pull that broke off leaves to the next one.
//!
//! Invariants: one pull at a time works in it; it belongs to whoever pulls, and nobody else may write to it; what is in
//! it is named by the sha256 that it shall have, and leaves only when it has been compared with that.

use super::super::{Exit, Failure};
use crate::{core::digest::Digest, versions::Manifest};
use rustix::{
    fs::{CWD, RenameFlags},
    io::Errno,
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ffi::OsString,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

/// Somebody else may take the folder away at the moment when it is locked.
const LOOKS: usize = 16;
const OTHERS_MAY_WRITE: u32 = 0o022;

pub struct Staging {
    target: PathBuf,
    folder: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Staging {
    /// The folder of this target, with what is left of an earlier pull of the same files, and of nothing else.
    ///
    /// # Errors
    /// `Conflict` when another pull works in it.
    pub fn open(target: &Path, manifest: &Manifest) -> Result<Self, Failure> {
        let nameless = || Failure::new(Exit::Usage, format!("{} can't be replaced by a folder", target.display()));
        let (parent, name) = target.parent().zip(target.file_name()).ok_or_else(nameless)?;
        fs::create_dir_all(parent).map_err(|e| failed("make", parent, &e))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".plimsoll-pull");
        let folder = parent.join(hidden);
        let staging = Self { target: target.to_owned(), _lock: lock(&folder)?, folder };
        staging.tidy(manifest).map_err(|e| failed("use", &staging.folder, &e))?;
        Ok(staging)
    }

    /// Where a file of this digest comes together.
    pub fn part(&self, sha256: &Digest) -> PathBuf {
        self.parts().join(sha256.hex())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives files that have been verified their names. Returns the folder.
    pub fn assemble(&self, manifest: &Manifest) -> Result<PathBuf, Failure> {
        let whole = self.whole();
        fs::create_dir(&whole).map_err(|e| failed("make", &whole, &e))?;
        let mut placed: HashMap<Digest, PathBuf> = HashMap::new();
        for file in manifest.files() {
            let place = whole.join(file.path.as_str());
            let named = || -> io::Result<()> {
                fs::create_dir_all(place.parent().unwrap_or(&whole))?;
                match placed.get(&file.sha256) {
                    None => fs::rename(self.part(&file.sha256), &place),
                    Some(same) => {
                        fs::copy(same, &place)?;
                        File::open(&place)?.sync_all()
                    }
                }
            };
            named().map_err(|e| failed("write", &place, &e))?;
            placed.entry(file.sha256).or_insert(place);
        }
        let names = || folders(&whole, manifest).iter().try_for_each(|folder| File::open(folder)?.sync_all());
        names().map_err(|e| failed("write", &whole, &e))?;
        Ok(whole)
    }

    /// Puts what was assembled in the target's place, at once. `is_ours` says whether what is there may go.
    ///
    /// # Errors
    /// `Conflict` when somebody put something there meanwhile, which stays.
    pub fn deliver(self, is_ours: impl Fn(&Path) -> bool) -> Result<(), Failure> {
        let (whole, earlier) = (self.whole(), self.earlier());
        // An empty folder may stand there.
        let _ = fs::remove_dir(&self.target);
        if !self.target.exists() {
            fs::rename(&whole, &self.target).map_err(|e| failed("write", &self.target, &e))?;
            return self.delivered();
        }
        if !is_ours(&self.target) {
            return Err(Failure::new(
                Exit::Conflict,
                format!("somebody wrote into {} meanwhile", self.target.display()),
            )
            .next("take what is there away, or name another folder with -o"));
        }
        match rustix::fs::renameat_with(CWD, &whole, CWD, &self.target, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            // Not every file system does both at once.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.replace(&whole, &earlier)?,
            Err(error) => return Err(failed("write", &self.target, &error.into())),
        }
        self.delivered()
    }

    /// The target's new name outlives a loss of power, and only then goes what it replaced.
    fn delivered(self) -> Result<(), Failure> {
        let beside = self.folder.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(beside.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|e| failed("write", &self.target, &e))?;
        self.clear();
        Ok(())
    }

    fn replace(&self, whole: &Path, earlier: &Path) -> Result<(), Failure> {
        fs::rename(&self.target, earlier).map_err(|e| failed("replace", &self.target, &e))?;
        let Err(error) = fs::rename(whole, &self.target) else { return Ok(()) };
        let failure = failed("write", &self.target, &error);
        Err(match fs::rename(earlier, &self.target) {
            Ok(()) => failure,
            Err(_) => failure.next(format!("what was there before is in {}", earlier.display())),
        })
    }

    /// Takes everything away. What can't be taken away does no harm: the next pull does it.
    pub fn clear(self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Whether it holds anything worth going on with.
    pub fn has_some(&self) -> bool {
        [self.parts(), self.whole()]
            .iter()
            .any(|folder| fs::read_dir(folder).is_ok_and(|mut found| found.next().is_some()))
    }

    fn tidy(&self, manifest: &Manifest) -> io::Result<()> {
        let earlier = self.earlier();
        if earlier.exists() && !self.target.exists() {
            // It stopped between taking the earlier one away and putting the new one there.
            fs::rename(&earlier, &self.target)?;
        }
        gone_or_there(fs::create_dir(self.parts()))?;
        // What had its name already goes back: whatever it is, it is compared again.
        let whole = self.whole();
        for file in manifest.files() {
            let (place, part) = (whole.join(file.path.as_str()), self.part(&file.sha256));
            let is_file = fs::symlink_metadata(&place).is_ok_and(|about| about.is_file());
            if is_file && !part.exists() {
                fs::rename(place, part)?;
            }
        }
        for over in [earlier, whole] {
            gone(fs::remove_dir_all(over))?;
        }
        let wanted: HashSet<OsString> = manifest.files().iter().map(|file| file.sha256.hex().into()).collect();
        for entry in fs::read_dir(self.parts())? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => fs::remove_dir_all(entry.path())?,
                kind if kind.is_file() && wanted.contains(&entry.file_name()) => {}
                _ => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }

    fn parts(&self) -> PathBuf {
        self.folder.join("parts")
    }

    fn whole(&self) -> PathBuf {
        self.folder.join("whole")
    }

    fn earlier(&self) -> PathBuf {
        self.folder.join("earlier")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Where nothing came, nothing stays: folders that hold something are not removed by this.
        for empty in [self.parts(), self.folder.clone()] {
            let _ = fs::remove_dir(empty);
        }
    }
}

/// Makes the folder if need be, and keeps others out of it.
fn lock(folder: &Path) -> Result<File, Failure> {
    for _ in 0..LOOKS {
        gone_or_there(DirBuilder::new().mode(0o700).create(folder)).map_err(|e| failed("make", folder, &e))?;
        let Some(seen) = there(fs::symlink_metadata(folder)).map_err(|e| failed("read", folder, &e))? else { continue };
        let is_own = seen.is_dir() && seen.uid() == rustix::process::geteuid().as_raw();
        if !is_own || seen.mode() & OTHERS_MAY_WRITE != 0 {
            let what = format!("{} is not a folder that only you can write to", folder.display());
            return Err(Failure::new(Exit::Usage, what).next("remove it, or name another folder with -o"));
        }
        let Some(opened) = there(File::open(folder)).map_err(|e| failed("open", folder, &e))? else { continue };
        match opened.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(Exit::Conflict, "another pull is writing this folder now")
                    .next("wait until it has ended, or name another folder with -o"));
            }
            Err(TryLockError::Error(e)) => return Err(failed("lock", folder, &e)),
        }
        let identity = |of: &fs::Metadata| (of.dev(), of.ino());
        let locked = opened.metadata().map_err(|e| failed("read", folder, &e))?;
        // Whoever had it before may have taken it away just now.
        let now = there(fs::symlink_metadata(folder)).map_err(|e| failed("read", folder, &e))?;
        if now.is_some_and(|now| identity(&now) == identity(&locked)) {
            return Ok(opened);
        }
    }
    Err(Failure::new(Exit::Conflict, "other pulls write this folder all the time").next("wait until they have ended"))
}

/// Every folder of what was assembled.
fn folders(whole: &Path, manifest: &Manifest) -> BTreeSet<PathBuf> {
    let files = manifest.files().iter();
    let above = files.flat_map(|file| Path::new(file.path.as_str()).ancestors().skip(1));
    above.map(|folder| whole.join(folder)).collect()
}

/// A file that is on the disk when this returns, as is what else the folder names.
pub fn write_for_good(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let place = folder.join(name);
    let written = || -> io::Result<()> {
        let mut file = File::create(&place)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|e| failed("write", &place, &e))
}

fn there<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn gone(outcome: io::Result<()>) -> io::Result<()> {
    there(outcome).map(drop)
}

fn gone_or_there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn failed(what: &str, place: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("can't {what} {}: {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::path::FilePath, versions::DeclaredFile};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let file = |(path, bytes): &(&str, &str)| DeclaredFile {
            path: FilePath::parse(path).expect("path"),
            sha256: Digest::of(bytes),
            size_bytes: bytes.len() as i64,
        };
        Manifest::new(files.iter().map(file).collect()).expect("manifest")
    }

    fn exit(outcome: Result<Staging, Failure>) -> Option<Exit> {
        outcome.err().map(|failure| failure.exit)
    }

    #[test]
    fn one_pull_at_a_time_works_on_a_target_and_what_it_leaves_is_found_again_if_it_is_of_the_same_files() {
        let dir = tempfile::tempdir().expect("folder");
        let target = dir.path().join("model");
        let first = Staging::open(&target, &manifest(&[("a", "a"), ("b", "b")])).expect("opened");
        assert_eq!(exit(Staging::open(&target, &manifest(&[("a", "a")]))), Some(Exit::Conflict));
        for bytes in ["a", "b"] {
            fs::write(first.part(&Digest::of(bytes)), bytes).expect("part");
        }
        drop(first);
        let second = Staging::open(&target, &manifest(&[("a", "a")])).expect("opened");
        assert!(second.part(&Digest::of("a")).exists() && !second.part(&Digest::of("b")).exists());
        second.clear();
        drop(Staging::open(&target, &manifest(&[("a", "a")])).expect("opened"));
        assert_eq!(fs::read_dir(dir.path()).expect("folder").count(), 0, "nothing came, and nothing stays");
    }

    #[test]
    fn the_same_bytes_under_two_names_come_once_and_replace_what_was_there() {
        let dir = tempfile::tempdir().expect("folder");
        let target = dir.path().join("model");
        fs::create_dir(&target).expect("earlier");
        let files = manifest(&[("x/one", "same"), ("two", "same")]);
        let staging = Staging::open(&target, &files).expect("opened");
        fs::write(staging.part(&Digest::of("same")), "same").expect("part");
        staging.assemble(&files).expect("assembled");
        staging.deliver(|_| false).expect("an empty folder is nobody's");
        for name in ["x/one", "two"] {
            assert_eq!(fs::read_to_string(target.join(name)).expect("file"), "same");
        }
        assert_eq!(fs::read_dir(dir.path()).expect("folder").count(), 1);
    }

    #[test]
    fn what_was_there_before_comes_back_after_a_pull_that_stopped_in_the_middle() {
        let dir = tempfile::tempdir().expect("folder");
        let target = dir.path().join("model");
        let staging = Staging::open(&target, &manifest(&[("a", "a")])).expect("opened");
        fs::create_dir(staging.earlier()).expect("earlier");
        fs::write(staging.earlier().join("old"), "old").expect("file");
        drop(staging);
        drop(Staging::open(&target, &manifest(&[("a", "a")])).expect("opened"));
        assert_eq!(fs::read_to_string(target.join("old")).expect("file"), "old");
    }

    #[test]
    fn what_somebody_put_there_meanwhile_stays_and_what_came_is_not_lost() {
        let dir = tempfile::tempdir().expect("folder");
        let target = dir.path().join("model");
        let files = manifest(&[("a", "a"), ("b/c", "c")]);
        let staging = Staging::open(&target, &files).expect("opened");
        for bytes in ["a", "c"] {
            fs::write(staging.part(&Digest::of(bytes)), bytes).expect("part");
        }
        staging.assemble(&files).expect("assembled");
        fs::create_dir(&target).expect("meanwhile");
        fs::write(target.join("notes"), "mine").expect("file");
        assert_eq!(staging.deliver(|_| false).map_err(|failure| failure.exit), Err(Exit::Conflict));
        assert_eq!(fs::read_to_string(target.join("notes")).expect("file"), "mine");
        // The next one finds all of it, and takes the place of what may go at once.
        let again = Staging::open(&target, &files).expect("opened");
        for bytes in ["a", "c"] {
            assert_eq!(fs::read_to_string(again.part(&Digest::of(bytes))).expect("part"), bytes);
        }
        again.assemble(&files).expect("assembled");
        again.deliver(|_| true).expect("delivered");
        assert!(!target.join("notes").exists());
        assert_eq!(fs::read_to_string(target.join("b/c")).expect("file"), "c");
        assert_eq!(fs::read_dir(dir.path()).expect("folder").count(), 1);
    }

    #[test]
    fn a_folder_that_others_can_write_to_or_a_link_is_not_used() {
        let dir = tempfile::tempdir().expect("folder");
        let files = manifest(&[("a", "a")]);
        let folder = dir.path().join(".model.plimsoll-pull");
        fs::create_dir(&folder).expect("folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("mode");
        assert_eq!(exit(Staging::open(&dir.path().join("model"), &files)), Some(Exit::Usage));
        symlink(&folder, dir.path().join(".other.plimsoll-pull")).expect("link");
        assert_eq!(exit(Staging::open(&dir.path().join("other"), &files)), Some(Exit::Usage));
    }
}
