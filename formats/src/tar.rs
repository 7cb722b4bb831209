//! Tar archives, plain and packed with gzip. Nothing is unpacked to anywhere. Source: POSIX `pax`, and the extensions of GNU.

use crate::{Class, Contents, Members, Refusal, member, names::Names, quoted};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

const BLOCK: usize = 512;
const MAX_ENTRIES: u64 = 10_000;
/// Of a long name or of the settings of an entry.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// Of a packed archive, unpacked.
const MAX_UNPACKED_BYTES: u64 = 8 << 30;
const FREE_BYTES: u64 = 1 << 20;
const MAX_RATIO: u64 = 100;
const BUFFER_BYTES: usize = 32 << 10;

/// Whether a file that begins so is a tar archive: a checksum says so, for old ones have no other mark.
pub(crate) fn is_tar(start: &[u8]) -> bool {
    start.first_chunk::<BLOCK>().is_some_and(|block| {
        block.get(257..262) == Some(b"ustar") || (block.iter().any(|byte| *byte != 0) && sum_is_right(block))
    })
}

pub(crate) fn read(from: &mut dyn BufRead) -> Result<Contents, Refusal> {
    walk(from, "tar archive")
}

/// A gzip file: a tar archive, or one file.
pub(crate) fn read_gzip(name: &str, from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    let limited = Limited { from: MultiGzDecoder::new(from), read: 0, packed: size_bytes, fault: None };
    let mut from = BufReader::with_capacity(BUFFER_BYTES, limited);
    let is_tar = is_tar(&peek(&mut from)?);
    let inner = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let read = match is_tar {
        true => walk(&mut from, "tar archive, packed with gzip"),
        false => {
            let mut contents = Contents::of("gzip file", Class::Unknown);
            // How long it is, it says at its end alone; what is read by its length is not looked for here.
            member::read(inner, &mut from, u64::MAX).map(|inside| {
                if let Some(inside) = inside {
                    contents.take(inner, inside);
                }
                contents
            })
        }
    };
    io::copy(&mut from, &mut io::sink())?;
    match from.into_inner().fault {
        Some(refusal) => Err(refusal),
        None => read,
    }
}

/// Reads on until there is a block, without taking it.
fn peek(from: &mut BufReader<impl Read>) -> Result<Vec<u8>, Refusal> {
    // A reader may give little at a time; its first piece is as much as it has room for, or all.
    Ok(from.fill_buf()?.to_vec())
}

/// Unpacks no more than so many times what is there. A fault of the archive is not one of the disk, so it is kept apart.
struct Limited<R> {
    from: R,
    read: u64,
    packed: u64,
    fault: Option<Refusal>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        // Whole pieces, so that what looks at the first of them sees a whole block.
        while self.fault.is_none() && count < into.len() {
            match self.from.read(into.get_mut(count..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    ) =>
                {
                    self.fault = Some(Refusal::Unreadable(format!("it can't be unpacked: {error}")));
                }
                Err(error) => return Err(error),
            }
        }
        self.read = self.read.saturating_add(count as u64);
        let most = self.packed.saturating_mul(MAX_RATIO).max(FREE_BYTES);
        if most < self.read {
            let packed = self.packed;
            let what =
                format!("it unpacks from {packed} bytes to more than {MAX_RATIO} times as many; send it unpacked");
            self.fault = Some(Refusal::Unsafe(what));
        } else if MAX_UNPACKED_BYTES < self.read {
            let what = format!("it unpacks to more than {MAX_UNPACKED_BYTES} bytes; send its files unpacked");
            self.fault = Some(Refusal::Unsupported(what));
        }
        Ok(if self.fault.is_some() { 0 } else { count })
    }
}

/// What extensions say of the entry that follows them.
#[derive(Default)]
struct Said {
    name: Option<String>,
    size: Option<u64>,
}

