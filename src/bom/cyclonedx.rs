//! The format: CycloneDX 1.6 (ECMA-424), JSON, as far as bills of models need it.
//!
//! The schema knows no other keys than its own, so ours are `properties` that begin with `plimsoll:`. Values of performance
//! metrics are texts there, not numbers. What is empty is left out.

use crate::{
    core::{clock::rfc3339, digest::Digest, text::plain},
    error::Error,
    stats::figure::Figure,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What a bill is served as.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json; version=1.6";
/// Longer texts of others are cut.
const MAX_CHARS: usize = 4_000;

/// A whole bill.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bom {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    pub metadata: Metadata,
    pub components: Vec<Component>,
    pub dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
pub struct Metadata {
    timestamp: String,
    tools: Tools,
    pub component: Component,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    pub r#type: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    pub bom_ref: String,
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<Licensed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pedigree: Option<Pedigree>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_card: Option<ModelCard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

#[derive(Serialize)]
pub struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
pub struct Licensed {
    license: License,
}

#[derive(Serialize)]
struct License {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    acknowledgement: &'static str,
}

/// What a component comes from.
#[derive(Serialize)]
pub struct Pedigree {
    pub ancestors: Vec<Component>,
}

#[derive(Serialize)]
pub struct ExternalReference {
    pub r#type: &'static str,
    pub url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

#[derive(Serialize)]
pub struct Property {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCard {
    pub model_parameters: ModelParameters,
    pub quantitative_analysis: QuantitativeAnalysis,
    pub considerations: Considerations,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

#[derive(Default, Serialize)]
pub struct ModelParameters {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Dataset>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Parameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Parameter>,
}

/// A component of the bill, or what is known by its name alone.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Dataset {
    Component { r#ref: String },
    Named(Data),
}

/// An input or output of a model.
#[derive(Serialize)]
pub struct Parameter {
    format: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuantitativeAnalysis {
    pub performance_metrics: Vec<PerformanceMetric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PerformanceMetric {
    r#type: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_interval: Option<ConfidenceInterval>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfidenceInterval {
    lower_bound: String,
    upper_bound: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Considerations {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    use_cases: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    technical_limitations: Vec<String>,
}

#[derive(Serialize)]
pub struct Data {
    r#type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    r#ref: String,
    depends_on: Vec<String>,
}

impl Bom {
    /// A bill of `component` as of a moment. It depends on each of `components`, which are those with a `bom_ref`.
    pub fn new(at: DateTime<Utc>, component: Component, components: Vec<Component>, properties: Vec<Property>) -> Self {
        let refs: Vec<_> = components.iter().map(|one| one.bom_ref.clone()).collect();
        let mut dependencies = vec![Dependency { r#ref: component.bom_ref.clone(), depends_on: refs.clone() }];
        dependencies.extend(refs.into_iter().map(|r#ref| Dependency { r#ref, depends_on: Vec::new() }));
        let tool = Component {
            r#type: "application",
            name: "plimsoll".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Component::default()
        };
        Self {
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: String::new(),
            version: 1,
            metadata: Metadata {
                timestamp: rfc3339(at),
                tools: Tools { components: vec![tool] },
                component,
                properties,
            },
            components,
            dependencies,
        }
    }

    /// As it is written down. The serial number is made of all the rest: what says the same has the same one, and what says
    /// something else another.
    ///
    /// # Errors
    /// `Internal` when it can't be written as JSON.
    pub fn render(mut self) -> Result<String, Error> {
        self.serial_number = String::new();
        let digest = Digest::of(serde_json::to_vec(&self).map_err(Error::internal)?);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.bytes()[..16]);
        self.serial_number = format!("urn:uuid:{}", uuid::Builder::from_custom_bytes(bytes).into_uuid());
        serde_json::to_string_pretty(&self).map_err(Error::internal)
    }
}

impl Hash {
    pub fn sha256(digest: &Digest) -> Self {
        Self { alg: "SHA-256", content: digest.hex() }
    }

    /// `None` for an algorithm that the schema does not know. Names are those of in-toto's digest sets.
    pub fn of(algorithm: &str, hex: &str) -> Option<Self> {
        let alg = match algorithm {
            "sha256" => "SHA-256",
            "sha384" => "SHA-384",
            "sha512" => "SHA-512",
            "sha3_256" => "SHA3-256",
            "sha3_512" => "SHA3-512",
            "blake2b" => "BLAKE2b-512",
            "blake3" => "BLAKE3",
            "sha1" => "SHA-1",
            _ => return None,
        };
        Some(Self { alg, content: hex.to_owned() })
    }
}

impl Licensed {
    /// What an author declares: an identifier of SPDX, or a name where none is known.
    pub fn declared(id: Option<&'static str>, name: &str) -> Self {
        let name = id.is_none().then(|| bounded(name));
        Self { license: License { id, name, acknowledgement: "declared" } }
    }
}

impl Property {
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: format!("plimsoll:{name}"), value: bounded(value) }
    }
}

impl Parameter {
    pub fn new(format: &str) -> Self {
        Self { format: bounded(format) }
    }
}

impl PerformanceMetric {
    /// `None` for what is undefined: the format has no word for it.
    pub fn new(name: &str, figure: Figure, slice: Option<&str>) -> Option<Self> {
        let value = figure.value.filter(|value| value.is_finite())?;
        let bounds = |interval: crate::stats::interval::Interval| ConfidenceInterval {
            lower_bound: interval.low.to_string(),
            upper_bound: interval.high.to_string(),
        };
        Some(Self {
            r#type: name.to_owned(),
            value: value.to_string(),
            slice: slice.map(bounded),
            confidence_interval: figure.interval.map(bounds),
        })
    }
}

impl Considerations {
    pub fn new(intended_use: &str, prohibited_use: &str) -> Self {
        let text = |text: &str| (!text.trim().is_empty()).then(|| bounded(text)).into_iter().collect();
        Self { use_cases: text(intended_use), technical_limitations: text(prohibited_use) }
    }
}

impl Data {
    pub fn dataset(name: &str, description: &str) -> Self {
        Self { r#type: "dataset", name: bounded(name), description: bounded(description) }
    }
}

/// Texts of others: without what is no part of a text, and not endless.
pub fn bounded(text: &str) -> String {
    plain(text).chars().take(MAX_CHARS).collect()
}
