//! Log lines: JSON for machines, text for people. Secrets never get here.

use crate::config::Log;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// # Errors
/// When the filter is not of the form `target=level,…`.
pub fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.log).map_err(|e| format!("--log: {e}"))?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // It would tell standard error that it can't be written to, and panic.
    let lines = lines.log_internal_errors(false);
    let started =
        if log.log_json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
    started.map_err(|e| e.to_string())
}
