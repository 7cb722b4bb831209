//! Bills of materials: what a version consists of, what it was made from, and how it did, in the format CycloneDX 1.6.
//!
//! The property `plimsoll:source` tells apart what the registry computed or measured itself and what somebody claims.

mod addresses;
pub mod api;
mod bill;
pub mod cyclonedx;
mod licenses;
pub mod ops;

use crate::{
    datasets::Dataset,
    formats::onnx::Summary,
    models::Model,
    provenance::Provenance,
    readme::Card,
    validation::{Evidence, Place, Run},
    versions::{StoredFile, Version},
};
use std::collections::BTreeMap;

/// What a bill is made of: what is stored, and nothing else, so that the same version has the same bill.
pub struct Subject {
    pub origin: String,
    pub model: Model,
    pub version: Version,
    pub files: Vec<StoredFile>,
    /// By path, whether loading a file can run code; of those that were looked at.
    pub classes: BTreeMap<String, &'static str>,
    pub graph: Option<Summary>,
    pub card: Option<Card>,
    /// With the digest of the signed statement that says so.
    pub provenance: Vec<(String, Provenance)>,
    pub measured: Option<Measured>,
}

/// The newest run that found something out.
pub struct Measured {
    pub run: Run,
    pub place: Place,
    pub dataset: Option<Dataset>,
    pub evidence: Vec<Evidence>,
}
