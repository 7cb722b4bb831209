//! Evaluation data: the rows that a validation run reads.
//!
//! A dataset never changes. Its rows stay in the blob store and in the worker's memory;
//! evidence holds aggregates only.

pub mod api;
pub mod ops;
pub(crate) mod store;
pub mod table;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, DatasetId, WorkspaceId},
        text::Line,
    },
    environments::read_strictly,
    error::{Error, InField},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Clone, Debug)]
pub struct Dataset {
    pub id: DatasetId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// sha256 of the CSV bytes.
    pub digest: Digest,
    pub size_bytes: i64,
    pub rows: i64,
    pub description: Description,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
}

/// What the columns mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What a model is asked to predict.
    pub label: String,
    /// The favourable value of the label; absent for regression and multiclass data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_label: Option<String>,
    /// Columns that a single tensor input takes, in this order.
    #[serde(default)]
    pub features: Vec<String>,
    /// Columns that results are broken down by. They reach a model only if it asks for them.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// Where the data come from and under which licence.
    #[serde(default)]
    pub source: String,
}

impl Description {
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let description: Self = read_strictly(written)?;
        Line::parse_required(&description.label).in_field("label")?;
        Line::parse(&description.source).in_field("source")?;
        if 10_000 < description.features.len() || 20 < description.sensitive.len() {
            return Err(Error::invalid("features", "at most 10,000 features and 20 sensitive columns"));
        }
        Ok(description)
    }

    /// Every column that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let named = self.features.iter().chain(&self.sensitive).map(String::as_str);
        std::iter::once(self.label.as_str()).chain(named)
    }
}
