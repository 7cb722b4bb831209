//! Things that a provenance names, by digest. Format: in-toto attestation framework,
//! `spec/v1/resource_descriptor.md` and `digest_set.md`.

use super::{Fault, slsa::Place};
use crate::core::text::misleads;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use std::collections::BTreeMap;

const MAX_DIGESTS: usize = 8;
const MAX_ANNOTATIONS: usize = 64;
const MAX_DIGEST_CHARS: usize = 256;

/// Names of algorithms and how many hex digits each has. Others are kept as they are written.
const HEX_DIGITS: &[(&str, &[usize])] = &[
    ("sha256", &[64]),
    ("sha384", &[96]),
    ("sha512", &[128]),
    ("sha512_256", &[64]),
    ("sha3_256", &[64]),
    ("sha3_512", &[128]),
    ("blake2b", &[128]),
    ("blake3", &[64]),
    // Git's, in repositories of SHA-1 and of SHA-256.
    ("gitCommit", &[40, 64]),
    ("gitTree", &[40, 64]),
    ("gitBlob", &[40, 64]),
    ("gitTag", &[40, 64]),
    ("sha1", &[40]),
];

/// What a material was to the making of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    TrainingData,
    ValidationData,
    BaseModel,
    Code,
    Environment,
    /// Whoever wrote the statement did not say, or said something else.
    Other,
}

impl Role {
    pub const ALL: [Self; 6] =
        [Self::TrainingData, Self::ValidationData, Self::BaseModel, Self::Code, Self::Environment, Self::Other];

    /// As it stands in `annotations.role`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainingData => "training-dataset",
            Self::ValidationData => "validation-dataset",
            Self::BaseModel => "base-model",
            Self::Code => "code",
            Self::Environment => "environment",
            Self::Other => "other",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::TrainingData => "training data",
            Self::ValidationData => "validation data",
            Self::BaseModel => "base model",
            Self::Code => "code",
            Self::Environment => "environment",
            Self::Other => "material",
        }
    }

    fn of(said: Option<&str>, digests: &BTreeMap<String, String>) -> Self {
        let known = said.and_then(|said| Self::ALL.into_iter().find(|role| role.name() == said));
        let is_code = || digests.keys().any(|algorithm| algorithm.starts_with("git"));
        known.unwrap_or_else(|| if is_code() { Self::Code } else { Self::Other })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    pub role: Role,
    pub name: Option<String>,
    pub uri: Option<String>,
    pub media_type: Option<String>,
    /// Lowercase hex for every algorithm that is known here.
    pub digests: BTreeMap<String, String>,
}

impl Material {
    /// What to call it before people.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.uri.as_deref()).unwrap_or("without a name")
    }

    /// The digest that it is found by.
    pub fn sha256(&self) -> Option<&str> {
        self.digests.get("sha256").map(String::as_str)
    }

    /// The digest to show: the sha256, or whichever there is.
    pub fn shown_digest(&self) -> Option<(&str, &str)> {
        let sha256 = self.digests.get_key_value("sha256");
        sha256.or_else(|| self.digests.iter().next()).map(|(algorithm, value)| (algorithm.as_str(), value.as_str()))
    }

    pub(super) fn read(at: &Place<'_>) -> Result<Self, Fault> {
        at.object()?;
        let digests = digests(&at.key("digest"))?;
        let annotations = at.key("annotations");
        if MAX_ANNOTATIONS < annotations.entries()?.len() {
            return Err(annotations.fault(format!("has more than {MAX_ANNOTATIONS} entries")));
        }
        let said = annotations.key("role").text()?;
        let name = at.key("name").text()?;
        let uri = at.key("uri").uri()?;
        let location = at.key("downloadLocation").uri()?;
        let content = at.key("content").text()?;
        if !content.as_deref().is_none_or(is_base64) {
            return Err(at.key("content").fault("is no base64"));
        }
        if uri.is_none() && digests.is_empty() && content.is_none() {
            return Err(at.fault("has none of uri, digest and content, so nobody can say what it is"));
        }
        let media_type = at.key("mediaType").text()?;
        Ok(Self { role: Role::of(said.as_deref(), &digests), name, uri: uri.or(location), media_type, digests })
    }
}

/// Of either alphabet and with or without its end, as readers of protobuf's JSON take it.
fn is_base64(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    text.len() - bare.len() <= 2 && (STANDARD_NO_PAD.decode(bare).is_ok() || URL_SAFE_NO_PAD.decode(bare).is_ok())
}

/// Empty where there is none.
fn digests(at: &Place<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let entries = at.entries()?;
    if MAX_DIGESTS < entries.len() {
        return Err(at.fault(format!("has more than {MAX_DIGESTS} algorithms")));
    }
    let mut digests = BTreeMap::new();
    for (algorithm, value) in entries {
        check_digest(algorithm, value).map_err(|detail| at.key(algorithm).fault(detail))?;
        digests.insert(algorithm.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    Ok(digests)
}

/// A digest that is written in another way would never be found again.
pub(super) fn check_digest(algorithm: &str, value: &Value) -> Result<(), String> {
    if algorithm.is_empty()
        || algorithm.len() > 32
        || !algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        return Err("is no name of a digest algorithm".to_owned());
    }
    let Some(value) = value.as_str() else { return Err("is no text".to_owned()) };
    let Some((_, lengths)) = HEX_DIGITS.iter().find(|(known, _)| *known == algorithm) else {
        let is_readable = !value.is_empty() && value.len() <= MAX_DIGEST_CHARS && !value.chars().any(misleads);
        return if is_readable { Ok(()) } else { Err("is empty, too long, or not printable".to_owned()) };
    };
    let is_hex = value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex && lengths.contains(&value.len()) {
        return Ok(());
    }
    let wanted = lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
    Err(format!("is not {wanted} lowercase hex digits"))
}
