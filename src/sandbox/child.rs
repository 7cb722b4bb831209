//! The child's side: take limits on, lock down, run the model, answer.

use super::{
    attempt::attempt,
    cells::matrices,
    energy::Counters,
    failure::{Failure, FailureKind},
    feeding::plan_tensors,
    gathered::GivenOutput,
    host::{Host, Meter},
    inputs::plan_inputs,
    lockdown::Isolation,
    measure::{Source, measure},
    model_source::Beside,
    observation::{Observation, Outcome, Repeated},
    outputs::{OutputPlan, plan_outputs},
    perturb::names,
    predict::{Table, answer_first, predict, repeat},
    predictions::{Predictions, Scores},
    protocol::{Answer, MAX_BESIDE_BYTES, MAX_START_BYTES, MAX_TASK_BYTES, Purpose, Start, read_frame, write_frame},
    robustness::Suite,
    scores::Collected,
    session::{BesideBytes, Model, ModelBytes, Runtime},
    task::{Phase, Progress, Task},
    trial::Trial,
};
use std::{
    io::{self, Read, StdoutLock},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
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
    let failed = |failure| Answer::Done(Box::new(Outcome::Failed(failure)));
    let last = match run {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => failed(failure),
        Err(_) => failed(Failure::new(FailureKind::Crashed, "the sandbox panicked; see its standard error")),
    };
    match write_frame(&mut out.out, &last) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(ort_lib: &Path, mut isolation: Isolation, out: &mut Reporter<'_>) -> Result<Answer, Failure> {
    let mut stdin = io::stdin().lock();
    let start: Start = read_frame(&mut stdin, MAX_START_BYTES).map_err(|error| unreadable("start", &error))?;
    let not_limited = start.limits.apply();
    isolation.rlimits = not_limited.is_empty();
    isolation.notes.extend(not_limited);
    let runtime = Runtime::load(ort_lib)?;
    let host = Host::read(&runtime.version, start.threads);
    let mut meter = Meter::open();
    let energy = Counters::open();
    refuse_threads(&mut meter)?;
    isolation.lock_down();

    // From here on everything comes from outside.
    let beside: Vec<Beside> =
        read_frame(&mut stdin, MAX_BESIDE_BYTES).map_err(|error| unreadable("list of files", &error))?;
    let sizes = ModelSizes { file: start.model_size_bytes, beside };
    let answer = match start.purpose {
        Purpose::Measure => observe(&mut stdin, &sizes, &runtime, (host, isolation), (&mut meter, energy), out)
            .map(|observation| Answer::Done(Box::new(Outcome::Completed(Box::new(observation))))),
        Purpose::Try => read_trial(&mut stdin, &sizes)
            .and_then(|(trial, bytes)| attempt(&runtime, &bytes, trial))
            .map(|tried| Answer::Tried(Box::new(tried))),
    };
    answer.map_err(|failure| meter.reached().explain(failure, start.limits.address_space_bytes))
}

/// What is still to be read of the model.
struct ModelSizes {
    file: u64,
    beside: Vec<Beside>,
}

fn read_trial(stdin: &mut impl Read, sizes: &ModelSizes) -> Result<(Trial, ModelBytes), Failure> {
    let trial: Trial = read_frame(stdin, MAX_TASK_BYTES).map_err(|error| unreadable("inputs", &error))?;
    Ok((trial, read_model(stdin, sizes)?))
}

/// Reads task and model, and runs them.
fn observe(
    stdin: &mut impl Read,
    sizes: &ModelSizes,
    runtime: &Runtime,
    (host, isolation): (Host, Isolation),
    (meter, energy): (&mut Meter, Result<Counters, String>),
    out: &mut Reporter<'_>,
) -> Result<Observation, Failure> {
    let reading = Instant::now();
    let mut task: Task = read_frame(stdin, MAX_TASK_BYTES).map_err(|error| unreadable("task", &error))?;
    task.check().map_err(Failure::input)?;
    let mut data_time = reading.elapsed();
    let file = read_exactly(stdin, sizes.file)?;
    // What stands beside the model's file may be used where it lies, so it is the model's own.
    let baseline_memory_bytes = meter.baseline_bytes();
    let bytes = ModelBytes { file, beside: read_beside(stdin, sizes)? };

    out.report(Phase::Loading, 0);
    let (mut model, load_time_ms) = timed_open(runtime, &bytes, task.threads)?;

    let (outputs, no_prediction) = read_as(&model, &task)?;
    let preparing = Instant::now();
    let (rows, names) = (task.rows(), names(&task.columns));
    let rows_per_call = task.rows_per_call as usize;
    let mut table = match task.tensors.take() {
        Some(mut tensors) => {
            // Outputs that nobody can read as a prediction are still looked at.
            tensors.predicts &= !outputs.is_none();
            plan_tensors(&model.inputs, &model.outputs, tensors, rows_per_call)?
        }
        None => {
            let plan = plan_inputs(&model.inputs, &task)?;
            let matrices = matrices(&plan, &task.columns)?;
            Table::of_columns(plan, matrices, rows, rows_per_call)
        }
    };
    task.columns = Vec::new();
    data_time += preparing.elapsed();
    answer_first(&mut model, &table, &outputs)?;
    out.answered(data_time);
    let (collected, predicting, traffic) = predict(&mut model, &table, &outputs, |done| {
        out.report(Phase::Predicting, percent(done, table.rows));
    })?;
    // All threads that the runtime made are there by now, and none of the callers of a load.
    let threads = meter.threads();
    // A model that rolls dice is told so, whatever else its answers are.
    for _ in 0..task.repeats {
        repeat(&mut model, &table, &outputs, &collected)?;
    }
    let scores = if table.tensors.is_empty() { Scores::Probabilities } else { Scores::MayBeLogits };
    let predictions = match outputs.is_none() {
        true => Predictions::default(),
        false => collected.finish(task.interface.as_ref(), scores)?,
    };

    let (energy, no_energy) = match energy {
        Ok(counters) => (Some(counters), None),
        Err(why) => (None, Some(why)),
    };
    let mut source = Source { runtime, bytes: &bytes, threads: task.threads, energy };
    let mut latencies = Vec::with_capacity(task.loads.len());
    for (done, load) in task.loads.iter().enumerate() {
        let mut tell = |share: f64| out.report(Phase::Measuring, share_of(done as f64 + share, task.loads.len()));
        tell(0.0);
        latencies.push(measure(&mut source, &mut model, &table, load, &mut tell)?);
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
        counted_classes: predictions.counted,
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
        cold_start_ms: None,
        traffic: Some(traffic),
        no_energy,
        repeated: Repeated { rows: rows as u64, times: u64::from(task.repeats) + 1 },
        perturbed,
        non_finite_rows: (!collected.has_unseen).then_some(collected.non_finite_rows),
        outputs: given(collected, &table),
        no_prediction,
        host,
        isolation,
        model: info,
    })
}

