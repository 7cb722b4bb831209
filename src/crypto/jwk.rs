//! Public keys of others that sign web tokens: JSON Web Key Sets (RFC 7517), for checking alone.
//!
//! Invariant: a key has one algorithm, which its own form says. What a token says of its algorithm only has to agree.

use crate::crypto::json;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// Providers have a handful.
const MAX_KEYS: usize = 100;
/// RSA keys outside of 2048 to 8192 bits are refused, as is an exponent that is longer than this.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
const MAX_EXPONENT_BYTES: usize = 8;

#[derive(Debug, thiserror::Error)]
#[error("the keys are no JSON Web Key Set: {0}")]
pub struct KeySetError(String);

/// Keys that check signatures. Those of other kinds or for encryption are left out.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    /// The algorithm that the provider ties the key to, if it does.
    bound_to: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(serde::Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(serde::Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document: Document = json::parse(bytes).map_err(|e| KeySetError(e.to_string()))?;
        if MAX_KEYS < document.keys.len() {
            return Err(KeySetError(format!("it has {} keys, and {MAX_KEYS} are the most", document.keys.len())));
        }
        // One entry that is not understood says nothing about the others (RFC 7517, section 5).
        let entries = document.keys.into_iter().filter_map(|entry| serde_json::from_value::<Entry>(entry).ok());
        Ok(Self(entries.filter_map(Key::of).collect()))
    }

    /// Keys of that name; without a name, the only one there is.
    pub(super) fn named(&self, id: Option<&str>) -> Vec<&Key> {
        match id {
            Some(id) => self.0.iter().filter(|key| key.id.as_deref() == Some(id)).collect(),
            None if self.0.len() == 1 => self.0.iter().collect(),
            None => Vec::new(),
        }
    }

    /// Whether a token that names this key could be checked.
    pub fn knows(&self, id: Option<&str>) -> bool {
        !self.named(id).is_empty()
    }
}

impl Key {
    fn of(entry: Entry) -> Option<Self> {
        if entry.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let point = |size: usize| {
            let (x, y) = (bytes(&entry.x)?, bytes(&entry.y)?);
            (x.len() == size && y.len() == size).then(|| [&[4], x.as_slice(), y.as_slice()].concat())
        };
        let material = match (entry.kty.as_str(), entry.crv.as_deref()) {
            ("RSA", None) => {
                let (n, e) = (bytes(&entry.n)?, bytes(&entry.e)?);
                let fits = RSA_BYTES.contains(&n.len()) && (1..=MAX_EXPONENT_BYTES).contains(&e.len());
                fits.then_some(Material::Rsa { n, e })?
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&entry.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { id: entry.kid, bound_to: entry.alg, material })
    }

    /// Whether the signature over the message is this key's by that algorithm.
    pub(super) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if self.bound_to.as_deref().is_some_and(|bound| bound != algorithm) {
            return false;
        }
        let checked = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, _) => {
                let parameters = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Material::P256(point), "ES256") => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Material::P384(point), "ES384") => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            (Material::Ed25519(key), "EdDSA" | "Ed25519") => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
            _ => return false,
        };
        checked.is_ok()
    }
}
