//! Whether what the approval of an active release rested on still holds.
//!
//! It is a mark and not a state: a release that lapsed stays active, is shown as lapsed wherever it
//! is shown, and has a finding. A mark is never taken off; a new approval makes a new release.
//!
//! Where the policy in force says `on_lapse: suspend`, a release that lapses while it is active is
//! taken down as well, in the same transaction. What somebody brings back lapsed, or leads down a
//! step, keeps its mark and stays: that is a decision of theirs.

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

/// The part that whoever introduces a policy changes for everything that runs. By itself it marks and
/// takes nothing down: it says what is asked of the next request.
const OF_THE_POLICY: &str = "policy";

/// Why an approval no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// A check that fails, or a part of the decision that changed.
    pub cause: String,
    /// The same as a sentence.
    pub detail: String,
}

impl Lapse {
    /// Whether a policy that asks for it takes a release down for this.
    pub fn takes_down(&self) -> bool {
        self.cause != OF_THE_POLICY
    }
}

/// Whether a release that was marked for this is still looked at: what its mark stands for takes
/// nothing down, and what comes after it may.
pub(super) const LOOKED_AT_AGAIN: &str = OF_THE_POLICY;

/// Why an approval no longer holds. Nothing while it does.
pub fn lapse(changes: &[Change], failed: &[FailedCheck]) -> Option<Lapse> {
    // What runs may have been led down the steps since; that is no step up.
    if let Some(check) = failed.iter().find(|check| check.check != "mode_skips_a_step") {
        return Some(Lapse { cause: check.check.clone(), detail: check.detail.clone() });
    }
    let parts: Vec<_> =
        changes.iter().map(|change| change.part.as_str()).filter(|part| !OF_THE_REQUEST.contains(part)).collect();
    let cause = parts.iter().find(|part| **part != OF_THE_POLICY).or(parts.first())?;
    Some(Lapse { cause: (*cause).to_owned(), detail: format!("changed since it was approved: {}", parts.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn change(part: &str) -> Change {
        Change { part: part.to_owned(), before: Value::Null, now: "x".into() }
    }

    fn failed(code: &str) -> FailedCheck {
        FailedCheck { check: code.to_owned(), detail: "too old".to_owned(), owner: None }
    }

    #[test]
    fn an_approval_lapses_with_its_ground_and_not_with_what_came_after_it() {
        assert_eq!(lapse(&[], &[failed("mode_skips_a_step")]), None);
        assert_eq!(lapse(&[], &[]), None);
        assert_eq!(lapse(&[change("replaces"), change("findings"), change("waivers")], &[]), None);
        let lapsed = lapse(&[change("replaces"), change("constraints"), change("run")], &[]).expect("lapsed");
        assert_eq!(
            (lapsed.cause.as_str(), lapsed.detail.as_str()),
            ("constraints", "changed since it was approved: constraints, run")
        );
        assert_eq!(lapse(&[change("run")], &[failed("evidence_expired")]).expect("lapsed").cause, "evidence_expired");
    }

    #[test]
    fn another_policy_alone_takes_nothing_down() {
        for (parts, checks, cause, takes_down) in [
            (&["policy"][..], &[][..], "policy", false),
            (&["policy", "replaces"], &[], "policy", false),
            (&["policy", "profile"], &[], "profile", true),
            (&["circumstances", "policy"], &[], "circumstances", true),
            (&["policy"], &["evidence_expired"], "evidence_expired", true),
        ] {
            let changes: Vec<_> = parts.iter().map(|part| change(part)).collect();
            let checks: Vec<_> = checks.iter().map(|code| failed(code)).collect();
            let lapsed = lapse(&changes, &checks).expect("lapsed");
            assert_eq!((lapsed.cause.as_str(), lapsed.takes_down()), (cause, takes_down), "{parts:?} {checks:?}");
        }
    }
}
