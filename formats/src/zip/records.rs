//! The records of a zip archive. Source: APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use crate::{Refusal, source::Source};
use std::io::SeekFrom;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: u64 = 22;
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_BYTES: u64 = 20;
const ENTRY: &[u8] = b"PK\x01\x02";
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
pub(super) const LOCAL_BYTES: u64 = 30;
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// The longest comment behind the end.
const MAX_COMMENT_BYTES: u64 = 65_535;
const MAX_ENTRIES: u64 = 10_000;
/// Of the directory: names, extra fields and comments of all entries.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;

/// Where the directory is.
pub(super) struct Directory {
    pub at: u64,
    pub bytes: u64,
    pub entries: u64,
}

/// What the directory, or what stands before an entry, says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    pub name: Vec<u8>,
    /// Where the entry begins, and the mode that a file gets on Unix; of the directory alone.
    pub at: u64,
    pub mode: u16,
}

/// The longest end, and what may stand before it.
pub(super) const TAIL_BYTES: usize = (END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES) as usize;

/// Whether the last bytes of a file hold the end of an archive that a reader would believe: other bytes may follow it.
pub(super) fn has_end(tail: &[u8]) -> bool {
    let ends = tail.windows(END.len()).enumerate().filter(|(_, window)| *window == END);
    ends.map(|(at, _)| at).any(|at| {
        let Some(mut fields) = tail.get(at + END.len()..).map(Fields) else { return false };
        let numbers = (fields.u16(), fields.u16(), fields.u16(), fields.u16(), fields.u32(), fields.u32());
        let (Some(disk), Some(first), Some(here), Some(all), Some(bytes), Some(_)) = numbers else { return false };
        let is_large = at
            .checked_sub(LOCATOR_BYTES as usize)
            .and_then(|locator| tail.get(locator..))
            .is_some_and(|before| before.starts_with(LOCATOR));
        // Of a directory that is in sight the first entry is looked at.
        let directory =
            usize::try_from(bytes).ok().and_then(|bytes| at.checked_sub(bytes)).and_then(|at| tail.get(at..));
        let begins = directory.is_none_or(|directory| all == 0 || directory.starts_with(ENTRY));
        let fits = u64::from(bytes) >= u64::from(all) * 46;
        is_large || (disk == 0 && first == 0 && here == all && fits && begins)
    })
}

pub(super) fn two_readings(what: &str) -> Refusal {
    Refusal::Unsafe(format!("the archive {what}, so that two readers find two different archives in it"))
}

pub(super) fn broken(what: &str) -> Refusal {
    Refusal::Unreadable(format!("a broken archive: {what}"))
}

/// Numbers of a record, one behind the other.
pub(super) struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    pub fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

pub(super) fn piece(from: &mut dyn Source, at: u64, count: u64) -> Result<Vec<u8>, Refusal> {
    from.seek(SeekFrom::Start(at))?;
    let bytes = crate::source::fill(from, count)?;
    if bytes.len() as u64 == count { Ok(bytes) } else { Err(broken("it is cut off")) }
}

/// The end record, of which there is one, and before it the directory, with nothing between.
pub(super) fn directory(from: &mut dyn Source, size_bytes: u64) -> Result<Directory, Refusal> {
    let tail_at = size_bytes.saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    let tail = piece(from, tail_at, size_bytes - tail_at)?;
    let ends: Vec<usize> =
        tail.windows(END.len()).enumerate().filter(|(_, four)| *four == END).map(|(at, _)| at).collect();
    let reaches = |at: &usize| {
        let comment = tail.get(at + 20..at + 22).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
        comment.is_some_and(|comment| at + 22 + usize::from(comment) == tail.len())
    };
    let mut whole = ends.iter().filter(|at| reaches(at));
    let (Some(end), None) = (whole.next(), whole.next()) else {
        return Err(broken("it has not one end that reaches to the last byte"));
    };
    if ends.iter().any(|other| end < other) {
        return Err(two_readings("has a second end in its comment"));
    }
    let end_at = tail_at + *end as u64;
    let mut fields = Fields(tail.get(end + 4..).unwrap_or_default());
    let mut read = || Some((fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?));
    let (disk, first_disk, here, entries, bytes, at) = read().ok_or_else(|| broken("its end is cut off"))?;
    if disk != 0 || first_disk != 0 || here != entries {
        return Err(Refusal::Unsupported("the archive is in several parts".to_owned()));
    }
    let small = Directory { at: at.into(), bytes: bytes.into(), entries: entries.into() };
    let (found, before) = match large(from, end_at)? {
        None => (small, end_at),
        Some((large, large_at)) => {
            let same = |small: u64, large: u64, most: u64| small == most || small == large;
            let agree = same(small.at, large.at, u32::MAX.into())
                && same(small.bytes, large.bytes, u32::MAX.into())
                && same(small.entries, large.entries, u16::MAX.into());
            if !agree {
                return Err(two_readings("says in two places how many entries it has, and differs"));
            }
            (large, large_at)
        }
    };
    if found.at.checked_add(found.bytes) != Some(before) {
        return Err(two_readings("has something between its directory and its end, or before its beginning"));
    }
    if MAX_ENTRIES < found.entries {
        return Err(Refusal::Unsupported(format!("the archive has {} entries; at most {MAX_ENTRIES}", found.entries)));
    }
    if MAX_DIRECTORY_BYTES < found.bytes {
        let bytes = found.bytes;
        return Err(Refusal::Unsupported(format!(
            "the archive's directory has {bytes} bytes; at most {MAX_DIRECTORY_BYTES}"
        )));
    }
    Ok(found)
}