/// Which outputs are read as a prediction, and why none, where a data set of tensors asks for one.
fn read_as(model: &Model, task: &Task) -> Result<(OutputPlan, Option<String>), Failure> {
    if !task.predicts() {
        return Ok((OutputPlan::NONE, None));
    }
    match plan_outputs(&model.outputs, task.interface.as_ref()) {
        Ok(plan) => Ok((plan, None)),
        Err(failure) if task.tensors.is_some() && failure.kind == FailureKind::UnsupportedModel => {
            Ok((OutputPlan::NONE, Some(failure.detail)))
        }
        Err(failure) => Err(failure),
    }
}

/// The outputs that were wanted; those that nobody asked for were kept for their repetition alone.
fn given(collected: Collected, table: &Table) -> Vec<GivenOutput> {
    let pairs = collected
        .outputs
        .into_iter()
        .zip(&table.watched)
        .filter(|(_, watched)| watched.width.is_some() || watched.comes_back);
    pairs.map(|(gathered, watched)| gathered.given(watched)).collect()
}

/// A session and the milliseconds that it took.
fn timed_open(runtime: &Runtime, bytes: &ModelBytes, threads: u32) -> Result<(Model, f64), Failure> {
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

fn read_model(stdin: &mut impl Read, sizes: &ModelSizes) -> Result<ModelBytes, Failure> {
    let file = read_exactly(stdin, sizes.file)?;
    Ok(ModelBytes { file, beside: read_beside(stdin, sizes)? })
}

fn read_beside(stdin: &mut impl Read, sizes: &ModelSizes) -> Result<Vec<BesideBytes>, Failure> {
    sizes.beside.iter().map(|one| Ok((one.name.clone(), read_shared(stdin, one.size_bytes)?))).collect()
}

/// In the one place where it stays: a copy would be in the peak of the model's memory.
fn read_shared(stdin: &mut impl Read, size_bytes: u64) -> Result<Arc<[u8]>, Failure> {
    let size = usize::try_from(size_bytes).map_err(|_| unreadable("model", &io::ErrorKind::OutOfMemory.into()))?;
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
    let read = Arc::get_mut(&mut bytes).map_or(Ok(()), |bytes| stdin.read_exact(bytes));
    read.map_err(|error| unreadable("model", &error))?;
    Ok(bytes)
}

fn read_exactly(stdin: &mut impl Read, size_bytes: u64) -> Result<Vec<u8>, Failure> {
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1 makes 0 to 100")]
fn share_of(done: f64, of: usize) -> u8 {
    (done / of.max(1) as f64 * 100.0).clamp(0.0, 100.0) as u8
}

/// Tells the parent how far the run is, once for each change.
struct Reporter<'o> {
    out: StdoutLock<'o>,
    last: Option<Progress>,
}

impl Reporter<'_> {
    /// Tells the parent, who has the clock, that there is a first answer, and how long data took that only a run has.
    fn answered(&mut self, data_time: Duration) {
        let data_nanos = u64::try_from(data_time.as_nanos()).unwrap_or(u64::MAX);
        let _ = write_frame(&mut self.out, &Answer::Answered { data_nanos });
    }

    fn report(&mut self, phase: Phase, percent: u8) {
        let progress = Progress { phase, percent };
        if self.last != Some(progress) {
            self.last = Some(progress);
            // A parent that is gone ends this process by its own means.
            let _ = write_frame(&mut self.out, &Answer::Progress(progress));
        }
    }
}
