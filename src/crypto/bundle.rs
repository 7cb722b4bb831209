//! Sigstore bundle v0.3: a DSSE envelope, with a hint that says which key signed it, or with the certificates of who did. Format: sigstore/protobuf-specs, `sigstore_bundle.proto`.
//!
//! Invariants: the hint only selects among keys that the caller trusts; exactly one
//! signature; the signature is checked before the payload is parsed.

use crate::crypto::{
    certificate::{CertificateError, Chain},
    dsse::{Envelope, EnvelopeError, Signer, Verifier},
    json,
    keys::{RegistryKey, RegistryVerifyingKey, SigningKey, VerifyingKey},
    statement::{MAX_STATEMENT_BYTES, PAYLOAD_TYPE, Statement, StatementError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle has {size_bytes} bytes, and at most {max_bytes} are read")]
    TooLarge { size_bytes: usize, max_bytes: usize },
    #[error("this is not a Sigstore bundle: {0}")]
    Malformed(String),
    #[error("the bundle's mediaType is \"{0}\"; only \"{MEDIA_TYPE}\" is read")]
    MediaType(String),
    #[error("the bundle is not signed with the key method; sign with a key, as certificates are not judged here")]
    NotKeyMethod,
    #[error("signed by the key {hint}, which is not trusted; add the key, or sign with a trusted one")]
    UnknownKey { hint: String },
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("the payload type is \"{0}\"; only \"{PAYLOAD_TYPE}\" is read")]
    PayloadType(String),
    #[error("the bundle carries {0} signatures; exactly one is allowed")]
    SignatureCount(usize),
    #[error("the signature is not by the key {fingerprint} over this payload: one of them was altered; sign again")]
    BadSignature { fingerprint: String },
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl BundleError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Statement(StatementError::TooLarge { .. }) => "bundle_too_large",
            Self::Malformed(_) => "bundle_malformed",
            Self::MediaType(_) => "media_type_unknown",
            Self::NotKeyMethod => "not_key_method",
            Self::UnknownKey { .. } => "key_unknown",
            Self::Certificate(error) => error.code(),
            Self::Envelope(_) => "envelope_malformed",
            Self::PayloadType(_) => "payload_type_unknown",
            Self::SignatureCount(_) => "signature_count",
            Self::BadSignature { .. } => "signature_invalid",
            Self::Statement(_) => "statement_malformed",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    media_type: String,
    verification_material: WireMaterial,
    dsse_envelope: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireMaterial {
    public_key: Option<PublicKey>,
    x509_certificate_chain: Option<WireChain>,
    certificate: Option<WireCertificate>,
    /// Logs and timestamps prove nothing that is asked here: they are not looked at.
    #[serde(default, rename = "tlogEntries")]
    _tlog_entries: Option<Value>,
    #[serde(default, rename = "timestampVerificationData")]
    _timestamp_verification_data: Option<Value>,
}

/// Writers of today name the key by a hint; those of before version 1.1 of the reference tool put it here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PublicKey {
    hint: Option<String>,
    raw_bytes: Option<String>,
    /// How to sign with such a key, which its kind says already.
    #[serde(default, rename = "keyDetails")]
    _key_details: Option<Value>,
}

