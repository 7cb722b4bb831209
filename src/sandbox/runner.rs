//! The parent's side: start the child, feed it, listen to it, and never leave it behind.

use super::{
    ending::failure_of,
    failure::{Failure, FailureKind},
    limits::{Limits, MAX_ARENAS},
    memory::{Reached, watch},
    model_source::{Beside, ModelSource},
    observation::{Observation, Outcome},
    protocol::{Answer, MAX_BESIDE_BYTES, MAX_START_BYTES, MAX_TASK_BYTES, Purpose, Start, encode, read_answer},
    task::{Progress, Task},
    trial::{Trial, Tried},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout_at},
};

/// How much of the child's standard error is kept.
const MAX_STDERR_BYTES: usize = 8 << 10;

/// Runs models in child processes. Cheap to clone; one run at a time for each call of [`Runner::run`].
#[derive(Clone, Debug)]
pub struct Runner {
    /// The program that answers to `sandbox --ort-lib PATH`: this very binary, outside of tests.
    pub exe: PathBuf,
    /// ONNX Runtime's library. Without it every run ends as `unavailable`.
    pub ort_lib: Option<PathBuf>,
    pub limits: Limits,
}

impl Runner {
    /// Runs `task` on the model and waits for its end.
    ///
    /// `progress` hears what the child claims about its advance. Dropping the future kills the child.
    pub async fn run(&self, task: Task, model: ModelSource, progress: impl FnMut(Progress) + Send) -> Outcome {
        let ended = match self.header_of_task(&task, &model) {
            Ok(header) => self.converse(header, model, progress).await,
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(Answer::Done(outcome)) => outcome.distrust(&task),
            Ok(_) => Outcome::Failed(off_topic()),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// Tries the model once. The same holds as for [`Runner::run`].
    ///
    /// # Errors
    /// What the model or the runtime failed with.
    pub async fn attempt(&self, trial: Trial, model: ModelSource) -> Result<Tried, Failure> {
        let header = self.header_of_trial(&trial, &model)?;
        match self.converse(header, model, |_| {}).await? {
            Answer::Tried(tried) => tried.distrust(&trial),
            Answer::Done(outcome) => match *outcome {
                Outcome::Failed(failure) => Err(Failure::new(failure.kind, failure.detail)),
                Outcome::Completed(_) => Err(off_topic()),
            },
            Answer::Progress(_) | Answer::Answered { .. } => Err(off_topic()),
        }
    }

    /// Starts a child, feeds it and returns its last word.
    async fn converse(
        &self,
        (header, allowed_bytes): Header,
        model: ModelSource,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Answer, Failure> {
        let spawned = Instant::now();
        let deadline = spawned + self.limits.wall;
        let (mut child, _directory) = self.start()?;
        let group = Group::of(&child);
        let process = child.id();
        let mut reached = Reached::default();
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable("the sandbox has no pipes"));
        };
        let talk = async {
            let listening = listen(stdout, self.limits.answer_bytes, spawned, progress);
            let (fed, heard, said) = tokio::join!(feed(stdin, &header, model), listening, last_words(stderr));
            (fed, heard, said, child.wait().await)
        };
        // Out of time, or the future dropped: the group is killed when `group` goes, and the child is reaped.
        let talk = async {
            tokio::select! {
                ended = talk => ended,
                never = watch(process, &mut reached) => match never {},
            }
        };
        let Ok((fed, heard, said, status)) = timeout_at(deadline, talk).await else {
            group.kill();
            let _ = child.wait().await;
            return Err(Failure::new(
                FailureKind::TimeLimit,
                format!("the run was stopped after {} s of wall-clock time", self.limits.wall.as_secs_f64()),
            ));
        };
        conclude(fed, heard, &said, status).map_err(|failure| reached.explain(failure, allowed_bytes))
    }

    fn header_of_task(&self, task: &Task, model: &ModelSource) -> Result<Header, Failure> {
        task.check().map_err(Failure::input)?;
        if let Some(interface) = &task.interface {
            interface.check().map_err(|error| Failure::input(format!("interface.json: {error}")))?;
        }
        model.check()?;
        let frame = encode(task, MAX_TASK_BYTES).map_err(|error| too_large(&error))?;
        let callers = task.peak_sessions().saturating_mul(task.threads.into());
        let limits = self.limits.for_child(model.total_bytes(), task.memory_bytes(frame.len() as u64), callers);
        let model_size_bytes = model.size_bytes;
        let start = Start { limits, model_size_bytes, threads: task.threads, purpose: Purpose::Measure };
        header(start, &model.beside, frame)
    }

    fn header_of_trial(&self, trial: &Trial, model: &ModelSource) -> Result<Header, Failure> {
        model.check()?;
        let frame = encode(trial, MAX_TASK_BYTES).map_err(|error| too_large(&error))?;
        let limits = self.limits.for_child(model.total_bytes(), trial.memory_bytes(frame.len() as u64), 1);
        let model_size_bytes = model.size_bytes;
        header(Start { limits, model_size_bytes, threads: 1, purpose: Purpose::Try }, &model.beside, frame)
    }

    /// The child in a process group of its own, in an empty directory, with no environment to speak of.
    fn start(&self) -> Result<(Child, TempDir), Failure> {
        let library = self.ort_lib.as_deref().ok_or_else(|| {
            unavailable(
                "no ONNX Runtime library is configured; run scripts/fetch-ort.sh and name its library with --ort-lib",
            )
        })?;
        if !library.is_file() {
            return Err(unavailable(&format!(
                "there is no ONNX Runtime library at {}; run scripts/fetch-ort.sh and name its library with --ort-lib",
                library.display()
            )));
        }
        let directory =
            tempfile::tempdir().map_err(|error| unavailable(&format!("no temporary directory: {error}")))?;
        let child = Command::new(absolute(&self.exe)?)
            .arg("sandbox")
            .arg("--ort-lib")
            .arg(absolute(library)?)
            .env_clear()
            // Newer runtimes report home unless told not to.
            .env("ORT_DISABLE_TELEMETRY", "1")
            // Of the C library's allocator, and of the program's own, which keeps what a model asks for with every call.
            .env("MALLOC_ARENA_MAX", MAX_ARENAS.to_string())
            .env("MALLOC_CONF", format!("narenas:{MAX_ARENAS},dirty_decay_ms:10000"))
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| unavailable(&format!("{} could not be started: {error}", self.exe.display())))?;
        Ok((child, directory))
    }
}

