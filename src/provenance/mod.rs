//! How versions were made: signed SLSA provenance v1, read strictly when it arrives.
//!
//! What a statement says stays its author's word: the registry checks that it is well-formed, that a
//! trusted key signed it and that it is about the very files of the version, and vouches for no more.

pub mod api;
mod descriptor;
pub mod lineage;
mod slsa;

pub use descriptor::{Material, Role};
pub use slsa::read;

use crate::crypto::{dsse::Envelope, statement::Statement};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// What every version of the predicate's type begins with.
pub const ANY_PROVENANCE: &str = "https://slsa.dev/provenance/";
/// The one that is read; also that of the texts 1.1 and 1.2.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// What `plimsoll push` writes; docs/provenance.md describes its parameters.
pub const TRAINING: &str = "https://plimsoll.example/build-types/training/v1";

/// What is read of a statement of provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    pub build_type: String,
    /// Who is said to have made it.
    pub builder: String,
    pub builder_version: BTreeMap<String, String>,
    /// Names the one build among all of the builder.
    pub invocation: Option<String>,
    pub started_on: Option<DateTime<Utc>>,
    pub finished_on: Option<DateTime<Utc>>,
    /// What it was made from: data, code, other models.
    pub materials: Vec<Material>,
    /// What came out beside the model: figures, logs.
    pub byproducts: Vec<Material>,
}

/// Why a statement is not taken: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From the statement's root, such as `predicate.runDetails.builder.id`; empty for the whole.
    pub field: String,
    pub detail: String,
}

impl Fault {
    fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// `None` for a statement about something else than provenance.
///
/// # Errors
/// The first fault of a statement of provenance.
pub fn of(statement: &Statement) -> Option<Result<Provenance, Fault>> {
    let kind = statement.predicate_type.as_str();
    kind.starts_with(ANY_PROVENANCE).then(|| match kind {
        PREDICATE_TYPE => slsa::read(statement),
        _ => {
            let detail = format!("is {kind}; of SLSA provenance {PREDICATE_TYPE} is read: state it in that version");
            Err(Fault::new("predicateType", detail))
        }
    })
}

/// What a statement says that was taken before: `None` if it is of another kind, or older than the rules.
pub fn kept(bundle: &str) -> Option<Provenance> {
    let bundle: serde_json::Value = serde_json::from_str(bundle).ok()?;
    let envelope = Envelope::parse(bundle["dsseEnvelope"].to_string().as_bytes()).ok()?;
    of(&Statement::parse(&envelope.payload).ok()?)?.ok()
}

#[cfg(test)]
mod tests;
