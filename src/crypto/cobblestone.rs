//! Large messages at rest, read from anywhere: the instance Cobblestone-256 of <https://c2sp.org/chunked-encryption>, as
//! it was in July 2026: HKDF-Expand with SHA-512, AES-256-GCM, chunks of 16 KiB of which the last is always shorter.
//!
//! A sealed message begins with a salt and a commitment to its key, so that another key, or another context, is found
//! before a byte is opened. A message that was cut off does not have the length of one that ends.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA512, KeyType, Prk},
};
use zeroize::Zeroizing;

pub const KEY_BYTES: usize = 32;
/// The salt and the commitment.
pub const HEADER_BYTES: usize = SALT_BYTES + COMMITMENT_BYTES;
/// Of what is sealed; the last chunk has less.
pub const CHUNK_BYTES: usize = 16 << 10;
/// A chunk that is sealed.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

const SALT_BYTES: usize = 24;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const MOST_CHUNKS: u64 = 1 << 38;
const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CobblestoneError {
    #[error("the operating system gave no randomness")]
    NoRandomness,
    #[error("a message has at most 4 PiB")]
    TooLong,
    #[error("the message was sealed with another key, or belongs elsewhere")]
    OtherKey,
    #[error("the message was changed")]
    Changed,
    #[error("the key could not be derived")]
    Failed,
}

/// The key of one message.
pub struct MessageKey(Zeroizing<[u8; KEY_BYTES]>);

impl MessageKey {
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, CobblestoneError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut key[..]).map_err(|_| CobblestoneError::NoRandomness)?;
        Ok(Self(key))
    }

    /// `None` for another length than [`KEY_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        (bytes.len() == KEY_BYTES).then(|| {
            key.copy_from_slice(bytes);
            Self(key)
        })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }
}

/// What the chunks of one message are sealed with.
struct Derived {
    key: LessSafeKey,
    base: [u8; NONCE_LEN],
    commitment: [u8; COMMITMENT_BYTES],
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Derived {
    fn new(key: &MessageKey, salt: &[u8], context: &[u8]) -> Result<Self, CobblestoneError> {
        let mut derived = Zeroizing::new([0; KEY_BYTES + NONCE_LEN + COMMITMENT_BYTES]);
        Prk::new_less_safe(HKDF_SHA512, key.as_bytes())
            .expand(&[LABEL, salt, context], Length(derived.len()))
            .and_then(|output| output.fill(&mut derived[..]))
            .map_err(|_| CobblestoneError::Failed)?;
        let (key, rest) = derived.split_at(KEY_BYTES);
        let (nonce, promise) = rest.split_at(NONCE_LEN);
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| CobblestoneError::Failed)?;
        let (mut base, mut commitment) = ([0; NONCE_LEN], [0; COMMITMENT_BYTES]);
        base.copy_from_slice(nonce);
        commitment.copy_from_slice(promise);
        Ok(Self { key: LessSafeKey::new(key), base, commitment })
    }

    /// Each chunk has its own: the base with the chunk's number laid over its end.
    fn nonce(&self, chunk: u64) -> Result<Nonce, CobblestoneError> {
        if MOST_CHUNKS <= chunk {
            return Err(CobblestoneError::TooLong);
        }
        let mut nonce = self.base;
        for (byte, over) in nonce.iter_mut().rev().zip(chunk.to_be_bytes().iter().rev()) {
            *byte ^= over;
        }
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// A message while it is sealed.
pub struct Sealing {
    derived: Derived,
    pending: Vec<u8>,
    chunk: u64,
}

impl Sealing {
    /// Begins a message whose beginning it puts into `out`. A key seals one message in its life.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn begin(key: &MessageKey, context: &[u8], out: &mut Vec<u8>) -> Result<Self, CobblestoneError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| CobblestoneError::NoRandomness)?;
        let derived = Derived::new(key, &salt, context)?;
        out.extend_from_slice(&salt);
        out.extend_from_slice(&derived.commitment);
        Ok(Self { derived, pending: Vec::with_capacity(CHUNK_BYTES), chunk: 0 })
    }

    /// Puts what is full by now into `out`.
    ///
    /// # Errors
    /// When the message becomes too long.
    pub fn update(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.pending.len()));
            bytes = later;
            if now.len() == CHUNK_BYTES {
                self.seal(now, out)?;
                continue;
            }
            self.pending.extend_from_slice(now);
            if self.pending.len() == CHUNK_BYTES {
                let full = std::mem::take(&mut self.pending);
                self.seal(&full, out)?;
                self.pending = full;
                self.pending.clear();
            }
        }
        Ok(())
    }

    /// Puts the last chunk into `out`, which is shorter than others and may be empty: so the end is known.
    ///
    /// # Errors
    /// When the message becomes too long.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        let last = std::mem::take(&mut self.pending);
        self.seal(&last, out)
    }

    fn seal(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        let nonce = self.derived.nonce(self.chunk)?;
        let begin = out.len();
        out.extend_from_slice(chunk);
        let place = out.get_mut(begin..).unwrap_or_default();
        let tag = self.derived.key.seal_in_place_separate_tag(nonce, Aad::empty(), place);
        out.extend_from_slice(tag.map_err(|_| CobblestoneError::Failed)?.as_ref());
        self.chunk += 1;
        Ok(())
    }
}

/// A message whose chunks are opened, in any order.
pub struct Opening(Derived);

