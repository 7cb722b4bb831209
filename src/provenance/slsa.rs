//! Reads the predicate of SLSA provenance v1. Format: slsa.dev/spec/v1.0/provenance.
//!
//! As the format asks, fields that are not known are passed over, and null is as good as absent. The one
//! exception is the registry's own build type, whose parameters are a closed set.

use super::{Fault, Material, Provenance, TRAINING, descriptor::check_digest};
use crate::{core::text::misleads, crypto::statement::Statement};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::LazyLock};

const MAX_MATERIALS: usize = 1_000;
const MAX_BYPRODUCTS: usize = 200;
const MAX_TEXT_BYTES: usize = 2_048;
const MAX_DEPTH: usize = 32;
/// What the registry's own build type knows.
const PARAMETERS: &[&str] =
    &["repository", "ref", "entrypoint", "code", "params", "parameters", "datasets", "environment", "mlflow"];

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

pub fn read(statement: &Statement) -> Result<Provenance, Fault> {
    for (i, subject) in statement.subject.iter().enumerate() {
        for (algorithm, value) in &subject.digest {
            check_digest(algorithm, &Value::from(value.as_str()))
                .map_err(|detail| Fault::new(format!("subject[{i}].digest.{algorithm}"), detail))?;
        }
    }
    let predicate = Place { path: "predicate".to_owned(), value: Some(&statement.predicate) };
    predicate.object()?;
    predicate.shallow()?;
    let build = predicate.key("buildDefinition");
    build.required()?;
    let build_type = build.key("buildType").required_uri()?;
    let external = build.key("externalParameters");
    let parameters = external.entries()?;
    if build_type == TRAINING
        && let Some(stranger) = parameters.keys().find(|key| !PARAMETERS.contains(&key.as_str()))
    {
        let known = PARAMETERS.join(", ");
        return Err(external.key(stranger).fault(format!("is no parameter of the build type {TRAINING}: {known}")));
    }
    build.key("internalParameters").entries()?;
    let run = predicate.key("runDetails");
    run.required()?;
    let builder = run.key("builder");
    builder.required()?;
    let metadata = run.key("metadata");
    metadata.entries()?;
    let (started_on, finished_on) = (metadata.key("startedOn").moment()?, metadata.key("finishedOn").moment()?);
    if let (Some(from), Some(to)) = (started_on, finished_on)
        && to < from
    {
        return Err(metadata.key("finishedOn").fault("lies before startedOn"));
    }
    descriptors(&builder.key("builderDependencies"), MAX_MATERIALS)?;
    Ok(Provenance {
        builder: builder.key("id").required_uri()?,
        builder_version: versions(&builder.key("version"))?,
        invocation: metadata.key("invocationId").text()?,
        started_on,
        finished_on,
        materials: descriptors(&build.key("resolvedDependencies"), MAX_MATERIALS)?,
        byproducts: descriptors(&run.key("byproducts"), MAX_BYPRODUCTS)?,
        build_type,
    })
}

fn descriptors(at: &Place<'_>, most: usize) -> Result<Vec<Material>, Fault> {
    let items = match at.present() {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(at.fault("is no list")),
    };
    if most < items.len() {
        return Err(at.fault(format!("has {} entries, and at most {most} are read", items.len())));
    }
    let place = |(i, value)| Place { path: format!("{}[{i}]", at.path), value: Some(value) };
    items.iter().enumerate().map(|item| Material::read(&place(item))).collect()
}

fn versions(at: &Place<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let read = |name: &String| Ok((name.clone(), at.key(name).text()?.unwrap_or_default()));
    at.entries()?.keys().map(read).collect()
}

/// A value and the way to it, for people who look for their mistake.
pub(super) struct Place<'a> {
    path: String,
    value: Option<&'a Value>,
}

