//! What a record that somebody answers for says, in a sentence.

use crate::{accountability::Body, web::words};

/// A record in a sentence; all of it is in the API.
pub fn says(body: &Body) -> String {
    match body {
        Body::Kpi(kpi) => format!("{}: {} {} by {}", kpi.metric, kpi.target, kpi.unit, kpi.due),
        Body::Assumption(assumption) => format!("{} ({})", assumption.statement, assumption.state),
        Body::Degradation(policy) => {
            let fallback = policy.fallback.as_ref().map_or_else(String::new, |fallback| format!(" {fallback}"));
            format!("{}{fallback} when: {}", words::spoken(&policy.response.to_string()), policy.triggers.join("; "))
        }
        Body::Runbook(runbook) => words::short(&runbook.sha256),
        Body::Sla(level) => {
            let promise = |value: Option<f64>, unit: &str| value.map(|value| format!("{value} {unit}"));
            let promises = [
                promise(level.availability_percent, "% available"),
                promise(level.response_time_p95_ms, "ms at p95"),
                promise(level.throughput_per_second, "per second"),
                promise(level.recovery_time_minutes, "minutes to recover"),
                level.support.clone(),
            ];
            promises.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Body::Escalation(chain) => {
            let steps = chain.steps.iter().map(|step| format!("{} min: {}", step.after_minutes, step.contact));
            steps.collect::<Vec<_>>().join("; ")
        }
        Body::IntegrationMap(map) => {
            format!("{} systems feed it, it feeds {}", map.upstream.len(), map.downstream.len())
        }
    }
}
