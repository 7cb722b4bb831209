//! Which profile a dossier is made by: a framework, or one of the two documents that no law
//! orders, which come as profiles of the same form.

use crate::{
    error::Error,
    frameworks::{self, Catalog, Entry, FrameworkProfile},
};
use chrono::NaiveDate;
use std::sync::LazyLock;

const FILES: &[&str] = &[
    include_str!("../../templates/dossiers/model-card.1.yaml"),
    include_str!("../../templates/dossiers/cyclonedx.1.yaml"),
];

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// By the nine points of Annex IV.
    AnnexIv,
    /// Inventory entry and validation report.
    ModelRisk,
    /// The summary of a bias audit.
    BiasAudit,
    ModelCard,
    /// Everything, in the order of any other profile's items.
    Plain,
}

pub(super) fn layout(profile: &str) -> Layout {
    match profile {
        "eu-ai-act" => Layout::AnnexIv,
        "sr-26-2" | "sr-11-7" => Layout::ModelRisk,
        "nyc-ll144" => Layout::BiasAudit,
        "model-card" => Layout::ModelCard,
        _ => Layout::Plain,
    }
}

/// Every profile that a dossier can be made by: id and title of its newest revision.
pub fn all() -> Result<Vec<(String, String)>, Error> {
    let entries = own()?.all().iter().chain(frameworks::catalog()?.all());
    let mut all: Vec<(String, String)> = Vec::new();
    for entry in entries {
        let (id, title) = (entry.profile.id.clone(), entry.profile.title.clone());
        match all.iter_mut().find(|(known, _)| *known == id) {
            Some(known) => known.1 = title,
            None => all.push((id, title)),
        }
    }
    Ok(all)
}

/// The revision that a name means on a day.
pub(super) fn choose(name: &str, on: NaiveDate) -> Result<&'static Entry, Error> {
    let own = own()?;
    let (id, revision) = name.split_once('@').map_or((name, None), |(id, revision)| (id, Some(revision)));
    if !own.ids().contains(&id) {
        return frameworks::ops::choose(name, on).map_err(|error| match error {
            Error::NotFound { .. } => unknown(name),
            other => other,
        });
    }
    let found = match revision.map(str::parse) {
        None => own.applicable(id, on).ok(),
        Some(Ok(revision)) => own.find(id, revision),
        Some(Err(_)) => None,
    };
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    let mut known: Vec<_> = own().map(Catalog::ids).unwrap_or_default();
    known.extend(frameworks::catalog().map(Catalog::ids).unwrap_or_default());
    let shown: String = name.chars().take(80).collect();
    Error::invalid("profile", format!("no profile is called \"{shown}\"; known are {}", known.join(", ")))
}

fn own() -> Result<&'static Catalog, Error> {
    static OWN: LazyLock<Result<Catalog, String>> = LazyLock::new(|| read().map_err(|e| e.to_string()));
    OWN.as_ref().map_err(|e| Error::internal(e.clone()))
}

fn read() -> Result<Catalog, Error> {
    let profile = |text: &&str| {
        let written = yaml_serde::from_str(text).map_err(|e| Error::invalid("profile", e.to_string()))?;
        FrameworkProfile::parse(&written)
    };
    Catalog::new(FILES.iter().map(profile).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_revision_of_the_day() {
        let on = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("day");
        for (name, day, want) in [
            ("model-card", on(2026, 1, 2), "model-card@1"),
            ("cyclonedx@1", on(2026, 1, 2), "cyclonedx@1"),
            ("sr-11-7", on(2026, 1, 2), "sr-11-7@1"),
            ("sr-26-2", on(2026, 5, 2), "sr-26-2@1"),
            ("eu-ai-act", on(2029, 1, 1), "eu-ai-act@2"),
        ] {
            assert_eq!(choose(name, day).expect(name).profile.name(), want);
        }
        for bad in ["model-card@2", "model-card@x", "nope", "", "../x"] {
            let said = choose(bad, on(2026, 1, 2)).expect_err(bad).to_string();
            assert!(said.contains("model-card, eu-ai-act") || said.contains("known are"), "{said}");
        }
    }
}
