//! A mirror of the log as files: what the service serves, in the layout of C2SP `tlog-tiles`
//! (`checkpoint`, `tile/LEVEL/NUMBER`, `tile/entries/NUMBER`), for any verifier of such logs.
//!
//! Invariants: one bundle of entries is in memory at a time; success means that the tiles
//! and the entries are exactly those that the checkpoint covers.

use crate::{
    audit::{
        leaf::{Leaf, LeafError},
        verify::{Older, Verified, VerifyError},
    },
    crypto::{
        checkpoint::{self, Checkpoint},
        hex,
        merkle::{CompactRange, Hash, leaf_hash},
        note::NoteError,
        tile::{FULL_WIDTH, Tile},
    },
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

pub const CHECKPOINT: &str = "checkpoint";
/// 256 entries of at most 65,535 bytes, each with its length.
pub(super) const MAX_FILE_BYTES: u64 = FULL_WIDTH * (2 + 65_535);

#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    #[error("{}: {source}; mirror the log again", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: it is larger than any file of a log", file.display())]
    TooLarge { file: PathBuf },
    #[error("{}: {why}", file.display())]
    Checkpoint { file: PathBuf, why: NoteError },
    #[error("{}: the entries do not end where the file does; it was cut or altered", file.display())]
    Bundle { file: PathBuf },
    #[error("record {index} was altered, or is none: {source}")]
    Leaf { index: u64, source: LeafError },
    #[error("{}: it does not hold the hashes of the records below it; one or the other was altered", file.display())]
    Tile { file: PathBuf },
    #[error("the records give the root {found}, and {signed} was signed; a record was altered, replaced or moved")]
    Root { signed: String, found: String },
    #[error(transparent)]
    Older(VerifyError),
}

/// Where a tile of hashes is in a mirror, and below the log's address.
pub fn tile_path(tile: &Tile) -> String {
    format!("tile/{}/{}", tile.level(), tile.path())
}

/// Where the entries are that a tile of level 0 has the hashes of.
pub fn entries_path(tile: &Tile) -> String {
    format!("tile/entries/{}", tile.path())
}

/// Where the files of a mirror come from, in the order in which they are verified.
pub(super) trait Files {
    type Error: From<MirrorError>;

    fn read(&mut self, path: &str) -> Result<Vec<u8>, Self::Error>;
}

struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    type Error = MirrorError;

    fn read(&mut self, path: &str) -> Result<Vec<u8>, MirrorError> {
        read(&self.0.join(path))
    }
}

/// Checks a mirror against the log's verifier key, and that it goes on from older heads.
pub fn verify(folder: &Path, vkey: &str, older: &[String]) -> Result<Verified, MirrorError> {
    let file = folder.join(CHECKPOINT);
    let note = String::from_utf8_lossy(&read(&file)?).into_owned();
    let head = checkpoint::open(&note, vkey).map_err(|why| MirrorError::Checkpoint { file, why })?;
    let mut older = Older::of(older, vkey, &head).map_err(MirrorError::Older)?;
    verify_tree(&mut Folder(folder), head, &mut older)
}

/// Checks the tiles and entries that a head covers.
pub(super) fn verify_tree<F: Files>(files: &mut F, head: Checkpoint, older: &mut Older) -> Result<Verified, F::Error> {
    let mut walk = Walk::default();
    // The roots of the full tiles of one level are the hashes of the next.
    let mut roots: Vec<Hash> = Vec::new();
    let mut hashes: Vec<Hash> = Vec::new();
    for tile in Tile::of_tree(head.size) {
        if tile.level() == 0 {
            let path = entries_path(&tile);
            let bytes = files.read(&path)?;
            walk.entries(&bytes, &path, &tile, older)?;
        } else {
            if tile.range().0 == 0 {
                hashes = std::mem::take(&mut roots);
            }
            let (from, to) = tile.range();
            let of_tile = usize::try_from(from).ok().zip(usize::try_from(to).ok()).and_then(|(f, t)| hashes.get(f..t));
            walk.hashes = of_tile.unwrap_or_default().to_vec();
        }
        let path = tile_path(&tile);
        if files.read(&path)? != walk.hashes.concat() {
            return Err(MirrorError::Tile { file: path.into() }.into());
        }
        if walk.hashes.len() as u64 == FULL_WIDTH {
            let mut subtree = CompactRange::new();
            walk.hashes.iter().for_each(|hash| subtree.append(*hash));
            roots.push(subtree.root());
        }
    }
    older.compare(&walk.tree).map_err(MirrorError::Older)?;
    let (root, signed) = (hex::encode(&walk.tree.root()), hex::encode(&head.root));
    if root != signed {
        return Err(MirrorError::Root { signed, found: root }.into());
    }
    Ok(Verified {
        key_name: head.origin.clone(),
        origin: head.origin,
        size: head.size,
        root,
        first_at: walk.first_at,
        last_at: walk.last_at,
        first_backwards_line: None,
    })
}

#[derive(Default)]
struct Walk {
    tree: CompactRange,
    /// Of the tile that was looked at last.
    hashes: Vec<Hash>,
    first_at: Option<String>,
    last_at: Option<String>,
}

impl Walk {
    fn entries(&mut self, bytes: &[u8], path: &str, tile: &Tile, older: &mut Older) -> Result<(), MirrorError> {
        let bundle = || MirrorError::Bundle { file: path.into() };
        let mut rest = bytes;
        self.hashes.clear();
        let (from, to) = tile.range();
        for index in from..to {
            let (entry, after) = split_entry(rest).ok_or_else(bundle)?;
            let text = std::str::from_utf8(entry).map_err(|_| bundle())?;
            let at = Leaf::time_of(text).map_err(|source| MirrorError::Leaf { index, source })?.into_owned();
            self.first_at.get_or_insert_with(|| at.clone());
            self.last_at = Some(at);
            older.compare(&self.tree).map_err(MirrorError::Older)?;
            let hash = leaf_hash(entry);
            self.tree.append(hash);
            self.hashes.push(hash);
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(bundle()) }
    }
}

pub(super) fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn read(file: &Path) -> Result<Vec<u8>, MirrorError> {
    let failed = |source| MirrorError::Read { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 <= MAX_FILE_BYTES {
        true => Ok(bytes),
        false => Err(MirrorError::TooLarge { file: file.to_owned() }),
    }
}
