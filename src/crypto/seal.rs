//! Small secrets at rest: XChaCha20-Poly1305 under a key that is never in the database.
//!
//! A sealed text is bound to what it belongs to: moved to another row, it does not open.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a sealing key has {KEY_BYTES} bytes")]
    Key,
    #[error("the operating system gave no randomness")]
    NoRandomness,
    #[error("the secret could not be sealed")]
    Failed,
    #[error("a sealed secret does not open: it was sealed with another key, or belongs elsewhere")]
    Closed,
}

pub struct SealingKey(XChaCha20Poly1305);

impl SealingKey {
    /// # Errors
    /// When it has another length than [`KEY_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(Self(XChaCha20Poly1305::new_from_slice(bytes).map_err(|_| SealError::Key)?))
    }

    /// Base64 of the nonce, the sealed bytes and their tag. A nonce of 192 random bits is never used twice.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, secret: &[u8], belongs_to: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: secret, aad: belongs_to.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Failed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// # Errors
    /// When another key sealed it, it belongs to something else, or it was changed.
    pub fn open(&self, sealed: &str, belongs_to: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Closed)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Closed)?;
        let payload = Payload { msg: text, aad: belongs_to.as_bytes() };
        let opened = self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Closed)?;
        Ok(Zeroizing::new(opened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_where_it_belongs_and_nowhere_else() {
        let key = |byte: u8| SealingKey::from_bytes(&[byte; KEY_BYTES]).expect("key");
        let sealed = key(1).seal(b"a secret", "ines").expect("sealed");
        assert_ne!(sealed, key(1).seal(b"a secret", "ines").expect("sealed"), "never the same twice");
        assert_eq!(key(1).open(&sealed, "ines").expect("opened").as_slice(), b"a secret");
        assert!(key(2).open(&sealed, "ines").is_err() && key(1).open(&sealed, "omar").is_err());
        for broken in ["", "x", &sealed[4..], &sealed[..sealed.len() - 4]] {
            assert!(key(1).open(broken, "ines").is_err(), "{broken}");
        }
        assert!(SealingKey::from_bytes(b"short").is_err());
    }
}
