//! What a provenance says, for programs and pages. No operation of its own: it comes with the statements of a version.

use super::{Material, Provenance};
use crate::core::clock::rfc3339;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a statement of SLSA provenance says: its author's word.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ProvenanceView {
    pub build_type: String,
    /// Who is said to have made it.
    pub builder: String,
    /// Names the one build among all of the builder.
    pub invocation: Option<String>,
    pub started_on: Option<String>,
    pub finished_on: Option<String>,
    pub made_from: Vec<MaterialView>,
    /// What came out beside the model.
    pub byproducts: Vec<MaterialView>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MaterialView {
    /// `training-dataset`, `validation-dataset`, `base-model`, `code`, `environment` or `other`.
    pub role: String,
    pub name: Option<String>,
    pub uri: Option<String>,
    pub media_type: Option<String>,
    /// By algorithm.
    pub digests: BTreeMap<String, String>,
}

impl From<Provenance> for ProvenanceView {
    fn from(said: Provenance) -> Self {
        Self {
            build_type: said.build_type,
            builder: said.builder,
            invocation: said.invocation,
            started_on: said.started_on.map(rfc3339),
            finished_on: said.finished_on.map(rfc3339),
            made_from: said.materials.into_iter().map(MaterialView::from).collect(),
            byproducts: said.byproducts.into_iter().map(MaterialView::from).collect(),
        }
    }
}

impl From<Material> for MaterialView {
    fn from(material: Material) -> Self {
        Self {
            role: material.role.name().to_owned(),
            name: material.name,
            uri: material.uri,
            media_type: material.media_type,
            digests: material.digests,
        }
    }
}
