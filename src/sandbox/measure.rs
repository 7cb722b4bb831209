//! Latency under load: how long a call takes when the inputs are ready.
//!
//! Only the runtime's work is timed. Rows are taken round-robin from the data set, so that a model whose time depends
//! on the values is measured on real ones. Every caller has a session of its own, as a server with a pool has.

use super::{
    carried::Carried,
    energy::Counters,
    failure::{Failure, FailureKind},
    host::cpu_seconds,
    observation::LatencySamples,
    predict::{Piece, Table},
    session::{Inputs, Model, ModelBytes, Runtime, arguments},
    task::Load,
};
use std::{
    sync::{
        OnceLock, RwLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Cells that are held ready for one load; beyond that requests are used again.
const MAX_READY_CELLS: usize = 1 << 20;
/// How often the share that is done is told: seldom enough to disturb no call.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether the callers are done.
const POLL: Duration = Duration::from_millis(20);
/// As much stack as the main thread has: deep graphs recurse.
const CALLER_STACK_BYTES: usize = 8 << 20;

/// One request: usually one call, several where the model fixes a smaller batch.
type Request = Vec<Prepared>;

/// The inputs of a call, but for what the call before left, and its first row.
struct Prepared {
    inputs: Inputs,
    row: usize,
}

/// Where sessions for further callers come from.
pub(super) struct Source<'a> {
    pub runtime: &'a Runtime,
    pub bytes: &'a ModelBytes,
    pub threads: u32,
    pub energy: Option<Counters>,
}

/// Measures one load; `model` is the first caller's session, and `tell` hears the share that is done, 0 to 1, between calls.
///
/// # Errors
/// Whatever a call fails with; `memory_limit` when there is no room for the callers.
pub(super) fn measure(
    source: &mut Source<'_>,
    model: &mut Model,
    table: &Table,
    load: &Load,
    tell: &mut dyn FnMut(f64),
) -> Result<LatencySamples, Failure> {
    let requests = requests(table, load)?;
    let more = (1..load.concurrency)
        .map(|_| source.runtime.open(source.bytes, source.threads))
        .collect::<Result<Vec<_>, _>>()?;
    let crowd = Crowd { table, requests: &requests, load, tickets: AtomicU32::new(0) };
    let mut energy = source.energy.as_mut();
    let (before, caller_runs) = if more.is_empty() {
        let mut carried = Carried::default();
        crowd.warm_up(model, 0, &mut carried)?;
        let before = Before::now(energy.as_deref_mut());
        let run = crowd.timed(model, before.start, &mut carried, tell)?;
        (before, vec![run])
    } else {
        crowd.run_together(model, more, energy.as_deref_mut(), tell)?
    };
    let joules = before.joules(energy);
    let (start, spent) = (before.start, cpu_seconds() - before.cpu_seconds);
    let end = caller_runs.iter().map(|run| run.end).max().unwrap_or(start);
    let nanos: Vec<u64> = caller_runs.into_iter().flat_map(|run| run.nanos).collect();
    Ok(LatencySamples {
        load: load.clone(),
        wall_nanos: nanos_of(end.duration_since(start)),
        rows: nanos.len() as u64 * u64::from(load.batch),
        nanos,
        cpu_seconds: spent,
        joules,
    })
}

/// What the machine's clocks and counters say just before the first timed call.
struct Before {
    energy_uj: Option<Vec<u64>>,
    cpu_seconds: f64,
    start: Instant,
}

impl Before {
    fn now(energy: Option<&mut Counters>) -> Self {
        let energy_uj = energy.and_then(Counters::read);
        Self { energy_uj, cpu_seconds: cpu_seconds(), start: Instant::now() }
    }

    /// What the processor's packages have taken since.
    fn joules(&self, energy: Option<&mut Counters>) -> Option<f64> {
        let counters = energy?;
        let after = counters.read()?;
        counters.joules(self.energy_uj.as_deref()?, &after)
    }
}

/// The inputs of as many different requests as fit, over consecutive rows of the data set.
fn requests(table: &Table, load: &Load) -> Result<Vec<Request>, Failure> {
    let batch = load.batch as usize;
    let columns: usize = table.matrices.iter().map(|matrix| matrix.width).sum();
    let columns = columns + table.tensors.iter().map(|feed| feed.width).sum::<usize>();
    let fitting = (MAX_READY_CELLS / (batch * columns.max(1))).max(1);
    let count = fitting.min(load.samples as usize).min(table.rows.max(1));
    let mut rows = (0..table.rows).cycle();
    (0..count)
        .map(|_| {
            let chosen: Vec<usize> = rows.by_ref().take(batch).collect();
            let pieces = table.pieces(&chosen, batch);
            let prepared = |piece: &Piece| {
                Ok(Prepared { inputs: table.inputs(&piece.rows)?, row: piece.rows.first().copied().unwrap_or(0) })
            };
            pieces.iter().map(prepared).collect()
        })
        .collect()
}

/// All callers of one load.
struct Crowd<'a> {
    table: &'a Table,
    requests: &'a [Request],
    load: &'a Load,
    /// Timed calls that were begun.
    tickets: AtomicU32,
}

