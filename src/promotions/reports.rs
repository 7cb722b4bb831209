//! Verdicts that rest on a report hold only as long as the report counts.

use crate::{
    constraints::{ConstraintVerdict, ReportedFigure, Verdict},
    evidence::Reported,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The verdicts as they are now: one whose report was withdrawn, refuted or superseded, has expired, or whose key was
/// revoked, is not measured any more; nor is one whose report is older than the limit of this name lets evidence be.
pub fn standing(
    verdicts: &[ConstraintVerdict],
    reported: &[Reported],
    maximum_age: impl Fn(&str) -> Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Vec<ConstraintVerdict> {
    let find = |digest: &str| reported.iter().find(|one| one.digest.to_string() == digest && one.counts(now));
    let is_young = |one: &Reported, limit: &str| {
        let measured_at = one.measured_at.unwrap_or(one.issued_at);
        maximum_age(limit).is_none_or(|most| now - measured_at <= most)
    };
    let counts =
        |source: &ReportedFigure, limit: &str| find(&source.evidence).is_some_and(|report| is_young(report, limit));
    let one = |verdict: &ConstraintVerdict| match &verdict.reported {
        Some(source) if !counts(source, &verdict.constraint) => ConstraintVerdict {
            verdict: Verdict::NotMeasured,
            measured: None,
            interval: None,
            samples: None,
            margin: None,
            reason: format!(
                "the report {} of the key {} that it rested on no longer counts, or is too old for this limit; have it reported anew, and run the check again",
                source.evidence, source.key
            ),
            ..verdict.clone()
        },
        _ => verdict.clone(),
    };
    verdicts.iter().map(one).collect()
}