/// The records of a large archive, directly before its end.
fn large(from: &mut dyn Source, end_at: u64) -> Result<Option<(Directory, u64)>, Refusal> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let locator = piece(from, locator_at, LOCATOR_BYTES)?;
    let Some(rest) = locator.strip_prefix(LOCATOR) else { return Ok(None) };
    let at = Fields(rest.get(4..).unwrap_or_default()).u64();
    let at = at.filter(|at| at.checked_add(56) == Some(locator_at));
    let at = at.ok_or_else(|| broken("what should say where its directory is does not stand before its end"))?;
    let record = piece(from, at, 56)?;
    let Some(rest) = record.strip_prefix(END_64) else { return Err(broken("its large end is none")) };
    let mut fields = Fields(rest.get(20..).unwrap_or_default());
    let mut read = || Some((fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?));
    let (here, entries, bytes, offset) = read().ok_or_else(|| broken("its large end is cut off"))?;
    if here != entries {
        return Err(Refusal::Unsupported("the archive is in several parts".to_owned()));
    }
    Ok(Some((Directory { at: offset, bytes, entries }, at)))
}

/// All entries as the directory lists them.
pub(super) fn listed(from: &mut dyn Source, directory: &Directory) -> Result<Vec<Record>, Refusal> {
    let bytes = piece(from, directory.at, directory.bytes)?;
    let mut fields = Fields(&bytes);
    let mut listed = Vec::new();
    for _ in 0..directory.entries {
        listed.push(record(&mut fields).ok_or_else(|| broken("its directory is cut off or is none"))??);
    }
    match fields.0 {
        [] => Ok(listed),
        _ => Err(two_readings("has more in its directory than its end counts")),
    }
}

fn record(fields: &mut Fields<'_>) -> Option<Result<Record, Refusal>> {
    if fields.take(4)? != ENTRY {
        return None;
    }
    let _versions = fields.u32()?;
    let (flags, method, _time) = (fields.u16()?, fields.u16()?, fields.u32()?);
    let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name_bytes, extra_bytes, comment_bytes) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let (disk, _internal, external, at) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
    let name = fields.take(name_bytes.into())?.to_vec();
    let extra = fields.take(extra_bytes.into())?;
    fields.take(comment_bytes.into())?;
    let mut sizes = [size, packed, at].map(u64::from);
    if let Err(refusal) = widen(extra, &name, &mut sizes) {
        return Some(Err(refusal));
    }
    let [size, packed, at] = sizes;
    if disk != 0 && disk != u16::MAX {
        return Some(Err(Refusal::Unsupported("the archive is in several parts".to_owned())));
    }
    let mode = u16::try_from(external >> 16).unwrap_or_default();
    Some(Ok(Record { flags, method, crc, packed, size, name, at, mode }))
}

/// Takes what stands in extra fields because four bytes are too few for it, in the order of the format.
fn widen(extra: &[u8], name: &[u8], sizes: &mut [u64]) -> Result<(), Refusal> {
    const LARGE: u16 = 1;
    const UNICODE_PATH: u16 = 0x7075;
    let mut fields = Fields(extra);
    let mut was_large = false;
    while let (Some(kind), Some(bytes)) = (fields.u16(), fields.u16()) {
        let Some(value) = fields.take(bytes.into()) else { return Err(broken("an extra field is cut off")) };
        match kind {
            LARGE if was_large => return Err(two_readings("says the size of an entry twice")),
            LARGE => {
                was_large = true;
                let mut value = Fields(value);
                for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
                    *size = value.u64().ok_or_else(|| broken("the size of an entry is missing"))?;
                }
            }
            // A version and a checksum stand before the name.
            UNICODE_PATH if value.get(5..) != Some(name) => return Err(two_readings("has two names for one entry")),
            _ => {}
        }
    }
    Ok(())
}

/// What stands before an entry, and where its data begin.
pub(super) fn local(from: &mut dyn Source, at: u64) -> Result<(Record, u64), Refusal> {
    let head = piece(from, at, LOCAL_BYTES)?;
    let Some(rest) = head.strip_prefix(LOCAL) else {
        return Err(two_readings("has no entry where its directory says that there is one"));
    };
    let mut fields = Fields(rest);
    let mut read = || {
        let _version = fields.u16()?;
        let (flags, method, _time) = (fields.u16()?, fields.u16()?, fields.u32()?);
        Some((flags, method, fields.u32()?, fields.u32()?, fields.u32()?, fields.u16()?, fields.u16()?))
    };
    let (flags, method, crc, packed, size, name_bytes, extra_bytes) =
        read().ok_or_else(|| broken("an entry is cut off"))?;
    let names_at = at.saturating_add(LOCAL_BYTES);
    let both = u64::from(name_bytes) + u64::from(extra_bytes);
    let names = piece(from, names_at, both)?;
    let (name, extra) = names.split_at(usize::from(name_bytes).min(names.len()));
    let mut sizes = [size, packed].map(u64::from);
    widen(extra, name, &mut sizes)?;
    let [size, packed] = sizes;
    let record = Record { flags, method, crc, packed, size, name: name.to_vec(), at, mode: 0 };
    Ok((record, names_at.saturating_add(both)))
}

/// Whether the bytes behind an entry's data are nothing, or its sizes once more as the directory has them.
pub(super) fn is_descriptor(bytes: &[u8], record: &Record) -> bool {
    let rest = bytes.strip_prefix(DESCRIPTOR).filter(|_| matches!(bytes.len(), 16 | 24)).unwrap_or(bytes);
    let mut fields = Fields(rest);
    let mut read = || match rest.len() {
        12 => Some((fields.u32()?, u64::from(fields.u32()?), u64::from(fields.u32()?))),
        20 => Some((fields.u32()?, fields.u64()?, fields.u64()?)),
        _ => None,
    };
    read() == Some((record.crc, record.packed, record.size))
}
