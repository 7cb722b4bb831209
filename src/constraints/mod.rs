//! The load line of an environment: what is asked of a model there, and what a measurement says
//! about it. Pure: parsed types and rules, no I/O.
//!
//! Invariants: an illegal [`ConstraintSpec`] can't exist as a value; only a figure that was
//! measured, is finite, rests on enough samples and satisfies the limit is a pass.

mod bias_request;
mod fields;
mod find;
mod hardware;
pub mod judge;
pub mod link;
pub mod measured;
mod method;
pub mod metric;
mod overlay;
mod parse;
pub mod perturbation;
mod prices;
pub(crate) mod reason;
mod remarks;
pub mod spec;
pub mod unit;
pub mod verdict;
pub(crate) mod words;

pub use find::{OUTPUTS, of_output, perturbed};
pub use judge::judge;
pub use link::Link;
pub use measured::{
    Attributes, CountedNodes, Estimates, Grouping, HostFingerprint, Keyed, LoadRun, Measured, PerturbationResult,
    Predictions, StandIn,
};
pub use metric::{Dimension, ImpactForm, Metric, Statistic};
pub use overlay::Tightening;
pub use perturbation::{Change, Perturbation};
pub use reason::{amount, margin};
pub use spec::{
    BiasRequest, Bootstrap, Confidence, Constraint, ConstraintSpec, CostBasis, Hardware, Load, Machine, Operator,
    Severity, SpecError,
};
pub use unit::{Quantity, Unit};
pub use verdict::{ConstraintVerdict, ReportedFigure, Verdict, blocks};
