//! Keys. Model signatures are made with EC P-256 keys, and verified with those of P-384 and P-521 too. Who prefers Ed25519
//! signs with it in the same layout, which OMS v1.0 does not know; the registry signs its own statements and checkpoints so.
//!
//! Invariants: the `Debug` form of a secret key shows no secret; public keys have one
//! text form, and the fingerprint (the OMS key hint) is the SHA-256 over that text.

use crate::crypto::{dsse::Signer, pem};
use p256::{
    SecretKey,
    ecdsa::{self, signature},
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
};
use std::fmt;
use zeroize::Zeroizing;

pub use crate::crypto::{
    ec_key::VerifyingKey,
    registry_key::{RegistryKey, RegistryVerifyingKey},
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the text is longer than any key; send the PEM text of one key only")]
    TooLong,
    #[error(
        "this is not the public key of a supported pair; send an EC key on P-256, P-384 or P-521, or an Ed25519 key, \
         in PEM form, which begins with \"-----BEGIN PUBLIC KEY-----\""
    )]
    NotP256Public,
    #[error(
        "this is not a supported private key; use an EC P-256 or Ed25519 key in PEM form without a password, \
         which begins with \"-----BEGIN PRIVATE KEY-----\" or, on P-256, \"-----BEGIN EC PRIVATE KEY-----\""
    )]
    NotP256Private,
    #[error(
        "this is not the public key of a registry; use an Ed25519 key in PEM form, \
         which begins with \"-----BEGIN PUBLIC KEY-----\""
    )]
    NotEd25519Public,
    #[error(
        "this is not the private key of a registry; use an Ed25519 key in PKCS#8 PEM form, \
         which begins with \"-----BEGIN PRIVATE KEY-----\""
    )]
    NotEd25519Private,
    #[error("anybody can make signatures for this key, as its point is of small order; make another pair")]
    Weak,
    #[error("the verifier key is malformed; it reads NAME+8 hex digits+base64, as the registry prints it")]
    NotVkey,
    #[error("the operating system gave no randomness, so no key was made; try again")]
    NoRandomness,
}

/// A model-signing key (EC P-256, or Ed25519). Wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey {
    key: Secret,
    pem: Zeroizing<String>,
}

#[derive(Clone)]
enum Secret {
    P256(ecdsa::SigningKey),
    Ed25519(RegistryKey),
}

impl SigningKey {
    pub fn generate() -> Result<Self, KeyError> {
        // A random scalar is out of range about once in 2^32 tries.
        for _ in 0..8 {
            let mut scalar = Zeroizing::new([0; 32]);
            getrandom::fill(scalar.as_mut()).map_err(|_| KeyError::NoRandomness)?;
            if let Ok(key) = ecdsa::SigningKey::from_slice(scalar.as_ref()) {
                return Self::new(key);
            }
        }
        Err(KeyError::NoRandomness)
    }

    /// Reads a key in PEM form: PKCS#8, or SEC 1, which `openssl ecparam -genkey` writes behind the name of the curve.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if pem::MAX_PEM_BYTES < text.len() {
            return Err(KeyError::TooLong);
        }
        if let Ok(key) = ecdsa::SigningKey::from_pkcs8_pem(text.trim()) {
            return Self::new(key);
        }
        if let Some(begin) = text.find("-----BEGIN EC PRIVATE KEY-----") {
            let key = SecretKey::from_sec1_pem(text[begin..].trim()).map_err(|_| KeyError::NotP256Private)?;
            return Self::new(key.into());
        }
        let key = RegistryKey::from_pem(text).map_err(|_| KeyError::NotP256Private)?;
        Ok(Self { pem: key.to_pem(), key: Secret::Ed25519(key) })
    }

    fn new(key: ecdsa::SigningKey) -> Result<Self, KeyError> {
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::NotP256Private)?;
        Ok(Self { key: Secret::P256(key), pem })
    }

    /// PKCS#8 in PEM form; the copy is wiped when dropped.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.pem.clone()
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        match &self.key {
            Secret::P256(key) => VerifyingKey::from(*key.verifying_key()),
            Secret::Ed25519(key) => VerifyingKey::from(key.verifying_key()),
        }
    }
}