fn walk(from: &mut dyn BufRead, format: &'static str) -> Result<Contents, Refusal> {
    let mut contents = Contents::of(format, Class::Unknown);
    let (mut names, mut members, mut said, mut headers) = (Names::default(), Members::default(), Said::default(), 0u64);
    loop {
        let Some(block) = block(from)? else { return Err(broken("it ends without its two empty blocks")) };
        if block.iter().all(|byte| *byte == 0) {
            ended(from)?;
            contents.members = Some(members);
            return Ok(contents);
        }
        headers += 1;
        if MAX_ENTRIES < headers {
            return Err(Refusal::Unsupported(format!("the archive has more than {MAX_ENTRIES} entries")));
        }
        if !sum_is_right(&block) {
            return Err(broken("the checksum of an entry is wrong"));
        }
        let own = number(block.get(124..136).unwrap_or_default()).ok_or_else(|| broken("an entry has no size"))?;
        let kind = block.get(156).copied().unwrap_or_default();
        match kind {
            b'x' | b'L' => {
                extension(kind, &text(from, own)?, &mut said)?;
                continue;
            }
            // Settings for all entries: a name or a size among them would be one for all.
            b'g' => {
                let mut all = Said::default();
                extension(b'x', &text(from, own)?, &mut all)?;
                if all.name.is_some() || all.size.is_some() {
                    return Err(Refusal::Unsafe("the archive gives all entries one name or one size".to_owned()));
                }
                continue;
            }
            _ => {}
        }
        let of = std::mem::take(&mut said);
        let (name, size) = (of.name.map_or_else(|| own_name(&block), Ok)?, of.size.unwrap_or(own));
        entry(from, (&name, kind, size), &mut names, &mut members, &mut contents)?;
    }
}

fn entry(
    from: &mut dyn BufRead,
    (name, kind, size): (&str, u8, u64),
    names: &mut Names,
    members: &mut Members,
    contents: &mut Contents,
) -> Result<(), Refusal> {
    let refuse = |what: &str| Err(Refusal::Unsafe(format!("the archive has the entry {}, which {what}", quoted(name))));
    let is_folder = kind == b'5' || (matches!(kind, b'0' | 0) && name.ends_with('/'));
    // Tools write "./a" for "a", and "./" for the folder itself.
    let plain = name.strip_prefix("./").unwrap_or(name);
    match kind {
        b'0' | 0 | b'5' => {}
        b'1' => return refuse("is a hard link to another file"),
        b'2' => return refuse("is a link to somewhere else"),
        b'3' | b'4' | b'6' => return refuse("is a device or a pipe"),
        _ => return refuse("is of a kind that can't be looked into"),
    }
    if is_folder {
        if size != 0 {
            return Err(broken("a folder has data"));
        }
        return if plain.is_empty() || plain == "." { Ok(()) } else { names.add(plain, true) };
    }
    names.add(plain, false)?;
    members.files += 1;
    members.packed_bytes = members.packed_bytes.saturating_add(size);
    members.unpacked_bytes = members.unpacked_bytes.saturating_add(size);
    let mut bytes = (&mut *from).take(size);
    if let Some(inner) = member::read(plain, &mut bytes, size)? {
        contents.take(plain, inner);
    }
    io::copy(&mut bytes, &mut io::sink())?;
    if bytes.limit() != 0 {
        return Err(broken("it ends in the middle of an entry"));
    }
    pad(from, size)
}

/// The second empty block, and nothing but zeros behind it.
fn ended(from: &mut dyn BufRead) -> Result<(), Refusal> {
    let Some(second) = block(from)? else { return Err(broken("it ends without its two empty blocks")) };
    let mut is_zero = second.iter().all(|byte| *byte == 0);
    let mut piece = [0; BLOCK];
    loop {
        let count = from.read(&mut piece)?;
        is_zero &= piece.iter().take(count).all(|byte| *byte == 0);
        match count {
            0 if is_zero => return Ok(()),
            0 => {
                return Err(Refusal::Unsafe(
                    "something stands behind the end of the archive, which other readers read on".to_owned(),
                ));
            }
            _ => {}
        }
    }
}

fn block(from: &mut dyn BufRead) -> Result<Option<[u8; BLOCK]>, Refusal> {
    let bytes = crate::source::fill(from, BLOCK as u64)?;
    Ok(bytes.try_into().ok())
}

