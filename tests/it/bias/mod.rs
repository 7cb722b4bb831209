//! Results for subgroups, from a run or a file to evidence, verdicts and tables.
//!
//! `cases` and `command` hold them against the figures of other libraries; the rest says what a
//! spec can ask for and what evidence holds.

mod bands;
mod cases;
mod command;
mod evidence;
pub mod expected;
mod gates;
mod kinds;
mod refused;
mod tables;
