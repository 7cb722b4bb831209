//! Deployment targets. An environment has three documents, each in immutable revisions:
//! its profile (what it is), its constraint spec (the load line) and its promotion policy.

pub mod api;
pub mod ops;
pub mod profile;
pub(crate) mod store;

use crate::{
    constraints::ConstraintSpec,
    core::{
        Malformed, canonical,
        digest::Digest,
        ids::{AccountId, EnvironmentId, RevisionId, WorkspaceId},
    },
    error::Error,
    policies::Policy,
};
use chrono::{DateTime, Utc};
use profile::Profile;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Environment {
    pub id: EnvironmentId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Profile,
    Constraints,
    Policy,
}

impl DocumentKind {
    pub const ALL: [Self; 3] = [Self::Profile, Self::Constraints, Self::Policy];

    pub fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Constraints => "constraints",
            Self::Policy => "policy",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == raw);
        found.ok_or_else(|| Malformed::new("use profile, constraints or policy"))
    }
}

/// A document that was checked when it arrived.
#[derive(Clone, Debug)]
pub enum Document {
    Profile(Box<Profile>),
    Constraints(Box<ConstraintSpec>),
    Policy(Box<Policy>),
}

impl Document {
    /// Reads a document of a kind; every problem is named with its place.
    pub fn parse(kind: DocumentKind, written: &Value) -> Result<Self, Error> {
        match kind {
            DocumentKind::Profile => Ok(Self::Profile(Box::new(Profile::parse(written)?))),
            DocumentKind::Policy => Ok(Self::Policy(Box::new(Policy::parse(written)?))),
            DocumentKind::Constraints => {
                let spec = ConstraintSpec::parse(written);
                let problems = |errors: Vec<crate::constraints::SpecError>| {
                    Error::Invalid(errors.into_iter().map(|e| (e.path, e.detail)).collect())
                };
                Ok(Self::Constraints(Box::new(spec.map_err(problems)?)))
            }
        }
    }

    pub fn kind(&self) -> DocumentKind {
        match self {
            Self::Profile(_) => DocumentKind::Profile,
            Self::Constraints(_) => DocumentKind::Constraints,
            Self::Policy(_) => DocumentKind::Policy,
        }
    }

    /// Canonical JSON with every default written out, so that a later change of a
    /// default can't change what a revision means.
    pub fn canonical(&self) -> Result<String, Error> {
        let text = match self {
            Self::Profile(profile) => canonical::to_string(profile),
            Self::Policy(policy) => canonical::to_string(policy),
            Self::Constraints(spec) => canonical::to_string(&spec.explicit().map_err(Error::internal)?),
        };
        text.map_err(Error::internal)
    }
}

/// One immutable revision of one document.
#[derive(Clone, Debug)]
pub struct Revision {
    pub id: RevisionId,
    pub kind: DocumentKind,
    /// Counts from 1 for each kind; also the ETag.
    pub number: i64,
    pub digest: Digest,
    pub body: String,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
}

impl Revision {
    pub fn value(&self) -> Result<Value, Error> {
        serde_json::from_str(&self.body).map_err(Error::internal)
    }

    pub fn constraints(&self) -> Result<ConstraintSpec, Error> {
        ConstraintSpec::parse(&self.value()?).map_err(|e| Error::internal(format!("stored spec: {e:?}")))
    }

    /// The limits that hold for one model here: its overlay tightens some of them.
    pub fn limits_of(&self, model: &str) -> Result<ConstraintSpec, Error> {
        Ok(self.constraints()?.for_model(model))
    }

    pub fn policy(&self) -> Result<Policy, Error> {
        Policy::parse(&self.value()?)
    }

    pub fn profile(&self) -> Result<Profile, Error> {
        Profile::parse(&self.value()?)
    }
}

/// The revisions that are current in an environment.
#[derive(Clone, Debug, Default)]
pub struct Current {
    pub profile: Option<Revision>,
    pub constraints: Option<Revision>,
    pub policy: Option<Revision>,
}

/// Reads a small typed document strictly; the field is named when it is wrong.
pub(crate) fn read_strictly<T: DeserializeOwned>(written: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(written).map_err(|e| {
        let field = e.path().to_string();
        Error::invalid(if field == "." { "body".to_owned() } else { field }, e.inner().to_string())
    })
}