/// The bytes of an extension, and what fills its last block up.
fn text(from: &mut dyn BufRead, size: u64) -> Result<Vec<u8>, Refusal> {
    if MAX_EXTENSION_BYTES < size {
        return Err(Refusal::Unsupported(format!(
            "an entry is described in {size} bytes; at most {MAX_EXTENSION_BYTES}"
        )));
    }
    let bytes = crate::source::fill(from, size)?;
    if bytes.len() as u64 != size {
        return Err(broken("it ends in the middle of an entry"));
    }
    pad(from, size).map(|()| bytes)
}

fn pad(from: &mut dyn BufRead, size: u64) -> Result<(), Refusal> {
    let rest = size.next_multiple_of(BLOCK as u64) - size;
    let passed = io::copy(&mut from.take(rest), &mut io::sink())?;
    if passed == rest { Ok(()) } else { Err(broken("it ends in the middle of an entry")) }
}

fn extension(kind: u8, bytes: &[u8], said: &mut Said) -> Result<(), Refusal> {
    let twice = || Refusal::Unsafe("the archive gives an entry two names or two sizes".to_owned());
    let named =
        |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| broken("the name of an entry is not UTF-8"));
    if kind == b'L' {
        let name = named(bytes.strip_suffix(b"\0").unwrap_or(bytes))?;
        return if said.name.replace(name).is_some() { Err(twice()) } else { Ok(()) };
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        // "LENGTH NAME=VALUE\n", the length counting all of it.
        let unreadable = || broken("the settings of an entry can't be read");
        let digits = rest.iter().position(|byte| *byte == b' ').ok_or_else(unreadable)?;
        let length = rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        let (record, behind) = length.and_then(|length| rest.split_at_checked(length)).ok_or_else(unreadable)?;
        let record = record.get(digits + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(unreadable)?;
        let at = record.iter().position(|byte| *byte == b'=').ok_or_else(unreadable)?;
        let (key, value) = (record.get(..at).unwrap_or_default(), record.get(at + 1..).unwrap_or_default());
        let again = match key {
            b"path" => said.name.replace(named(value)?).is_some(),
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok()).ok_or_else(unreadable)?;
                said.size.replace(size).is_some()
            }
            b"linkpath" => return Err(Refusal::Unsafe("the archive has a link to somewhere else".to_owned())),
            _ if key.starts_with(b"GNU.sparse") => {
                return Err(Refusal::Unsupported(
                    "the archive has a file with holes, which is not looked into".to_owned(),
                ));
            }
            _ => false,
        };
        if again {
            return Err(twice());
        }
        rest = behind;
    }
    Ok(())
}

/// The name in the block itself; POSIX lets a long one begin elsewhere in it.
fn own_name(block: &[u8; BLOCK]) -> Result<String, Refusal> {
    let field = |from: usize, to: usize| {
        let bytes = block.get(from..to).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(bytes.get(..end).unwrap_or_default())
            .map_err(|_| broken("the name of an entry is not UTF-8"))
    };
    let is_posix = block.get(257..263) == Some(b"ustar\0");
    match if is_posix { field(345, 500)? } else { "" } {
        "" => Ok(field(0, 100)?.to_owned()),
        prefix => Ok(format!("{prefix}/{}", field(0, 100)?)),
    }
}

/// A number in octal digits, or as GNU writes large ones.
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
            let is_small = high.iter().all(|byte| *byte == 0);
            is_small.then(|| low.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
        }
        _ => {
            let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
            if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
        }
    }
}

/// The sum of all bytes, those of the sum itself as if they were spaces. Old tools took bytes for signed ones, and readers
/// take either sum.
fn sum_is_right(block: &[u8; BLOCK]) -> bool {
    let bytes = || block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    let said = number(block.get(148..156).unwrap_or_default()).and_then(|said| i64::try_from(said).ok());
    said.is_some_and(|said| said == unsigned || said == signed)
}

fn broken(what: &str) -> Refusal {
    Refusal::Unreadable(format!("a broken archive: {what}"))
}

#[cfg(test)]
mod tests;
