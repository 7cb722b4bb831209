//! Zip archives: bundles, `.npz`, PyTorch and Keras files. Nothing is unpacked to anywhere.
//!
//! An archive says everything twice: before each entry, and in a directory at its end. Readers differ in which they believe,
//! so an archive is read only where both say the same, and where entry follows upon entry without a gap.

mod records;

use crate::{
    Class, Contents, Members, Refusal, config, keras, member,
    names::Names,
    quoted,
    source::{Source, fill},
    torch,
};
use flate2::bufread::DeflateDecoder;
use records::{LOCAL, Record, broken, is_descriptor, two_readings};
use std::io::{self, BufRead, BufReader, Read, SeekFrom};

const EMPTY: &[u8] = b"PK\x05\x06";
/// Smaller entries may be packed as well as they like.
const FREE_BYTES: u64 = 1 << 20;
/// Unpacked over packed bytes. Weights hardly shrink; zeros do by a thousand.
const MAX_RATIO: u64 = 100;
/// Of all packed entries together, as they are unpacked. What is stored is passed over, however large.
const MAX_UNPACKED_BYTES: u64 = 8 << 30;
const BUFFER_BYTES: usize = 32 << 10;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Bits of an entry's flags.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const DESCRIBED_BEHIND: u16 = 1 << 3;
/// What must be the same before an entry and in the directory: how it is encrypted, and how its name is written.
const COMPARED: u16 = ENCRYPTED | DESCRIBED_BEHIND | 1 << 5 | 1 << 11;

/// An entry on which the directory and the entry itself agree.
pub(crate) struct Entry {
    pub name: String,
    pub size: u64,
    packed: u64,
    crc: u32,
    is_stored: bool,
    data_at: u64,
}

pub(crate) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(LOCAL) || start.starts_with(EMPTY)
}

/// The last bytes of a file, in which readers look for the end of an archive, whatever the file begins with.
pub(crate) const TAIL_BYTES: usize = records::TAIL_BYTES;

/// What is refused of a file that is no archive by its beginning and one by its end.
///
/// # Errors
/// `Unsafe` where `tail`, its last [`TAIL_BYTES`] or all of it, has such an end.
pub(crate) fn refuse_behind(tail: &[u8]) -> Result<(), Refusal> {
    match records::has_end(tail) {
        true => Err(Refusal::Unsafe(
            "a zip archive stands behind something else: some readers find it by its end, and take it for the file"
                .to_owned(),
        )),
        false => Ok(()),
    }
}

pub(crate) fn read(from: &mut dyn Source, size_bytes: u64) -> Result<Contents, Refusal> {
    let entries = entries(from, size_bytes)?;
    let mut contents = Contents::of("zip archive", Class::Unknown);
    let sum = |of: fn(&Entry) -> u64| entries.iter().map(of).fold(0, u64::saturating_add);
    let (packed_bytes, unpacked_bytes) = (sum(|entry| entry.packed), sum(|entry| entry.size));
    contents.members = Some(Members { files: entries.len() as u64, packed_bytes, unpacked_bytes });
    let kind = Kind::of(&entries);
    contents.format = kind.name();
    contents.is(kind.class());
    if kind == Kind::Torch {
        torch::check_names(&entries, &mut contents);
    }
    let mut left = MAX_UNPACKED_BYTES;
    for entry in &entries {
        let inner = inside(from, entry, kind, &mut left)?;
        if let Some(inner) = inner {
            contents.take(&entry.name, inner);
        }
    }
    Ok(contents)
}

/// What a bundle of files is for, by the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Torch,
    Keras,
    Arrays,
    Other,
}

impl Kind {
    fn of(entries: &[Entry]) -> Self {
        let any = |is: fn(&str) -> bool| entries.iter().any(|entry| is(&entry.name));
        if any(|name| name == "data.pkl" || name.ends_with("/data.pkl")) || any(torch::is_script) {
            return Self::Torch;
        }
        if any(|name| name == keras::CONFIG) && any(|name| name.ends_with(".weights.h5") || name == keras::METADATA) {
            return Self::Keras;
        }
        match entries.is_empty() || any(|name| !name.ends_with(".npy")) {
            true => Self::Other,
            false => Self::Arrays,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Torch => "PyTorch archive",
            Self::Keras => "Keras model",
            Self::Arrays => "NumPy arrays",
            Self::Other => "zip archive",
        }
    }