impl PublicKey {
    /// The name of the key that is to be among the trusted ones. What stands here is never trusted itself.
    fn hint(self) -> Result<String, BundleError> {
        let malformed = |what: &str| BundleError::Malformed(what.to_owned());
        let hint = self.hint.filter(|hint| !hint.is_empty());
        let Some(raw) = self.raw_bytes.filter(|raw| !raw.is_empty()) else {
            return hint.ok_or_else(|| malformed("it does not name the key that signed"));
        };
        let unreadable = || malformed("the key in it can't be read");
        let bytes = STANDARD.decode(raw).map_err(|_| unreadable())?;
        let key = match std::str::from_utf8(&bytes) {
            Ok(text) if text.trim_start().starts_with("-----BEGIN") => VerifyingKey::from_pem(text),
            _ => VerifyingKey::from_der(&bytes),
        };
        let named = key.map_err(|_| unreadable())?.fingerprint();
        match hint {
            Some(hint) if hint != named => Err(malformed("it names one key and holds another")),
            _ => Ok(named),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireCertificate {
    raw_bytes: String,
}

/// A payload whose signature holds, and the fingerprint of the key that made it.
pub(super) struct Opened {
    pub payload: Vec<u8>,
    pub key_fingerprint: String,
}

/// What says who signed.
pub(super) enum Material {
    Key { hint: String },
    Certificates(Chain),
}

/// A bundle whose signature nobody has looked at yet.
pub(super) struct Unverified {
    pub material: Material,
    envelope: Value,
}

/// Checks the signature of a bundle that carries an in-toto statement.
///
/// `max_payload_bytes` bounds the payload; the bundle may be half as large again.
pub(super) fn open<K: Verifier>(bundle: &[u8], trusted: &[K], max_payload_bytes: usize) -> Result<Opened, BundleError> {
    let unverified = read(bundle, max_payload_bytes)?;
    let Material::Key { hint } = &unverified.material else { return Err(BundleError::NotKeyMethod) };
    let key = find(hint, trusted)?;
    unverified.check(key)
}

/// The trusted key at which a bundle hints.
pub(super) fn find<'k, K: Verifier>(hint: &str, trusted: &'k [K]) -> Result<&'k K, BundleError> {
    let unknown = || BundleError::UnknownKey { hint: hint.chars().take(128).collect() };
    trusted.iter().find(|key| key.fingerprint() == hint).ok_or_else(unknown)
}

pub(super) fn read(bundle: &[u8], max_payload_bytes: usize) -> Result<Unverified, BundleError> {
    let max_bytes = max_payload_bytes / 2 * 3;
    if max_bytes < bundle.len() {
        return Err(BundleError::TooLarge { size_bytes: bundle.len(), max_bytes });
    }
    let wire: Wire = json::parse(bundle).map_err(|e| BundleError::Malformed(e.to_string()))?;
    if wire.media_type != MEDIA_TYPE {
        return Err(BundleError::MediaType(wire.media_type));
    }
    let material = wire.verification_material;
    let material = match (material.public_key, material.x509_certificate_chain, material.certificate) {
        (Some(key), None, None) => Material::Key { hint: key.hint()? },
        (None, Some(chain), None) => Material::Certificates(decode_chain(&chain.certificates)?),
        (None, None, Some(one)) => Material::Certificates(decode_chain(&[one])?),
        _ => {
            return Err(BundleError::Malformed(
                "it does not say by exactly one kind of material who signed".to_owned(),
            ));
        }
    };
    Ok(Unverified { material, envelope: wire.dsse_envelope })
}

fn decode_chain(certificates: &[WireCertificate]) -> Result<Chain, BundleError> {
    let decoded = certificates.iter().map(|c| STANDARD.decode(&c.raw_bytes)).collect::<Result<Vec<_>, _>>();
    let decoded = decoded.map_err(|_| BundleError::Malformed("a certificate is not base64".to_owned()))?;
    Ok(Chain::new(decoded)?)
}

impl Unverified {
    pub fn check<K: Verifier>(self, key: &K) -> Result<Opened, BundleError> {
        let envelope = Envelope::from_value(self.envelope)?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(BundleError::PayloadType(envelope.payload_type));
        }
        if envelope.signatures.len() != 1 {
            return Err(BundleError::SignatureCount(envelope.signatures.len()));
        }
        if !envelope.verify(key) {
            return Err(BundleError::BadSignature { fingerprint: key.fingerprint() });
        }
        Ok(Opened { payload: envelope.payload, key_fingerprint: key.fingerprint() })
    }
}

/// A statement whose signature a chain of certificates speaks for.
pub(super) fn seal_certified(statement: &Statement, key: &SigningKey, chain: &Chain) -> Value {
    let certificates: Vec<_> =
        chain.certificates().iter().map(|der| json!({"rawBytes": STANDARD.encode(der)})).collect();
    let mut bundle = seal(payload(statement), key);
    bundle["verificationMaterial"] = json!({"x509CertificateChain": {"certificates": certificates}, "tlogEntries": []});
    bundle
}

pub(super) fn seal(payload: Vec<u8>, key: &impl Signer) -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.fingerprint()}, "tlogEntries": []},
        "dsseEnvelope": Envelope::sign(PAYLOAD_TYPE, payload, key).to_json(),
    })
}

/// Reads a statement that one of the trusted keys (EC P-256) signed.
pub fn verify_statement(bundle: &[u8], trusted: &[VerifyingKey]) -> Result<Statement, BundleError> {
    verify_statement_by(bundle, trusted).map(|(statement, _)| statement)
}

/// The same, and the fingerprint of the key that signed it.
pub fn verify_statement_by(bundle: &[u8], trusted: &[VerifyingKey]) -> Result<(Statement, String), BundleError> {
    let opened = open(bundle, trusted, MAX_STATEMENT_BYTES)?;
    Ok((Statement::parse(&opened.payload)?, opened.key_fingerprint))
}

