//! Vocabulary that every slice shares.
//!
//! Architecture invariant: nothing in here performs I/O, and nothing in here knows
//! about HTTP, the database connection or permissions. Values that arrive from
//! outside become one of these types once, at the edge, and are never re-checked.

pub mod action;
pub mod bytes;
pub mod canonical;
pub mod clock;
pub mod digest;
pub mod event;
pub mod ids;
pub mod label;
pub mod name;
pub mod page;
pub mod path;
pub mod text;
pub mod words;

/// A value from outside that breaks a rule, before anyone knows in which field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}
