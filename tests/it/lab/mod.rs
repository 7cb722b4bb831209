//! The dimensions that the lab measures, end to end: a spec, a model, data, and what the evidence and the verdicts say.
//!
//! `robustness` and `several` hold them against the figures that come with the reference cases, `verdicts` uses the
//! fixtures.

mod graphs;
mod images;
mod robustness;
mod several;
mod verdicts;
