//! The times of the calls of one load, as bars on a logarithmic scale, with the limits as lines.

use crate::{
    constraints::{ConstraintVerdict, Dimension, LoadRun, Statistic, amount},
    stats::figure::Figure,
    web::words,
};

const LEFT: f64 = 20.0;
const RIGHT: f64 = 660.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 196.0;
const BARS: usize = 48;
/// A scale spans at least this factor, so that equal times are no wall.
const LEAST_SPAN: f64 = 1.5;

pub struct Bars {
    /// Unique on the page.
    pub id: String,
    pub title: String,
    pub bars: Vec<Bar>,
    /// Place and time.
    pub ticks: Vec<(String, String)>,
    pub lines: Vec<Line>,
    /// The same in words: from, to, calls.
    pub rows: Vec<(String, String, String)>,
}

pub struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
}

/// A limit on a percentile of these calls.
pub struct Line {
    pub x: String,
    pub text_x: String,
    pub text_y: String,
    pub shown: String,
}

/// One for each load whose calls were counted into a histogram.
pub fn of(loads: &[LoadRun], verdicts: &[ConstraintVerdict]) -> Vec<Bars> {
    loads.iter().enumerate().filter_map(|(place, run)| bars(place, run, verdicts)).collect()
}

fn bars(place: usize, run: &LoadRun, verdicts: &[ConstraintVerdict]) -> Option<Bars> {
    let buckets = &run.histogram.as_ref()?.buckets;
    let (first, last) = (buckets.first()?, buckets.last()?);
    let limits = limits(run, verdicts);
    let from = (first.from_ns.max(1) as f64 / 1e9).min(limits.iter().map(|l| l.0).fold(f64::MAX, f64::min));
    let to = (last.to_ns.max(2) as f64 / 1e9).max(limits.iter().map(|l| l.0).fold(0.0, f64::max) * 1.05);
    let (from, to) = (from.ln(), to.max(from * LEAST_SPAN).ln());
    let at = |seconds: f64| LEFT + (RIGHT - LEFT) * ((seconds.ln() - from) / (to - from)).clamp(0.0, 1.0);
    let mut counts = vec![0_u64; BARS];
    for bucket in buckets {
        let middle = (bucket.from_ns as f64 + bucket.to_ns as f64) / 2e9;
        let bar = ((at(middle) - LEFT) / (RIGHT - LEFT) * BARS as f64) as usize;
        if let Some(count) = counts.get_mut(bar.min(BARS - 1)) {
            *count += bucket.calls;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let width = (RIGHT - LEFT) / BARS as f64;
    let edge = |bar: usize| (from + (to - from) * bar as f64 / BARS as f64).exp();
    let filled = || counts.iter().enumerate().filter(|(_, calls)| **calls != 0);
    let bar = |(bar, calls): (usize, &u64)| {
        let height = ((BOTTOM - TOP) * *calls as f64 / most).max(1.0);
        let x = LEFT + width * bar as f64;
        Bar { x: px(x), y: px(BOTTOM - height), width: px(width - 1.0), height: px(height) }
    };
    let row = |(bar, calls): (usize, &u64)| (time(edge(bar)), time(edge(bar + 1)), words::grouped(*calls));
    let line = |(row, (limit, shown)): (usize, (f64, String))| Line {
        x: px(at(limit)),
        text_x: px(at(limit).clamp(LEFT + 60.0, RIGHT - 60.0)),
        text_y: px(14.0 + 14.0 * (row % 2) as f64),
        shown,
    };
    Some(Bars {
        id: format!("calls-{place}"),
        title: format!("batch {}, {} at once", run.load.batch, run.load.concurrency),
        bars: filled().map(bar).collect(),
        ticks: ticks(from.exp(), to.exp()).into_iter().map(|t| (px(at(t)), time(t))).collect(),
        lines: limits.into_iter().enumerate().map(line).collect(),
        rows: filled().map(row).collect(),
    })
}

/// The limits in seconds on these very calls. A verdict does not say its load; it has the number that was judged, and
/// that is the load's own to the last digit.
fn limits(run: &LoadRun, verdicts: &[ConstraintVerdict]) -> Vec<(f64, String)> {
    let of = |statistic: Statistic| -> Figure {
        match statistic {
            Statistic::P50 => run.latency.p50,
            Statistic::P95 => run.latency.p95,
            Statistic::P99 => run.latency.p99,
            Statistic::Max => run.latency.max,
            Statistic::Mean => run.latency.mean,
        }
    };
    let mut found = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.dimension == Dimension::Latency) {
        let Some(statistic) = verdict.statistic else { continue };
        let own = of(statistic).value.map(|seconds| verdict.unit.from_base(seconds));
        let per_unit = verdict.unit.from_base(1.0);
        if own.is_some() && own == verdict.measured && 0.0 < verdict.limit && 0.0 < per_unit {
            found.push((
                verdict.limit / per_unit,
                format!("{statistic} {} {}", verdict.operator, amount(verdict.limit, verdict.unit, verdict.limit)),
            ));
        }
    }
    found
}

/// 1, 2 and 5 times powers of ten; only powers of ten where there would be many.
fn ticks(from: f64, to: f64) -> Vec<f64> {
    let of = |times: &[f64]| -> Vec<f64> {
        let powers = (from.log10().floor() as i32)..=(to.log10().ceil() as i32);
        let all = powers.flat_map(|power| times.iter().map(move |t| t * 10_f64.powi(power)).collect::<Vec<_>>());
        all.filter(|t| (from..=to).contains(t)).collect()
    };
    let all = of(&[1.0, 2.0, 5.0]);
    if all.len() <= 10 { all } else { of(&[1.0]) }
}

/// `20 µs`, `1.5 ms`, `2 s`.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let text = if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::Measured;
    use serde_json::json;

    fn run(nanos: &[u64]) -> LoadRun {
        let load = json!({"batch": 1, "concurrency": 1, "warm_up": 0, "samples": 10, "max_seconds": 1});
        let mut measured = Measured::default();
        measured.add_run(serde_json::from_value(load).expect("a load"), nanos, 1.0);
        measured.runs.remove(0)
    }

    #[test]
    fn every_call_is_in_a_bar_and_every_bar_inside_of_the_drawing() {
        for nanos in [vec![1], vec![20_000; 50], vec![0, 1, 10_000, 2_000_000_000], (1..3_000).collect()] {
            let drawn = &of(&[run(&nanos)], &[])[0];
            let calls: usize =
                drawn.rows.iter().map(|row| row.2.replace(',', "").parse::<usize>().expect("calls")).sum();
            assert_eq!(calls, nanos.len());
            let x = |text: &str| text.parse::<f64>().expect("a number");
            assert!(drawn.bars.iter().all(|bar| LEFT <= x(&bar.x) && x(&bar.x) + x(&bar.width) <= RIGHT));
            assert!(drawn.ticks.len() <= 12, "{:?}", drawn.ticks);
        }
    }

    #[test]
    fn a_limit_on_another_load_draws_no_line_here() {
        let run = run(&[1_000_000, 2_000_000, 3_000_000]);
        let verdict = |measured: f64| -> ConstraintVerdict {
            serde_json::from_value(json!({"constraint": "fast", "dimension": "latency", "metric": "latency",
                "statistic": "p50", "attribute": null, "operator": "<=", "limit": 20, "unit": "ms", "severity": "block",
                "owner": "tom", "verdict": "pass", "measured": measured, "interval": null, "samples": 3, "margin": 0.9,
                "reason": "x"}))
            .expect("a verdict")
        };
        assert_eq!(of(std::slice::from_ref(&run), &[verdict(5.0)])[0].lines.len(), 0);
        let drawn = &of(&[run], &[verdict(2.0)])[0];
        assert_eq!(drawn.lines[0].shown, "p50 <= 20 ms");
        assert!(drawn.ticks.iter().any(|(_, time)| time == "20 ms"), "the scale reaches to the limit");
    }

    #[test]
    fn times_read_well() {
        let cases = [(2e-5, "20 µs"), (1.5e-3, "1.5 ms"), (2.0, "2 s"), (9.99e-6, "9.99 µs")];
        for (seconds, shown) in cases {
            assert_eq!(time(seconds), shown);
        }
    }
}
