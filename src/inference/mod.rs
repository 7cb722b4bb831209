//! Trying a version by hand, over the Open Inference Protocol v2.
//!
//! Each call is a process of its own in the sandbox with limits of its own, and stands in the audit log without its
//! values. What it answers is for the person who looks; it is no evidence and takes no part in any decision.

pub mod api;
pub mod ops;
pub mod v2;
