//! The profiles that come with this build, and which of them applies on a day.

use crate::{
    core::{canonical, digest::Digest},
    error::Error,
    frameworks::profile::{FrameworkProfile, Standing, Status, parse_name},
};
use chrono::NaiveDate;
use std::sync::LazyLock;

/// Every file of `frameworks/`. A new revision is a new file; what was published stays.
const FILES: &[(&str, &str)] = &[
    ("eu-ai-act.1.yaml", include_str!("../../frameworks/eu-ai-act.1.yaml")),
    ("eu-ai-act.2.yaml", include_str!("../../frameworks/eu-ai-act.2.yaml")),
    ("gdpr.1.yaml", include_str!("../../frameworks/gdpr.1.yaml")),
    ("hipaa.1.yaml", include_str!("../../frameworks/hipaa.1.yaml")),
    ("iso-42001.1.yaml", include_str!("../../frameworks/iso-42001.1.yaml")),
    ("nist-ai-rmf.1.yaml", include_str!("../../frameworks/nist-ai-rmf.1.yaml")),
    ("nyc-ll144.1.yaml", include_str!("../../frameworks/nyc-ll144.1.yaml")),
    ("sr-11-7.1.yaml", include_str!("../../frameworks/sr-11-7.1.yaml")),
    ("sr-26-2.1.yaml", include_str!("../../frameworks/sr-26-2.1.yaml")),
    ("ugesp.1.yaml", include_str!("../../frameworks/ugesp.1.yaml")),
];

/// One revision and the sha256 of its canonical JSON.
#[derive(Clone, Debug)]
pub struct Entry {
    pub profile: FrameworkProfile,
    pub digest: Digest,
}

/// Invariants: no two entries have one id and revision; revisions of one id that are not
/// proposed never overlap; what is superseded is there.
#[derive(Debug)]
pub struct Catalog(Vec<Entry>);

/// The profiles of this build.
pub fn catalog() -> Result<&'static Catalog, Error> {
    static CATALOG: LazyLock<Result<Catalog, String>> = LazyLock::new(|| embedded().map_err(|e| e.to_string()));
    CATALOG.as_ref().map_err(|e| Error::internal(e.clone()))
}

fn embedded() -> Result<Catalog, Error> {
    let mut profiles = Vec::new();
    for (file, text) in FILES {
        let written = yaml_serde::from_str(text).map_err(|e| Error::invalid(*file, e.to_string()))?;
        let profile = FrameworkProfile::parse(&written).map_err(|e| Error::invalid(*file, e.to_string()))?;
        if *file != format!("{}.{}.yaml", profile.id, profile.revision) {
            return Err(Error::invalid(*file, "the file is called after its id and revision"));
        }
        profiles.push(profile);
    }
    Catalog::new(profiles)
}

impl Catalog {
    pub fn new(mut profiles: Vec<FrameworkProfile>) -> Result<Self, Error> {
        profiles.sort_by(|a, b| (&a.id, a.revision).cmp(&(&b.id, b.revision)));
        for (i, after) in profiles.iter().enumerate() {
            for before in profiles[..i].iter().filter(|before| before.id == after.id) {
                succeeds(before, after)?;
            }
        }
        for profile in &profiles {
            let Some(superseded) = &profile.supersedes else { continue };
            let known = profiles.iter().any(|other| other.name() == *superseded && other.name() != profile.name());
            if !known {
                return Err(Error::invalid(profile.name(), format!("it supersedes {superseded}, which is not here")));
            }
        }
        let entry = |profile: FrameworkProfile| {
            Ok(Entry { digest: canonical::digest(&profile).map_err(Error::internal)?, profile })
        };
        Ok(Self(profiles.into_iter().map(entry).collect::<Result<_, Error>>()?))
    }

    /// By id and revision.
    pub fn all(&self) -> &[Entry] {
        &self.0
    }

    /// Every id once.
    pub fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<_> = self.0.iter().map(|entry| entry.profile.id.as_str()).collect();
        ids.dedup();
        ids
    }

    pub fn find(&self, id: &str, revision: u32) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.profile.id == id && entry.profile.revision == revision)
    }

    /// The revision that binds on a day, if one does.
    pub fn in_force(&self, id: &str, on: NaiveDate) -> Option<&Entry> {
        self.of(id).find(|entry| entry.profile.standing(on) == Standing::InForce)
    }

    /// The revision to hold a version against on a day: the one in force, or else the next
    /// that is adopted already, or else one that is proposed.
    ///
    /// # Errors
    /// In words, when the id is known but all of it lies in the past.
    pub fn applicable(&self, id: &str, on: NaiveDate) -> Result<&Entry, String> {
        let upcoming = || self.of(id).find(|e| e.profile.standing(on) == Standing::NotYetInForce);
        let proposed = || self.of(id).filter(|e| e.profile.status == Status::Proposed).last();
        let found = self.in_force(id, on).or_else(upcoming).or_else(proposed);
        found.ok_or_else(|| match self.of(id).last() {
            Some(last) => gone(&last.profile, on, self.successor(&last.profile)),
            None => format!("no framework is called {id}; known are {}", self.ids().join(", ")),
        })
    }

    /// What took the place of a profile under another id.
    pub fn successor(&self, of: &FrameworkProfile) -> Option<&FrameworkProfile> {
        let name = of.name();
        self.0.iter().map(|entry| &entry.profile).find(|p| p.id != of.id && p.supersedes.as_deref() == Some(&*name))
    }

    fn of<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Entry> {
        let id = id.to_owned();
        self.0.iter().filter(move |entry| entry.profile.id == id)
    }
}

fn gone(last: &FrameworkProfile, on: NaiveDate, successor: Option<&FrameworkProfile>) -> String {
    let until = last.effective_to.map_or_else(String::new, |end| format!(" until {end}"));
    let next = successor.map_or_else(String::new, |next| format!("; {} took its place, name it instead", next.id));
    format!("{} was in force from {}{until} and is not on {on}{next}", last.name(), last.effective_from)
}

/// A later revision begins where, or after, the earlier one ends.
fn succeeds(before: &FrameworkProfile, after: &FrameworkProfile) -> Result<(), Error> {
    if before.revision == after.revision {
        return Err(Error::invalid(after.name(), "this revision is there twice"));
    }
    if after.status == Status::Proposed {
        return Ok(());
    }
    if before.status != Status::Proposed && before.effective_to.is_none_or(|end| after.effective_from < end) {
        let detail = format!("it takes effect on {} while {} still applies", after.effective_from, before.name());
        return Err(Error::invalid(after.name(), detail));
    }
    Ok(())
}

/// `name@revision` as it is written on the command line and in `supersedes`.
pub fn named<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Entry> {
    let (id, revision) = parse_name(name)?;
    catalog.find(id, revision)
}

#[cfg(test)]
mod tests;
