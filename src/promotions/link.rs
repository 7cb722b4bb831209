//! Limits on the way to a model hold for the link that was declared when they were judged.

use crate::{
    constraints::{ConstraintSpec, Link, Metric, Severity},
    error::{Error, FailedCheck},
    promotions::assessment::Facts,
    validation::{EvidenceKind, evidence::PerformanceBody},
};

/// One failed check for each blocking limit that was judged by another link than the one that is declared now.
pub fn checks(spec: &ConstraintSpec, judged_by: Option<Link>, now: Option<Link>, again: &str) -> Vec<FailedCheck> {
    if judged_by == now {
        return Vec::new();
    }
    let rests_on_it = |metric| matches!(metric, Metric::TransferTime | Metric::MaximumOfflineTime);
    let blocking = spec.constraints().iter().filter(|c| c.severity == Severity::Block && rests_on_it(c.metric));
    let changed = blocking.map(|constraint| FailedCheck {
        check: "constraint_link_changed".to_owned(),
        detail: format!(
            "{}: the environment's profile declares another `connectivity` than the one that it was judged by; {again}",
            constraint.name
        ),
        owner: Some(constraint.owner.clone()),
    });
    changed.collect()
}

impl Facts {
    /// Limits that were judged by a link that the profile no longer declares.
    pub fn link_checks(&self) -> Result<Vec<FailedCheck>, Error> {
        let Some(revision) = &self.current.constraints else { return Ok(Vec::new()) };
        let Some(record) = self.evidence.iter().find(|record| record.kind == EvidenceKind::Performance) else {
            return Ok(Vec::new());
        };
        let body: PerformanceBody = serde_json::from_str(&record.body).map_err(Error::internal)?;
        let profile = self.current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
        let (model, number, environment) = (&self.model.name, self.version.number, &self.environment.name);
        let again = format!("run plimsoll check {model}@{number} --env {environment}");
        Ok(checks(&revision.limits_of(model)?, body.link, profile.and_then(|profile| profile.connectivity), &again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::{Unit, link::Amount};
    use serde_json::json;

    #[test]
    fn a_link_that_is_declared_anew_asks_for_a_new_run() {
        let limit = |metric: &str, severity: &str| {
            json!({"name": metric.replace('_', "-"), "dimension": "connectivity", "metric": metric, "operator": "<=",
                "limit": 10, "unit": "s", "owner": "mara", "severity": severity})
        };
        let spec = json!({"constraints": [limit("transfer_time", "block"), limit("maximum_offline_time", "warn")]});
        let spec = ConstraintSpec::parse(&spec).expect("a spec");
        let link =
            |seconds| Some(Link { round_trip: Some(Amount { value: seconds, unit: Unit::Second }), ..Link::default() });
        assert!(checks(&spec, link(1.0), link(1.0), "run it").is_empty());
        for (before, now) in [(link(1.0), link(2.0)), (link(1.0), None), (None, link(1.0))] {
            let failed = checks(&spec, before, now, "run it");
            assert_eq!(failed.len(), 1, "{failed:?}");
            assert!(failed[0].detail.starts_with("transfer-time:") && failed[0].detail.ends_with("run it"));
        }
    }
}
