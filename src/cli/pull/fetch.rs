//! One file, from where an earlier attempt stopped; whole and of its sha256, or not at all.

use super::{
    super::{Exit, Failure, meter::Meter},
    verify::wrong,
};
use crate::{
    client::{Client, Patience, broken_off},
    core::digest::Digest,
    versions::DeclaredFile,
};
use sha2::{Digest as _, Sha256};
use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
};

const READ_BYTES: usize = 1 << 20;

/// Where files come from, and who watches.
pub struct Source<'a> {
    pub client: &'a Client,
    /// The address of the release, in parts.
    pub release: &'a [&'a str],
    /// The digest of its version: another one's files are refused.
    pub version: &'a str,
    pub meter: &'a RefCell<Meter>,
}

/// A file that comes together.
struct Part<'a> {
    place: &'a Path,
    out: File,
    /// Of what is in it.
    hasher: Sha256,
    size_bytes: u64,
}

impl Source<'_> {
    /// Brings a file to its place. What is there already is its beginning, or thrown away.
    pub async fn fetch(&self, file: &DeclaredFile, place: &Path) -> Result<(), Failure> {
        let mut part = Part::open(place)?;
        part.take_up(file.size_bytes.unsigned_abs(), self.meter).await?;
        let had_some = part.size_bytes != 0;
        match self.complete(file, &mut part).await {
            Err(failure) if had_some && failure.exit == Exit::Verification => {
                // What an earlier pull left need not be what it wrote.
                self.meter.borrow_mut().say(&format!("what was left of {} is damaged; it is fetched again", file.path));
                part.start_over(self.meter)?;
                self.complete(file, &mut part).await?;
            }
            outcome => outcome?,
        }
        part.out.sync_all().map_err(|e| part.failed(&e))
    }

    /// Goes on until all is there, whatever connections do meanwhile.
    async fn complete(&self, file: &DeclaredFile, part: &mut Part<'_>) -> Result<(), Failure> {
        let size_bytes = file.size_bytes.unsigned_abs();
        let say = |line: &str| self.meter.borrow_mut().say(line);
        let patience = Patience::long(&say);
        let (mut attempt, mut furthest) = (0, part.size_bytes);
        while part.size_bytes < size_bytes {
            let Err(failure) = self.stream(file, part, patience).await else { break };
            if failure.exit != Exit::Unreachable {
                return Err(failure);
            }
            if furthest < part.size_bytes {
                (attempt, furthest) = (0, part.size_bytes);
            }
            attempt += 1;
            if !patience.wait(attempt, &failure.what).await {
                return Err(failure);
            }
        }
        let found = Digest::finish(part.hasher.clone());
        if part.size_bytes != size_bytes || found != file.sha256 {
            return Err(wrong(format!("{} has {found} instead of {}", file.path, file.sha256)));
        }
        Ok(())
    }

    /// One connection's worth.
    async fn stream(&self, file: &DeclaredFile, part: &mut Part<'_>, patience: Patience<'_>) -> Result<(), Failure> {
        let path: Vec<_> = self.release.iter().copied().chain(["files"]).chain(file.path.as_str().split('/')).collect();
        let tag = file.sha256.to_string();
        let query = [("version", self.version)];
        // Attempts are counted by whoever asks for the rest.
        let mut coming = self.client.get_from(&path, &query, (part.size_bytes, &tag), patience.once()).await?;
        if coming.from != part.size_bytes {
            part.start_over(self.meter)?;
        }
        let size_bytes = file.size_bytes.unsigned_abs();
        while let Some(chunk) = coming.answer.chunk().await.map_err(broken_off)? {
            if size_bytes < part.size_bytes + chunk.len() as u64 {
                return Err(wrong(format!("{} is longer than it should be", file.path)));
            }
            part.write(&chunk)?;
            self.meter.borrow_mut().add(chunk.len() as u64);
        }
        Ok(())
    }
}

impl<'a> Part<'a> {
    fn open(place: &'a Path) -> Result<Self, Failure> {
        let out = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(place);
        let out = out.map_err(|e| unwritable(place, &e))?;
        Ok(Self { place, out, hasher: Sha256::new(), size_bytes: 0 })
    }

    /// Hashes what is there. More than there should be is of no use.
    async fn take_up(&mut self, at_most: u64, meter: &RefCell<Meter>) -> Result<(), Failure> {
        if self.out.metadata().is_ok_and(|there| at_most < there.len()) {
            return self.start_over(meter);
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = self.out.read(&mut buffer).map_err(|e| self.failed(&e))?;
            if read == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..read]);
            self.size_bytes += read as u64;
            meter.borrow_mut().had(read as u64);
            // Whoever interrupts this is heard.
            tokio::task::yield_now().await;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(|e| self.failed(&e))?;
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    fn start_over(&mut self, meter: &RefCell<Meter>) -> Result<(), Failure> {
        let emptied = self.out.set_len(0).and_then(|()| self.out.rewind());
        emptied.map_err(|e| self.failed(&e))?;
        meter.borrow_mut().take_back(self.size_bytes);
        (self.hasher, self.size_bytes) = (Sha256::new(), 0);
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Failure {
        unwritable(self.place, error)
    }
}

fn unwritable(place: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("can't write {}: {error}", place.display()))
}
