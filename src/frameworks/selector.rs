//! What satisfies a required item, out of what a registry can show.

use crate::{
    constraints::Dimension,
    datasets::roles::Roles,
    error::{Error, InField},
    models::Accountability,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Selector {
    /// Its bytes never change any more.
    VersionSealed,
    /// Signed by a key that the workspace trusts now.
    VersionSigned,
    /// A signed statement whose predicate type begins like this.
    Attestation { predicate_type: String },
    /// Measured by the registry against the environment's current limits.
    Measured { evidence: MeasuredKind },
    /// A table of results by group, with at least two groups large enough to compare.
    BiasBy { attribute: AttributeSelector },
    /// A field of the model's record.
    ModelRecord { field: ModelField },
    /// A named, active person answers for it.
    Owner { accountability: String },
    /// A field of the environment's profile.
    Environment { field: EnvironmentField },
    /// The environment limits this dimension, with an owner: a limit that stops a promotion or
    /// warns, and for quality one on how right the model is.
    Constraint { dimension: Dimension },
    /// What is known of the evaluation data.
    Dataset { field: DatasetField },
    /// The environment says who has to approve.
    PromotionPolicy,
    /// Approved for this environment by people who had no part in it.
    IndependentApproval,
    /// The sealing has its place in the audit log's tree.
    AuditLog,
    /// What ran here and when is on record.
    ReleaseHistory,
    /// There is an earlier release to go back to.
    RollbackTarget,
    /// Evidence that somebody reported, or a document that they put on record.
    Reported {
        evidence: ReportedKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<String>,
        /// Signed by another key than the version, and submitted by somebody who did not make it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        independent: bool,
        /// Of bias: the results by group that have to be in it, each with impact ratios or counts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tables: Vec<AttributeSelector>,
    },
}

/// Which tables of groups are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AttributeSelector {
    /// All rows together.
    Overall,
    /// Whichever attribute was measured.
    Any,
    /// Each sensitive column of the evaluation data.
    Every,
    /// The attribute with this meaning; several mean their intersection.
    Roles(Vec<AttributeRole>),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$of])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            pub fn parse(raw: &str) -> Option<Self> {
                match raw {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.word().replace('_', " "))
            }
        }
    )+};
}

kinds! {
    /// What a column means to a law, whatever it is called.
    AttributeRole { Sex = "sex", RaceEthnicity = "race_ethnicity" }

    MeasuredKind { Performance = "performance", Quality = "quality", Bias = "bias", Robustness = "robustness" }

    ModelField { IntendedUse = "intended_use", ProhibitedUse = "prohibited_use", RiskTier = "risk_tier", Title = "title" }

    EnvironmentField {
        Description = "description",
        Jurisdiction = "jurisdiction",
        OperatingMode = "operating_mode",
        /// A person decides, or can step in.
        HumanOversight = "human_oversight",
        Hardware = "hardware",
        Sla = "sla",
        Runbook = "runbook",
        Escalation = "escalation",
    }

    DatasetField { Registered = "registered", Source = "source", Sensitive = "sensitive" }

    ReportedKind {
        Performance = "performance",
        Robustness = "robustness",
        Bias = "bias",
        Quality = "quality",
        Scan = "scan",
        Provenance = "provenance",
        Document = "document",
        Kpi = "kpi",
    }
}

impl AttributeRole {
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Sex => "sex",
            Self::RaceEthnicity => "race or ethnicity",
        }
    }

    /// As a description of data names it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Sex => "sex",
            Self::RaceEthnicity => "race",
        }
    }

    /// Whether a column has this meaning: because its description says so, or else by its name.
    pub fn is_meant_by(self, column: &str, roles: &Roles) -> bool {
        let stated = match self {
            Self::Sex => &roles.sex,
            Self::RaceEthnicity => &roles.race,
        };
        match stated {
            Some(stated) => stated == column,
            None => self.is_named_by(column) && !roles.names(column),
        }
    }

    fn is_named_by(self, column: &str) -> bool {
        let name = column.trim().to_lowercase().replace(['-', ' '], "_");
        let names: &[&str] = match self {
            Self::Sex => &["sex", "gender", "sex_category"],
            Self::RaceEthnicity => &[
                "race",
                "ethnicity",
                "race_ethnicity",
                "race_or_ethnicity",
                "ethnicity_race",
                "ethnic_group",
                "race_category",
            ],
        };
        names.contains(&name.as_str())
    }
}

impl AttributeSelector {
    /// Whether a table of `sex`, or of `sex*race` in either order, is meant.
    pub fn takes(&self, attribute: &str, roles: &Roles) -> bool {
        let parts: Vec<_> = attribute.split('*').collect();
        match self {
            Self::Overall => false,
            Self::Any => true,
            Self::Every => parts.len() == 1,
            Self::Roles(wanted) => {
                let is_there = |role: &AttributeRole| parts.iter().any(|part| role.is_meant_by(part, roles));
                parts.len() == wanted.len() && wanted.iter().all(is_there)
            }
        }
    }

