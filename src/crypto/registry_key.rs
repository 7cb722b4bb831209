//! The registry's own key pair (Ed25519, RFC 8032): it signs statements and checkpoints.

use crate::crypto::{
    dsse::{Signer, Verifier},
    hex,
    keys::KeyError,
    note, pem,
};
use ed25519_dalek::{
    Signature, Signer as _,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// DER up to the 32 key bytes: SubjectPublicKeyInfo and PKCS#8 v1 with id-Ed25519 (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The registry's secret key. Wiped from memory when dropped.
#[derive(Clone)]
pub struct RegistryKey(ed25519_dalek::SigningKey);

impl RegistryKey {
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| KeyError::NoRandomness)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads a PKCS#8 key in PEM form.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if pem::MAX_PEM_BYTES < text.len() {
            return Err(KeyError::TooLong);
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim()).map(Self).map_err(|_| KeyError::NotEd25519Private)
    }

    /// PKCS#8 in PEM form; the copy is wiped when dropped.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        der[16..].copy_from_slice(self.0.as_bytes());
        pem::encode("PRIVATE KEY", der.as_ref())
    }

    pub fn verifying_key(&self) -> RegistryVerifyingKey {
        RegistryVerifyingKey(self.0.verifying_key())
    }

    pub fn public_key_pem(&self) -> String {
        self.verifying_key().to_pem()
    }

    pub fn public_bytes(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl Signer for RegistryKey {
    fn fingerprint(&self) -> String {
        self.verifying_key().fingerprint()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        Self::sign(self, message).to_vec()
    }
}

impl fmt::Debug for RegistryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryKey(public half {})", self.verifying_key().fingerprint())
    }
}

/// The registry's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryVerifyingKey(ed25519_dalek::VerifyingKey);

impl RegistryVerifyingKey {
    /// Reads a SubjectPublicKeyInfo in PEM form.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if pem::MAX_PEM_BYTES < text.len() {
            return Err(KeyError::TooLong);
        }
        ed25519_dalek::VerifyingKey::from_public_key_pem(text.trim()).map(Self).map_err(|_| KeyError::NotEd25519Public)
    }

    /// Reads a C2SP verifier key, `NAME+8 hex digits+base64`; see [`note::vkey`].
    pub fn from_vkey(text: &str) -> Result<Self, KeyError> {
        note::Vkey::parse(text).map(|vkey| vkey.key).map_err(|_| KeyError::NotVkey)
    }

    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| KeyError::NotEd25519Public)
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Of small order: signatures of such a key can be made without its secret.
    pub fn is_weak(&self) -> bool {
        self.0.is_weak()
    }

    /// The canonical text: LF line ends, final newline.
    pub fn to_pem(&self) -> String {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(self.0.as_bytes());
        pem::encode("PUBLIC KEY", &der).to_string()
    }

    /// Lowercase hex SHA-256 over [`to_pem`](Self::to_pem).
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.to_pem().as_bytes()))
    }
}

impl Verifier for RegistryVerifyingKey {
    fn fingerprint(&self) -> String {
        Self::fingerprint(self)
    }

    /// Strict: refuses weak keys and signatures that can be altered and still hold.
    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.0.verify_strict(message, &s).is_ok())
    }
}

impl fmt::Debug for RegistryVerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryVerifyingKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_texts() {
        let key = RegistryKey::generate().expect("key");
        let again = RegistryKey::from_pem(&key.to_pem()).expect("private");
        assert_eq!(again.public_bytes(), key.public_bytes());
        let public = RegistryVerifyingKey::from_pem(&key.public_key_pem()).expect("public");
        assert_eq!(public.to_bytes(), key.public_bytes());
        let vkey = note::vkey("log.example", &key.public_bytes());
        assert_eq!(RegistryVerifyingKey::from_vkey(&vkey), Ok(public));
    }

    #[test]
    fn the_text_equals_that_of_other_tools() {
        // RFC 8410, section 10.3, and the public key that section 10.1 gives for it.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let key = RegistryKey::from_pem(private).expect("private");
        assert_eq!(key.to_pem().as_str(), private);
        assert_eq!(key.public_key_pem(), public);
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let (key, other) = (RegistryKey::generate().expect("key"), RegistryKey::generate().expect("key"));
        let signature = key.sign(b"message");
        assert!(key.verifying_key().accepts(b"message", &signature));
        assert!(!key.verifying_key().accepts(b"messagf", &signature));
        assert!(!other.verifying_key().accepts(b"message", &signature));
        assert!(!format!("{key:?}").contains(&hex::encode(key.0.as_bytes())));
    }
}
