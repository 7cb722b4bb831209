//! DSSE: an envelope that signs a typed payload as bytes, so that nobody has to agree on a
//! serialisation. Format: secure-systems-lab/dsse, `protocol.md` and `envelope.md`, v1.
//!
//! Invariant: the payload is opaque here. Whoever interprets it does so after
//! [`Envelope::verify`] said yes.

use crate::crypto::json;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An envelope with more signatures than this is not one of ours.
const MAX_SIGNATURES: usize = 16;
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The public half of a key that signs envelopes.
pub trait Verifier {
    /// Lowercase hex SHA-256 over the key's canonical PEM text.
    fn fingerprint(&self) -> String;
    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// A key that signs envelopes.
pub trait Signer {
    /// The fingerprint of the public half.
    fn fingerprint(&self) -> String;
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the envelope is malformed: {0}")]
    Malformed(String),
    #[error("the envelope's {0} is not base64")]
    NotBase64(&'static str),
    #[error("the envelope carries {0} signatures; between 1 and {MAX_SIGNATURES} are read")]
    SignatureCount(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub payload_type: String,
    pub payload: Vec<u8>,
    /// Never empty in an envelope that was parsed.
    pub signatures: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: String,
    /// A hint that is not authenticated; absent, empty and null mean the same.
    #[serde(default)]
    keyid: Option<String>,
}

impl Envelope {
    /// Signs a payload with one key.
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &impl Signer) -> Self {
        let signature = key.sign(&pae(payload_type, &payload));
        Self { payload_type: payload_type.to_owned(), payload, signatures: vec![signature] }
    }

    /// Whether at least one of the signatures is by this key, over this payload and type.
    pub fn verify(&self, key: &impl Verifier) -> bool {
        let message = pae(&self.payload_type, &self.payload);
        self.signatures.iter().any(|signature| key.accepts(&message, signature))
    }

    /// Reads an envelope; base64 may be standard or URL-safe. The caller bounds the size.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_value(json::parse(bytes).map_err(|e| EnvelopeError::Malformed(e.to_string()))?)
    }

    pub(super) fn from_value(value: Value) -> Result<Self, EnvelopeError> {
        let wire: Wire = serde_json::from_value(value).map_err(|e| EnvelopeError::Malformed(e.to_string()))?;
        if wire.signatures.is_empty() || MAX_SIGNATURES < wire.signatures.len() {
            return Err(EnvelopeError::SignatureCount(wire.signatures.len()));
        }
        let signatures = wire.signatures.iter().map(|s| decode(&s.sig).ok_or(EnvelopeError::NotBase64("signature")));
        Ok(Self {
            signatures: signatures.collect::<Result<_, _>>()?,
            payload: decode(&wire.payload).ok_or(EnvelopeError::NotBase64("payload"))?,
            payload_type: wire.payload_type,
        })
    }

    /// The JSON form, with standard base64.
    pub fn to_json(&self) -> Value {
        let signatures: Vec<_> =
            self.signatures.iter().map(|s| serde_json::json!({"sig": STANDARD.encode(s), "keyid": ""})).collect();
        serde_json::json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures,
        })
    }
}

/// Pre-authentication encoding: what is really signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {} {} ", payload_type.len(), payload_type, payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) && !text.contains(['+', '/']) {
        return LENIENT.decode(text.replace('-', "+").replace('_', "/")).ok();
    }
    LENIENT.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::{RegistryKey, SigningKey};

    #[test]
    fn the_encoding_equals_the_example_of_the_specification() {
        let message = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(message, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn both_kinds_of_key_sign_and_verify() {
        let (p256, other) = (SigningKey::generate().expect("key"), SigningKey::generate().expect("key"));
        let ed25519 = RegistryKey::generate().expect("key");
        let envelope = Envelope::sign("t", b"p".to_vec(), &p256);
        assert!(envelope.verify(&p256.verifying_key()));
        assert!(!envelope.verify(&other.verifying_key()));
        assert!(!envelope.verify(&ed25519.verifying_key()));
        let envelope = Envelope::sign("t", b"p".to_vec(), &ed25519);
        assert!(envelope.verify(&ed25519.verifying_key()));
        assert!(!Envelope { payload_type: "u".to_owned(), ..envelope.clone() }.verify(&ed25519.verifying_key()));
        assert!(!Envelope { payload: b"q".to_vec(), ..envelope }.verify(&ed25519.verifying_key()));
    }

    #[test]
    fn both_alphabets_are_read_and_the_standard_one_is_written() {
        let payload = vec![0xFB, 0xFF, 0xBF, 0xFE];
        let key = RegistryKey::generate().expect("key");
        let envelope = Envelope::sign("t", payload, &key);
        let text = envelope.to_json().to_string();
        assert!(text.contains("+/+//g=="), "{text}");
        for spelled in ["-_-__g==", "-_-__g", "+/+//g"] {
            let text = text.replace("+/+//g==", spelled);
            assert_eq!(Envelope::parse(text.as_bytes()).expect("readable"), envelope, "{spelled}");
        }
        for bad in ["-/+//g==", "!", "+/+//h=="] {
            let text = text.replace("+/+//g==", bad);
            assert!(Envelope::parse(text.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn malformed_envelopes_are_refused() {
        for bad in [
            r#"{"payload":"","payloadType":"t","signatures":[]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"sig":""}],"x":1}"#,
            r#"{"payload":"","payload":"","payloadType":"t","signatures":[{"sig":""}]}"#,
            r#"{"payload":"","signatures":[{"sig":""}]}"#,
            "[]",
        ] {
            assert!(Envelope::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
