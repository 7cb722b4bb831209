//! The public half of a model-signing key: on one of the three curves that OMS v1.0 allows, or of Ed25519, which has the
//! same layout but is no part of that format.
//!
//! Invariant: the curve fixes the hash, so nobody can have a signature judged by another one.

use crate::crypto::{dsse::Verifier, hex, keys::KeyError, pem, registry_key::RegistryVerifyingKey};
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

/// The public half of a model-signing key (EC P-256, P-384 or P-521, or Ed25519).
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(Curve);

#[derive(Clone, PartialEq, Eq)]
enum Curve {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(RegistryVerifyingKey),
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
        let ed25519 = |_| RegistryVerifyingKey::from_pem(text).map(Curve::Ed25519);
        let read = p256().or_else(p384).or_else(p521).or_else(ed25519).map_err(|_| KeyError::NotP256Public)?;
        match &read {
            // Anybody can sign for such a key.
            Curve::Ed25519(key) if key.is_weak() => Err(KeyError::Weak),
            _ => Ok(Self(read)),
        }
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::encode("PUBLIC KEY", der))
    }

    /// Whether OMS v1.0 knows keys of this kind.
    pub fn is_of_oms(&self) -> bool {
        !matches!(self.0, Curve::Ed25519(_))
    }

    /// The canonical text: LF line ends, final newline, uncompressed point.
    pub fn to_pem(&self) -> String {
        let der = match &self.0 {
            Curve::P256(key) => [&P256_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
            Curve::P384(key) => [&P384_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
            Curve::P521(key) => [&P521_PREFIX[..], key.to_sec1_point(false).as_bytes()].concat(),
            Curve::Ed25519(key) => return key.to_pem(),
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

impl From<RegistryVerifyingKey> for VerifyingKey {
    fn from(key: RegistryVerifyingKey) -> Self {
        Self(Curve::Ed25519(key))
    }
}

impl Verifier for VerifyingKey {
    fn fingerprint(&self) -> String {
        Self::fingerprint(self)
    }

    /// ECDSA with the hash of the curve: SHA-256, SHA-384 or SHA-512; the signature in ASN.1 DER. Ed25519 is strict.
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
            Curve::Ed25519(key) => key.accepts(message, signature),
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

    /// The eight points of small order, as their canonical and other encodings (RFC 8032, and Chalkias and others, 2020).
    const SMALL_ORDER: [&str; 5] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];

    #[test]
    fn ed25519_keys_of_small_order_are_refused() {
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        for point in SMALL_ORDER {
            let point = hex::decode::<32>(point).expect("hex");
            let read = VerifyingKey::from_der(&[&prefix[..], &point[..]].concat());
            assert!(read.is_err(), "{}", hex::encode(&point));
        }
    }

    #[test]
    fn an_ed25519_signature_cannot_be_altered_and_still_hold() {
        let signer = crate::crypto::keys::RegistryKey::generate().expect("key");
        let key = VerifyingKey::from_pem(&signer.public_key_pem()).expect("public");
        assert!(!key.is_of_oms());
        let good = signer.sign(b"message");
        assert!(key.accepts(b"message", &good));
        // S + L: the same scalar, written once more.
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let (mut malleable, mut carry) = (good, 0_u16);
        for (byte, add) in malleable[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        assert_ne!(malleable, good);
        assert!(!key.accepts(b"message", &malleable));
        // A commitment of small order.
        let mut small = good;
        small[..32].copy_from_slice(&hex::decode::<32>(SMALL_ORDER[0]).expect("hex"));
        assert!(!key.accepts(b"message", &small));
        assert!(!key.accepts(b"message", &good[..63]));
        assert!(!key.accepts(b"message", &[&good[..], &[0]].concat()));
    }
}
