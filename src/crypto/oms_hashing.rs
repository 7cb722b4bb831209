//! How a signature hashed the files of a model: with what, and each whole or in shards.
//!
//! A registry knows the SHA-256 of whole files. Whatever else was signed has to be hashed again: a [`FileHasher`] takes
//! the bytes of a file in their order and gives the resources that an honest signer lists for it. Names of algorithms
//! and of shards are those of OMS v1.0 and of PyPI `model-signing` 1.1.1, which differ (`sha256`, `sha256-sharded-1000`).

use crate::crypto::{
    hex,
    oms::OmsError,
    oms_manifest::{Serialization, is_canonical},
};
use blake2::Blake2b512;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::num::NonZeroU64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    /// With 64 bytes.
    Blake2b,
    Blake3,
}

/// With what, and how many bytes are a shard; whole files if `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    algorithm: Algorithm,
    shard_bytes: Option<NonZeroU64>,
}

/// One entry of a signature's list: a file or a shard of it, and its digest in lowercase hex.
pub type Entry = (String, String);

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake2b => "blake2b",
            Self::Blake3 => "blake3",
        }
    }
}

impl Hashing {
    /// SHA-256 of whole files: what is signed here, and what needs no hashing again.
    pub const PLAIN: Self = Self { algorithm: Algorithm::Sha256, shard_bytes: None };

    pub(super) fn of(how: &Serialization) -> Result<Self, OmsError> {
        let unsupported = || OmsError::Unsupported { method: how.method.clone(), hash_type: how.hash_type.clone() };
        let algorithm = [Algorithm::Sha256, Algorithm::Blake2b, Algorithm::Blake3];
        let algorithm = algorithm.into_iter().find(|a| a.name() == how.hash_type).ok_or_else(unsupported)?;
        let shard_bytes = match (how.method.as_str(), &how.shard_size) {
            ("files", None) => None,
            ("shards", Some(size)) => Some(whole(size).ok_or(OmsError::ShardSize)?),
            ("files" | "shards", _) => return Err(OmsError::ShardSize),
            _ => return Err(unsupported()),
        };
        Ok(Self { algorithm, shard_bytes })
    }

    /// Whether an entry that names this algorithm was hashed so.
    pub(super) fn is_called(&self, algorithm: &str) -> bool {
        let name = self.algorithm.name();
        algorithm == name || self.shard_bytes.is_some_and(|bytes| algorithm == format!("{name}-sharded-{bytes}"))
    }

    /// Whether the text is a digest of this algorithm, in lowercase hex; its bytes.
    pub(super) fn digest(&self, text: &str) -> Option<Vec<u8>> {
        match self.algorithm {
            Algorithm::Sha256 | Algorithm::Blake3 => hex::decode::<32>(text).map(Vec::from),
            Algorithm::Blake2b => hex::decode::<64>(text).map(Vec::from),
        }
    }

    /// The file that an entry's name is about; `None` if it is no name of a file or shard inside the model.
    pub(super) fn file_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        let Some(shard_bytes) = self.shard_bytes else { return is_canonical(name).then_some(name) };
        let (rest, end) = name.rsplit_once(':')?;
        let (path, start) = rest.rsplit_once(':')?;
        let (start, end) = (decimal(start)?, decimal(end)?);
        let is_shard = start % shard_bytes == 0 && start < end && end - start <= shard_bytes.get();
        (is_shard && (is_canonical(path) || path == ".")).then_some(path)
    }

    /// How many entries a file of so many bytes has.
    pub fn entries(&self, size_bytes: u64) -> u64 {
        self.shard_bytes.map_or(1, |bytes| size_bytes.div_ceil(bytes.get()))
    }

    /// For the file with this name in the list.
    pub fn hasher(&self, name: &str) -> FileHasher {
        FileHasher {
            hashing: *self,
            name: name.to_owned(),
            state: State::new(self.algorithm),
            start: 0,
            at: 0,
            entries: Vec::new(),
        }
    }
}

/// Without a sign or leading zeros, so that a shard has one name.
fn decimal(text: &str) -> Option<u64> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    is_plain.then(|| text.parse().ok()).flatten()
}

/// A size in JSON; the reference tool writes whole numbers as `1000.0`.
fn whole(size: &Value) -> Option<NonZeroU64> {
    /// Beyond it a 64-bit float skips numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = || size.as_f64().filter(|n| n.fract() == 0.0 && (1.0..EXACT).contains(n)).map(|n| n as u64);
    size.as_u64().or_else(float).and_then(NonZeroU64::new)
}

/// A file on its way through.
pub struct FileHasher {
    hashing: Hashing,
    name: String,
    state: State,
    /// Of the shard at hand.
    start: u64,
    at: u64,
    entries: Vec<Entry>,
}

