//! What a reported statement says: the predicate, read strictly, and the rules that need
//! nothing but the statement, the version's digests and the time.

use crate::{
    core::{
        Malformed,
        clock::rfc3339,
        digest::Digest,
        text::{Line, Paragraph},
    },
    crypto::statement::Statement,
    error::{Error, InField},
    evidence::{Kind, body},
    versions::StoredFile,
};
use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The predicate type of reported evidence, version 1.
pub const EVIDENCE_TYPE: &str = "https://plimsoll.example/attestations/evidence/v1";
/// Clocks differ by this much, and by no more.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// The rows that the figures were taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// sha256 of the data, as `sha256:` and 64 hex digits.
    pub dataset: String,
    pub rows: u64,
    /// Digest of the constraint spec that it was measured against, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<String>,
}

/// The predicate as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: String,
    document: Option<String>,
    title: String,
    measured_at: Option<DateTime<Utc>>,
    issued_at: DateTime<Utc>,
    valid_until: Option<DateTime<Utc>>,
    method: String,
    basis: Option<Basis>,
    body: Value,
}

/// A predicate that keeps the rules.
#[derive(Clone, Debug)]
pub struct Claim {
    pub kind: Kind,
    pub document: Option<String>,
    pub title: Line,
    pub method: Paragraph,
    pub basis: Option<Basis>,
    pub measured_at: Option<DateTime<Utc>>,
    pub issued_at: DateTime<Utc>,
    pub valid_until: Option<DateTime<Utc>>,
    /// An object; for the kinds that the registry measures itself, in its own schema.
    pub body: Value,
}

impl Claim {
    /// Reads the predicate of a verified statement about the version with this manifest.
    /// The field that is wrong is named by its path below the predicate.
    pub fn read(statement: &Statement, manifest: &Digest, now: DateTime<Utc>) -> Result<Self, Error> {
        if statement.predicate_type != EVIDENCE_TYPE {
            let found: String = statement.predicate_type.chars().take(200).collect();
            let detail = format!("is \"{}\"; evidence is reported as \"{EVIDENCE_TYPE}\"", found.escape_debug());
            return Err(Error::invalid("predicateType", detail));
        }
        body::check_values(&statement.predicate)?;
        let claim = Self::from_written(read_predicate(&statement.predicate)?)?;
        claim.check_times(now)?;
        body::check(&claim, manifest)?;
        Ok(claim)
    }

    fn from_written(written: Written) -> Result<Self, Error> {
        let kind = Kind::parse(&written.kind).in_field("predicate.kind")?;
        let document = written.document.as_deref().map(document_name).transpose().in_field("predicate.document")?;
        if kind == Kind::Document && document.is_none() {
            return Err(Error::invalid("predicate.document", "say which document it is, such as model_card"));
        }
        if kind.rests_on_rows() && written.basis.is_none() {
            let detail = format!("{} is measured on rows: say on which, as dataset and rows", kind.name());
            return Err(Error::invalid("predicate.basis", detail));
        }
        if let Some(basis) = &written.basis {
            Digest::parse(&basis.dataset).in_field("predicate.basis.dataset")?;
            basis.constraints.as_deref().map(Digest::parse).transpose().in_field("predicate.basis.constraints")?;
        }
        Ok(Self {
            kind,
            document,
            title: Line::parse_required(&written.title).in_field("predicate.title")?,
            method: Paragraph::parse_required(&written.method).in_field("predicate.method")?,
            basis: written.basis,
            measured_at: written.measured_at.map(|at| moment("measured_at", at)).transpose()?,
            issued_at: moment("issued_at", written.issued_at)?,
            valid_until: written.valid_until.map(|at| moment("valid_until", at)).transpose()?,
            body: written.body,
        })
    }

    fn check_times(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if now + MAX_CLOCK_SKEW < self.issued_at {
            let detail = "lies more than 5 minutes in the future; set the signer's clock and sign again";
            return Err(Error::invalid("predicate.issued_at", detail));
        }
        if self.measured_at.is_some_and(|at| self.issued_at < at) {
            return Err(Error::invalid("predicate.measured_at", "lies after issued_at"));
        }
        match self.valid_until {
            Some(end) if end <= self.issued_at => {
                Err(Error::invalid("predicate.valid_until", "does not lie after issued_at"))
            }
            Some(end) if end <= now => {
                Err(Error::invalid("predicate.valid_until", "lies in the past; report a newer statement"))
            }
            _ => Ok(()),
        }
    }
}

/// A key speaks from the day on which the workspace says that it does: what its holder signed
/// before is not the workspace's to rely on. Clocks may differ.
pub fn require_after(claim: &Claim, key: &str, valid_from: DateTime<Utc>) -> Result<(), Error> {
    if valid_from <= claim.issued_at + MAX_CLOCK_SKEW {
        return Ok(());
    }
    let (issued, from) = (rfc3339(claim.issued_at), rfc3339(valid_from));
    let detail = format!(
        "{issued} lies before {from}, from when on the key {key} is trusted; sign the statement again, or trust the \
         key from an earlier day on"
    );
    Err(Error::invalid("predicate.issued_at", detail))
}

fn read_predicate(predicate: &Value) -> Result<Written, Error> {
    // serde would take a list for a struct, its items for the fields in their order.
    if !predicate.is_object() || predicate.get("basis").is_some_and(Value::is_array) {
        return Err(Error::invalid("predicate", "is not an object with kind, title, issued_at, method and body"));
    }
    serde_path_to_error::deserialize(predicate).map_err(|e| {
        let path = e.path().to_string();
        let field = if path == "." { "predicate".to_owned() } else { format!("predicate.{path}") };
        Error::invalid(field, e.inner().to_string())
    })
}

/// A moment that both databases keep unchanged.
fn moment(field: &str, at: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    if !(1970..=9999).contains(&at.year()) {
        return Err(Error::invalid(format!("predicate.{field}"), "lies outside the years 1970 to 9999"));
    }
    Ok(at.trunc_subsecs(6))
}

fn document_name(raw: &str) -> Result<String, Malformed> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=64).contains(&raw.len()) && raw.chars().all(allowed) {
        return Ok(raw.to_owned());
    }
    Err(Malformed::new("use 1 to 64 of a-z, 0-9 and _"))
}

/// A statement is about a version when it names the manifest, or every file of it byte for
/// byte: one file alone may be a part of many versions.
pub fn require_about(statement: &Statement, manifest: &Digest, files: &[StoredFile]) -> Result<(), Error> {
    let wrong = |detail: String| Err(Error::invalid("subject", detail));
    let mut named = vec![false; files.len()];
    let mut whole = false;
    for subject in &statement.subject {
        let name = subject.name.chars().take(200).collect::<String>();
        let name = name.escape_debug();
        let sha256 = subject.digest.get("sha256").map(String::as_str).unwrap_or_default();
        if sha256 == manifest.hex() {
            whole = true;
            continue;
        }
        let Some(at) = files.iter().position(|f| f.declared.path.as_str() == subject.name) else {
            return wrong(format!("\"{name}\" is neither this version's manifest ({manifest}) nor one of its files"));
        };
        if sha256 != files[at].declared.sha256.hex() {
            return wrong(format!("\"{name}\" has another sha256 than this version's file"));
        }
        named[at] = true;
    }
    match named.iter().position(|is_named| !is_named) {
        Some(missing) if !whole => {
            let path = &files[missing].declared.path;
            wrong(format!("name the version's manifest ({manifest}) or all of its files; \"{path}\" is missing"))
        }
        _ => Ok(()),
    }
}
