//! Regulations as data: what each asks for, from when to when, and what of it a registry can
//! show for one version in one environment.
//!
//! Invariants: a profile is a file in `frameworks/`, never code; a revision never changes once
//! it was published, and a decision names it by digest; a figure without a limit in the law gets
//! no verdict; coverage says what is on record and is no legal opinion.

pub mod api;
pub mod catalog;
pub mod coverage;
pub mod facts;
mod found;
pub mod impact;
pub mod metrics;
pub mod ops;
pub mod pins;
pub mod profile;
mod records;
pub mod selector;
pub(crate) mod store;

pub use catalog::{Catalog, Entry, catalog};
pub use coverage::{ItemState, State, coverage};
pub use facts::{Facts, RecordText};
pub use metrics::{MetricResult, MetricVerdict};
pub use pins::Pin;
pub use profile::{FrameworkProfile, Standing};
