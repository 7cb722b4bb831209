//! How long a measurement counts for a single limit: the owner of a limit may ask for fresher
//! evidence than the environment's policy does.

use crate::{
    constraints::{ConstraintSpec, Severity},
    core::clock::rfc3339,
    error::{Error, FailedCheck},
    policies::Asked,
    promotions::assessment::Facts,
};
use chrono::{DateTime, TimeDelta, Utc};

/// One failed check for each blocking limit that asks for evidence younger than what there is.
///
/// The last moment still counts. `again` says how to measure anew.
pub fn checks(spec: &ConstraintSpec, measured_at: DateTime<Utc>, now: DateTime<Utc>, again: &str) -> Vec<FailedCheck> {
    let blocking = spec.constraints().iter().filter(|c| c.severity == Severity::Block);
    let expired = blocking.filter_map(|constraint| {
        let days = constraint.maximum_evidence_age_days?;
        let end = measured_at + TimeDelta::days(i64::from(days));
        (end < now).then(|| FailedCheck {
            check: "constraint_evidence_expired".to_owned(),
            detail: format!(
                "{}: its evidence counts for {days} days and has not counted since {}; {again}",
                constraint.name,
                rfc3339(end)
            ),
            owner: Some(constraint.owner.clone()),
        })
    });
    expired.collect()
}

/// How old what a limit rests on may be: what the policy and the limit both allow.
pub fn maximum(limits: Option<&ConstraintSpec>, policy: Option<&Asked>, limit: &str) -> Option<TimeDelta> {
    let of_limit = limits?.constraints().iter().find(|known| known.name == limit);
    let of_limit = of_limit.and_then(|known| known.maximum_evidence_age_days);
    let days = of_limit.into_iter().chain(policy.map(|asked| asked.evidence_maximum_age_days));
    days.min().map(|days| TimeDelta::days(i64::from(days)))
}

impl Facts {
    /// When the version was last measured against the current limits.
    pub fn measured_at(&self) -> Option<DateTime<Utc>> {
        self.run.as_ref()?.finished_at
    }

    /// Limits of the current spec for which a measurement of `measured_at` is too old by now.
    pub fn age_checks(&self, measured_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<FailedCheck>, Error> {
        let Some(revision) = &self.current.constraints else { return Ok(Vec::new()) };
        let (model, number, environment) = (&self.model.name, self.version.number, &self.environment.name);
        let again = format!("run plimsoll check {model}@{number} --env {environment}");
        Ok(checks(&revision.limits_of(model)?, measured_at, now, &again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn evidence_counts_up_to_its_last_moment_and_only_blocking_limits_stop_anything() {
        let limit = |name: &str, severity: &str, days: Option<u32>| {
            json!({"name": name, "dimension": "quality", "metric": "accuracy", "operator": ">=", "limit": 0.8,
                "unit": "1", "owner": "mara", "severity": severity, "maximum_evidence_age_days": days})
        };
        let written = json!({"constraints": [
            limit("week", "block", Some(7)), limit("month", "block", Some(30)), limit("any", "block", None),
            limit("shown", "warn", Some(7)),
        ]});
        let spec = ConstraintSpec::parse(&written).expect("a legal spec");
        let measured = DateTime::UNIX_EPOCH;
        let names = |age: TimeDelta| -> Vec<String> {
            let failed = checks(&spec, measured, measured + age, "measure again");
            failed.iter().map(|c| c.detail.split(':').next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(TimeDelta::days(7)), Vec::<String>::new());
        assert_eq!(names(TimeDelta::days(7) + TimeDelta::microseconds(1)), ["week"]);
        assert_eq!(names(TimeDelta::days(31)), ["week", "month"]);
        let failed = checks(&spec, measured, measured + TimeDelta::days(8), "measure again");
        assert_eq!(failed[0].check, "constraint_evidence_expired");
        assert_eq!(failed[0].owner.as_deref(), Some("mara"));
        assert!(failed[0].detail.contains("7 days") && failed[0].detail.contains("1970-01-08"), "{}", failed[0].detail);
    }
}
