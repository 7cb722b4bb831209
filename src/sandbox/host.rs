//! The host's fingerprint, and what the child's own process has used.
//!
//! Everything is read, or at least opened, before the lock-down.

use super::{failure::printable, memory::Reached};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
};

/// On what a measurement was made. Two measurements compare only when these agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// As the processor names itself; empty when the system does not say.
    pub cpu_model: String,
    /// Cores that this process may use, which is fewer than the machine has when a quota is set.
    pub cores: u32,
    pub memory_bytes: u64,
    /// The distribution, such as `Debian GNU/Linux 12 (bookworm)`.
    pub os: String,
    pub kernel: String,
    pub arch: String,
    pub runtime: String,
    pub runtime_version: String,
    /// Threads inside an operator that each session was given.
    pub threads: u32,
}

impl Host {
    pub(super) fn read(runtime_version: &str, threads: u32) -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cpu_model: printable(cpu_model(&text("/proc/cpuinfo")), 200),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            memory_bytes: kibibytes(&text("/proc/meminfo"), "MemTotal:").unwrap_or(0),
            os: printable(os_name(&text("/etc/os-release")), 200),
            kernel: printable(&text("/proc/sys/kernel/osrelease"), 200),
            arch: std::env::consts::ARCH.to_owned(),
            runtime: "onnxruntime".to_owned(),
            runtime_version: runtime_version.to_owned(),
            threads,
        }
    }
}

/// The memory and CPU time of this process, readable after the lock-down because the file is already open.
pub(super) struct Meter {
    status: Option<File>,
    clear_peak: Option<File>,
}

impl Meter {
    pub(super) fn open() -> Self {
        Self {
            status: File::open("/proc/self/status").ok(),
            clear_peak: OpenOptions::new().write(true).open("/proc/self/clear_refs").ok(),
        }
    }

    /// Resident memory now, in bytes; 0 when the system does not say.
    ///
    /// The peak starts anew from here where the kernel allows it, so that reading the data set does not count as the model's.
    pub(super) fn baseline_bytes(&mut self) -> u64 {
        if let Some(file) = &mut self.clear_peak {
            // "5" resets the peak resident size: proc_pid_clear_refs(5). Without it the peak is only too high.
            let _ = file.write_all(b"5");
        }
        self.status_bytes("VmRSS:")
    }

    /// Highest resident memory since the baseline, in bytes.
    pub(super) fn peak_bytes(&mut self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The most memory that this process has had.
    pub(super) fn reached(&mut self) -> Reached {
        Reached::of_status(&self.status_text())
    }

    /// Threads of this process.
    pub(super) fn threads(&mut self) -> Option<u64> {
        let text = self.status_text();
        field(&text, "Threads:")?.parse().ok()
    }

    fn status_bytes(&mut self, name: &str) -> u64 {
        kibibytes(&self.status_text(), name).unwrap_or(0)
    }

    fn status_text(&mut self) -> String {
        let mut text = String::new();
        if let Some(file) = &mut self.status
            && (file.rewind().is_err() || file.read_to_string(&mut text).is_err())
        {
            text.clear();
        }
        text
    }
}

/// CPU time of all threads of this process since it started.
pub(super) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn cpu_model(cpuinfo: &str) -> &str {
    ["model name", "Model", "Hardware", "cpu model"]
        .into_iter()
        .find_map(|name| {
            cpuinfo.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then_some(value.trim())
            })
        })
        .unwrap_or_default()
}

fn os_name(os_release: &str) -> &str {
    os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map_or("", |value| value.trim_matches('"'))
}

/// The value of a line such as `VmHWM:     5120 kB`, in bytes.
pub(super) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.parse::<u64>().ok()?.checked_mul(1024)
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_in_the_kernels_texts() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: Fast CPU @ 3GHz\n"), "Fast CPU @ 3GHz");
        assert_eq!(cpu_model("nothing here"), "");
        assert_eq!(os_name("NAME=x\nPRETTY_NAME=\"Some Linux 1\"\n"), "Some Linux 1");
        assert_eq!(kibibytes("VmPeak:\t 9 kB\nVmHWM:\t    5120 kB\n", "VmHWM:"), Some(5_242_880));
        assert_eq!(kibibytes("VmHWM:\t x kB\n", "VmHWM:"), None);
    }

    #[test]
    fn the_peak_is_never_below_the_baseline() {
        let mut meter = Meter::open();
        let baseline_bytes = meter.baseline_bytes();
        let ballast = vec![1u8; 32 << 20];
        assert!(ballast.iter().step_by(4096).all(|byte| *byte == 1));
        assert!(baseline_bytes > 0);
        assert!(meter.peak_bytes() >= baseline_bytes);
        assert!(meter.threads().is_some_and(|count| count >= 1));
        assert!(cpu_seconds() > 0.0);
    }
}
