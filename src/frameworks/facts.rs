//! What is on record for one version in one environment, as coverage sees it.

use crate::{
    accountability::Kind,
    constraints::{Dimension, Metric, Severity, spec::DEFAULT_MINIMUM_GROUP_SIZE},
    datasets::roles::Roles,
    environments::profile::Profile,
    evidence::state::{Standing, State},
    frameworks::selector::{AttributeSelector, MeasuredKind, ModelField, ReportedKind},
    stats::{disparity::Against, fairness::AttributeTable, figure::Figure},
    trust::TrustKey,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// A table of smaller groups shows single people and no rates.
const LEAST_GROUP_SIZE: u64 = 10;

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
    /// What is known of the fields of the record beside their words, where an earlier moment is asked about.
    pub record_texts: BTreeMap<ModelField, RecordText>,
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
    pub records: Vec<RecordFact>,
}

/// What somebody answers for and looks at again by a day.
#[derive(Clone, Debug)]
pub struct RecordFact {
    pub kind: Kind,
    pub name: String,
    pub digest: String,
    /// When it was written, or looked at again.
    pub at: DateTime<Utc>,
    pub review_by: DateTime<Utc>,
    pub owner: String,
    pub owner_is_active: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordText {
    /// Written then, and as it was.
    Since(DateTime<Utc>),
    /// It had another text at the moment, which the registry no longer has.
    NotKept,
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
    pub limits: Vec<LimitFact>,
}

#[derive(Clone, Debug)]
pub struct LimitFact {
    pub dimension: Dimension,
    pub metric: Metric,
    pub severity: Severity,
    pub name: String,
    pub owner: String,
}

impl LimitFact {
    /// Whether somebody is held to it. A note is not, and how many a model selects or what it
    /// predicts on average does not say how right it is.
    pub fn binds(&self) -> bool {
        let says_how_right = !matches!(self.metric, Metric::SelectionRate | Metric::MeanScore | Metric::MeanPrediction);
        self.severity != Severity::Info && (self.dimension != Dimension::Quality || says_how_right)
    }
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
    /// Every run leaves a record of every kind, also of what it could not measure.
    pub has_figures: bool,
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
    /// sha256 of the data that it rests on.
    pub dataset: Option<String>,
    /// Of bias: the attributes whose groups have counts or impact ratios.
    pub attributes: Vec<String>,
    /// `None` for what comes from somebody else.
    pub dependence: Option<Dependence>,
}

/// Why a report is no independent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    SigningKey,
    Author,
}

impl ReportedFact {
    /// What it is worth now.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        self.state.standing(self.key_revoked_at, self.valid_until, now)
    }
}

impl Facts {
    /// The tables that a selector means, one per attribute: those that hold the groups against
    /// each other, over all classes. Of several minimum group sizes the usual one goes first,
    /// then the one with the most rows.
    pub fn tables_of(&self, wanted: &AttributeSelector) -> Vec<&AttributeTable> {
        let roles = self.roles();
        let rank = |t: &AttributeTable| (t.minimum_group_size == DEFAULT_MINIMUM_GROUP_SIZE, t.n, t.minimum_group_size);
        let mut found: Vec<&AttributeTable> = Vec::new();
        let meant = |t: &&AttributeTable| compares_groups(t) && wanted.takes(&t.attribute, &roles);
        for table in self.tables.iter().filter(meant) {
            match found.iter_mut().find(|kept| kept.attribute == table.attribute) {
                Some(kept) if rank(kept) < rank(table) => *kept = table,
                Some(_) => {}
                None => found.push(table),
            }
        }
        found
    }

    /// What the description of the evaluation data says of its columns.
    pub fn roles(&self) -> Roles {
        self.dataset.as_ref().map(|data| data.roles.clone()).unwrap_or_default()
    }
}

fn compares_groups(table: &AttributeTable) -> bool {
    table.against == Against::BetweenGroups && table.class.is_none() && LEAST_GROUP_SIZE <= table.minimum_group_size
}