impl Signer for SigningKey {
    fn fingerprint(&self) -> String {
        self.verifying_key().fingerprint()
    }

    /// Deterministic ECDSA (RFC 6979) with SHA-256, in ASN.1 DER; or Ed25519.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Secret::P256(key) => {
                let signature: ecdsa::Signature = signature::Signer::sign(key, message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => Signer::sign(key, message),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public half {})", self.verifying_key().fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{dsse::Verifier as _, hex};
    use p256::pkcs8::EncodePublicKey;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn a_key_survives_its_text_and_the_text_is_canonical() {
        let key = SigningKey::generate().expect("key");
        let public = key.verifying_key();
        let Secret::P256(secret) = &key.key else { unreachable!("made on P-256") };
        let library = secret.verifying_key().to_public_key_pem(LineEnding::LF).expect("pem");
        assert_eq!(public.to_pem(), library);
        for text in [library.clone(), library.replace('\n', "\r\n"), library.trim().to_owned()] {
            assert_eq!(VerifyingKey::from_pem(&text).expect("readable").to_pem(), library);
        }
        let again = SigningKey::from_pem(&key.to_pem()).expect("private");
        assert_eq!(again.verifying_key(), public);
        assert_eq!(public.fingerprint(), hex::encode(&Sha256::digest(library.as_bytes())));
    }

    #[test]
    fn a_key_as_openssl_writes_it_is_read() {
        let key = SigningKey::generate().expect("key");
        let Secret::P256(secret) = &key.key else { unreachable!("made on P-256") };
        let old = SecretKey::from_slice(&secret.to_bytes()).expect("secret").to_sec1_pem(LineEnding::LF).expect("pem");
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        for text in [old.to_string(), format!("{parameters}{}", *old)] {
            assert_eq!(SigningKey::from_pem(&text).expect("readable").verifying_key(), key.verifying_key());
        }
        assert!(SigningKey::from_pem(&old.replace("EC PRIVATE", "EC PRIVAT")).is_err());
    }

    #[test]
    fn debug_shows_the_fingerprint_and_no_secret() {
        let key = SigningKey::generate().expect("key");
        let shown = format!("{key:?}");
        assert!(shown.contains(&key.verifying_key().fingerprint()));
        let Secret::P256(secret) = &key.key else { unreachable!("made on P-256") };
        assert!(!shown.contains(&hex::encode(&secret.to_bytes())));
        assert!(key.to_pem().lines().all(|line| !shown.contains(line)));
    }

    #[test]
    fn other_keys_are_refused_with_a_sentence() {
        let key = SigningKey::generate().expect("key");
        assert_eq!(VerifyingKey::from_pem(&key.to_pem()).err(), Some(KeyError::NotP256Public));
        assert_eq!(SigningKey::from_pem(&key.verifying_key().to_pem()).err(), Some(KeyError::NotP256Private));
        assert_eq!(VerifyingKey::from_pem(&"x".repeat(9000)).err(), Some(KeyError::TooLong));
        for bad in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "\0"] {
            assert!(VerifyingKey::from_pem(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn who_prefers_ed25519_signs_with_it() {
        let registry = RegistryKey::generate().expect("key");
        let key = SigningKey::from_pem(&registry.to_pem()).expect("private");
        assert_eq!(key.to_pem(), registry.to_pem());
        assert_eq!(key.verifying_key().to_pem(), registry.public_key_pem());
        assert!(key.verifying_key().accepts(b"message", &Signer::sign(&key, b"message")));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let (key, other) = (SigningKey::generate().expect("key"), SigningKey::generate().expect("key"));
        let signature = Signer::sign(&key, b"message");
        assert!(key.verifying_key().accepts(b"message", &signature));
        assert!(!key.verifying_key().accepts(b"messagf", &signature));
        assert!(!other.verifying_key().accepts(b"message", &signature));
        assert!(!key.verifying_key().accepts(b"message", &signature[1..]));
    }
}
