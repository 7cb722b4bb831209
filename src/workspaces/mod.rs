//! Tenants. Every row of every slice belongs to exactly one.

pub mod ops;
mod store;

/// The workspace that exists from the first start on.
pub const DEFAULT: &str = "default";
