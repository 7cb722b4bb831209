//! The tar format, as far as archives use it: regular files in POSIX ustar, of which every
//! header has one form, and two blocks of zeros at the end.
//!
//! Invariants: nothing is accepted that [`Writer`] would not have written, byte for byte, so a
//! changed name, size, owner or padding is found; a file is read only up to its bound.

use crate::crypto::hex;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};
use tar::{EntryType, Header};

const BLOCK: usize = 512;
/// 1 January 1980: tar programs warn of a time before, and one time for all says nothing wrong.
const MODIFIED: u64 = 315_532_800;
const MAX_PATH_BYTES: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error("the file could not be read: {0}")]
    Read(#[source] io::Error),
    #[error("it breaks off in {0}; it was cut, so export the log again")]
    Cut(String),
    #[error("after {after} comes something that is not a file as this program writes it; the archive was altered")]
    Header { after: String },
    #[error("{found} comes where {expected} belongs; a file was added, removed, renamed or moved")]
    Order { expected: String, found: String },
    #[error("it ends where {expected} belongs; a file was removed")]
    Missing { expected: String },
    #[error("{path} has {size_bytes} bytes, and at most {max_bytes} are read")]
    TooLarge { path: String, size_bytes: u64, max_bytes: u64 },
    #[error("the space behind {0} is not empty; the archive was altered")]
    Padding(String),
    #[error("something comes after the end; it was added")]
    Trailing,
}

fn header(path: &str, size_bytes: u64) -> Option<Header> {
    if path.is_empty() || MAX_PATH_BYTES < path.len() || !path.is_ascii() {
        return None;
    }
    let mut header = Header::new_ustar();
    header.set_path(path).ok()?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MODIFIED);
    header.set_cksum();
    Some(header)
}

fn padding(size_bytes: u64) -> usize {
    let used = usize::try_from(size_bytes % BLOCK as u64).unwrap_or_default();
    (BLOCK - used) % BLOCK
}

/// The line of a file in `SHA256SUMS`, as `sha256sum` writes it.
fn sum_line(path: &str, digest: &[u8]) -> String {
    format!("{}  {path}\n", hex::encode(digest))
}

/// Lays files out as blocks.
#[derive(Default)]
pub struct Writer {
    files: u64,
}

impl Writer {
    /// The blocks of a file, and its line for `SHA256SUMS`.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Option<(Vec<u8>, String)> {
        let mut blocks = self.head(path, bytes.len() as u64)?;
        blocks.extend_from_slice(bytes);
        blocks.extend(Self::tail(bytes.len() as u64));
        Some((blocks, sum_line(path, &Sha256::digest(bytes))))
    }

    /// The header of a file whose bytes follow.
    pub fn head(&mut self, path: &str, size_bytes: u64) -> Option<Vec<u8>> {
        self.files += 1;
        header(path, size_bytes).map(|header| header.as_bytes().to_vec())
    }

    /// What fills the last block of a file.
    pub fn tail(size_bytes: u64) -> Vec<u8> {
        vec![0; padding(size_bytes)]
    }

    /// Files so far.
    pub fn files(&self) -> u64 {
        self.files
    }

    pub fn end() -> Vec<u8> {
        vec![0; 2 * BLOCK]
    }
}

/// Reads the files in their order.
pub struct Reader<R> {
    input: R,
    sums: Sha256,
    sums_bytes: u64,
    files: u64,
    last: String,
    next: Option<(String, u64)>,
}

impl<R: Read> Reader<R> {
    pub fn of(input: R) -> Self {
        let last = "the beginning".to_owned();
        Self { input, sums: Sha256::new(), sums_bytes: 0, files: 0, last, next: None }
    }

    /// Files taken so far.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// The path of the next file; nothing at the end.
    pub fn peek(&mut self) -> Result<Option<&str>, TapeError> {
        if self.next.is_none() {
            self.next = self.read_header()?;
        }
        Ok(self.next.as_ref().map(|(path, _)| path.as_str()))
    }

    /// The bytes of the next file, which must be this one.
    pub fn take(&mut self, path: &str, max_bytes: u64) -> Result<Vec<u8>, TapeError> {
        let size_bytes = self.expect(path, max_bytes)?;
        let mut bytes = Vec::new();
        self.input.by_ref().take(size_bytes).read_to_end(&mut bytes).map_err(TapeError::Read)?;
        if bytes.len() as u64 != size_bytes {
            return Err(TapeError::Cut(self.last.clone()));
        }
        self.skip_padding(size_bytes)?;
        let line = sum_line(path, &Sha256::digest(&bytes));
        self.sums.update(&line);
        self.sums_bytes += line.len() as u64;
        self.files += 1;
        Ok(bytes)
    }

    /// Compares the list of digests with the files that were taken; its own digest, if it is theirs.
    pub fn take_sums(&mut self, path: &str) -> Result<Option<String>, TapeError> {
        let expected = self.sums.clone().finalize();
        let size_bytes = self.expect(path, self.sums_bytes)?;
        let mut hasher = Sha256::new();
        let read = io::copy(&mut self.input.by_ref().take(size_bytes), &mut Sink(&mut hasher));
        if read.map_err(TapeError::Read)? != size_bytes {
            return Err(TapeError::Cut(self.last.clone()));
        }
        self.skip_padding(size_bytes)?;
        let found = hasher.finalize();
        Ok((found == expected).then(|| hex::encode(&found)))
    }

