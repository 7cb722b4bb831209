//! Named lines of versions, with intended use, risk tier and accountable people.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::{
    core::{
        Malformed,
        ids::{AccountId, ModelId, WorkspaceId},
        name::Name,
        text::{Line, Paragraph},
    },
    error::{Error, InField},
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, fmt};

#[derive(Clone, Debug)]
pub struct Model {
    pub id: ModelId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub title: String,
    pub intended_use: String,
    pub prohibited_use: String,
    pub risk_tier: RiskTier,
    /// Counts changes of the record; the ETag.
    pub revision: i64,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RiskTier {
    Low,
    Medium,
    High,
}

/// For what a named person answers. Being an owner gives no permission by itself.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Accountability {
    Business,
    Development,
    Validation,
    Operations,
    Data,
    Compliance,
}

macro_rules! words {
    ($type:ident: $($variant:ident = $word:literal),* $(,)?) => {
        impl $type {
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            pub fn parse(raw: &str) -> Result<Self, Malformed> {
                match raw {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(Malformed::new(concat!("use one of ", $($word, " "),*).trim_end())),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words!(RiskTier: Low = "low", Medium = "medium", High = "high");
words!(Accountability: Business = "business", Development = "development", Validation = "validation",
    Operations = "operations", Data = "data", Compliance = "compliance");

/// Account names by accountability, as they are asked for.
pub type OwnerNames = BTreeMap<Accountability, String>;

pub struct NewModel {
    pub name: Name,
    pub title: Line,
    pub intended_use: Paragraph,
    pub prohibited_use: Paragraph,
    pub risk_tier: RiskTier,
    pub owners: OwnerNames,
}

/// What of a model's record can change; absent means: stays.
#[derive(Default)]
pub struct ModelChange {
    pub title: Option<Line>,
    pub intended_use: Option<Paragraph>,
    pub prohibited_use: Option<Paragraph>,
    pub risk_tier: Option<RiskTier>,
    pub owners: Option<OwnerNames>,
}

pub fn parse_owners(raw: &BTreeMap<String, String>) -> Result<OwnerNames, Error> {
    raw.iter()
        .map(|(what, who)| {
            let what = Accountability::parse(what).in_field(&format!("owners.{what}"))?;
            Ok((what, who.clone()))
        })
        .collect()
}