    fn class(self) -> Class {
        match self {
            Self::Torch => Class::Pickled,
            Self::Keras | Self::Arrays => Class::Data,
            Self::Other => Class::Unknown,
        }
    }
}

/// Looks into one entry. What is packed is unpacked to its end, and held against its size and its checksum.
fn inside(from: &mut dyn Source, entry: &Entry, kind: Kind, left: &mut u64) -> Result<Option<Contents>, Refusal> {
    from.seek(SeekFrom::Start(entry.data_at))?;
    if entry.is_stored {
        let mut bytes = from.take(entry.packed);
        return look(&mut bytes, entry, kind);
    }
    *left = left.checked_sub(entry.size).ok_or_else(|| {
        Refusal::Unsupported(format!(
            "the archive unpacks to more than {MAX_UNPACKED_BYTES} bytes; store them unpacked"
        ))
    })?;
    let of_entry = |what: &str| Refusal::Unreadable(format!("the entry {} of the archive {what}", quoted(&entry.name)));
    let decoder = DeflateDecoder::new(from.take(entry.packed));
    let summed = Summed { from: decoder, sum: flate2::Crc::new(), left: entry.size, fault: None };
    let mut bytes = BufReader::with_capacity(BUFFER_BYTES, summed);
    let looked = look(&mut bytes, entry, kind);
    io::copy(&mut bytes, &mut io::sink())?;
    let summed = bytes.into_inner();
    match summed.fault {
        Some(fault) => return Err(of_entry(&fault)),
        None if summed.left != 0 || summed.sum.sum() != entry.crc => {
            return Err(of_entry("is not what its checksum says"));
        }
        None => {}
    }
    if summed.from.total_in() != entry.packed {
        return Err(two_readings(&format!("has bytes behind the data of the entry {}", quoted(&entry.name))));
    }
    looked
}

fn look(bytes: &mut dyn BufRead, entry: &Entry, kind: Kind) -> Result<Option<Contents>, Refusal> {
    let name = entry.name.as_str();
    match kind {
        Kind::Torch if name.ends_with(".pkl") => torch::read(bytes, entry.size).map(Some),
        // The weights themselves: whatever they look like, nobody reads them as something else.
        Kind::Torch if torch::is_weights(name) => Ok(None),
        Kind::Keras if name == keras::CONFIG => keras::config(&fill(bytes, config::MAX_BYTES + 1)?).map(Some),
        Kind::Keras if name == keras::METADATA => Ok(Some(keras::metadata(&fill(bytes, config::MAX_BYTES)?))),
        _ => member::read(name, bytes, entry.size),
    }
}

/// Unpacked bytes, summed up. A fault of the archive is not one of the disk, so it is kept apart.
struct Summed<R> {
    from: R,
    sum: flate2::Crc,
    left: u64,
    fault: Option<String>,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Ok(0);
        }
        match self.from.read(into) {
            Ok(count) => {
                self.sum.update(into.get(..count).unwrap_or_default());
                match self.left.checked_sub(count as u64) {
                    Some(left) => self.left = left,
                    None => {
                        self.fault = Some("unpacks to more than it says".to_owned());
                        return Ok(0);
                    }
                }
                Ok(count)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                self.fault = Some(format!("can't be unpacked: {error}"));
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }
}

