//! Reports that may stand in for a measurement: those that count now and are about this very version.

use crate::{
    authz::Scope,
    constraints::{ConstraintSpec, Dimension, ReportedFigure, StandIn},
    db::Conn,
    error::Error,
    evidence::{self, Kind, Reported},
    validation::evidence::PerformanceBody,
    versions::Version,
};
use chrono::{DateTime, Utc};

/// The figures of standing reports, as far as a limit of the spec accepts any.
///
/// Who signed the version does not vouch for what it takes: those reports are left out.
pub async fn stand_ins(
    conn: &Conn<'_>,
    scope: Scope,
    version: &Version,
    spec: &ConstraintSpec,
    now: DateTime<Utc>,
) -> Result<Vec<StandIn>, Error> {
    if !spec.accepts_reports() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let reported = evidence::store::of_version(conn, scope, version.id).await?;
    let is_signer = |record: &Reported| version.signature.is_by(record.key.signs_as());
    let stands = |record: &Reported| record.kind == Kind::Performance && record.counts(now) && !is_signer(record);
    for record in reported.into_iter().filter(stands) {
        // Its schema, and that its basis names this manifest, were checked when it was reported.
        let stored = evidence::store::statement(conn, record.id).await?;
        let body: PerformanceBody = serde_json::from_str(&stored.body).map_err(Error::internal)?;
        let source = ReportedFigure {
            evidence: record.digest.to_string(),
            key: record.key.name,
            fingerprint: record.key.fingerprint,
        };
        let figures = body.figures.into_iter().filter(|(metric, _)| Dimension::Power.metrics().contains(metric));
        found.extend(figures.map(|(metric, figure)| StandIn {
            metric,
            figure,
            doubt: body.doubts.get(&metric.to_string()).cloned(),
            host: body.host.clone(),
            source: source.clone(),
        }));
    }
    Ok(found)
}
