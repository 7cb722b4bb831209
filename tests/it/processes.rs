//! Processes that a process started, as the system knows them.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

use std::{fs, time::Duration};

/// All below a process, those of its children among them.
pub fn below(process: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("processes")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, parent_of(id)?)))
        .collect();
    let mut found = vec![process];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        at += 1;
    }
    found.split_off(1)
}

/// The parent of a process that runs; `None` when it has ended, whether or not somebody has waited for it.
fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may hold anything, a parenthesis too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(fields.next()?.parse().ok()?)
}

/// Waits until none of them runs.
pub async fn are_gone(processes: &[u32]) {
    for _ in 0..100 {
        if processes.iter().all(|id| parent_of(*id).is_none()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left: Vec<_> = processes.iter().filter(|id| parent_of(**id).is_some()).collect();
    panic!("these still run: {left:?}");
}