/// The entries that are files, in the order in which they stand.
fn entries(from: &mut dyn Source, size_bytes: u64) -> Result<Vec<Entry>, Refusal> {
    let directory = records::directory(from, size_bytes)?;
    let mut listed = records::listed(from, &directory)?;
    listed.sort_by_key(|record| record.at);
    let mut names = Names::default();
    let mut entries = Vec::new();
    let mut at = 0;
    let ends: Vec<u64> = listed.iter().skip(1).map(|record| record.at).chain([directory.at]).collect();
    for (record, end) in listed.iter().zip(ends) {
        let name = std::str::from_utf8(&record.name).map_err(|_| broken("the name of an entry is not UTF-8"))?;
        if record.at != at {
            return Err(two_readings(&format!("has a gap before the entry {}, or entries that overlap", quoted(name))));
        }
        let (own, data_at) = records::local(from, record.at)?;
        agree(name, record, &own)?;
        let data_end = data_at.checked_add(record.packed).filter(|data_end| *data_end <= end);
        let data_end =
            data_end.ok_or_else(|| two_readings(&format!("has entries that overlap, such as {}", quoted(name))))?;
        let is_behind = record.flags & DESCRIBED_BEHIND != 0;
        let fits = match end - data_end {
            0 => !is_behind || record.size == 0,
            behind @ 12..=24 if is_behind => is_descriptor(&records::piece(from, data_end, behind)?, record),
            _ => false,
        };
        if !fits {
            return Err(two_readings(&format!("has something behind the entry {}", quoted(name))));
        }
        entries.extend(entry(name, record, data_at, &mut names)?);
        at = end;
    }
    if at != directory.at {
        return Err(two_readings("has something before its directory"));
    }
    Ok(entries)
}

/// # Errors
/// Where the directory and the entry differ.
fn agree(name: &str, record: &Record, own: &Record) -> Result<(), Refusal> {
    let is_behind = record.flags & DESCRIBED_BEHIND != 0;
    let same = |own: u64, listed: u64| own == listed || (is_behind && matches!(own, 0 | 0xFFFF_FFFF));
    let agree = own.name == record.name
        && own.method == record.method
        && own.flags & COMPARED == record.flags & COMPARED
        && same(own.crc.into(), record.crc.into())
        && same(own.packed, record.packed)
        && same(own.size, record.size);
    match agree {
        true => Ok(()),
        false => Err(two_readings(&format!(
            "says of the entry {} in its directory what the entry itself denies",
            quoted(name)
        ))),
    }
}

/// A file, or nothing for a folder.
fn entry(name: &str, record: &Record, data_at: u64, names: &mut Names) -> Result<Option<Entry>, Refusal> {
    let is_folder = name.ends_with('/');
    names.add(name, is_folder)?;
    let of_entry = |what: &str| format!("the archive has the entry {}, which {what}", quoted(name));
    // What Unix keeps of a file: 8 is a regular one, 4 a folder, 10 a link, the others are devices.
    match (record.mode >> 12, is_folder) {
        (0, _) | (8, false) | (4, true) => {}
        (10, _) => return Err(Refusal::Unsafe(of_entry("is a link to somewhere else"))),
        _ => return Err(Refusal::Unsafe(of_entry("is neither a file nor a folder"))),
    }
    if record.flags & ENCRYPTED != 0 {
        return Err(Refusal::Unsafe(of_entry("is encrypted, so that nobody can look into it; store it as it is")));
    }
    if !matches!(record.method, STORED | DEFLATED) {
        return Err(Refusal::Unsupported(of_entry(
            "is packed in a way that can't be looked into; store or deflate it",
        )));
    }
    if is_folder {
        return if record.size == 0 { Ok(None) } else { Err(broken("a folder has data")) };
    }
    if FREE_BYTES < record.size && record.packed.saturating_mul(MAX_RATIO) < record.size {
        let (packed, size) = (record.packed, record.size);
        let what =
            format!("unpacks from {packed} to {size} bytes, more than {MAX_RATIO} times as many; store it unpacked");
        return Err(Refusal::Unsafe(of_entry(&what)));
    }
    let is_stored = record.method == STORED;
    if is_stored && record.packed != record.size {
        return Err(two_readings(&format!("says two sizes of the entry {}, which is not packed", quoted(name))));
    }
    Ok(Some(Entry {
        name: name.to_owned(),
        size: record.size,
        packed: record.packed,
        crc: record.crc,
        is_stored,
        data_at,
    }))
}

#[cfg(test)]
mod tests;
