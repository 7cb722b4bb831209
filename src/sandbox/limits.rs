//! What a run may use, and how the child takes these limits on.

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Address space that one more thread reserves without using it: its stack and a guard.
const STACK_RESERVE_BYTES: u64 = 9 << 20;
/// Address space that an allocator reserves for each arena without using it; the C library's reserves the most.
const ARENA_RESERVE_BYTES: u64 = 64 << 20;
/// Arenas that the child's allocator may have. The default grows with the number of cores, and the
/// reserve with it, which would loosen the limit on memory.
pub(super) const MAX_ARENAS: u64 = 4;
/// Standard streams, the two files about the child itself, and some room for the runtime's start.
const MAX_OPEN_FILES: u64 = 32;

/// Bounds of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory beyond what the model's file and the data set take. It is enforced on address space, so it includes
    /// what the program and the runtime reserve: 100 MiB is about the least that works.
    pub memory_bytes: u64,
    /// CPU time over all threads.
    pub cpu_seconds: u64,
    /// From start to answer.
    pub wall: Duration,
    /// All that the child may send back.
    pub answer_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, cpu_seconds: 600, wall: Duration::from_secs(900), answer_bytes: 256 << 20 }
    }
}

/// The part of the limits that the child sets for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChildLimits {
    pub address_space_bytes: u64,
    pub cpu_seconds: u64,
}

impl Limits {
    /// `data_bytes` is what the data set takes; `threads` the most that compute at the same time.
    pub(super) fn for_child(&self, model_size_bytes: u64, data_bytes: u64, threads: u64) -> ChildLimits {
        let more_threads = threads.saturating_sub(1);
        ChildLimits {
            address_space_bytes: self
                .memory_bytes
                .saturating_add(model_size_bytes)
                .saturating_add(data_bytes)
                .saturating_add(more_threads.saturating_mul(STACK_RESERVE_BYTES))
                .saturating_add(more_threads.min(MAX_ARENAS) * ARENA_RESERVE_BYTES),
            cpu_seconds: self.cpu_seconds,
        }
    }
}

impl ChildLimits {
    /// Lowers the calling process's limits for good: hard limits are set, too.
    ///
    /// # Errors
    /// One sentence for each limit that could not be set.
    pub(super) fn apply(&self) -> Vec<String> {
        // The signal of the soft CPU limit says why the child died; the hard limit one second later is certain.
        let cpu = Rlimit { current: Some(self.cpu_seconds), maximum: Some(self.cpu_seconds.saturating_add(1)) };
        let exactly = |value| Rlimit { current: Some(value), maximum: Some(value) };
        [
            ("address space", Resource::As, exactly(self.address_space_bytes)),
            ("CPU time", Resource::Cpu, cpu),
            ("core dumps", Resource::Core, exactly(0)),
            ("open files", Resource::Nofile, exactly(MAX_OPEN_FILES)),
            ("file size", Resource::Fsize, exactly(0)),
        ]
        .into_iter()
        .filter_map(|(name, resource, limit)| {
            setrlimit(resource, limit).err().map(|error| format!("the limit on {name} could not be set: {error}"))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_space_grows_with_the_model_the_data_and_the_threads() {
        let limits = Limits { memory_bytes: 1_000, ..Limits::default() };
        assert_eq!(limits.for_child(40, 10, 1).address_space_bytes, 1_050);
        assert_eq!(limits.for_child(40, 10, 3).address_space_bytes, 1_050 + 2 * ((9 + 64) << 20));
        let many = limits.for_child(40, 10, 101).address_space_bytes;
        assert_eq!(many, 1_050 + (100 * 9 + 4 * 64) * (1 << 20));
        assert_eq!(limits.for_child(u64::MAX, 10, 3).address_space_bytes, u64::MAX);
    }
}
