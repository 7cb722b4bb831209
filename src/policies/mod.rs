//! What an environment asks for before a version may become active there.
//!
//! A policy is a typed document: what it asks for always, and rules that ask for more where the
//! model, the environment or the mode call for it. A rule never asks for less. Who may never
//! approve is not in here: that holds always.

pub mod asked;
pub mod document;
pub mod evidence;
pub mod exceptions;
pub mod exclude;
pub mod freeze;
pub mod gates;
pub mod hold;
pub mod lint;
mod list;
pub mod quorum;
mod read;
pub mod rule;
pub mod soak;
pub mod wait;

pub use asked::Asked;
pub use document::{FrameworkAsk, OnMissing, Policy, Slot};
pub use exceptions::{BreakGlass, FindingSeverity, OnLapse, Waivers};
pub use exclude::Exclude;
pub use hold::{Hold, HoldCause};
pub use rule::{Circumstances, Rule, When};