    /// Nothing follows but the two empty blocks.
    pub fn finish(mut self) -> Result<(), TapeError> {
        if let Some(found) = self.peek()? {
            return Err(TapeError::Order { expected: "the end".to_owned(), found: found.to_owned() });
        }
        match self.input.read(&mut [0; 1]).map_err(TapeError::Read)? {
            0 => Ok(()),
            _ => Err(TapeError::Trailing),
        }
    }

    fn expect(&mut self, path: &str, max_bytes: u64) -> Result<u64, TapeError> {
        self.peek()?;
        let Some((found, size_bytes)) = self.next.take() else {
            return Err(TapeError::Missing { expected: path.to_owned() });
        };
        if found != path {
            return Err(TapeError::Order { expected: path.to_owned(), found });
        }
        if max_bytes < size_bytes {
            return Err(TapeError::TooLarge { path: found, size_bytes, max_bytes });
        }
        self.last = found;
        Ok(size_bytes)
    }

    fn read_header(&mut self) -> Result<Option<(String, u64)>, TapeError> {
        let altered = || TapeError::Header { after: self.last.clone() };
        let cut = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => TapeError::Cut(format!("what follows {}", self.last)),
            _ => TapeError::Read(e),
        };
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(cut)?;
        if block == [0; BLOCK] {
            self.input.read_exact(&mut block).map_err(cut)?;
            return if block == [0; BLOCK] { Ok(None) } else { Err(altered()) };
        }
        let found = Header::from_byte_slice(&block);
        let path = std::str::from_utf8(&found.path_bytes()).ok().map(str::to_owned).ok_or_else(altered)?;
        let size_bytes = found.entry_size().map_err(|_| altered())?;
        // Eleven octal digits, as the form has room for; more would be written otherwise.
        let canonical = header(&path, size_bytes).filter(|_| size_bytes < 1 << 33).ok_or_else(altered)?;
        match canonical.as_bytes() == &block {
            true => Ok(Some((path, size_bytes))),
            false => Err(altered()),
        }
    }

    fn skip_padding(&mut self, size_bytes: u64) -> Result<(), TapeError> {
        let mut block = [0; BLOCK];
        let rest = &mut block[..padding(size_bytes)];
        self.input.read_exact(rest).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => TapeError::Cut(self.last.clone()),
            _ => TapeError::Read(e),
        })?;
        match rest.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(TapeError::Padding(self.last.clone())),
        }
    }
}

struct Sink<'a>(&'a mut Sha256);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tape(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut writer, mut sums, mut bytes) = (Writer::default(), String::new(), Vec::new());
        for (path, content) in files {
            let (blocks, line) = writer.file(path, content).expect("a path");
            bytes.extend(blocks);
            sums.push_str(&line);
        }
        bytes.extend(writer.file(SUMS, sums.as_bytes()).expect("a path").0);
        bytes.extend(Writer::end());
        bytes
    }

    const SUMS: &str = "SHA256SUMS";
    const FILES: [(&str, &[u8]); 3] = [("a", b"1"), ("b/c", &[7; 512]), ("d", b"")];

    fn read(bytes: &[u8]) -> Result<(), String> {
        let mut reader = Reader::of(bytes);
        for (path, content) in FILES {
            let found = reader.take(path, 1_000).map_err(|e| e.to_string())?;
            if found != content {
                return Err("content".to_owned());
            }
        }
        reader.take_sums(SUMS).map_err(|e| e.to_string())?.ok_or("sums")?;
        reader.finish().map_err(|e| e.to_string())
    }

    #[test]
    fn other_programs_read_what_is_written() {
        let bytes = tape(&FILES);
        read(&bytes).expect("reads");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names: Vec<_> = archive
            .entries()
            .expect("entries")
            .map(|entry| entry.expect("entry").path().expect("path").to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a", "b/c", "d", SUMS]);
    }

    #[test]
    fn every_byte_counts() {
        let bytes = tape(&FILES);
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(read(&altered).is_err(), "byte {at}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "the first {length} bytes");
        }
        assert!(read(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn what_is_too_large_or_elsewhere_is_not_read() {
        let bytes = tape(&FILES);
        assert!(matches!(Reader::of(bytes.as_slice()).take("a", 0), Err(TapeError::TooLarge { .. })));
        assert!(matches!(Reader::of(bytes.as_slice()).take("b/c", 1_000), Err(TapeError::Order { .. })));
        assert!(matches!(Reader::of(Writer::end().as_slice()).take("a", 9), Err(TapeError::Missing { .. })));
        // A size of eight gigabytes, and nothing behind it.
        let huge = header("a", (1 << 33) - 1).expect("header");
        assert!(matches!(Reader::of(huge.as_bytes().as_slice()).take("a", u64::MAX), Err(TapeError::Cut(_))));
        assert!(header(&"x".repeat(101), 0).is_none() && header("", 0).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert!(read(&bytes).is_err());
        }
    }
}
