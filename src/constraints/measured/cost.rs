//! What answers cost, from what was measured and the prices of the spec.

use super::{
    super::{metric::Metric, spec::CostBasis},
    Measured,
};

const SECONDS_PER_HOUR: f64 = 3_600.0;
const BYTES_PER_GIB: f64 = 1_073_741_824.0;
const ANSWERS: f64 = 1_000.0;

impl Measured {
    /// Cost of a thousand rows: their CPU time, and the memory of the process for as long as they take under the load where
    /// a row takes the longest. Needs a load, because only there wall time is measured.
    pub fn add_cost(&mut self, basis: Option<CostBasis>) {
        // Without prices nobody asks: a limit on cost needs them in its spec.
        let Some(basis) = basis else { return };
        match self.cost_per_thousand(basis) {
            Ok((cost, rows)) => self.set(Metric::CostPerThousand, cost, rows),
            Err(why) => self.set_absent("cost_per_thousand", why),
        }
    }

    fn cost_per_thousand(&self, basis: CostBasis) -> Result<(f64, u64), &'static str> {
        let value = |metric: Metric| self.figures.get(&metric).and_then(|figure| figure.value);
        let cpu_s = value(Metric::CpuPerInference).ok_or("the CPU time of a row was not measured")?;
        let memory_bytes = value(Metric::PeakMemory).ok_or("the memory was not measured")?;
        let timed = self.runs.iter().map(|run| (run.elapsed_s, run.latency.n() * u64::from(run.load.batch)));
        let of_row = |(wall_s, rows): (f64, u64)| wall_s / rows as f64;
        let longest = timed.filter(|(_, rows)| *rows != 0).max_by(|one, other| of_row(*one).total_cmp(&of_row(*other)));
        let (wall_s, rows) = longest.ok_or("no call was timed; add a limit on latency or throughput")?;
        let cpu = cpu_s / SECONDS_PER_HOUR * basis.cpu_hour;
        let memory = memory_bytes / BYTES_PER_GIB * (wall_s / rows as f64) / SECONDS_PER_HOUR * basis.memory_gib_hour;
        Ok((ANSWERS * (cpu + memory), rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::{Load, Unit};

    const BASIS: CostBasis = CostBasis { currency: Unit::Euro, cpu_hour: 0.36, memory_gib_hour: 0.036 };

    fn measured() -> Measured {
        let mut measured = Measured::default();
        measured.set(Metric::CpuPerInference, 0.01, 1);
        measured.set(Metric::PeakMemory, 2.0 * BYTES_PER_GIB, 1);
        measured
    }

    #[test]
    fn cpu_and_memory_are_paid_for_as_long_as_they_are_used() {
        let mut measured = measured();
        // 50 rows in 1 second: 0.02 s a row. That others take less makes none of these cheaper.
        measured.add_run(Load { batch: 10, ..Load::default() }, &[1; 10], 0.5);
        measured.add_run(Load { batch: 5, ..Load::default() }, &[1; 10], 1.0);
        measured.add_cost(Some(BASIS));
        let found = measured.figures[&Metric::CostPerThousand];
        // 10 s of a core are 0.001, and 2 GiB for 20 s are 0.0004.
        assert!((found.value.expect("a figure") - 0.0014).abs() < 1e-15, "{found:?}");
        assert_eq!(found.n, 50);
    }

    #[test]
    fn without_prices_or_time_there_is_no_cost() {
        let mut measured = measured();
        measured.add_cost(None);
        assert!(measured.absent.is_empty());
        measured.add_cost(Some(BASIS));
        assert!(measured.absent["cost_per_thousand"].contains("no call was timed"));
        assert!(!measured.figures.contains_key(&Metric::CostPerThousand));
    }
}
