//! What is on record for one version in one environment, as coverage sees it.

use crate::{
    constraints::{Dimension, Metric},
    datasets::roles::Roles,
    environments::profile::Profile,
    evidence::state::{Standing, State},
    frameworks::selector::{AttributeSelector, MeasuredKind, ReportedKind},
    stats::{fairness::AttributeTable, figure::Figure},
    trust::TrustKey,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Evidence references are digests (`sha256:…`) or ids, as the API gives them.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub model: String,
    pub version: i64,
    pub environment: String,
    pub intended_use: String,
    pub prohibited_use: String,
    pub risk_tier: String,
    pub title: String,
    /// When the model's record was made.
    pub recorded_at: Option<DateTime<Utc>>,
    /// Active people by accountability.
    pub owners: BTreeMap<String, String>,
    /// Accountabilities whose person is no longer active.
    pub vacant: BTreeMap<String, String>,
    /// Manifest digest and when it was sealed; `None` for drafts and what was revoked.
    pub sealed: Option<(String, DateTime<Utc>)>,
    pub signature: SignatureFact,
    pub attestations: Vec<AttestedFact>,
    /// The current profile with its digest and since when.
    pub profile: Option<(Profile, String, DateTime<Utc>)>,
    pub constraints: Option<ConstraintsFact>,
    pub policy: Option<(String, DateTime<Utc>)>,
    pub dataset: Option<DatasetFact>,
    /// Of the run that counts.
    pub measured: Vec<MeasuredFact>,
    pub tables: Vec<AttributeTable>,
    pub figures: BTreeMap<Metric, Figure>,
    /// Why something could not be measured, by metric or by attribute.
    pub absent: BTreeMap<String, String>,
    pub approvals: Vec<Stamped>,
    /// Releases here, newest first.
    pub releases: Vec<ReleaseFact>,
    /// Where the sealing stands in the log.
    pub leaf: Option<(i64, DateTime<Utc>)>,
    pub reported: Vec<ReportedFact>,
}

#[derive(Clone, Debug, Default)]
pub enum SignatureFact {
    #[default]
    Absent,
    /// Why it counts for nothing.
    Untrusted(String),
    /// Verified when the version was sealed; the key may have ended since.
    Verified(Box<TrustKey>),
}

#[derive(Clone, Debug)]
pub struct AttestedFact {
    pub predicate_type: String,
    pub digest: String,
}

#[derive(Clone, Debug)]
pub struct ConstraintsFact {
    pub digest: String,
    pub at: DateTime<Utc>,
    /// Dimension, name and owner of each limit.
    pub limits: Vec<(Dimension, String, String)>,
}

#[derive(Clone, Debug)]
pub struct DatasetFact {
    pub digest: String,
    pub at: DateTime<Utc>,
    pub source: String,
    pub sensitive: Vec<String>,
    pub roles: Roles,
}

#[derive(Clone, Debug)]
pub struct MeasuredFact {
    pub kind: MeasuredKind,
    pub digest: String,
    pub at: DateTime<Utc>,
}

/// A record and its time.
#[derive(Clone, Debug)]
pub struct Stamped {
    pub reference: String,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct ReleaseFact {
    pub reference: String,
    pub at: DateTime<Utc>,
    /// Of the version that is looked at.
    pub of_this_version: bool,
}

/// Evidence that somebody else vouches for, whatever became of it.
#[derive(Clone, Debug)]
pub struct ReportedFact {
    pub kind: ReportedKind,
    /// The document's name, such as `risk_assessment`.
    pub document: Option<String>,
    pub digest: String,
    /// The name of the key that signed it.
    pub reported_by: String,
    /// When it was measured, or else when it was issued: a late report of an old audit is old.
    pub made_at: DateTime<Utc>,
    pub state: State,
    pub key_revoked_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
}

impl ReportedFact {
    /// What it is worth now.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        self.state.standing(self.key_revoked_at, self.valid_until, now)
    }
}

impl Facts {
    /// The tables of groups that a selector means, in the order of the evidence.
    pub fn tables_of(&self, wanted: &AttributeSelector) -> impl Iterator<Item = &AttributeTable> {
        let roles = self.roles();
        self.tables.iter().filter(move |table| wanted.takes(&table.attribute, &roles))
    }

    /// What the description of the evaluation data says of its columns.
    pub fn roles(&self) -> Roles {
        self.dataset.as_ref().map(|data| data.roles.clone()).unwrap_or_default()
    }
}