struct CallerRun {
    nanos: Vec<u64>,
    end: Instant,
}

impl Crowd<'_> {
    /// One thread for each caller. All warm up, wait for each other, and start at the same moment.
    fn run_together(
        &self,
        first: &mut Model,
        more: Vec<Model>,
        mut energy: Option<&mut Counters>,
        tell: &mut dyn FnMut(f64),
    ) -> Result<(Before, Vec<CallerRun>), Failure> {
        let gate = RwLock::new(());
        let started = OnceLock::new();
        let (ready, all_ready) = mpsc::channel();
        let mut models: Vec<&mut Model> = vec![first];
        let mut more = more;
        models.extend(more.iter_mut());
        thread::scope(|scope| {
            let closed = gate.write();
            let mut callers = Vec::with_capacity(models.len());
            let mut refused = None;
            let mut before = Before::now(None);
            for (number, model) in models.into_iter().enumerate() {
                let (gate, started, ready) = (&gate, &started, ready.clone());
                let caller = move || {
                    let mut carried = Carried::default();
                    let warm = self.warm_up(model, number, &mut carried);
                    // The receiver only goes away after all callers have.
                    let _ = ready.send(());
                    drop(gate.read());
                    warm?;
                    match started.get() {
                        Some(start) => self.timed(model, *start, &mut carried, &mut |_| {}),
                        None => Err(no_room("the other callers")),
                    }
                };
                match thread::Builder::new().stack_size(CALLER_STACK_BYTES).spawn_scoped(scope, caller) {
                    Ok(handle) => callers.push(handle),
                    Err(error) => {
                        refused = Some(no_room(&error.to_string()));
                        break;
                    }
                }
            }
            // A caller that panics drops its sender, so this never waits for one that is gone.
            drop(ready);
            if refused.is_none() {
                all_ready.iter().take(callers.len()).for_each(drop);
                before = Before::now(energy.take());
                let _ = started.set(before.start);
            }
            drop(closed);
            while !callers.iter().all(thread::ScopedJoinHandle::is_finished) {
                thread::sleep(POLL);
                tell(self.share(before.start));
            }
            let ended: Vec<_> = callers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            if let Some(failure) = refused {
                return Err(failure);
            }
            let panicked = |_| Failure::new(FailureKind::Crashed, "a caller panicked");
            let runs = ended.into_iter().map(|end| end.map_err(panicked)?).collect::<Result<Vec<_>, _>>()?;
            Ok((before, runs))
        })
    }

    /// Calls that do not count: this caller's share, and no longer than the load may take.
    fn warm_up(&self, model: &mut Model, caller: usize, carried: &mut Carried) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(self.load.max_seconds.into());
        let share = self.load.warm_up.div_ceil(self.load.concurrency.max(1));
        for call in 0..share {
            self.answer(model, caller + call as usize, carried)?;
            if deadline <= Instant::now() {
                break;
            }
        }
        Ok(())
    }

    /// Whichever comes first ends the load: its calls, or its time.
    fn share(&self, start: Instant) -> f64 {
        let calls = f64::from(self.tickets.load(Ordering::Relaxed)) / f64::from(self.load.samples.max(1));
        let time = start.elapsed().as_secs_f64() / f64::from(self.load.max_seconds.max(1));
        calls.max(time).min(1.0)
    }

    fn timed(
        &self,
        model: &mut Model,
        start: Instant,
        carried: &mut Carried,
        tell: &mut dyn FnMut(f64),
    ) -> Result<CallerRun, Failure> {
        let mut told = start;
        let deadline = start + Duration::from_secs(self.load.max_seconds.into());
        let mut run = CallerRun { nanos: Vec::new(), end: start };
        loop {
            let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
            // The first call of all always counts, so that a load has at least one sample.
            if self.load.samples <= ticket || (ticket >= self.load.concurrency && deadline <= Instant::now()) {
                return Ok(run);
            }
            let taken = self.answer(model, ticket as usize, carried)?;
            run.nanos.push(nanos_of(taken));
            run.end = Instant::now();
            if TELL_EVERY <= run.end - told {
                told = run.end;
                tell(self.share(start));
            }
        }
    }

    /// What is carried from call to call is handed over between the timed calls.
    fn answer(&self, model: &mut Model, number: usize, carried: &mut Carried) -> Result<Duration, Failure> {
        let mut taken = Duration::ZERO;
        let request = self.requests.get(number % self.requests.len().max(1));
        for prepared in request.into_iter().flatten() {
            carried.before(self.table, prepared.row)?;
            let arguments = arguments(&prepared.inputs).into_iter().chain(carried.arguments(self.table)).collect();
            let begin = Instant::now();
            let mut answers = model.run_prepared(arguments)?;
            taken += begin.elapsed();
            carried.after(self.table, &mut answers)?;
        }
        Ok(taken)
    }
}

fn no_room(why: &str) -> Failure {
    Failure::new(FailureKind::MemoryLimit, format!("there is no room for the callers of a load: {why}"))
}

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