/// The bundle of a statement, signed with an EC P-256 key.
pub fn sign_statement(statement: &Statement, key: &SigningKey) -> Value {
    seal(payload(statement), key)
}

/// Reads a statement of the registry itself (Ed25519).
pub fn verify_registry_statement(bundle: &[u8], key: &RegistryVerifyingKey) -> Result<Statement, BundleError> {
    verify_registry_statement_by(bundle, std::slice::from_ref(key))
}

/// The same, when the registry had several keys in its time.
pub fn verify_registry_statement_by(bundle: &[u8], keys: &[RegistryVerifyingKey]) -> Result<Statement, BundleError> {
    let opened = open(bundle, keys, MAX_STATEMENT_BYTES)?;
    Ok(Statement::parse_exactly(&opened.payload, MAX_STATEMENT_BYTES)?)
}

/// The bundle of a statement of the registry itself (Ed25519).
pub fn sign_registry_statement(statement: &Statement, key: &RegistryKey) -> Value {
    seal(payload(statement), key)
}

/// Canonical, though any serialisation would do: the bytes are signed as they stand.
fn payload(statement: &Statement) -> Vec<u8> {
    statement.to_canonical().unwrap_or_else(|_| json!(statement).to_string()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::statement::Subject;

    fn statement() -> Statement {
        Statement::new(vec![Subject::sha256("model.onnx", "00")], "https://example.com/x", json!({"a": 1}))
    }

    #[test]
    fn a_statement_is_read_back_only_with_the_key_that_signed_it() {
        let (key, other) = (SigningKey::generate().expect("key"), SigningKey::generate().expect("key"));
        let bundle = sign_statement(&statement(), &key).to_string();
        let trusted = [other.verifying_key(), key.verifying_key()];
        assert_eq!(verify_statement(bundle.as_bytes(), &trusted).expect("verified"), statement());
        let error = verify_statement(bundle.as_bytes(), &trusted[..1]).expect_err("unknown key");
        assert_eq!(error.code(), "key_unknown");

        let registry = RegistryKey::generate().expect("key");
        let bundle = sign_registry_statement(&statement(), &registry).to_string();
        let read = verify_registry_statement(bundle.as_bytes(), &registry.verifying_key()).expect("verified");
        assert_eq!(read, statement());
        assert_eq!(verify_statement(bundle.as_bytes(), &trusted).expect_err("not P-256").code(), "key_unknown");
    }

    #[test]
    fn every_departure_has_its_own_answer() {
        let key = SigningKey::generate().expect("key");
        let good = sign_statement(&statement(), &key);
        let other = sign_statement(&Statement::new(Vec::new(), "t", json!({})), &key);
        let cases: [(&str, Value, &str); 7] = [
            ("/mediaType", json!("application/json"), "media_type_unknown"),
            ("/verificationMaterial", json!({"certificate": {}}), "bundle_malformed"),
            ("/verificationMaterial/publicKey/hint", json!("00"), "key_unknown"),
            ("/dsseEnvelope/payloadType", json!("text/plain"), "payload_type_unknown"),
            ("/dsseEnvelope/payload", other["dsseEnvelope"]["payload"].clone(), "signature_invalid"),
            ("/dsseEnvelope/signatures", json!([{"sig": ""}, {"sig": ""}]), "signature_count"),
            ("/dsseEnvelope/signatures", json!([]), "envelope_malformed"),
        ];
        for (pointer, value, code) in cases {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect("field") = value;
            let error = verify_statement(bad.to_string().as_bytes(), &[key.verifying_key()]).expect_err(code);
            assert_eq!(error.code(), code);
        }
        let large = vec![b' '; 4 << 20];
        assert_eq!(verify_statement(&large, &[key.verifying_key()]).expect_err("large").code(), "bundle_too_large");
    }

    #[test]
    fn the_signature_is_judged_before_the_payload_is_read() {
        let key = SigningKey::generate().expect("key");
        let mut bundle = seal(b"not json".to_vec(), &key);
        let judge = |bundle: &Value| verify_statement(bundle.to_string().as_bytes(), &[key.verifying_key()]);
        assert_eq!(judge(&bundle).expect_err("no statement").code(), "statement_malformed");
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA");
        assert_eq!(judge(&bundle).expect_err("not signed").code(), "signature_invalid");
    }
}
