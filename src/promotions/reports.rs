//! Verdicts that rest on a report hold only as long as the report counts and is the last word.

use crate::{
    constraints::{ConstraintSpec, ConstraintVerdict, ReportedFigure, Verdict},
    evidence::{Kind, Reported},
    policies::Asked,
    promotions::age,
    validation::Run,
    versions::Signature,
};
use chrono::{DateTime, Utc};

/// What the verdicts of a run are held against.
pub struct Reports<'a> {
    /// Of the version, closed ones too.
    pub all: &'a [Reported],
    /// Whose key signed the version: who signed it does not vouch for what it takes.
    pub signature: &'a Signature,
    /// As they are now.
    pub limits: Option<&'a ConstraintSpec>,
    pub policy: Option<&'a Asked>,
}

impl Reports<'_> {
    /// The verdicts as they are now. One that rests on a report is not measured any more once the report was withdrawn,
    /// refuted or superseded, has expired, lost its key or grown older than the limit lets evidence be, and once another
    /// one that the limit accepts came in after the run began: the run did not see it, and it may say worse.
    pub fn standing(&self, run: &Run, now: DateTime<Utc>) -> Vec<ConstraintVerdict> {
        run.verdicts.iter().map(|verdict| self.one(run, verdict, now).unwrap_or_else(|| verdict.clone())).collect()
    }

    /// What takes the verdict's place, if something does.
    fn one(&self, run: &Run, verdict: &ConstraintVerdict, now: DateTime<Utc>) -> Option<ConstraintVerdict> {
        let source = verdict.reported.as_ref()?;
        let gone = |why: &str| {
            Some(ConstraintVerdict {
                verdict: Verdict::NotMeasured,
                measured: None,
                interval: None,
                samples: None,
                margin: None,
                reason: format!("the report {} of the key {} that it rested on {why}", source.evidence, source.key),
                ..verdict.clone()
            })
        };
        let limit = verdict.constraint.as_str();
        if !self.all.iter().any(|one| one.digest.to_string() == source.evidence && self.holds(one, limit, now)) {
            return gone(
                "no longer counts, or is too old for this limit; have it reported anew, and run the check again",
            );
        }
        let is_news = |one: &Reported| self.is_news(one, source, limit, run.started_at, now);
        if self.all.iter().any(is_news) {
            return gone("is not the last one that this limit accepts; run the check again, so that all of them count");
        }
        None
    }

    fn holds(&self, one: &Reported, limit: &str, now: DateTime<Utc>) -> bool {
        let measured_at = one.measured_at.unwrap_or(one.issued_at);
        let maximum = age::maximum(self.limits, self.policy, limit);
        one.counts(now) && maximum.is_none_or(|most| now - measured_at <= most)
    }

    fn is_news(
        &self,
        one: &Reported,
        source: &ReportedFigure,
        limit: &str,
        since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> bool {
        let limits = self.limits.into_iter().flat_map(ConstraintSpec::constraints);
        let accepted = limits.filter(|known| known.name == limit).any(|known| known.accepts_reports_of(&one.key.name));
        one.kind == Kind::Performance
            && !self.signature.is_by(one.key.signs_as())
            && one.digest.to_string() != source.evidence
            && one.counts(now)
            && accepted
            && since.is_none_or(|began| began <= one.submitted_at)
    }
}
