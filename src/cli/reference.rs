//! How people name things on the command line.

use crate::{
    core::{clock, name::Name},
    versions::VersionRef,
};
use chrono::{DateTime, Utc};
use std::str::FromStr;

/// `MODEL@VERSION`, the version a number or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionOf {
    pub model: String,
    pub version: VersionRef,
}

/// `MODEL` or `MODEL@VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub model: String,
    pub version: Option<VersionRef>,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        let (model, version) = match raw.split_once('@') {
            Some((model, version)) => (model, Some(VersionRef::parse(version).map_err(|e| e.0)?)),
            None => (raw, None),
        };
        Ok(Self { model: name(model)?, version })
    }
}

impl FromStr for VersionOf {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        let Wanted { model, version } = raw.parse()?;
        let version = version.ok_or("say which version, such as credit-risk@3 or credit-risk@sha256:…")?;
        Ok(Self { model, version })
    }
}

/// A parser for clap.
pub fn name(raw: &str) -> Result<String, String> {
    Name::parse(raw).map(|name| name.as_str().to_owned()).map_err(|e| e.0)
}

/// A moment to come: a time in RFC 3339, or a day, which means its end in UTC.
pub fn later(raw: &str) -> Result<DateTime<Utc>, String> {
    // Of a day that is today its end is meant as well, so the moment that "now" would be lies before all.
    clock::moment(raw, DateTime::UNIX_EPOCH).ok_or_else(|| clock::MOMENT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_with_its_model() {
        let parsed: VersionOf = "credit-risk@3".parse().expect("good");
        assert_eq!((parsed.model.as_str(), parsed.version), ("credit-risk", VersionRef::Number(3)));
        assert_eq!("m".parse::<Wanted>().expect("good").version, None);
        for bad in ["m", "m@", "m@latest", "@3", "M@3", "a/b@3", "m@3@4"] {
            assert!(bad.parse::<VersionOf>().is_err(), "{bad}");
        }
    }
}
