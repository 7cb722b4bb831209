//! The edge: bytes in, bytes out. No rules live here.

pub mod authn;
pub mod denials;
pub mod docs;
pub mod door;
pub mod extract;
pub mod head;
pub mod headers;
pub mod health;
pub mod idempotency;
pub mod operations;
pub mod pace;
pub mod peer;
pub mod problem;
pub mod ranges;
pub mod rate;
pub mod reach;
pub mod server;
pub mod tls;
pub mod uploads;
