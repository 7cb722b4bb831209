//! JSON Web Tokens of others (RFC 7519, compact form): the signature is checked before a claim is looked at.
//!
//! Invariants: the algorithm is on a short list without `none` and without shared secrets; the key comes from the
//! provider's set, never from the token; a header that wants more than that is refused, not passed over (RFC 8725).

use crate::crypto::{json, jwk::KeySet};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

const MAX_BYTES: usize = 64 << 10;
const MAX_KEY_ID_BYTES: usize = 200;
const ALGORITHMS: &[&str] = &["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];
/// Where a token brings its own key, or says where to get it.
const OWN_KEYS: &[&str] = &["jku", "jwk", "x5u", "x5c"];

/// The claims of a token whose signature holds.
pub type Claims = Map<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("it is no signed web token: {0}")]
    Form(&'static str),
    #[error("its algorithm is not one of {}", ALGORITHMS.join(", "))]
    Algorithm,
    #[error("it brings a key of its own ({0}); keys come from the provider's settings alone")]
    OwnKey(&'static str),
    #[error("it is of another type (typ) than the one that is wanted here")]
    Type,
    #[error("it was signed with a key that the provider does not publish")]
    UnknownKey,
    #[error("its signature is not by the key that it names")]
    Signature,
}

impl JwtError {
    /// For the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "malformed_token",
            Self::Algorithm => "algorithm_refused",
            Self::OwnKey(_) => "key_in_token",
            Self::Type => "other_type",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "bad_signature",
        }
    }
}

/// A token that was taken apart; nothing in it is believed yet.
pub struct Unchecked<'a> {
    algorithm: String,
    key: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unchecked<'a> {
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        if MAX_BYTES < token.len() {
            return Err(JwtError::Form("it is longer than 64 KiB"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Form("it has no parts"))?;
        let (header, payload) = message.split_once('.').ok_or(JwtError::Form("it does not have three parts"))?;
        if payload.contains('.') {
            return Err(JwtError::Form("it does not have three parts"));
        }
        let header: Map<String, Value> = json::parse(&decode(header)?).map_err(|_| JwtError::Form("its header"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        if !ALGORITHMS.contains(&algorithm) {
            return Err(JwtError::Algorithm);
        }
        if let Some(own) = OWN_KEYS.iter().find(|own| header.contains_key(**own)) {
            return Err(JwtError::OwnKey(own));
        }
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwtError::Form("its header has extensions that are not understood here"));
        }
        match header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase()) {
            None => {}
            Some(typ) if typ == "jwt" => {}
            Some(_) => return Err(JwtError::Type),
        }
        let key = match header.get("kid") {
            None => None,
            Some(Value::String(id)) if id.len() <= MAX_KEY_ID_BYTES => Some(id.clone()),
            Some(_) => return Err(JwtError::UnknownKey),
        };
        let signature = decode(signature)?;
        Ok(Self { algorithm: algorithm.to_owned(), key, message, payload, signature })
    }

    /// The name of the key that it says it was signed with.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The claims, if a key of the set signed them.
    pub fn verify(self, keys: &KeySet) -> Result<Claims, JwtError> {
        let named = keys.named(self.key());
        if named.is_empty() {
            return Err(JwtError::UnknownKey);
        }
        let message = self.message.as_bytes();
        if !named.iter().any(|key| key.verifies(&self.algorithm, message, &self.signature)) {
            return Err(JwtError::Signature);
        }
        json::parse(&decode(self.payload)?).map_err(|_| JwtError::Form("its claims are no JSON object"))
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Form("a part of it is not base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
    };
    use serde_json::json;

    fn b64(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    struct Signer(EcdsaKeyPair);

    impl Signer {
        fn new() -> Self {
            let rng = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("key");
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &rng).expect("pair");
            Self(key)
        }

        fn set(&self) -> KeySet {
            let point = self.0.public_key().as_ref();
            let key = json!({"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig",
                "x": b64(&point[1..33]), "y": b64(&point[33..])});
            KeySet::parse(json!({"keys": [key, {"kty": "oct", "k": "c2VjcmV0"}]}).to_string().as_bytes()).expect("set")
        }

        fn sign(&self, header: Value) -> String {
            let message = format!("{}.{}", b64(header.to_string()), b64(json!({"sub": "1"}).to_string()));
            let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).expect("signature");
            format!("{message}.{}", b64(signature))
        }
    }

    fn check(token: &str, keys: &KeySet) -> Result<Claims, JwtError> {
        Unchecked::parse(token)?.verify(keys)
    }

    #[test]
    fn a_token_is_checked_with_the_key_that_it_names() {
        let signer = Signer::new();
        let token = signer.sign(json!({"alg": "ES256", "kid": "one", "typ": "JWT"}));
        assert_eq!(check(&token, &signer.set()).expect("claims")["sub"], "1");
        assert_eq!(check(&token, &Signer::new().set()), Err(JwtError::Signature));
        let (message, signature) = token.rsplit_once('.').expect("parts");
        let (header, _) = message.split_once('.').expect("parts");
        let other = format!("{header}.{}.{signature}", b64(json!({"sub": "2"}).to_string()));
        assert_eq!(check(&other, &signer.set()), Err(JwtError::Signature));
    }

    #[test]
    fn a_header_chooses_neither_its_algorithm_nor_its_key() {
        let signer = Signer::new();
        for (header, error) in [
            (json!({"alg": "none", "kid": "one"}), JwtError::Algorithm),
            (json!({"alg": "HS256", "kid": "one"}), JwtError::Algorithm),
            (json!({"alg": "RS256", "kid": "one"}), JwtError::Signature),
            (json!({"alg": "ES256", "kid": "../../one"}), JwtError::UnknownKey),
            (json!({"alg": "ES256", "kid": 1}), JwtError::UnknownKey),
            (json!({"alg": "ES256", "kid": "one", "jku": "https://evil.example"}), JwtError::OwnKey("jku")),
            (json!({"alg": "ES256", "kid": "one", "x5u": "https://evil.example"}), JwtError::OwnKey("x5u")),
            (json!({"alg": "ES256", "kid": "one", "typ": "at+jwt"}), JwtError::Type),
        ] {
            assert_eq!(check(&signer.sign(header.clone()), &signer.set()), Err(error), "{header}");
        }
        for bad in ["", "a", "a.b", "a.b.c.d", "..", "e30.e30.", &"x".repeat(MAX_BYTES + 1)] {
            assert!(check(bad, &signer.set()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_of_edwards_curve_signs_too_and_one_for_encryption_does_not() {
        let rng = SystemRandom::new();
        let pair = Ed25519KeyPair::generate_pkcs8(&rng).expect("key");
        let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("pair");
        let message = format!("{}.{}", b64(json!({"alg": "EdDSA"}).to_string()), b64("{}"));
        let token = format!("{message}.{}", b64(pair.sign(message.as_bytes())));
        let set = |purpose: &str| {
            let key = json!({"kty": "OKP", "crv": "Ed25519", "use": purpose, "x": b64(pair.public_key())});
            KeySet::parse(json!({"keys": [key]}).to_string().as_bytes()).expect("set")
        };
        assert!(check(&token, &set("sig")).is_ok());
        assert_eq!(check(&token, &set("enc")), Err(JwtError::UnknownKey));
    }
}
