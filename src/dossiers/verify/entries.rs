//! Reads a zip that somebody else may have made. Nothing is unpacked to disk.
//!
//! Rules: bounded in the file, in the number and the size of entries; names are plain relative
//! paths; no name twice; every byte of the file belongs to an entry, to the directory or to its
//! end, so that nothing hides between them.

use crate::dossiers::archive::{Entries, MAX_BYTES, MAX_ENTRIES};
use std::io::{Cursor, Read as _};
use zip::{CompressionMethod, ZipArchive, result::ZipError as Broken};

/// A dossier is smaller than what it unpacks to, and its directory is small.
pub const MAX_FILE_BYTES: u64 = MAX_BYTES + (4 << 20);
const LOCAL_HEADER_BYTES: u64 = 30;
const DIRECTORY_HEADER_BYTES: u64 = 46;
const END_BYTES: u64 = 22;

#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("it has more than {MAX_FILE_BYTES} bytes, so it is not read")]
    TooLarge,
    #[error("it is no zip, or a broken one: {0}")]
    Broken(#[from] Broken),
    #[error("{0} cannot be unpacked: {1}")]
    Entry(String, std::io::Error),
    #[error("it has {0} entries, and at most {MAX_ENTRIES} are read")]
    TooMany(usize),
    #[error("its entries have more than {MAX_BYTES} bytes together, so they are not read")]
    TooLong,
    #[error("an entry has a name that no dossier has: {0}")]
    Name(String),
    #[error("{0} is stored in a way that no dossier uses (encrypted, a link, or another compression)")]
    Form(String),
    #[error("there are bytes in the file that belong to no entry, or an entry stands twice")]
    Hidden,
}

pub(super) fn read(zip: &[u8]) -> Result<Entries, ZipError> {
    if MAX_FILE_BYTES < zip.len() as u64 {
        return Err(ZipError::TooLarge);
    }
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    if MAX_ENTRIES < archive.len() {
        return Err(ZipError::TooMany(archive.len()));
    }
    let mut entries = Entries::new();
    let (mut left, mut offset, mut directory_bytes) = (MAX_BYTES, 0, 0);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place)?;
        let name = entry.name()?.into_owned();
        if !is_plain(&name) || entry.name_raw() != name.as_bytes() {
            return Err(ZipError::Name(name.chars().take(100).collect()));
        }
        if entry.encrypted() || !entry.is_file() || entry.compression() != CompressionMethod::Deflated {
            return Err(ZipError::Form(name));
        }
        let names = name.len() as u64;
        let data = entry.data_start().ok_or(ZipError::Hidden)?;
        if entry.header_start() != offset || data != offset + LOCAL_HEADER_BYTES + names {
            return Err(ZipError::Hidden);
        }
        offset = data.checked_add(entry.compressed_size()).ok_or(ZipError::Hidden)?;
        directory_bytes += DIRECTORY_HEADER_BYTES + names;
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there is more.
        entry.by_ref().take(left + 1).read_to_end(&mut bytes).map_err(|e| ZipError::Entry(name.clone(), e))?;
        left = left.checked_sub(bytes.len() as u64).ok_or(ZipError::TooLong)?;
        if entries.insert(name, bytes).is_some() {
            return Err(ZipError::Hidden);
        }
    }
    match offset + directory_bytes + END_BYTES == zip.len() as u64 {
        true => Ok(entries),
        false => Err(ZipError::Hidden),
    }
}

/// One or two parts of `a-z A-Z 0-9 . - _`, none of them beginning with a dot.
fn is_plain(name: &str) -> bool {
    let part = |part: &str| {
        let is_known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_known)
    };
    name.len() <= 200 && name.split('/').count() <= 2 && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossiers::archive;
    use chrono::{DateTime, Utc};

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let entries = entries.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        archive::write(&entries, DateTime::<Utc>::UNIX_EPOCH).expect("zip")
    }

    #[test]
    fn what_was_written_is_read_and_is_the_same_every_time() {
        let zip = zipped(&[("a/b.json", b"{}"), ("README.txt", b"x"), ("empty", b"")]);
        let entries = read(&zip).expect("zip");
        assert_eq!(entries.keys().map(String::as_str).collect::<Vec<_>>(), ["README.txt", "a/b.json", "empty"]);
        assert_eq!(entries["README.txt"], b"x");
        assert_eq!(zip, zipped(&[("empty", b""), ("README.txt", b"x"), ("a/b.json", b"{}")]));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for bad in ["../x", "a/../x", "/x", "a//x", ".x", "a\\x", "a/b/c", "x y", "é", "a/"] {
            assert!(!is_plain(bad), "{bad}");
            assert!(read(&zipped(&[(bad, b"x")])).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_hides_around_the_entries() {
        let zip = zipped(&[("a", b"1"), ("b", b"2")]);
        let before = [b"MZ".as_slice(), &zip].concat();
        let after = [zip.as_slice(), b"more"].concat();
        for hidden in [before, after] {
            assert!(read(&hidden).is_err());
        }
        for cut in 0..zip.len() {
            assert!(read(&zip[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let long = vec![0; usize::try_from(MAX_BYTES).expect("fits") + 1];
        let zip = zipped(&[("a", &long)]);
        assert!(zip.len() < 1 << 20);
        assert!(matches!(read(&zip), Err(ZipError::TooLong)));
    }
}