    pub(super) fn check(&self, place: &str) -> Result<(), Error> {
        match self {
            Self::Roles(roles) if roles.is_empty() || 3 < roles.len() => {
                Err(Error::invalid(place, "name 1 to 3 roles"))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for AttributeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overall => f.write_str("all rows together"),
            Self::Any => f.write_str("any sensitive attribute"),
            Self::Every => f.write_str("every sensitive attribute"),
            Self::Roles(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.spoken()).collect();
                f.write_str(&names.join(" crossed with "))
            }
        }
    }
}

impl Selector {
    /// What only the decision or the registry itself brings. Asking for it before there is a
    /// decision would keep the decision from ever being made.
    pub fn comes_with_the_decision(&self) -> bool {
        matches!(self, Self::IndependentApproval | Self::AuditLog | Self::ReleaseHistory | Self::RollbackTarget)
    }

    pub(super) fn check(&self, place: &str) -> Result<(), Error> {
        match self {
            Self::Owner { accountability } => Accountability::parse(accountability).in_field(place).map(drop),
            Self::Attestation { predicate_type } if !predicate_type.starts_with("https://") => {
                Err(Error::invalid(place, "a predicate type is an https address"))
            }
            Self::BiasBy { attribute: AttributeSelector::Overall } => {
                Err(Error::invalid(place, "all rows together are no groups"))
            }
            Self::BiasBy { attribute } => attribute.check(place),
            Self::Reported { evidence, document, tables, .. } => {
                if (*evidence == ReportedKind::Document) != document.is_some() {
                    return Err(Error::invalid(place, "a document has a name, and nothing else has one"));
                }
                if *evidence != ReportedKind::Bias && !tables.is_empty() {
                    return Err(Error::invalid(place, "only evidence of kind bias has tables"));
                }
                if !tables.iter().all(|table| matches!(table, AttributeSelector::Roles(_))) {
                    return Err(Error::invalid(place, "say by its roles which table is meant"));
                }
                tables.iter().try_for_each(|table| table.check(place))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionSealed => f.write_str("a sealed version"),
            Self::VersionSigned => f.write_str("a signature by a trusted key"),
            Self::Attestation { predicate_type } => write!(f, "a signed statement of type {predicate_type}"),
            Self::Measured { evidence } => write!(f, "{evidence} measured by the registry"),
            Self::BiasBy { attribute } => write!(f, "results by group for {attribute}"),
            Self::ModelRecord { field } => write!(f, "{field} in the model's record"),
            Self::Owner { accountability } => write!(f, "a named {accountability} owner"),
            Self::Environment { field } => write!(f, "{field} in the environment's profile"),
            Self::Constraint { dimension } => write!(f, "a limit on {dimension} that blocks or warns, with an owner"),
            Self::Dataset { field: DatasetField::Registered } => f.write_str("registered evaluation data"),
            Self::Dataset { field } => write!(f, "{field} of the evaluation data"),
            Self::PromotionPolicy => f.write_str("a promotion policy"),
            Self::IndependentApproval => f.write_str("an approval by somebody who had no part in it"),
            Self::AuditLog => f.write_str("the sealing in the audit log"),
            Self::ReleaseHistory => f.write_str("the history of releases"),
            Self::RollbackTarget => f.write_str("an earlier release to go back to"),
            Self::Reported { evidence, document, independent, tables } => {
                match document {
                    Some(name) => write!(f, "the document {name} on record")?,
                    None => write!(f, "reported evidence of kind {evidence}")?,
                }
                if !tables.is_empty() {
                    let names: Vec<_> = tables.iter().map(ToString::to_string).collect();
                    write!(f, " with results by group for {}", names.join(", "))?;
                }
                f.write_str(if *independent { ", by another key and account than the version's" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_the_names_that_columns_have() {
        use AttributeRole::{RaceEthnicity, Sex};
        for (role, column, meant) in [
            (Sex, "Gender", true),
            (Sex, "sexual_orientation", false),
            (RaceEthnicity, "race-ethnicity", true),
            (RaceEthnicity, "race_time_s", false),
        ] {
            assert_eq!(role.is_meant_by(column, &Roles::default()), meant, "{column}");
        }
    }

    #[test]
    fn what_the_description_says_of_a_column_goes_before_its_name() {
        use AttributeRole::{RaceEthnicity, Sex};
        let roles = Roles { sex: None, race: Some("gender".to_owned()) };
        for (role, column, meant) in [
            (RaceEthnicity, "gender", true),
            (RaceEthnicity, "race", false),
            (Sex, "gender", false),
            (Sex, "sex", true),
        ] {
            assert_eq!(role.is_meant_by(column, &roles), meant, "{column}");
        }
        let both = AttributeSelector::Roles(vec![Sex, RaceEthnicity]);
        assert!(both.takes("sex*gender", &roles) && both.takes("gender*sex", &roles));
    }

    #[test]
    fn an_intersection_is_not_one_of_its_parts() {
        use AttributeRole::{RaceEthnicity, Sex};
        let both = AttributeSelector::Roles(vec![Sex, RaceEthnicity]);
        for (table, taken) in [("sex", false), ("race*gender", true), ("sex*age", false), ("sex*race*age", false)] {
            assert_eq!(both.takes(table, &Roles::default()), taken, "{table}");
        }
        let none = Roles::default();
        assert!(AttributeSelector::Any.takes("sex*age", &none) && !AttributeSelector::Every.takes("sex*age", &none));
    }
}