impl<'a> Place<'a> {
    pub(super) fn key(&self, key: &str) -> Self {
        // A key is from outside; a long or misleading one is not repeated in an answer.
        let shown: String = key.chars().filter(|c| !misleads(*c)).take(64).collect();
        Place { path: format!("{}.{shown}", self.path), value: self.present().and_then(|value| value.get(key)) }
    }

    pub(super) fn fault(&self, detail: impl Into<String>) -> Fault {
        Fault::new(self.path.clone(), detail)
    }

    fn present(&self) -> Option<&'a Value> {
        self.value.filter(|value| !value.is_null())
    }

    fn required(&self) -> Result<(), Fault> {
        self.present().ok_or_else(|| self.fault("is missing"))?;
        self.object()
    }

    pub(super) fn object(&self) -> Result<(), Fault> {
        match self.present() {
            Some(Value::Object(_)) => Ok(()),
            _ => Err(self.fault("is no object")),
        }
    }

    /// Of an object that may be absent.
    pub(super) fn entries(&self) -> Result<&'a Map<String, Value>, Fault> {
        match self.present() {
            None => Ok(&NOTHING),
            Some(Value::Object(entries)) => Ok(entries),
            Some(_) => Err(self.fault("is no object")),
        }
    }

    pub(super) fn text(&self) -> Result<Option<String>, Fault> {
        match self.present() {
            None => Ok(None),
            Some(Value::String(text)) if MAX_TEXT_BYTES < text.len() => {
                Err(self.fault(format!("has more than {MAX_TEXT_BYTES} bytes")))
            }
            Some(Value::String(text)) => match text.chars().find(|c| misleads(*c)) {
                Some(c) => Err(self.fault(format!("has the character U+{:04X}, which is not allowed", u32::from(c)))),
                None => Ok((!text.is_empty()).then(|| text.clone())),
            },
            Some(_) => Err(self.fault("is no text")),
        }
    }

    /// A URI with a scheme. What is stored here stays for good, so a password in it is refused.
    pub(super) fn uri(&self) -> Result<Option<String>, Fault> {
        let Some(text) = self.text()? else { return Ok(None) };
        let scheme = text.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme || text.contains(char::is_whitespace) {
            return Err(self.fault("is no URI such as https://example.org/data"));
        }
        if has_password(&text) {
            return Err(self.fault("holds a password; state it without, for what is stated here is kept for good"));
        }
        Ok(Some(text))
    }

    fn required_uri(&self) -> Result<String, Fault> {
        self.uri()?.ok_or_else(|| self.fault("is missing"))
    }

    fn moment(&self) -> Result<Option<DateTime<Utc>>, Fault> {
        let Some(text) = self.text()? else { return Ok(None) };
        let read = DateTime::parse_from_rfc3339(&text);
        read.map(|at| Some(at.to_utc())).map_err(|_| self.fault("is no time such as 2026-11-20T22:00:00Z"))
    }

    /// Nothing of it is nested so deeply that a reader of another make gives up.
    fn shallow(&self) -> Result<(), Fault> {
        let mut level: Vec<&Value> = self.present().into_iter().collect();
        for _ in 0..MAX_DEPTH {
            level = level
                .into_iter()
                .flat_map(|value| -> Box<dyn Iterator<Item = &Value>> {
                    match value {
                        Value::Array(items) => Box::new(items.iter()),
                        Value::Object(entries) => Box::new(entries.values()),
                        _ => Box::new(std::iter::empty()),
                    }
                })
                .collect();
        }
        if level.is_empty() { Ok(()) } else { Err(self.fault(format!("is nested more than {MAX_DEPTH} levels deep"))) }
    }
}

/// `scheme://user:password@host`.
pub(crate) fn has_password(uri: &str) -> bool {
    let Some((_, rest)) = uri.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Of a web address the user is a token as well as a name; of others, such as ssh://git@host, it is one that all share.
    let is_web = uri.split_once("://").is_some_and(|(scheme, _)| scheme.to_ascii_lowercase().contains("http"));
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') || is_web)
}
