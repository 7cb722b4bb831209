//! The audit log: who did what, in one order, under a signed root.
//!
//! Events are written in the transaction of the change (`db::WriteTx`). The sequencer
//! gives committed events their place in an RFC 6962 tree and signs a checkpoint. An
//! export verifies with nothing but the registry's public key (`verify`).

pub mod api;
pub mod archive;
pub mod asof;
pub mod changes;
pub mod export;
pub mod guard;
pub mod invariants;
pub mod kept_head;
pub mod leaf;
mod leaf_scan;
pub(crate) mod mentions;
pub mod mirror;
pub(crate) mod names;
pub mod ops;
pub mod proofs;
pub mod replay;
mod row;
pub mod search;
pub mod security;
pub mod sequencer;
pub mod signer;
mod store;
pub mod verify;
pub mod witness;

use chrono::{DateTime, Utc};

/// One event, as the log has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The order of writing; the place in the tree is `index`.
    pub id: i64,
    /// Dense from 0; absent for the moment until the sequencer has passed.
    pub index: Option<i64>,
    pub at: DateTime<Utc>,
    pub action: String,
    pub outcome: String,
    /// The canonical JSON that was hashed.
    pub leaf: String,
}

/// The log's last signed head.
#[derive(Clone, Debug)]
pub struct Head {
    pub size: u64,
    /// C2SP checkpoint as a signed note.
    pub note: String,
}
