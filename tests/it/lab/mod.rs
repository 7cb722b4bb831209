//! The dimensions that the lab measures, end to end: a spec, a model, data, and what the evidence and the verdicts say.
//!
//! `tensors` has data that are no table.
//! `whole` has all of them in one spec, on the reference models. `robustness` and `several` hold them against the figures that come with the reference cases, `verdicts` uses the
//! fixtures.

mod calls;
mod external;
mod graphs;
mod images;
mod link;
mod overlays;
mod perturbed_tensors;
mod recorded;
mod robustness;
mod several;
pub mod tensors;
mod verdicts;
mod whole;
