//! Whether what the approval of an active release rested on still holds.
//!
//! It is a mark and not a state: a release that lapsed stays active, is shown as lapsed wherever it
//! is shown, and has a finding. A mark is never taken off; a new approval makes a new release.

pub(crate) mod ops;
pub(crate) mod store;

pub use ops::sweep;

use crate::error::{Change, Error, FailedCheck};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assurance {
    #[default]
    Sound,
    Lapsed,
}

impl Assurance {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Lapsed => "lapsed",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "sound" => Ok(Self::Sound),
            "lapsed" => Ok(Self::Lapsed),
            other => Err(Error::internal(format!("assurance {other}"))),
        }
    }
}

/// Parts of a decision that say nothing by themselves about whether it still holds once it is active:
/// what it took the place of, and what is open or excepted beside it. A finding that blocks, a waiver
/// that is over and a record that lapsed fail a check.
const OF_THE_REQUEST: [&str; 4] = ["replaces", "findings", "waivers", "records"];

/// Why an approval no longer holds: a code, and a sentence. Nothing while it does.
pub fn lapse(changes: &[Change], failed: &[FailedCheck]) -> Option<(String, String)> {
    // What runs may have been led down the steps since; that is no step up.
    if let Some(check) = failed.iter().find(|check| check.check != "mode_skips_a_step") {
        return Some((check.check.clone(), check.detail.clone()));
    }
    let parts: Vec<_> =
        changes.iter().map(|change| change.part.as_str()).filter(|part| !OF_THE_REQUEST.contains(part)).collect();
    let first = parts.first()?;
    Some(((*first).to_owned(), format!("changed since it was approved: {}", parts.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_approval_lapses_with_its_ground_and_not_with_what_came_after_it() {
        let change = |part: &str| Change { part: part.to_owned(), before: Value::Null, now: "x".into() };
        let lowered = FailedCheck { check: "mode_skips_a_step".to_owned(), detail: "two".to_owned(), owner: None };
        assert_eq!(lapse(&[], &[lowered]), None);
        let failed = FailedCheck { check: "evidence_expired".to_owned(), detail: "too old".to_owned(), owner: None };
        assert_eq!(lapse(&[], &[]), None);
        assert_eq!(lapse(&[change("replaces"), change("findings"), change("waivers")], &[]), None);
        let (cause, detail) = lapse(&[change("replaces"), change("constraints"), change("run")], &[]).expect("lapsed");
        assert_eq!(
            (cause.as_str(), detail.as_str()),
            ("constraints", "changed since it was approved: constraints, run")
        );
        assert_eq!(lapse(&[change("run")], &[failed]).expect("lapsed").0, "evidence_expired");
    }
}
