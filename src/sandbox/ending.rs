//! What it means when the child ended without an answer: pure rules over its exit status and standard error.

use super::{
    failure::{Failure, FailureKind},
    runtime_error::tells_of_memory,
};
use rustix::process::Signal;
use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

/// The failure that a dead child stands for. `stderr` is what it said last.
pub(super) fn failure_of(status: ExitStatus, stderr: &str) -> Failure {
    let said = if stderr.trim().is_empty() { String::new() } else { format!("; it said: {}", stderr.trim()) };
    let (kind, what) = match (status.signal(), status.code()) {
        (Some(signal), _) if signal == Signal::XCPU.as_raw() => {
            (FailureKind::TimeLimit, "the CPU time limit was reached".to_owned())
        }
        (Some(_), _) if tells_of_memory(stderr) => {
            (FailureKind::MemoryLimit, "the memory limit was reached".to_owned())
        }
        (Some(signal), _) if signal == Signal::KILL.as_raw() => (
            FailureKind::MemoryLimit,
            "the system killed the sandbox, most likely because the machine ran out of memory".to_owned(),
        ),
        (Some(signal), _) => (FailureKind::Crashed, format!("the sandbox died of {}", signal_name(signal))),
        (None, Some(code)) => {
            (FailureKind::Crashed, format!("the sandbox ended with exit code {code} and without an answer"))
        }
        (None, None) => (FailureKind::Crashed, "the sandbox ended without an answer".to_owned()),
    };
    Failure::new(kind, what + &said)
}

fn signal_name(signal: i32) -> String {
    let known = [
        (Signal::SEGV, "a segmentation fault (SIGSEGV)"),
        (Signal::ABORT, "an abort (SIGABRT)"),
        (Signal::FPE, "an arithmetic error (SIGFPE)"),
        (Signal::BUS, "a bus error (SIGBUS)"),
        (Signal::ILL, "an illegal instruction (SIGILL)"),
        (Signal::SYS, "a forbidden system call (SIGSYS)"),
    ];
    known
        .iter()
        .find(|(named, _)| named.as_raw() == signal)
        .map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_says_what_happened() {
        use FailureKind::{Crashed, MemoryLimit, TimeLimit};
        let cases = [
            (Signal::XCPU.as_raw(), "", TimeLimit, "CPU"),
            (Signal::KILL.as_raw(), "", MemoryLimit, "out of memory"),
            (Signal::ABORT.as_raw(), "memory allocation of 99 bytes failed", MemoryLimit, "99 bytes"),
            (Signal::ABORT.as_raw(), "assertion", Crashed, "SIGABRT"),
            (Signal::SEGV.as_raw(), "", Crashed, "SIGSEGV"),
            (Signal::FPE.as_raw(), "", Crashed, "SIGFPE"),
        ];
        for (signal, stderr, kind, said) in cases {
            let failure = failure_of(ExitStatus::from_raw(signal), stderr);
            assert_eq!(failure.kind, kind, "{failure}");
            assert!(failure.detail.contains(said), "{failure}");
        }
    }

    #[test]
    fn an_exit_without_an_answer_is_a_crash() {
        let failure = failure_of(ExitStatus::from_raw(101 << 8), "panicked\n");
        assert_eq!(failure.kind, FailureKind::Crashed);
        assert!(failure.detail.contains("101") && failure.detail.contains("panicked"), "{failure}");
    }
}
