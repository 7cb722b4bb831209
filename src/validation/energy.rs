//! Energy of one row, from what the processor's counters moved by during the timed calls. Pure.

use crate::sandbox::LatencySamples;

/// Shorter measurements than this are within the steps of the counters, which are about a millisecond.
const LEAST_SECONDS: f64 = 0.1;

/// Joules per row over all loads, and the rows; or why it was not measured. `unreadable` is why there are no counters.
pub fn per_row(loads: &[LatencySamples], unreadable: Option<&str>) -> Result<(f64, u64), String> {
    if let Some(why) = unreadable {
        return Err(why.to_owned());
    }
    let rows: u64 = loads.iter().map(|load| load.rows).sum();
    if rows == 0 {
        return Err("no call was timed; add a limit on latency or throughput".to_owned());
    }
    let joules: Option<f64> = loads.iter().map(|load| load.joules).sum();
    let joules = joules.ok_or("an energy counter stopped answering")?;
    let wall_s: f64 = loads.iter().map(|load| load.wall_nanos as f64 / 1e9).sum();
    if wall_s < LEAST_SECONDS {
        let why = "the timed calls are too short for the energy counters; ask for a load with more samples";
        return Err(why.to_owned());
    }
    if joules <= 0.0 {
        return Err("the energy counters did not move".to_owned());
    }
    Ok((joules / rows as f64, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Load;

    fn load(joules: Option<f64>, rows: u64, wall_nanos: u64) -> LatencySamples {
        let load = Load { batch: 1, concurrency: 1, warm_up: 0, samples: 10, max_seconds: 1 };
        LatencySamples { load, nanos: Vec::new(), wall_nanos, rows, cpu_seconds: 0.0, joules }
    }

    #[test]
    fn joules_of_all_loads_are_shared_by_all_rows() {
        let loads = [load(Some(3.0), 100, 80_000_000), load(Some(1.0), 300, 40_000_000)];
        assert_eq!(per_row(&loads, None), Ok((0.01, 400)));
    }

    #[test]
    fn nothing_is_said_without_a_reading_of_every_load() {
        let second = 1_000_000_000;
        for (loads, unreadable, said) in [
            (vec![load(Some(3.0), 100, second)], Some("no counters"), "no counters"),
            (Vec::new(), None, "add a limit on latency"),
            (vec![load(Some(3.0), 100, second), load(None, 1, second)], None, "stopped answering"),
            (vec![load(Some(3.0), 100, 99_000_000)], None, "too short"),
            (vec![load(Some(0.0), 100, second)], None, "did not move"),
        ] {
            let why = per_row(&loads, unreadable).expect_err(said);
            assert!(why.contains(said), "{why}");
        }
    }
}
