//! The public half of a model-signing key, on one of the three curves that OMS v1.0 allows.
//!
//! Invariant: the curve fixes the hash, so nobody can have a signature judged by another one.

use crate::crypto::{dsse::Verifier, hex, keys::KeyError, pem};
use p256::{ecdsa::signature, pkcs8::DecodePublicKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// DER of a SubjectPublicKeyInfo up to the point: id-ecPublicKey and the curve (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];
const P521_PREFIX: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

/// The public half of a model-signing key (EC P-256, P-384 or P-521).
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(Curve);

#[derive(Clone, PartialEq, Eq)]
enum Curve {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
}

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo in PEM form.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if pem::MAX_PEM_BYTES < text.len() {
            return Err(KeyError::TooLong);
        }
        let text = text.trim();
        let p256 = || p256::ecdsa::VerifyingKey::from_public_key_pem(text).map(Curve::P256);
        let p384 = |_| p384::ecdsa::VerifyingKey::from_public_key_pem(text).map(Curve::P384);
        let p521 = |_| p521::ecdsa::VerifyingKey::from_public_key_pem(text).map(|key| Curve::P521(Box::new(key)));
        p256().or_else(p384).or_else(p521).map(Self).map_err(|_| KeyError::NotP256Public)
    }

    /// The canonical text: LF line ends, final newline, uncompressed point.
    pub fn to_pem(&self) -> String {
        let der = match &self.0 {
            Curve::P256(key) => [&P256_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
            Curve::P384(key) => [&P384_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
            Curve::P521(key) => [&P521_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
        };
        pem::encode("PUBLIC KEY", &der).to_string()
    }

    /// Lowercase hex SHA-256 over [`to_pem`](Self::to_pem): the hint of OMS v1.0.
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.to_pem().as_bytes()))
    }
}

impl From<p256::ecdsa::VerifyingKey> for VerifyingKey {
    fn from(key: p256::ecdsa::VerifyingKey) -> Self {
        Self(Curve::P256(key))
    }
}

impl Verifier for VerifyingKey {
    fn fingerprint(&self) -> String {
        Self::fingerprint(self)
    }

    /// ECDSA with the hash of the curve: SHA-256, SHA-384 or SHA-512; the signature in ASN.1 DER.
    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        use signature::Verifier as _;
        match &self.0 {
            Curve::P256(key) => {
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify(message, &s).is_ok())
            }
            Curve::P384(key) => {
                p384::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify(message, &s).is_ok())
            }
            Curve::P521(key) => {
                p521::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify(message, &s).is_ok())
            }
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::pkcs8::{EncodePublicKey, LineEnding};
    use signature::Signer;

    /// A key of each curve: the text of the library, and the signature over a message.
    fn signers() -> [(String, Vec<u8>); 3] {
        let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("scalar");
        let p384 = p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("scalar");
        let mut scalar = [7; 66];
        scalar[0] = 0;
        let p521 = p521::ecdsa::SigningKey::from_slice(&scalar).expect("scalar");
        let (a, b, c): (p256::ecdsa::Signature, p384::ecdsa::Signature, p521::ecdsa::Signature) =
            (p256.sign(b"message"), p384.sign(b"message"), p521.sign(b"message"));
        let pem = LineEnding::LF;
        [
            (p256.verifying_key().to_public_key_pem(pem).expect("pem"), a.to_der().as_bytes().to_vec()),
            (p384.verifying_key().to_public_key_pem(pem).expect("pem"), b.to_der().as_bytes().to_vec()),
            (p521.verifying_key().to_public_key_pem(pem).expect("pem"), c.to_der().as_bytes().to_vec()),
        ]
    }

    #[test]
    fn a_signature_holds_for_its_message_and_curve_only() {
        let signers = signers();
        for (own, (text, _)) in signers.iter().enumerate() {
            let key = VerifyingKey::from_pem(text).expect("key");
            assert_eq!(&key.to_pem(), text);
            for (other, (_, signature)) in signers.iter().enumerate() {
                assert_eq!(key.accepts(b"message", signature), own == other, "{own} {other}");
                assert!(!key.accepts(b"messagf", signature));
                assert!(!key.accepts(b"message", &signature[1..]));
            }
        }
    }
}
