//! What actors do: most of it sensible, some of it late, some of it forbidden.

pub mod authors;
pub mod exceptions;
pub mod offices;
pub mod places;
pub mod pulls;
pub mod requests;
