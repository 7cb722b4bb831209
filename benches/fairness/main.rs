//! This side of the fairness benchmark: reads rows, counts every group of three attributes and of
//! all their intersections, draws them again, and says in JSON what that gave and what it cost.
//! `measure` next to this file makes the rows, runs this and the reference, and compares.
//!
//! Invariants: only the public functions that a validation run calls are timed, on one thread;
//! the figures are written down after the last clock was read.

use plimsoll::{
    datasets::table::Table,
    stats::{
        bootstrap::{Plan, Scheme, TableBootstrap, table},
        fairness::{AttributeTable, Outcomes, tabulate},
    },
};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::{env, error::Error, fs, time::Instant};

/// The three attributes, their pairs and the triple, as a specification writes them.
const ATTRIBUTES: [&str; 7] = ["sex", "race", "age", "sex*race", "sex*age", "race*age", "sex*race*age"];
const SEED: u64 = 6;
/// No group is left out for its size, because the reference leaves none out.
const MINIMUM_GROUP_SIZE: u64 = 1;

#[derive(Serialize)]
struct Phase {
    name: &'static str,
    wall_s: f64,
    cpu_s: f64,
    /// The most memory that the process ever held, up to the end of this phase.
    peak_bytes: u64,
}

#[derive(Serialize)]
struct Report {
    rows: usize,
    resamples: u32,
    phases: Vec<Phase>,
    tables: Vec<AttributeTable>,
    bootstraps: Vec<TableBootstrap>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds the flag of that name.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file, resamples] = arguments.as_slice() else {
        eprintln!("nothing measured: this needs FILE RESAMPLES; `make bench BENCH=fairness` gives both");
        return Ok(());
    };
    println!("{}", serde_json::to_string(&measured(file, resamples.parse()?)?)?);
    Ok(())
}

fn measured(file: &str, resamples: u32) -> Result<Report, Box<dyn Error>> {
    let mut phases = Vec::new();
    let rows = timed("read", &mut phases, || Ok(Table::parse(&fs::read(file)?)?))?;
    let tables = timed("count", &mut phases, || counted(&rows))?;
    let mut bootstrap = |name, scheme| {
        let plan = Plan { resamples, seed: SEED, scheme };
        timed(name, &mut phases, || {
            Ok(tables.iter().map(|counts| table(counts, plan)).collect::<Result<Vec<_>, _>>()?)
        })
    };
    // The reference draws whole rows, so this is what is compared; strata are what evidence has.
    let bootstraps = bootstrap("bootstrap", Scheme::Rows)?;
    bootstrap("bootstrap_stratified", Scheme::StratifiedByGroup)?;
    Ok(Report { rows: rows.rows(), resamples, phases, tables, bootstraps })
}

fn counted(rows: &Table) -> Result<Vec<AttributeTable>, Box<dyn Error>> {
    let column = |name: &str| rows.column(name).ok_or_else(|| format!("the rows have no column `{name}`"));
    let outcomes = Outcomes::of_labels(column("answer")?, column("truth")?, Some("1")).map_err(|e| e.to_string())?;
    let tables = ATTRIBUTES.iter().map(|attribute| {
        let columns = attribute.split('*').map(column).collect::<Result<Vec<_>, _>>()?;
        Ok(tabulate(attribute, &columns, &outcomes, MINIMUM_GROUP_SIZE)?)
    });
    tables.collect()
}

fn timed<T>(
    name: &'static str,
    phases: &mut Vec<Phase>,
    work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let (wall, cpu_s) = (Instant::now(), cpu_seconds());
    let done = work()?;
    let (wall_s, cpu_s) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu_s);
    phases.push(Phase { name, wall_s, cpu_s, peak_bytes: peak_bytes()? });
    Ok(done)
}

/// Time that the processor spent for this process, in user mode and in the kernel.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// `VmHWM` of proc(5).
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("proc says no VmHWM")?;
    Ok(kibibytes.parse::<u64>()? * 1024)
}
