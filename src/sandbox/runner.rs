//! The parent's side: start the child, feed it, listen to it, and never leave it behind.

use super::{
    ending::failure_of,
    failure::{Failure, FailureKind},
    limits::{Limits, MAX_ARENAS},
    memory::{Reached, watch},
    observation::Outcome,
    protocol::{Answer, MAX_START_BYTES, MAX_TASK_BYTES, Start, encode, read_answer},
    task::{Progress, Task},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
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
    /// `model` gives exactly `model_size_bytes` bytes; it is streamed, never held. `progress` hears what the child claims
    /// about its advance. Dropping the future kills the child.
    pub async fn run(
        &self,
        task: Task,
        model: impl AsyncRead + Send + Unpin,
        model_size_bytes: u64,
        progress: impl FnMut(Progress) + Send,
    ) -> Outcome {
        match self.try_run(&task, model, model_size_bytes, progress).await {
            Ok(outcome) => outcome.distrust(&task),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    async fn try_run(
        &self,
        task: &Task,
        model: impl AsyncRead + Send + Unpin,
        model_size_bytes: u64,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Outcome, Failure> {
        task.check().map_err(Failure::input)?;
        if let Some(interface) = &task.interface {
            interface.check().map_err(|error| Failure::input(format!("interface.json: {error}")))?;
        }
        let (header, allowed_bytes) = self.header(task, model_size_bytes)?;
        let deadline = Instant::now() + self.limits.wall;
        let (mut child, _directory) = self.start()?;
        let group = Group::of(&child);
        let process = child.id();
        let mut reached = Reached::default();
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable("the sandbox has no pipes"));
        };
        let talk = async {
            let listening = listen(stdout, self.limits.answer_bytes, progress);
            let (fed, heard, said) =
                tokio::join!(feed(stdin, &header, model, model_size_bytes), listening, last_words(stderr));
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

    /// Everything that goes before the model's bytes, and the address space that it allows.
    fn header(&self, task: &Task, model_size_bytes: u64) -> Result<(Vec<u8>, u64), Failure> {
        let too_large = |error| Failure::input(format!("the data set is too large for the sandbox: {error}"));
        let mut task_frame = encode(task, MAX_TASK_BYTES).map_err(too_large)?;
        let threads = task.peak_sessions().saturating_mul(task.threads.into());
        let data_bytes = task.memory_bytes(task_frame.len() as u64);
        let start = Start {
            limits: self.limits.for_child(model_size_bytes, data_bytes, threads),
            model_size_bytes,
            threads: task.threads,
        };
        let mut header = encode(&start, MAX_START_BYTES).map_err(too_large)?;
        header.append(&mut task_frame);
        Ok((header, start.limits.address_space_bytes))
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
            .env("MALLOC_ARENA_MAX", MAX_ARENAS.to_string())
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

async fn feed(
    mut stdin: ChildStdin,
    header: &[u8],
    model: impl AsyncRead + Unpin,
    model_size_bytes: u64,
) -> Result<(), Unfed> {
    stdin.write_all(header).await.map_err(|_| Unfed::Refused)?;
    let mut model = model.take(model_size_bytes);
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
async fn listen(mut stdout: ChildStdout, answer_bytes: u64, mut progress: impl FnMut(Progress)) -> io::Result<Outcome> {
    let mut budget_bytes = answer_bytes;
    loop {
        match read_answer(&mut stdout, &mut budget_bytes).await? {
            Answer::Progress(heard) => progress(Progress { percent: heard.percent.min(100), ..heard }),
            Answer::Done(outcome) => return Ok(*outcome),
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
    heard: io::Result<Outcome>,
    said: &str,
    status: io::Result<std::process::ExitStatus>,
) -> Result<Outcome, Failure> {
    if let Err(Unfed::Source(error)) = fed {
        return Err(unavailable(&format!("the model could not be read from its store: {error}")));
    }
    match heard {
        Ok(outcome) => Ok(outcome),
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
