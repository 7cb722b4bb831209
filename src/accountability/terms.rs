//! What records mean for a request: what stops it, what it rests on, who had a hand in that.

use crate::{
    core::ids::AccountId,
    error::Error,
    policies::{Asked, OnMissing, evidence::EvidenceAsk, gates::Sorted},
    promotions::assessment::Facts,
};
use chrono::{DateTime, Utc};

impl Facts {
    /// What the policy asks to be on record, and is not there or counts for nothing.
    pub(crate) fn required_records(&self, asked: &Asked, now: DateTime<Utc>, sorted: &mut Sorted) {
        for lack in self.records.lacks(&asked.evidence, now) {
            match lack.missing {
                OnMissing::Block => sorted.take(vec![lack.check], &asked.warn),
                OnMissing::Warn => sorted.warnings.push(lack.check),
            }
        }
    }

    /// Digests of the records that it rests on.
    pub(crate) fn record_digests(&self) -> Vec<String> {
        self.records.digests(self.record_asks().ok().as_deref())
    }

    /// Who wrote what it rests on.
    pub(crate) fn record_authors(&self) -> Vec<(AccountId, &'static str)> {
        let authors = self.records.authors(self.record_asks().ok().as_deref());
        authors.into_iter().map(|id| (id, "the author of a record that it rests on")).collect()
    }

    fn record_asks(&self) -> Result<Vec<EvidenceAsk>, Error> {
        Ok(self.asked()?.map(|asked| asked.evidence).unwrap_or_default())
    }
}
