//! The parent against children that lie, hang and die. They are shell scripts in place of the program.

use super::{super::task::tests::task, *};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

struct Script {
    _directory: TempDir,
    runner: Runner,
}

fn script(body: &str) -> Script {
    let directory = tempfile::tempdir().expect("a directory");
    let exe = directory.path().join("child.sh");
    fs::write(&exe, format!("#!/bin/sh\n{body}\n")).expect("written");
    fs::set_permissions(&exe, fs::Permissions::from_mode(0o700)).expect("executable");
    let library = directory.path().join("library.so");
    fs::write(&library, "").expect("written");
    let limits = Limits { wall: Duration::from_millis(1_500), answer_bytes: 1_000, ..Limits::default() };
    let runner = Runner { exe, ort_lib: Some(library), limits };
    Script { _directory: directory, runner }
}

async fn failure(runner: &Runner) -> Failure {
    match runner.run(task(), ModelSource::new(&b"model"[..], 5), |_| {}).await {
        Outcome::Failed(failure) => failure,
        Outcome::Completed(_) => Failure::new(FailureKind::Unavailable, "it completed, which no script can"),
    }
}

#[tokio::test]
async fn a_child_that_misbehaves_is_a_failure_and_never_more() {
    use FailureKind::{Crashed, MemoryLimit, RuntimeError, TimeLimit};
    let cases = [
        ("exit 3", Crashed, "exit code 3"),
        ("echo oops >&2; exit 1", Crashed, "oops"),
        ("kill -SEGV $$", Crashed, "SIGSEGV"),
        ("kill -XCPU $$", TimeLimit, "CPU"),
        ("kill -KILL $$", MemoryLimit, "out of memory"),
        ("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$", MemoryLimit, "memory limit"),
        ("cat > /dev/null; printf '\\000\\000\\000\\002{}'", Crashed, "nothing readable"),
        ("printf '\\377\\377\\377\\377'; cat > /dev/null", RuntimeError, "larger than it may be"),
        ("printf '\\000\\000\\000\\012{\"done'", Crashed, "exit code 0"),
        ("sleep 60", TimeLimit, "1.5 s"),
        ("exec >&- 2>&-; sleep 60", TimeLimit, "1.5 s"),
        (
            "while :; do printf '\\000\\000\\000\\061{\"progress\":{\"phase\":\"predicting\",\"percent\":200}}'; done",
            RuntimeError,
            "larger",
        ),
    ];
    for (body, kind, said) in cases {
        let script = script(body);
        let failure = failure(&script.runner).await;
        assert_eq!(failure.kind, kind, "{body}: {failure}");
        assert!(failure.detail.contains(said), "{body}: {failure}");
    }
}

#[tokio::test]
async fn progress_is_passed_on_and_bounded() {
    let script = script("printf '\\000\\000\\000\\061{\"progress\":{\"phase\":\"predicting\",\"percent\":200}}'");
    let mut heard = Vec::new();
    script.runner.run(task(), ModelSource::new(&b"model"[..], 5), |progress| heard.push(progress.percent)).await;
    assert_eq!(heard, [100]);
}

#[tokio::test]
async fn the_child_starts_in_an_empty_directory_with_an_empty_environment() {
    let script = script("ls -A >&2; /usr/bin/env >&2; echo \"$@\" >&2; exit 1");
    let failure = failure(&script.runner).await;
    assert!(failure.detail.contains("ORT_DISABLE_TELEMETRY=1"), "{failure}");
    assert!(!failure.detail.contains("HOME=") && !failure.detail.contains("CARGO"), "{failure}");
    assert!(failure.detail.contains("sandbox --ort-lib /"), "{failure}");
}

#[tokio::test]
async fn what_the_child_started_dies_with_it() {
    let marker = tempfile::tempdir().expect("a directory");
    let path = marker.path().join("alive");
    for body in ["& sleep 60", "& exit 1"] {
        let script = script(&format!("(sleep 2.5; touch {}) > /dev/null 2>&1 {body}", path.display()));
        failure(&script.runner).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!path.exists(), "a grandchild outlived the run");
}

#[tokio::test]
async fn dropping_the_run_kills_the_child() {
    let marker = tempfile::tempdir().expect("a directory");
    let path = marker.path().join("alive");
    let script = script(&format!("sleep 1; touch {}", path.display()));
    let run = script.runner.run(task(), ModelSource::new(&b"model"[..], 5), |_| {});
    assert!(tokio::time::timeout(Duration::from_millis(300), run).await.is_err());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!path.exists(), "the child outlived the run");
}

#[tokio::test]
async fn what_is_not_the_models_fault_is_unavailable() {
    let mut script = script("cat > /dev/null");
    let short = script.runner.run(task(), ModelSource::new(&b"mod"[..], 5), |_| {}).await;
    assert!(matches!(short, Outcome::Failed(f) if f.kind == FailureKind::Unavailable && f.detail.contains("3 of 5")));
    let library = script.runner.ort_lib.take();
    assert_eq!(failure(&script.runner).await.kind, FailureKind::Unavailable);
    script.runner.ort_lib = Some(PathBuf::from("/nowhere/library.so"));
    assert_eq!(failure(&script.runner).await.kind, FailureKind::Unavailable);
    script.runner.ort_lib = library;
    script.runner.exe = PathBuf::from("/nowhere/plimsoll");
    assert_eq!(failure(&script.runner).await.kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn a_task_that_does_not_fit_together_starts_no_child() {
    let script = script("exit 9");
    let mut broken = task();
    broken.columns.clear();
    let outcome = script.runner.run(broken, ModelSource::new(&b"model"[..], 5), |_| {}).await;
    assert!(matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::InputMismatch));
}
