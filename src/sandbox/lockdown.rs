//! What the child gives up before it reads anything from outside.
//!
//! Three layers, each enough against most attacks: landlock (no file, no TCP port, no signal to others), a seccomp
//! allow-list (no `open`, no `socket`, no new process, no executable memory), and no-new-privileges.
//! A refused system call returns an error instead of killing, so that the runtime can report what went wrong.

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::{
    process::{Signal, set_parent_process_death_signal},
    thread::set_no_new_privs,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, error::Error};

/// How far a layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    Full,
    /// The kernel knows only a part of what was asked for.
    Partial,
    None,
}

/// What held during a run. A layer that is missing has a sentence in `notes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isolation {
    pub rlimits: bool,
    pub no_new_privileges: bool,
    /// The kernel kills the child when its parent dies.
    pub parent_death_signal: bool,
    pub landlock: Enforcement,
    pub seccomp: bool,
    /// The child cannot open any socket.
    pub network_denied: bool,
    /// The child cannot open any file.
    pub files_denied: bool,
    pub notes: Vec<String>,
}

impl Isolation {
    /// Nothing holds yet.
    pub(super) fn none() -> Self {
        Self {
            rlimits: false,
            no_new_privileges: false,
            parent_death_signal: false,
            landlock: Enforcement::None,
            seccomp: false,
            network_denied: false,
            files_denied: false,
            notes: Vec::new(),
        }
    }

    /// The first layer, from the first instruction on: die with the parent, gain nothing by exec.
    pub(super) fn begin() -> Self {
        let mut isolation = Self::none();
        match set_parent_process_death_signal(Some(Signal::KILL)) {
            Ok(()) => isolation.parent_death_signal = true,
            Err(error) => isolation.notes.push(format!("no parent-death signal: {error}")),
        }
        match set_no_new_privs(true) {
            Ok(()) => isolation.no_new_privileges = true,
            Err(error) => isolation.notes.push(format!("privileges could be gained: {error}")),
        }
        isolation
    }

    /// Gives up files, network and most system calls, for good and for all threads to come.
    pub(super) fn lock_down(&mut self) {
        match restrict_files_and_ports() {
            Ok(Enforcement::Full) => self.landlock = Enforcement::Full,
            Ok(enforcement) => {
                self.landlock = enforcement;
                self.notes.push("landlock: this kernel enforces only a part, or nothing".to_owned());
            }
            Err(error) => self.notes.push(format!("landlock is not available: {error}")),
        }
        match restrict_system_calls() {
            Ok(()) => self.seccomp = true,
            Err(error) => self.notes.push(format!("seccomp is not available: {error}")),
        }
        self.network_denied = self.seccomp;
        self.files_denied = self.seccomp || self.landlock == Enforcement::Full;
    }
}

/// ABI 6 (Linux 6.12) is the newest that adds a right; it is what "full" means here.
fn restrict_files_and_ports() -> Result<Enforcement, Box<dyn Error>> {
    let abi = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::None,
    })
}

fn restrict_system_calls() -> Result<(), Box<dyn Error>> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    // The C library makes threads with `clone` when `clone3` does not exist; only of `clone` can a filter see the flags.
    // Of two answers that are both errors the newer filter's counts, so this one must be the only one that refuses.
    let no_clone3 = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        arch,
    )?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    rules.extend(conditional_rules()?);
    let allow_list =
        SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow, arch)?;
    for filter in [no_clone3, allow_list] {
        let program: BpfProgram = filter.try_into()?;
        apply_filter_all_threads(&program)?;
    }
    Ok(())
}

/// Calls that are fine with some arguments only: new threads but no process, memory that is not executable,
/// a signal to itself (`abort`) but to nobody else.
fn conditional_rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let when = |argument, length, operator, value| {
        SeccompRule::new(vec![SeccompCondition::new(argument, length, operator, value)?]).map(|rule| vec![rule])
    };
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    let executable = libc::PROT_EXEC.unsigned_abs().into();
    let (dword, qword) = (SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword);
    Ok(BTreeMap::from([
        (libc::SYS_clone, when(0, qword.clone(), SeccompCmpOp::MaskedEq(thread), thread)?),
        (libc::SYS_mmap, when(2, dword.clone(), SeccompCmpOp::MaskedEq(executable), 0)?),
        (libc::SYS_mprotect, when(2, dword.clone(), SeccompCmpOp::MaskedEq(executable), 0)?),
        (libc::SYS_tgkill, when(0, dword, SeccompCmpOp::Eq, std::process::id().into())?),
    ]))
}

/// What reading a pipe, computing with threads and answering needs. Nothing here takes a path or makes a socket.
const ALLOWED: [i64; 37] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

#[cfg(test)]
#[path = "lockdown_tests.rs"]
mod tests;