/// Everything that goes before the model's bytes, and the address space that it allows.
type Header = (Vec<u8>, u64);

fn header(start: Start, beside: &[Beside], mut frame: Vec<u8>) -> Result<Header, Failure> {
    let mut header = encode(&start, MAX_START_BYTES).map_err(|error| too_large(&error))?;
    let listed = encode(&beside, MAX_BESIDE_BYTES);
    header.append(&mut listed.map_err(|error| {
        Failure::unsupported(format!("the model keeps its tensors in too many files: {error}; save them in one file"))
    })?);
    header.append(&mut frame);
    Ok((header, start.limits.address_space_bytes))
}

fn too_large(error: &io::Error) -> Failure {
    Failure::input(format!("the data set is too large for the sandbox: {error}"))
}

/// The child did something else than it was asked.
fn off_topic() -> Failure {
    Failure::new(FailureKind::Crashed, "the sandbox answered something that it was not asked")
}

/// The child is started in another directory, where a relative path would mean another file.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| unavailable(&format!("{}: {error}", path.display())))
}

/// Why the parent could not send everything.
enum Unfed {
    /// The child has stopped reading; its own answer or its end says why.
    Refused,
    /// The source of the model failed.
    Source(String),
}

async fn feed(mut stdin: ChildStdin, header: &[u8], model: ModelSource) -> Result<(), Unfed> {
    stdin.write_all(header).await.map_err(|_| Unfed::Refused)?;
    let model_size_bytes = model.total_bytes();
    let mut model = model.bytes.take(model_size_bytes);
    let mut sent = 0;
    let mut chunk = vec![0; 256 << 10];
    while sent < model_size_bytes {
        let read = model.read(&mut chunk).await.map_err(|error| Unfed::Source(error.to_string()))?;
        if read == 0 {
            return Err(Unfed::Source(format!("it ended after {sent} of {model_size_bytes} bytes")));
        }
        stdin.write_all(&chunk[..read]).await.map_err(|_| Unfed::Refused)?;
        sent += read as u64;
    }
    stdin.flush().await.map_err(|_| Unfed::Refused)
    // Dropping `stdin` closes the pipe: the child reads to its end and never waits for more.
}

/// Reads answers up to the last one. Dropping the pipe afterwards stops a child that goes on writing.
///
/// The time from the start of the process to its first answer is this side's own, less what the child says went into data.
async fn listen(
    mut stdout: ChildStdout,
    answer_bytes: u64,
    spawned: Instant,
    mut progress: impl FnMut(Progress),
) -> io::Result<Answer> {
    let mut budget_bytes = answer_bytes;
    let mut cold_start_ms = None;
    loop {
        match read_answer(&mut stdout, &mut budget_bytes).await? {
            Answer::Progress(heard) => progress(Progress { percent: heard.percent.min(100), ..heard }),
            Answer::Answered { data_nanos } => {
                let start = spawned.elapsed().checked_sub(Duration::from_nanos(data_nanos));
                cold_start_ms = cold_start_ms.or(start.map(|start| start.as_secs_f64() * 1e3));
            }
            Answer::Done(outcome) => {
                return Ok(Answer::Done(Box::new(match *outcome {
                    Outcome::Completed(seen) => Outcome::Completed(Box::new(Observation { cold_start_ms, ..*seen })),
                    failed @ Outcome::Failed(_) => failed,
                })));
            }
            tried @ Answer::Tried(_) => return Ok(tried),
        }
    }
}

/// The end of the child's standard error; the rest is read and thrown away, so that the child never blocks on it.
async fn last_words(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        let surplus = kept.len().saturating_sub(MAX_STDERR_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn conclude(
    fed: Result<(), Unfed>,
    heard: io::Result<Answer>,
    said: &str,
    status: io::Result<std::process::ExitStatus>,
) -> Result<Answer, Failure> {
    if let Err(Unfed::Source(error)) = fed {
        return Err(unavailable(&format!("the model could not be read from its store: {error}")));
    }
    match heard {
        Ok(last) => Ok(last),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let status =
                status.map_err(|error| unavailable(&format!("the sandbox could not be waited for: {error}")))?;
            Err(failure_of(status, said))
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(Failure::new(
            FailureKind::RuntimeError,
            format!("the answer is larger than it may be: {error}; use fewer rows or classes, or raise the limit"),
        )),
        Err(error) => {
            Err(Failure::new(FailureKind::Crashed, format!("the sandbox answered nothing readable: {error}")))
        }
    }
}

fn unavailable(detail: &str) -> Failure {
    Failure::new(FailureKind::Unavailable, detail)
}

/// The child's process group: killed when this goes, whichever way the run ends.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            // There is nobody left to kill after an ordinary end, which is an error that means nothing.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
