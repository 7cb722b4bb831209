//! What outsiders verify the log with: tiles, entries, inclusion and consistency.
//!
//! Invariants: nothing in here covers more leaves than the last signed head does; whoever
//! may read the log sees hashes of everything, and leaves only as their role allows.

pub mod api;
pub mod ops;

use crate::crypto::merkle::Hash;

/// That the first `to` leaves begin with the first `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    pub from: u64,
    pub to: u64,
    pub from_root: Hash,
    pub to_root: Hash,
    /// RFC 6962, section 2.1.2.
    pub proof: Vec<Hash>,
}

/// That a leaf is at a place of the tree that a note signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    pub index: u64,
    pub leaf_hash: Hash,
    pub size: u64,
    /// RFC 6962, section 2.1.1.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}
