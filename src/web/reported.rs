//! What others signed about a version, as a page shows it: always with whose key it was, and
//! never beside what the registry measured itself.

use crate::{
    app::App,
    authz::{Action, Principal},
    core::ids::VersionId,
    error::Error,
    evidence::{
        Kind, Reported,
        api::{self, EvidenceSummary, ReportView},
        ops::{self, Record},
    },
    validation::evidence::BiasBody,
    web::{measured::Findings, subgroups},
};

/// A table of groups is long; the API has them all.
const TABLES_SHOWN: usize = 3;
/// More records than this are counted, not listed.
const RECORDS_SHOWN: usize = 100;

#[derive(Default)]
pub struct ReportedList {
    pub records: Vec<ReportedRow>,
    pub left_out: usize,
}

pub struct ReportedRow {
    pub summary: EvidenceSummary,
    pub report: ReportView,
    /// Of a bias record that counts: its tables of groups.
    pub found: Findings,
}

impl ReportedList {
    /// Everything that was reported about a version, newest first; nothing for those who may
    /// not look.
    pub async fn of(app: &App, who: &Principal, version: VersionId) -> Result<Self, Error> {
        if !who.may(Action::EvidenceRead) {
            return Ok(Self::default());
        }
        let all = ops::reported_of(app, who, version).await?;
        let left_out = all.len().saturating_sub(RECORDS_SHOWN);
        let mut records = Vec::new();
        let mut tables = 0;
        for record in all.into_iter().take(RECORDS_SHOWN) {
            let shows_groups =
                tables < TABLES_SHOWN && record.kind == Kind::Bias && record.counts(app.db.clock().now());
            let found = if shows_groups { groups(app, who, &record).await? } else { Findings::default() };
            tables += usize::from(!found.subgroups.is_empty());
            let Some(summary) = api::summaries(app, vec![Record::from(record)]).await?.pop() else { continue };
            let Some(report) = summary.report.clone() else { continue };
            records.push(ReportedRow { summary, report, found });
        }
        Ok(Self { records, left_out })
    }
}

async fn groups(app: &App, who: &Principal, record: &Reported) -> Result<Findings, Error> {
    let text = ops::body(app, who, record).await?;
    let bias: BiasBody = serde_json::from_str(&text).map_err(Error::internal)?;
    Ok(Findings { subgroups: subgroups::of(&bias, &[], &record.id.to_string()), ..Findings::default() })
}

#[cfg(test)]
mod tests;
