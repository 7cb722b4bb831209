//! The load condition of a constraint, and how many samples that load can give.

use super::super::{
    fields::Fields,
    metric::{Dimension, Statistic},
    spec::Load,
};

const LOAD_FIELDS: &[&str] = &["batch", "concurrency", "warm_up", "samples", "max_seconds"];

pub fn load(fields: &mut Fields, dimension: Option<Dimension>) -> Option<Load> {
    if !dimension?.has_load() {
        fields.refuse("load", "only latency and throughput have a load");
        return None;
    }
    let default = Load::default();
    let Some(mut load) = fields.object("load", LOAD_FIELDS) else {
        // Absent, or not an object and noted as such.
        return Some(default);
    };
    let mut read = |name: &str, range, default: u32| {
        let value = load.integer(name, range).and_then(|v| u32::try_from(v).ok());
        value.unwrap_or(default)
    };
    Some(Load {
        batch: read("batch", 1..=4096, default.batch),
        concurrency: read("concurrency", 1..=64, default.concurrency),
        warm_up: read("warm_up", 0..=10_000, default.warm_up),
        samples: read("samples", 10..=100_000, default.samples),
        max_seconds: read("max_seconds", 1..=300, default.max_seconds),
    })
}

/// Calls of which at least one lies beyond the percentile: with fewer it would only be the slowest of them.
fn calls_beyond(statistic: Option<Statistic>) -> u64 {
    match statistic {
        Some(Statistic::P99) => 100,
        Some(Statistic::P95) => 20,
        _ => 1,
    }
}

pub fn minimum_samples(
    fields: &mut Fields,
    dimension: Option<Dimension>,
    (load, statistic): (Option<Load>, Option<Statistic>),
) -> Option<u64> {
    let written = fields.integer("minimum_samples", 1..=10_000_000);
    let default = dimension?.default_minimum_samples();
    let Some(Load { samples, .. }) = load else {
        return Some(written.unwrap_or(default));
    };
    if let Some(minimum) = written.filter(|minimum| u64::from(samples) < *minimum) {
        let detail = format!("the load counts {samples} calls, so {minimum} are never reached; raise load.samples");
        fields.note("minimum_samples", detail);
    }
    // A load that asks for fewer calls than the default is taken at its word, where they can tell the percentile.
    Some(written.unwrap_or(default.min(u64::from(samples)).max(calls_beyond(statistic))))
}

#[cfg(test)]
mod tests {
    use crate::constraints::ConstraintSpec;
    use serde_json::json;

    #[test]
    fn a_percentile_asks_for_calls_beyond_it_whatever_the_load_counts() {
        for (statistic, samples, minimum) in
            [("p50", 10, 10), ("p95", 10, 20), ("p99", 10, 100), ("max", 10, 10), ("p95", 50, 50), ("p99", 500, 100)]
        {
            let limit = json!({"name": "latency", "dimension": "latency", "metric": "latency", "statistic": statistic,
                "operator": "<=", "limit": 20, "unit": "ms", "owner": "mara", "load": {"samples": samples}});
            let spec = ConstraintSpec::parse(&json!({"constraints": [limit]})).expect("a spec");
            assert_eq!(spec.constraints()[0].minimum_samples, minimum, "{statistic} of {samples}");
        }
    }
}
