//! The child's side: take limits on, lock down, run the model, answer.

use super::{
    cells::matrices,
    failure::{Failure, FailureKind},
    host::{Host, Meter},
    inputs::plan_inputs,
    lockdown::Isolation,
    measure::{Source, measure},
    observation::{Observation, Outcome, Repeated},
    outputs::plan_outputs,
    perturb::names,
    predict::{Table, predict, repeat},
    protocol::{Answer, MAX_START_BYTES, MAX_TASK_BYTES, Start, read_frame, write_frame},
    robustness::Suite,
    session::{Model, Runtime},
    task::{Phase, Progress, Task},
};
use std::{
    io::{self, Read, StdoutLock},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::Instant,
};

/// Loads after the first one: with it as many as an interval for the median takes.
const LATER_LOADS: usize = 5;
/// A model that loads slowly is not loaded again after this time.
const LOADING_MS: f64 = 2_000.0;

/// Runs one task: the whole life of `plimsoll sandbox --ort-lib PATH`.
///
/// Reads standard input and answers on standard output, see the protocol module. Call it before any thread is
/// started: landlock holds for the calling thread and those that it starts.
pub fn main_child(ort_lib: &Path) -> ExitCode {
    let isolation = Isolation::begin();
    let mut out = Reporter { out: io::stdout().lock(), last: None };
    // A panic in a binding must become an answer; the process ends right after, so nothing broken is used again.
    let run = catch_unwind(AssertUnwindSafe(|| run(ort_lib, isolation, &mut out)));
    let outcome = match run {
        Ok(Ok(observation)) => Outcome::Completed(Box::new(observation)),
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(_) => Outcome::Failed(Failure::new(FailureKind::Crashed, "the sandbox panicked; see its standard error")),
    };
    match write_frame(&mut out.out, &Answer::Done(Box::new(outcome))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(ort_lib: &Path, mut isolation: Isolation, out: &mut Reporter<'_>) -> Result<Observation, Failure> {
    let mut stdin = io::stdin().lock();
    let start: Start = read_frame(&mut stdin, MAX_START_BYTES).map_err(|error| unreadable("start", &error))?;
    let not_limited = start.limits.apply();
    isolation.rlimits = not_limited.is_empty();
    isolation.notes.extend(not_limited);
    let runtime = Runtime::load(ort_lib)?;
    let host = Host::read(&runtime.version, start.threads);
    let mut meter = Meter::open();
    refuse_threads(&mut meter)?;
    isolation.lock_down();

    // From here on everything comes from outside.
    let observation = observe(&mut stdin, &start, &runtime, (host, isolation), &mut meter, out);
    observation.map_err(|failure| meter.reached().explain(failure, start.limits.address_space_bytes))
}

/// Reads task and model, and runs them.
fn observe(
    stdin: &mut impl Read,
    start: &Start,
    runtime: &Runtime,
    (host, isolation): (Host, Isolation),
    meter: &mut Meter,
    out: &mut Reporter<'_>,
) -> Result<Observation, Failure> {
    let mut task: Task = read_frame(stdin, MAX_TASK_BYTES).map_err(|error| unreadable("task", &error))?;
    task.check().map_err(Failure::input)?;
    let bytes = read_model(stdin, start.model_size_bytes)?;

    out.report(Phase::Loading, 0);
    let baseline_memory_bytes = meter.baseline_bytes();
    let (mut model, load_time_ms) = timed_open(runtime, &bytes, task.threads)?;

    let interface = task.interface.as_ref();
    let outputs = plan_outputs(&model.outputs, interface)?;
    let plan = plan_inputs(&model.inputs, &task)?;
    let mut table = Table { matrices: matrices(&plan, &task.columns)?, rows: task.rows(), plan };
    let names = names(&task.columns);
    task.columns = Vec::new();
    let (collected, predicting) = predict(&mut model, &table, &outputs, |done| {
        out.report(Phase::Predicting, percent(done, table.rows));
    })?;
    // All threads that the runtime made are there by now, and none of the callers of a load.
    let threads = meter.threads();
    // A model that rolls dice is told so, whatever else its answers are.
    for _ in 0..task.repeats {
        repeat(&mut model, &table, &outputs, &collected)?;
    }
    let predictions = collected.finish(task.interface.as_ref())?;

    let source = Source { runtime, bytes: &bytes, threads: task.threads };
    let mut latencies = Vec::with_capacity(task.loads.len());
    for (done, load) in task.loads.iter().enumerate() {
        out.report(Phase::Measuring, percent(done, task.loads.len()));
        latencies.push(measure(&source, &mut model, &table, load)?);
    }
    let (peak_memory_bytes, info) = (meter.peak_bytes(), model.info());

    let draws = task.draws();
    let suite = Suite { task: &task, names: &names, outputs: &outputs, predictions: &predictions };
    let perturbed = suite.run(&mut model, &mut table, |done| out.report(Phase::Perturbing, percent(done, draws)))?;
    // A fresh session has chosen its kernels and its threads anew; the first one's memory is free by now.
    drop(model);
    let mut later_loads_ms = Vec::new();
    let (mut fresh, load_ms) = timed_open(runtime, &bytes, task.threads)?;
    let rows = repeat(&mut fresh, &table, &outputs, &collected)?;
    drop(fresh);
    later_loads_ms.push(load_ms);
    while later_loads_ms.len() < LATER_LOADS && later_loads_ms.iter().sum::<f64>() < LOADING_MS {
        later_loads_ms.push(timed_open(runtime, &bytes, task.threads)?.1);
    }
    Ok(Observation {
        labels: predictions.labels,
        classes: predictions.classes,
        probabilities: predictions.probabilities,
        values: predictions.values,
        latencies,
        load_time_ms,
        later_loads_ms,
        peak_memory_bytes,
        baseline_memory_bytes,
        predicting,
        threads,
        repeated: Repeated { rows: rows as u64, times: u64::from(task.repeats) + 1 },
        perturbed,
        host,
        isolation,
        model: info,
    })
}

/// A session and the milliseconds that it took.
fn timed_open(runtime: &Runtime, bytes: &[u8], threads: u32) -> Result<(Model, f64), Failure> {
    let begin = Instant::now();
    let model = runtime.open(bytes, threads)?;
    Ok((model, begin.elapsed().as_secs_f64() * 1e3))
}

/// A thread that is already there would escape landlock.
fn refuse_threads(meter: &mut Meter) -> Result<(), Failure> {
    match meter.threads() {
        Some(1) | None => Ok(()),
        Some(threads) => Err(Failure::new(
            FailureKind::Unavailable,
            format!("the sandbox has {threads} threads before its lock-down; start it before any runtime"),
        )),
    }
}

fn read_model(stdin: &mut impl Read, size_bytes: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = stdin.take(size_bytes).read_to_end(&mut bytes);
    read.map_err(|error| unreadable("model", &error))?;
    if bytes.len() as u64 != size_bytes {
        return Err(unreadable("model", &io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}

/// What the parent sent does not arrive: never the model's fault.
fn unreadable(what: &str, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::OutOfMemory => FailureKind::MemoryLimit,
        _ => FailureKind::Unavailable,
    };
    Failure::new(kind, format!("the sandbox could not read the {what}: {error}"))
}

fn percent(done: usize, of: usize) -> u8 {
    u8::try_from(done * 100 / of.max(1)).unwrap_or(100)
}

/// Tells the parent how far the run is, once for each change.
struct Reporter<'o> {
    out: StdoutLock<'o>,
    last: Option<Progress>,
}

impl Reporter<'_> {
    fn report(&mut self, phase: Phase, percent: u8) {
        let progress = Progress { phase, percent };
        if self.last != Some(progress) {
            self.last = Some(progress);
            // A parent that is gone ends this process by its own means.
            let _ = write_frame(&mut self.out, &Answer::Progress(progress));
        }
    }
}
