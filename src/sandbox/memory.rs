//! How much memory a run reached when its limit stopped it.
//!
//! The limit is on address space, which is what the kernel can enforce; resident memory is what a reader knows.
//! Both are told. The child tells of itself; of a child that died, the parent tells what it saw last.

use super::{
    failure::{Failure, FailureKind},
    host::kibibytes,
};
use std::{convert::Infallible, fs, time::Duration};

/// How often the parent looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The most that a process has had so far, in bytes; 0 where the system does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    pub address_space_bytes: u64,
    pub resident_bytes: u64,
}

impl Reached {
    /// From the text of `/proc/PID/status`.
    pub fn of_status(status: &str) -> Self {
        let bytes = |name| kibibytes(status, name).unwrap_or(0);
        Self { address_space_bytes: bytes("VmPeak:"), resident_bytes: bytes("VmHWM:") }
    }

    /// Keeps the larger figures: what a dying process shows last is nothing.
    pub fn note(&mut self, seen: Self) {
        self.address_space_bytes = self.address_space_bytes.max(seen.address_space_bytes);
        self.resident_bytes = self.resident_bytes.max(seen.resident_bytes);
    }

    /// `failure` with the figures in front, if it is about memory.
    pub fn explain(self, failure: Failure, allowed_bytes: u64) -> Failure {
        if failure.kind != FailureKind::MemoryLimit {
            return failure;
        }
        let allowed = mebibytes(allowed_bytes);
        let reached = match (self.address_space_bytes, self.resident_bytes) {
            (0, _) => "the system does not say how much it reached".to_owned(),
            (space, resident) => {
                format!("it reached {} ({} of it resident) and asked for more", mebibytes(space), mebibytes(resident))
            }
        };
        let detail = failure.detail;
        Failure::new(
            FailureKind::MemoryLimit,
            format!("memory limit exceeded: {allowed} of address space were allowed, {reached}; {detail}"),
        )
    }
}

/// Looks at a process until it is dropped.
pub(super) async fn watch(process: Option<u32>, reached: &mut Reached) -> Infallible {
    loop {
        if let Some(status) = process.and_then(|id| fs::read_to_string(format!("/proc/{id}/status")).ok()) {
            reached.note(Reached::of_status(&status));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_failure_says_what_was_allowed_and_what_was_reached() {
        let mut reached = Reached::of_status("VmPeak:\t  1048576 kB\nVmHWM:\t  524288 kB\n");
        reached.note(Reached::default());
        let failure = reached.explain(Failure::new(FailureKind::MemoryLimit, "bad_alloc"), 1_100 << 20);
        assert_eq!(
            failure.detail,
            "memory limit exceeded: 1100 MiB of address space were allowed, it reached 1024 MiB (512 MiB of it \
             resident) and asked for more; bad_alloc"
        );
        let other = Failure::new(FailureKind::TimeLimit, "slow");
        assert_eq!(reached.explain(other.clone(), 1), other);
        let unknown = Reached::default().explain(Failure::new(FailureKind::MemoryLimit, "x"), 1);
        assert!(unknown.detail.contains("does not say"), "{unknown}");
    }
}