enum State {
    Sha256(Sha256),
    Blake2b(Box<Blake2b512>),
    Blake3(Box<blake3::Hasher>),
}

impl State {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Blake2b => Self::Blake2b(Box::default()),
            Algorithm::Blake3 => Self::Blake3(Box::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake2b(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => hex::encode(&hasher.finalize()),
            Self::Blake2b(hasher) => hex::encode(&hasher.finalize()),
            Self::Blake3(hasher) => hasher.finalize().to_hex().to_string(),
        }
    }
}

impl FileHasher {
    pub fn update(&mut self, mut bytes: &[u8]) {
        let Some(shard_bytes) = self.hashing.shard_bytes else { return self.state.update(bytes) };
        while !bytes.is_empty() {
            let room = shard_bytes.get() - (self.at - self.start);
            let taken = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let (now, later) = bytes.split_at(taken);
            self.state.update(now);
            self.at += taken as u64;
            bytes = later;
            if self.at - self.start == shard_bytes.get() {
                self.close();
            }
        }
    }

    /// What an honest signer lists. A file without bytes has no shard.
    pub fn finish(mut self) -> Vec<Entry> {
        if self.hashing.shard_bytes.is_none() {
            return vec![(self.name, self.state.finish())];
        }
        if self.start < self.at {
            self.close();
        }
        self.entries
    }

    fn close(&mut self) {
        let state = std::mem::replace(&mut self.state, State::new(self.hashing.algorithm));
        self.entries.push((format!("{}:{}:{}", self.name, self.start, self.at), state.finish()));
        self.start = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn serialization(method: &str, hash_type: &str, shard_size: Option<Value>) -> Serialization {
        Serialization {
            method: method.to_owned(),
            hash_type: hash_type.to_owned(),
            allow_symlinks: false,
            ignore_paths: Vec::new(),
            shard_size,
        }
    }

    fn entries(hashing: Hashing, pieces: &[&[u8]]) -> Vec<Entry> {
        let mut hasher = hashing.hasher("w");
        pieces.iter().for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    #[test]
    fn the_empty_file_has_the_published_digest_of_each_algorithm() {
        for (name, begins) in [("sha256", "e3b0c442"), ("blake2b", "786a02f7"), ("blake3", "af1349b9")] {
            let hashing = Hashing::of(&serialization("files", name, None)).expect(name);
            let [(_, digest)] = entries(hashing, &[]).try_into().expect("one");
            assert!(digest.starts_with(begins), "{name}: {digest}");
            assert!(hashing.digest(&digest).is_some());
            let shards = Hashing::of(&serialization("shards", name, Some(json!(8)))).expect(name);
            assert!(entries(shards, &[]).is_empty(), "a file without bytes has no shard");
        }
    }

    #[test]
    fn sizes_of_shards_are_whole_and_belong_to_shards() {
        for size in [json!(0), json!(-1), json!(1.5), json!("8"), json!(1e300), json!(null)] {
            assert!(Hashing::of(&serialization("shards", "sha256", Some(size.clone()))).is_err(), "{size}");
        }
        assert!(Hashing::of(&serialization("shards", "sha256", None)).is_err());
        assert!(Hashing::of(&serialization("files", "sha256", Some(json!(8)))).is_err());
        let hashing = Hashing::of(&serialization("shards", "sha256", Some(json!(1000.0)))).expect("whole");
        assert!(hashing.is_called("sha256") && hashing.is_called("sha256-sharded-1000"));
        assert!(!hashing.is_called("sha256-sharded-10") && !hashing.is_called("blake3"));
    }

    #[test]
    fn a_shard_has_one_name() {
        let hashing = Hashing::of(&serialization("shards", "sha256", Some(json!(100)))).expect("shards");
        assert_eq!(hashing.file_of("a:b:100:150"), Some("a:b"));
        for bad in ["a", "a:0", "a:0:0", "a:50:60", "a:0:101", "a:100:100", "a:0100:150", "a:+0:5", "../a:0:5", ":0:5"]
        {
            assert_eq!(hashing.file_of(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn however_bytes_arrive_the_shards_are_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1_u64..40, cut in 0_usize..200
        ) {
            let hashing = Hashing::of(&serialization("shards", "blake3", Some(json!(size)))).expect("shards");
            let (a, b) = bytes.split_at(cut.min(bytes.len()));
            let found = entries(hashing, &[a, b]);
            prop_assert_eq!(&found, &entries(hashing, &[&bytes]));
            prop_assert_eq!(found.len() as u64, hashing.entries(bytes.len() as u64));
            for ((name, digest), shard) in found.iter().zip(bytes.chunks(size as usize)) {
                prop_assert_eq!(hashing.file_of(name), Some("w"));
                prop_assert_eq!(digest, &blake3::hash(shard).to_hex().to_string());
            }
        }
    }
}