impl Opening {
    /// # Errors
    /// `OtherKey` when the commitment is not that of this key, salt and context.
    pub fn begin(key: &MessageKey, context: &[u8], header: &[u8; HEADER_BYTES]) -> Result<Self, CobblestoneError> {
        let (salt, commitment) = header.split_at(SALT_BYTES);
        let derived = Derived::new(key, salt, context)?;
        if derived.commitment != commitment {
            return Err(CobblestoneError::OtherKey);
        }
        Ok(Self(derived))
    }

    /// Opens sealed chunks that follow each other, the first of which has this number.
    ///
    /// # Errors
    /// `Changed` when one of them was sealed otherwise, or elsewhere.
    pub fn open(&self, first: u64, sealed: &[u8]) -> Result<Vec<u8>, CobblestoneError> {
        let mut out = Vec::with_capacity(sealed.len());
        for (chunk, sealed) in (first..).zip(sealed.chunks(SEALED_CHUNK_BYTES)) {
            let begin = out.len();
            out.extend_from_slice(sealed);
            let place = out.get_mut(begin..).unwrap_or_default();
            let opened = self.0.key.open_in_place(self.0.nonce(chunk)?, Aad::empty(), place);
            let size = opened.map_err(|_| CobblestoneError::Changed)?.len();
            out.truncate(begin + size);
        }
        Ok(out)
    }
}

/// How many bytes are in a sealed message of so many; `None` when none has that length, such as one that was cut off.
pub fn opened_bytes(sealed: u64) -> Option<u64> {
    let body = sealed.checked_sub(HEADER_BYTES as u64)?;
    let last = (body % SEALED_CHUNK_BYTES as u64).checked_sub(TAG_BYTES as u64)?;
    Some(body / SEALED_CHUNK_BYTES as u64 * CHUNK_BYTES as u64 + last)
}

/// Where a chunk begins in the sealed message.
pub fn begin_of(chunk: u64) -> u64 {
    HEADER_BYTES as u64 + chunk * SEALED_CHUNK_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &MessageKey, context: &[u8], message: &[u8], step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sealing = Sealing::begin(key, context, &mut out).expect("begin");
        message.chunks(step).for_each(|piece| sealing.update(piece, &mut out).expect("update"));
        sealing.finish(&mut out).expect("finish");
        out
    }

    fn opening(key: &MessageKey, context: &[u8], sealed: &[u8]) -> Result<Opening, CobblestoneError> {
        Opening::begin(key, context, sealed.first_chunk().expect("header"))
    }

    fn message(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn a_message_of_any_length_opens_as_what_it_was_however_it_came() {
        let key = MessageKey::generate().expect("key");
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 100_000] {
            for step in [1_000, CHUNK_BYTES, 70_001] {
                let message = message(length);
                let sealed = sealed(&key, b"here", &message, step);
                assert_eq!(opened_bytes(sealed.len() as u64), Some(length as u64));
                let opening = opening(&key, b"here", &sealed).expect("begin");
                assert_eq!(opening.open(0, &sealed[HEADER_BYTES..]).expect("opened"), message, "{length} by {step}");
            }
        }
    }

    #[test]
    fn a_chunk_opens_alone_at_its_own_number_only() {
        let key = MessageKey::generate().expect("key");
        let message = message(100_000);
        let sealed = sealed(&key, b"", &message, 100_000);
        let opening = opening(&key, b"", &sealed).expect("begin");
        let from = usize::try_from(begin_of(2)).expect("small");
        let chunk = &sealed[from..from + SEALED_CHUNK_BYTES];
        assert_eq!(opening.open(2, chunk).expect("opened"), message[2 * CHUNK_BYTES..3 * CHUNK_BYTES]);
        assert_eq!(opening.open(1, chunk), Err(CobblestoneError::Changed));
        assert_eq!(opening.open(MOST_CHUNKS, chunk), Err(CobblestoneError::TooLong));
    }

    #[test]
    fn another_key_or_context_and_every_change_are_found() {
        let key = MessageKey::generate().expect("key");
        let good = sealed(&key, b"here", &message(20_000), 20_000);
        assert!(matches!(opening(&key, b"there", &good), Err(CobblestoneError::OtherKey)));
        let other = MessageKey::generate().expect("key");
        assert!(matches!(opening(&other, b"here", &good), Err(CobblestoneError::OtherKey)));
        for at in [0, SALT_BYTES, HEADER_BYTES, 9_000, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let opened = opening(&key, b"here", &bad).and_then(|o| o.open(0, &bad[HEADER_BYTES..]));
            assert!(opened.is_err(), "the byte at {at}");
        }
    }

    #[test]
    fn a_message_that_was_cut_off_has_no_length_or_does_not_open() {
        let key = MessageKey::generate().expect("key");
        let good = sealed(&key, b"", &message(2 * CHUNK_BYTES), 5_000);
        for cut in [1, TAG_BYTES, TAG_BYTES + 1, SEALED_CHUNK_BYTES] {
            let bad = &good[..good.len() - cut];
            let is_long_enough = opened_bytes(bad.len() as u64).is_some();
            let opens = opening(&key, b"", bad).and_then(|o| o.open(0, &bad[HEADER_BYTES..])).is_ok();
            assert!(!(is_long_enough && opens), "cut by {cut}");
        }
        for length in
            [0, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + TAG_BYTES - 1, HEADER_BYTES + SEALED_CHUNK_BYTES]
        {
            assert_eq!(opened_bytes(length as u64), None, "{length}");
        }
    }
}
